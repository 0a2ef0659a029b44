"""The interface of runtimes, and its implementation for ONNX graphs on any engine.

A runtime computes a generator: arrays go in, arrays come out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sigclean.arrays import Float

PAPER = 0.02  # darkness in [0, 1]; pixels up to here are paper, which has no ink to keep
_LUMA: Float = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601


class Runtime(Protocol):
    """A generator on some engine. Batches are Nx3xHxW float32 in [-1, 1], RGB.

    Attributes:
        multiple: pixels; H and W must be multiples of it.
        takes_cuts: the letterbox's strips may be cut off; if False, the network needs the square.
        batches: a batch takes less time than its pictures one by one, as on GPUs.
        description: engine and device, for people.
    """

    @property
    def multiple(self) -> int: ...

    @property
    def takes_cuts(self) -> bool: ...

    @property
    def batches(self) -> bool: ...

    @property
    def description(self) -> str: ...

    def keep(self, batch: Float) -> Float:
        """Compute the keep map: Nx3xHxW to NxHxW in [0, 1], 1 where the signature's ink is."""

    def paint(self, batch: Float) -> Float:
        """Compute the generator's own picture: Nx3xHxW to the same."""


@dataclass(frozen=True)
class GraphRuntime:
    """A `Runtime` of an ONNX graph; threads may share it."""

    run: Callable[[Float], Float]  # Nx3xHxW to keep maps, Nx1xHxW, or to pictures
    multiple: int
    takes_cuts: bool
    batches: bool
    description: str

    def keep(self, batch: Float) -> Float:
        """See `Runtime`; it is derived from the pictures if the graph returns those."""
        result = self._run(batch)
        return result[:, 0] if result.shape[1] == 1 else keep_from_pictures(batch, result)

    def paint(self, batch: Float) -> Float:
        """See `Runtime`; it is derived from the keep map if the graph returns that."""
        result = self._run(batch)
        return 1 - result * (1 - batch) if result.shape[1] == 1 else result

    def _run(self, batch: Float) -> Float:
        """Run the graph; on a CPU picture by picture, as fast as a batch and equal to the bit."""
        at_once = len(batch) if self.batches else 1
        parts = [self.run(batch[i : i + at_once]) for i in range(0, len(batch), at_once)]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]


def keep_from_pictures(noisy: Float, clean: Float) -> Float:
    """Derive the keep map of a generator without one: the share of the darkness that it left.

    Args:
        noisy, clean: Nx3xHxW in [-1, 1], the generator's input and output.

    Returns:
        NxHxW in [0, 1]; 0 where the input is paper.
    """
    before, after = _darkness(noisy), _darkness(clean)
    share = np.clip(after / np.maximum(before, PAPER), 0, 1) * (before > PAPER)
    return share.astype(np.float32)


def _darkness(pictures: Float) -> Float:
    """Convert Nx3xHxW in [-1, 1] to NxHxW in [0, 1]: 1 is black."""
    luma: Float = np.tensordot(_LUMA, pictures, axes=(0, 1))
    return ((1 - luma) / 2).astype(np.float32, copy=False)
