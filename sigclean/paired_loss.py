"""The direct loss on pairs whose truth is known: CycleGAN's paired extension."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

INK_WEIGHT = 5.0  # of an ink pixel against a paper pixel: paper is twenty times as frequent
PRINT_WEIGHT = 2.0  # of a pixel of noise: what must go
STRIP_WEIGHT = 0.02  # of the black strips: kept as they are, but hardly worth learning
FAINTEST_INK = 0.08  # darkness below which a pixel of the truth is paper, not stroke


def paired_loss(
    clean: Tensor, logits: Tensor | None, noisy: Tensor, truth: Tensor, paired: Tensor
) -> Tensor:
    """Direct loss on pairs whose truth is known: the mean of all pictures' own losses.

    A keep map is held to the share of the input's darkness that is signature, by cross entropy
    with ink pixels weighted, plus Dice on ink (both as in binary segmentation) and L1 on the
    picture. Generators without a keep map are judged by the same terms on the picture's darkness.

    No picture's loss depends on the others, so that a batch may be split between processes and
    accumulated ones: the mean of the parts' losses is the loss of the whole.

    Args:
        clean: the generator's picture of `noisy`, Bx3xHxW in [-1, 1].
        logits: Bx1xHxW of its keep map, or None.
        paired: B, 1 where `truth` is one, 0 where it is to be ignored: such a picture costs 0.
    """
    target, weight = keep_target(noisy, truth)
    if logits is None:
        keep = (_darkness(clean) / _darkness(noisy).clamp(min=1 / 255)).clamp(0, 1)
        error = (keep - target) ** 2
    else:
        keep = torch.sigmoid(logits)
        error = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    shown = 1 - strips(torch.maximum(noisy, truth))
    entropy = _sum(weight * error) / _sum(weight)
    dice = 1 - (2 * _sum(shown * keep * target) + 1) / (_sum(shown * (keep + target)) + 1)
    distance = _sum(shown * (clean - truth).abs()) / (3 * _sum(shown).clamp(min=1))
    return (paired * (entropy + 0.5 * dice + distance)).mean()


def _sum(values: Tensor) -> Tensor:
    """BxCxHxW to B: of each picture."""
    return values.sum((1, 2, 3))


@torch.no_grad()
def keep_target(noisy: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """What share of each input pixel's darkness is signature, and how much the pixel counts.

    Both Bx1xHxW. The share is 1 wherever a stroke lies on white paper, its soft edge included.
    """
    ink, seen = _darkness(truth), _darkness(noisy)
    share = (ink / seen.clamp(min=1 / 255)).clamp(0, 1) * (ink > FAINTEST_INK)
    weight = 1 + (INK_WEIGHT - 1) * share + (PRINT_WEIGHT - 1) * seen * (1 - share)
    strip = strips(torch.maximum(noisy, truth))  # a black bar of the picture has a white truth
    return torch.where(strip > 0, torch.ones_like(share), share), torch.where(
        strip > 0, torch.full_like(weight, STRIP_WEIGHT), weight
    )


def strips(pictures: Tensor) -> Tensor:
    """Bx1xHxW, 1 on rows and columns that are black from side to side: the letterbox's strips.

    A full-width black rule counts too, so only runs of such rows from the border on do.
    """
    black = (pictures.amax(dim=1, keepdim=True) <= -1).float()
    rows, columns = black.amin(dim=3, keepdim=True), black.amin(dim=2, keepdim=True)
    return torch.maximum(_from_border(rows, 2), _from_border(columns, 3)).expand_as(black)


def _from_border(run: Tensor, dim: int) -> Tensor:
    forward = run.cumprod(dim)
    backward = run.flip(dim).cumprod(dim).flip(dim)
    return torch.maximum(forward, backward)


def _darkness(pictures: Tensor) -> Tensor:
    """Bx3xHxW in [-1, 1] to Bx1xHxW in [0, 1]: of the darkest channel, so that all inks count."""
    return (1 - pictures.amin(dim=1, keepdim=True)) / 2
