"""A trained eraser made wider and deeper, so that training need not begin anew.

Function-preserving growth as in Net2Net (Chen et al., 2016, arXiv 1511.05641), with zeros in place
of its copies: channels that are new are computed from what is there, but nothing reads them yet;
residual blocks that are new add nothing yet. The grown network makes the same pictures, and all
that is new has a gradient from the first step on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sigclean.errors import SigcleanError
from sigclean.networks.eraser import ConvBlock, Eraser, GlobalContext


@torch.no_grad()
def grow(small: Eraser, large: Eraser) -> Eraser:
    """Put the weights of `small` into `large`, in place; what is new keeps its random weights.

    Both have the same number of levels and the same norm; `large` is nowhere narrower or shallower.

    Returns `large`, which then computes the function of `small`.

    Raises SigcleanError if `small` does not fit into it.
    """
    _silence_new_blocks(small, large)
    _silence_new_contexts(small, large)
    old, new = small.state_dict(), large.state_dict()
    if missing := [name for name in old if name not in new]:
        raise SigcleanError(f"the larger eraser has no {missing[0]}: it must be nowhere shallower")
    for name, value in new.items():
        if name in old:
            value.copy_(_grown(name, old[name], value))
    return large


def _grown(name: str, old: Tensor, new: Tensor) -> Tensor:
    """`new` with `old` in its first channels; the old outputs read nothing of new inputs."""
    if any(a > b for a, b in zip(old.shape, new.shape, strict=True)):
        raise SigcleanError(
            f"{name} is {tuple(old.shape)} and does not fit into {tuple(new.shape)}: "
            "the larger eraser must be nowhere narrower"
        )
    grown = new.clone()
    if old.dim() > 1:
        grown[: len(old)] = 0
    grown[tuple(slice(0, side) for side in old.shape)] = old
    return grown


def _silence_new_blocks(small: Eraser, large: Eraser) -> None:
    """Residual blocks that `small` does not have begin as identities: relu(x + 0) of x >= 0."""
    there = dict(small.named_modules())
    for name, block in large.named_modules():
        if isinstance(block, ConvBlock) and block.residual and name not in there:
            last = block.conv if isinstance(block.norm, nn.Identity) else block.norm
            if last.weight is None:
                raise SigcleanError("an eraser whose norm has no weights cannot grow deeper")
            for parameter in last.parameters():
                parameter.zero_()


def _silence_new_contexts(small: Eraser, large: Eraser) -> None:
    """Global contexts that `small` does not have begin with nothing to tell."""
    there = dict(small.named_modules())
    for name, block in large.named_modules():
        if isinstance(block, GlobalContext) and not isinstance(there.get(name), GlobalContext):
            for parameter in block.tell.parameters():
                parameter.zero_()
