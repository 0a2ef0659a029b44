"""The files of a checkpoint: written through to the disk, known by their sizes and checksums."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sigclean.errors import DataError

if TYPE_CHECKING:
    from sigclean.training.run import Stateful

STATE_FILE = "state.json"

Seal = dict[str, Any]  # of a file: its `size` in bytes and its `sha256`


class TornError(DataError):
    """A checkpoint that lacks a file, or has one that is not as it was written."""


class _SealedFile:
    """A file for `torch.save`, whose C++ cannot carry errors of Python: they wait for the end."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self._size = 0
        self._error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        size = memoryview(data).nbytes
        if not self._error:
            try:
                self._file.write(data)
            except OSError as error:
                self._error = error
        self._sum.update(data)
        self._size += size
        return size

    def flush(self) -> None:
        """Nothing: `seal` does it, and tells of errors."""

    def seal(self) -> Seal:
        """Write all of it through to the disk. Raises OSError, also for an earlier write."""
        if self._error:
            raise self._error
        self._file.flush()
        os.fsync(self._file.fileno())
        return {"size": self._size, "sha256": self._sum.hexdigest()}


@contextmanager
def _sealed(path: Path, seals: dict[str, Seal]) -> Iterator[_SealedFile]:
    """A new file whose seal is added to `seals`. Raises OSError if it cannot be written."""
    with path.open("xb") as raw:
        file = _SealedFile(raw)
        yield file
        seals[path.name] = file.seal()


def write_part(folder: Path, name: str, part: Stateful, seals: dict[str, Seal]) -> None:
    """Write one part: a network as safetensors under unwrapped names, others by `torch.save`.

    Raises OSError if it cannot be written.
    """
    import torch
    from safetensors.torch import save

    from sigclean.model_files.weights_folder import plain_state

    with _sealed(folder / file_name(name, part), seals) as file:
        if isinstance(part, torch.nn.Module):
            file.write(save(plain_state(part), metadata={"format": "pt"}))
        else:
            torch.save(part.state_dict(), cast(Any, file))  # write and flush are all it needs


def restore_part(part: Stateful, content: bytes) -> None:
    """Give a part what `write_part` wrote of it, on the CPU: parts place their state themselves.

    Raises RuntimeError, ValueError, KeyError, TypeError, UnpicklingError or SafetensorError if it
    does not fit.
    """
    import torch
    from safetensors.torch import load

    from sigclean.model_files.weights_folder import plain_key

    if not isinstance(part, torch.nn.Module):
        part.load_state_dict(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
        return
    names = {plain_key(key): key for key in part.state_dict()}
    tensors = load(content)
    if unlike := sorted(names.keys() ^ tensors.keys()):
        raise ValueError(f"{unlike[0]} is only on one side")
    part.load_state_dict({names[key]: value for key, value in tensors.items()})


def file_name(name: str, part: Stateful) -> str:
    """Of a part's file in a checkpoint."""
    import torch

    return f"{name}.safetensors" if isinstance(part, torch.nn.Module) else f"{name}.pt"


def read_sealed(checkpoint: Path, name: str, seal: Seal) -> bytes:
    """A file's content. Raises TornError, saying how, if it is not what was written."""
    try:
        content = (checkpoint / name).read_bytes()
    except FileNotFoundError:
        raise TornError(f"{checkpoint.name} is torn: {name} is missing") from None
    except OSError as error:
        raise TornError(f"{checkpoint.name}: {name} cannot be read: {error.strerror}") from error
    if len(content) != seal["size"]:
        raise TornError(
            f"{checkpoint.name} is torn: {name} has {len(content)} of {seal['size']} bytes"
        )
    if hashlib.sha256(content).hexdigest() != seal["sha256"]:
        raise TornError(f"{checkpoint.name} is torn: {name} was altered")
    return content


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """Write state.json, which has a checksum of itself. Raises OSError."""
    text = json.dumps({**state, "sha256": _digest(state)}, indent=2) + "\n"
    with _sealed(folder / STATE_FILE, {}) as file:
        file.write(text.encode())


def read_state(checkpoint: Path) -> dict[str, Any]:
    """What `write_state` wrote. Raises TornError if it is not there or not what was written."""
    try:
        state = json.loads((checkpoint / STATE_FILE).read_bytes())
        digest = state.pop("sha256")
    except FileNotFoundError:
        raise TornError(f"{checkpoint.name} is torn: {STATE_FILE} is missing") from None
    except OSError as error:
        raise TornError(
            f"{checkpoint.name}: {STATE_FILE} cannot be read: {error.strerror}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TornError(f"{checkpoint.name} is torn: {STATE_FILE} is not whole") from None
    if digest != _digest(state):
        raise TornError(f"{checkpoint.name} is torn: {STATE_FILE} was altered")
    return state


def verify(checkpoint: Path) -> None:
    """Read all of it once. Raises TornError, naming the file that is not as it was written."""
    for name, seal in read_state(checkpoint)["files"].items():
        read_sealed(checkpoint, name, seal)


def _digest(state: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
