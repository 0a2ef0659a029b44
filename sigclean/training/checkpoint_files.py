"""The files of a checkpoint: written through to the disk, verified by sizes and checksums."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigclean.errors import DataError, reason

if TYPE_CHECKING:
    from sigclean.training.run import Stateful

STATE_FILE = "state.json"

Checksum = dict[str, Any]  # a file's `size` in bytes and its `sha256` in hexadecimal digits


class CorruptError(DataError):
    """A checkpoint lacks a file, or has one that is not as it was written."""


def write_part(folder: Path, name: str, part: Stateful) -> Checksum:
    """Write one part: a network as safetensors under unwrapped names, others by `torch.save`.

    Raises OSError if it cannot be written.
    """
    import torch
    from safetensors.torch import save

    from sigclean.model_files.weights_folder import plain_state

    path = folder / file_name(name, part)
    if isinstance(part, torch.nn.Module):
        return _write(path, save(plain_state(part), metadata={"format": "pt"}))
    content = io.BytesIO()
    torch.save(part.state_dict(), content)
    return _write(path, content.getbuffer())


def restore_part(part: Stateful, content: bytes) -> None:
    """Restore a part from what `write_part` wrote; it moves its state to its device itself.

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
    """The name of a part's file in a checkpoint."""
    import torch

    return f"{name}.safetensors" if isinstance(part, torch.nn.Module) else f"{name}.pt"


def read_verified(checkpoint: Path, name: str, checksum: Checksum) -> bytes:
    """A file's content. Raises CorruptError, saying how, if it is not what was written."""
    try:
        content = (checkpoint / name).read_bytes()
    except FileNotFoundError:
        raise CorruptError(f"{checkpoint.name} is corrupt: {name} is missing") from None
    except OSError as error:
        raise CorruptError(f"{checkpoint.name}: {name} cannot be read: {reason(error)}") from error
    if len(content) != checksum["size"]:
        raise CorruptError(
            f"{checkpoint.name} is corrupt: {name} has {len(content)} of {checksum['size']} bytes"
        )
    if hashlib.sha256(content).hexdigest() != checksum["sha256"]:
        raise CorruptError(f"{checkpoint.name} is corrupt: {name} was altered")
    return content


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """Write state.json, which has a checksum of itself. Raises OSError."""
    text = json.dumps({**state, "sha256": _digest(state)}, indent=2) + "\n"
    _write(folder / STATE_FILE, text.encode())


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Read state.json. Raises CorruptError if it is missing or not what was written."""
    try:
        state = json.loads((checkpoint / STATE_FILE).read_bytes())
        digest = state.pop("sha256")
    except FileNotFoundError:
        raise CorruptError(f"{checkpoint.name} is corrupt: {STATE_FILE} is missing") from None
    except OSError as error:
        raise CorruptError(
            f"{checkpoint.name}: {STATE_FILE} cannot be read: {reason(error)}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CorruptError(f"{checkpoint.name} is corrupt: {STATE_FILE} is incomplete") from None
    if digest != _digest(state):
        raise CorruptError(f"{checkpoint.name} is corrupt: {STATE_FILE} was altered")
    return state


def verify(checkpoint: Path) -> None:
    """Read every file once. Raises CorruptError, naming the first that is not as it was written."""
    for name, checksum in read_state(checkpoint)["files"].items():
        read_verified(checkpoint, name, checksum)


def _write(path: Path, content: bytes | memoryview) -> Checksum:
    """Write a new file through to the disk. Raises OSError."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _digest(state: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
