"""Growth of a trained eraser: a wider and deeper one continues its training.

Growth preserves the function as in Net2Net (Chen et al. 2016, arXiv 1511.05641), but with zeros
where Net2Net copies channels. New channels are computed from the old ones, and no old channel
reads them yet; new residual blocks add nothing yet. The grown network makes the same pictures, and
every new weight has a gradient from the first step on.
"""

import torch
from torch import Tensor, nn

from sigclean.errors import SigcleanError
from sigclean.networks.eraser import ConvBlock, GlobalContext


@torch.no_grad()
def grow(small: nn.Module, large: nn.Module) -> nn.Module:
    """Put the weights of an eraser into a larger one, in place; the new weights stay random.

    Args:
        small: an `Eraser`.
        large: one with the same number of levels and the same norm, nowhere narrower or shallower.

    Returns:
        `large`, which then makes the same pictures as `small`.

    Raises SigcleanError if `small` does not fit into `large`.
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
    """Return `new` with `old` in its first channels; old outputs do not read new inputs."""
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


def _silence_new_blocks(small: nn.Module, large: nn.Module) -> None:
    """Make identities of the residual blocks that `small` lacks: relu(x + 0), and x >= 0."""
    known = dict(small.named_modules())
    for name, block in large.named_modules():
        if isinstance(block, ConvBlock) and block.residual and name not in known:
            last = block.conv if isinstance(block.norm, nn.Identity) else block.norm
            if last.weight is None:
                raise SigcleanError("an eraser whose norm has no weights cannot grow deeper")
            for parameter in last.parameters():
                parameter.zero_()


def _silence_new_contexts(small: nn.Module, large: nn.Module) -> None:
    """Let the global contexts that `small` lacks add nothing."""
    known = dict(small.named_modules())
    for name, block in large.named_modules():
        if isinstance(block, GlobalContext) and not isinstance(known.get(name), GlobalContext):
            for parameter in block.tell.parameters():
                parameter.zero_()
