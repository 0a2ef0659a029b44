"""What carries a generator out: arrays in, arrays out. The cleaner sees nothing of torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from sigclean.compositing import keep_from_pictures
from sigclean.errors import SigcleanError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Float = npt.NDArray[np.float32]

DEVICES = ("auto", "cpu", "cuda", "mps")
RUNTIMES = ("auto", "torch", "onnx")
STRIP = 32  # pixels of a black strip that are shown to the network beside the picture


class Runtime(Protocol):
    """A generator on some engine. Batches are Nx3xSxS float32 in [-1, 1], RGB."""

    def keep(self, batch: Float) -> Float:
        """NxSxS in [0, 1]: 1 where the signature's ink is."""
        ...

    def paint(self, batch: Float) -> Float:
        """Nx3xSxS in [-1, 1]: the generator's own picture."""
        ...


@dataclass(frozen=True)
class TorchRuntime:
    """A generator, in evaluation mode and on `device`, carried out by PyTorch."""

    generator: nn.Module
    device: torch.device

    def keep(self, batch: Float) -> Float:
        """See `Runtime`; a generator without a keep map has it derived from its picture."""
        keep_map = getattr(self.generator, "keep_map", None)
        if keep_map is None:
            return keep_from_pictures(batch, self.paint(batch))
        if self.device.type == "cpu" and getattr(self.generator, "takes_cuts", False):
            return np.stack([self._keep_shown(keep_map, picture) for picture in batch])
        return self._run(keep_map, batch)[:, 0]

    def paint(self, batch: Float) -> Float:
        """See `Runtime`."""
        return self._run(self.generator, batch)

    def _keep_shown(self, keep_map: Callable[[Tensor], Tensor], picture: Float) -> Float:
        """SxS from 3xSxS: of a wide or tall picture the strips are cut off, which saves the time;
        nothing is kept there."""
        cut = shown_part(picture, int(getattr(self.generator, "multiple", 1)))
        keep = np.zeros(picture.shape[1:], np.float32)
        keep[cut] = self._run(keep_map, np.ascontiguousarray(picture[:, cut[0], cut[1]][None]))[
            0, 0
        ]
        return keep

    def _run(self, function: Callable[[Tensor], Tensor], batch: Float) -> Float:
        """Picture by picture on a CPU: a batch takes longer there (61 ms a picture in eights, 44
        alone), needs more memory, and may change the last bit of a result."""
        import torch

        at_once = 1 if self.device.type == "cpu" else len(batch)
        try:
            with torch.inference_mode():
                parts = torch.from_numpy(batch).split(at_once)
                return np.concatenate([self._carry_out(function, part) for part in parts])
        except torch.OutOfMemoryError as error:
            raise SigcleanError(
                f"{self.device} has too little memory for {len(batch)} pictures at once: "
                "use a smaller batch size"
            ) from error

    def _carry_out(self, function: Callable[[Tensor], Tensor], batch: Tensor) -> Float:
        import torch

        x = batch.to(self.device, memory_format=torch.channels_last)
        return function(x).float().cpu().numpy()


def shown_part(picture: Float, multiple: int) -> tuple[slice, slice]:
    """Rows and columns that hold all of a letterboxed picture and `STRIP` pixels of its strips.

    Training shows cuts of the square with as little of a strip, or none.

    Args:
        picture: 3xSxS in [-1, 1]; the strips are -1.
        multiple: what the part's sides must be multiples of, as S is.
    """
    shown = picture.max(axis=0) > -1
    rows, columns = np.asarray(shown.any(axis=1)), np.asarray(shown.any(axis=0))
    return _span(rows, multiple), _span(columns, multiple)


def _span(shown: npt.NDArray[np.bool_], multiple: int) -> slice:
    where = np.flatnonzero(shown)
    if not where.size:
        return slice(0, len(shown))
    first = max(int(where[0]) - STRIP, 0) // multiple * multiple
    last = -(-min(int(where[-1]) + 1 + STRIP, len(shown)) // multiple) * multiple
    return slice(first, last)


def torch_runtime(generator: nn.Module, device: str = "auto") -> TorchRuntime:
    """Prepare a generator, in place, for serving: on its device, its batch norms folded away.

    Raises SigcleanError if a device is asked for that is not there.
    """
    import torch

    chosen = choose_device(device)
    generator.eval()
    fuse = getattr(generator, "fuse", None)
    if fuse is not None:
        fuse()
    # channels_last: 59 -> 38 ms for the default generator on two cores
    placed = generator.to(device=chosen).to(memory_format=torch.channels_last)
    return TorchRuntime(placed, chosen)


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; for auto the first there is of cuda, mps, cpu.

    Raises SigcleanError if it is not there: never a silent fallback.
    """
    import torch

    if name not in DEVICES:
        raise SigcleanError(f"unknown device {name!r}: choose one of {', '.join(DEVICES)}")
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device in there if there[device])
    if not there[name]:
        raise SigcleanError(f"the device {name} was asked for, and PyTorch finds none here")
    return torch.device(name)


def check_runtime(name: str) -> None:
    """Raises SigcleanError for a runtime that does not exist or that this version lacks."""
    if name not in RUNTIMES:
        raise SigcleanError(f"unknown runtime {name!r}: choose one of {', '.join(RUNTIMES)}")
    if name == "onnx":
        raise SigcleanError("this version of sigclean has no onnx runtime: use torch")
