"""The runtime torch: every generator, on a CPU, CUDA or MPS."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sigclean.arrays import Float
from sigclean.errors import SigcleanError
from sigclean.networks.interface import Generator, KeepMapGenerator
from sigclean.runtimes.interface import keep_from_pictures

DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class TorchRuntime:
    """A `Runtime` on PyTorch: a generator in evaluation mode, on `device`."""

    generator: Generator
    device: torch.device

    @property
    def multiple(self) -> int:
        return self.generator.multiple

    @property
    def takes_cuts(self) -> bool:
        return self.generator.takes_cuts

    @property
    def batches(self) -> bool:
        return self.device.type != "cpu"

    @property
    def description(self) -> str:
        return f"PyTorch {torch.__version__} on {self.device}"

    def keep(self, batch: Float) -> Float:
        """See `Runtime`; it is derived from the picture if the generator predicts no keep map."""
        if isinstance(self.generator, KeepMapGenerator):
            return self._run(self.generator.keep_map, batch)[:, 0]
        return keep_from_pictures(batch, self.paint(batch))

    def paint(self, batch: Float) -> Float:
        return self._run(self.generator, batch)

    def _run(self, function: Callable[[Tensor], Tensor], batch: Float) -> Float:
        """Apply the function; on a CPU picture by picture, since a batch takes longer there (61 ms
        a picture in batches of 8, 44 alone), needs more memory, and may change the last bit."""
        at_once = len(batch) if self.batches else 1
        try:
            with torch.inference_mode():
                parts = torch.from_numpy(batch).split(at_once)
                return np.concatenate([self._compute(function, part) for part in parts])
        except torch.OutOfMemoryError as error:
            raise SigcleanError(
                f"{self.device} has too little memory for {len(batch)} pictures at once: "
                "use a smaller batch size"
            ) from error

    def _compute(self, function: Callable[[Tensor], Tensor], batch: Tensor) -> Float:
        x = batch.to(self.device, memory_format=torch.channels_last)
        # TF32 would round as the GPU sees fit for the batch: a picture must not depend on others
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return function(x).float().cpu().numpy()


def torch_runtime(
    generator: Generator, device: str = "auto", threads: int | None = None
) -> TorchRuntime:
    """Prepare a generator, in place, for serving: fuse its layers and move it to its device.

    Args:
        threads: CPU threads of PyTorch in this whole process; None leaves them as they are.

    Raises SigcleanError if the device is not available.
    """
    chosen = choose_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    generator.eval()
    generator.fuse()
    # channels_last: 59 -> 38 ms for the default generator on two cores
    placed = generator.to(device=chosen).to(memory_format=torch.channels_last)
    return TorchRuntime(placed, chosen)


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; "auto" takes the first available one of cuda, mps and cpu.

    Raises SigcleanError if the named device is not available.
    """
    if name not in DEVICES:
        raise SigcleanError(f"PyTorch has no device {name!r}: choose one of {', '.join(DEVICES)}")
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device in available if available[device])
    if not available[name]:
        raise SigcleanError(f"the device {name} is not available: PyTorch finds none here")
    return _own_gpu() if name == "cuda" else torch.device(name)


def _own_gpu() -> torch.device:
    """Return the GPU that LOCAL_RANK chooses; processes share them if there are too few."""
    rank = os.environ.get("LOCAL_RANK", "")
    if not rank:
        return torch.device("cuda")
    return torch.device("cuda", int(rank) % torch.cuda.device_count())
