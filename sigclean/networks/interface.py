"""The interface of generators: all that training, serving and export ask of one."""

import torch
from torch import Tensor, nn


class Generator(nn.Module):
    """A network from pictures to pictures: Bx3xHxW in [-1, 1] to the same.

    Attributes:
        multiple: pixels; H and W must be multiples of it.
        takes_cuts: the letterbox's strips may be cut off, since they tell the network nothing.
    """

    multiple: int = 1
    takes_cuts: bool = False

    def fuse(self) -> None:
        """Merge layers for serving, in place and in evaluation mode; results stay the same."""


class KeepMapGenerator(Generator):
    """A generator that predicts which ink to keep; a subclass adds `keep_logits`.

    Its picture is `1 - k * (1 - x)` with a keep map k in [0, 1], so it can only lighten.
    """

    def keep_logits(self, x: Tensor) -> Tensor:
        """Compute the logits of the keep map: Bx3xHxW in [-1, 1] to Bx1xHxW."""
        raise NotImplementedError

    def keep_map(self, x: Tensor) -> Tensor:
        """Compute the keep map: Bx3xHxW in [-1, 1] to Bx1xHxW in [0, 1], 1 where ink is kept."""
        return torch.sigmoid(self.keep_logits(x))

    def forward(self, x: Tensor, return_logits: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Clean Bx3xHxW in [-1, 1]; with `return_logits`, return the keep map's logits too."""
        logits = self.keep_logits(x)
        clean = 1 - torch.sigmoid(logits) * (1 - x)
        return (clean, logits) if return_logits else clean


class KeepMap(nn.Module):
    """The keep map of a generator as a network of its own, for export."""

    def __init__(self, generator: KeepMapGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        return self.generator.keep_map(x)
