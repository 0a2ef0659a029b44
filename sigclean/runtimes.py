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
        return self._run(keep_map, batch)[:, 0]

    def paint(self, batch: Float) -> Float:
        """See `Runtime`."""
        return self._run(self.generator, batch)

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
