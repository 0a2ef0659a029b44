"""The interface of runtimes, and the part that runtimes of ONNX graphs share.

A runtime computes a generator: arrays go in, arrays come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sigclean.arrays import Float
from sigclean.model_files.onnx_file import OnnxFacts

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
        ...

    def paint(self, batch: Float) -> Float:
        """Compute the generator's own picture: Nx3xHxW to the same."""
        ...


@dataclass(frozen=True)
class GraphRuntime:
    """The part of a `Runtime` that does not depend on the engine; a subclass adds `_run`.

    Attributes:
        facts: the metadata of the ONNX file.
    """

    facts: OnnxFacts

    @property
    def multiple(self) -> int:
        """See `Runtime`."""
        return self.facts.multiple

    @property
    def takes_cuts(self) -> bool:
        """See `Runtime`."""
        return self.facts.takes_cuts

    def keep(self, batch: Float) -> Float:
        """See `Runtime`; it is derived from the pictures if the graph returns those."""
        result = self._run(batch)
        return result[:, 0] if result.shape[1] == 1 else keep_from_pictures(batch, result)

    def paint(self, batch: Float) -> Float:
        """See `Runtime`; it is derived from the keep map if the graph returns that."""
        result = self._run(batch)
        return 1 - result * (1 - batch) if result.shape[1] == 1 else result

    def _run(self, batch: Float) -> Float:
        """Run the graph: it returns keep maps, Nx1xHxW, or pictures, Nx3xHxW."""
        raise NotImplementedError


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
