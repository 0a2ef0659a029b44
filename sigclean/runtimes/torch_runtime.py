"""Generators carried out by PyTorch: every architecture, on CPU, CUDA or MPS."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from sigclean.compositing.compose import keep_from_pictures
from sigclean.errors import SigcleanError
from sigclean.runtimes.choose import Float

DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class TorchRuntime:
    """A generator, in evaluation mode and on `device`. See `Runtime`."""

    generator: nn.Module
    device: torch.device

    @property
    def multiple(self) -> int:
        """See `Runtime`."""
        return int(getattr(self.generator, "multiple", 1))

    @property
    def takes_cuts(self) -> bool:
        """See `Runtime`."""
        return bool(getattr(self.generator, "takes_cuts", False))

    @property
    def batches(self) -> bool:
        """See `Runtime`."""
        return self.device.type != "cpu"

    @property
    def description(self) -> str:
        """See `Runtime`."""
        return f"PyTorch {torch.__version__} on {self.device}"

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
        at_once = len(batch) if self.batches else 1
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
        x = batch.to(self.device, memory_format=torch.channels_last)
        # TF32 rounds by what a GPU chooses for the batch: a picture must not depend on the others
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return function(x).float().cpu().numpy()


def torch_runtime(
    generator: nn.Module, device: str = "auto", threads: int | None = None
) -> TorchRuntime:
    """Prepare a generator, in place, for serving: on its device, what can be folded folded away.

    Args:
        threads: of PyTorch in this whole process; None leaves them as they are.

    Raises:
        SigcleanError: a device is asked for that is not there.
    """
    chosen = choose_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
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
    if name not in DEVICES:
        raise SigcleanError(f"PyTorch has no device {name!r}: choose one of {', '.join(DEVICES)}")
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device in there if there[device])
    if not there[name]:
        raise SigcleanError(f"the device {name} was asked for, and PyTorch finds none here")
    return _own_gpu() if name == "cuda" else torch.device(name)


def _own_gpu() -> torch.device:
    """Of several processes on a machine each has its own, as far as they go."""
    place = os.environ.get("LOCAL_RANK", "")
    return (
        torch.device("cuda", int(place) % torch.cuda.device_count())
        if place
        else torch.device("cuda")
    )
