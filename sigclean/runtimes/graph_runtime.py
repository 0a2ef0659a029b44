"""What engines have in common that carry out an ONNX file which `sigclean export` wrote."""

from __future__ import annotations

from dataclasses import dataclass

from sigclean.compositing.compose import keep_from_pictures
from sigclean.model_files.onnx_file import OnnxFacts
from sigclean.runtimes.choose import Float


@dataclass(frozen=True)
class GraphRuntime:
    """A `Runtime` but for what runs the graph, `_run`, and says so.

    Attributes:
        facts: what the file says of itself.
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
        """See `Runtime`; of a graph that returns pictures, how much of the darkness they kept."""
        result = self._run(batch)
        return result[:, 0] if result.shape[1] == 1 else keep_from_pictures(batch, result)

    def paint(self, batch: Float) -> Float:
        """See `Runtime`; of a graph that returns a keep map, the picture it stands for."""
        result = self._run(batch)
        return 1 - result * (1 - batch) if result.shape[1] == 1 else result

    def _run(self, batch: Float) -> Float:
        """Nx1xHxW, a keep map, or Nx3xHxW, pictures."""
        raise NotImplementedError
