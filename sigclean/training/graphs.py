"""CUDA graphs of a training step's passes: one launch in place of thousands of small ones.

A pass is a function of a batch that computes losses and leaves gradients in `.grad`. Its first
calls run as usual; then it is recorded, and from then on repeated on new pictures. A pass of the
default networks has several thousand kernels, which a CPU launches more slowly than an H100
computes them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Tensors = dict[str, Tensor]
Pass = Callable[[Tensors], Tensors]

UNRECORDED = 3  # first calls, in which cuDNN chooses its algorithms and the compiler compiles


class GraphedPass:
    """A pass that is recorded as a CUDA graph, and repeats it for batches of the same shape.

    Args:
        compute: takes a batch, computes gradients of the parameters, which have none before, and
            returns tensors. It must not wait for the GPU, nor depend on anything but the batch and
            the state of the networks.
        parameters: that `compute` gives gradients to.
    """

    def __init__(self, compute: Pass, parameters: Sequence[Tensor]) -> None:
        self._compute, self._parameters = compute, parameters
        self._stream = torch.cuda.Stream()  # one for all calls: each keeps memory of its own
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Tensors = {}
        self._outputs: Tensors = {}
        self._gradients: list[Tensor | None] = []
        self._calls = 0

    def __call__(self, batch: Tensors) -> Tensors:
        """Compute gradients; the returned tensors are valid until the next call."""
        self._calls += 1
        if self._calls <= UNRECORDED:
            return self._on_a_side_stream(batch)
        if self._graph is None:
            self._graph = self._record(batch)
        for name, held in self._inputs.items():
            held.copy_(batch[name], non_blocking=True)
        self._graph.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return dict(self._outputs)

    def takes(self, batch: Tensors) -> bool:
        """Return whether a batch has the shapes that were recorded, if any were."""
        return all(held.shape == batch[name].shape for name, held in self._inputs.items())

    def _on_a_side_stream(self, batch: Tensors) -> Tensors:
        """Run the pass as it will be recorded: never on the default stream."""
        here, side = torch.cuda.current_stream(), self._stream
        side.wait_stream(here)
        with torch.cuda.stream(side):
            outputs = self._compute(batch)
        here.wait_stream(side)
        return outputs

    def _record(self, batch: Tensors) -> torch.cuda.CUDAGraph:
        self._inputs = {name: one.clone() for name, one in batch.items()}
        graph = torch.cuda.CUDAGraph()
        # other threads pin memory for the next batches, which would end a recording of all threads
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            self._outputs = self._compute(self._inputs)
        self._gradients = [parameter.grad for parameter in self._parameters]
        return graph
