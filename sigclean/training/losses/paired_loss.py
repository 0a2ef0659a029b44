"""The loss on pairs of a noisy and a clean picture, which extends CycleGAN."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Weights of a pixel in the cross entropy; a pixel of white paper has 1
INK_WEIGHT = 5.0  # the signature, which has a twentieth of the paper's pixels
PRINT_WEIGHT = 2.0  # noise, which must go
STRIP_WEIGHT = 0.02  # black strips of the letterbox, which are cut off after cleaning
FAINTEST_INK = 0.08  # darkness, in [0, 1], up to which a pixel of the truth is paper


def paired_loss(
    clean: Tensor, logits: Tensor | None, noisy: Tensor, truth: Tensor, paired: Tensor
) -> Tensor:
    """The loss on pairs whose clean picture, the truth, is known: a mean over the pictures.

    The target of the keep map is the share of each pixel's darkness that belongs to the signature.
    The loss is the cross entropy with weighted pixels, plus half the Dice loss on ink (both as in
    binary segmentation), plus the L1 distance of the pictures. For a generator without a keep map,
    its own darkness relative to the input's takes the place of the keep map, and a squared error
    that of the cross entropy.

    A picture's loss does not depend on the others, so a batch may be divided over processes or
    accumulated: the mean of the equal parts' losses is the loss of the whole.

    Args:
        clean: the generator's picture of `noisy`, Bx3xHxW in [-1, 1].
        logits: the logits of its keep map, Bx1xHxW; None if it predicts none.
        noisy, truth: the input and the clean picture, Bx3xHxW in [-1, 1].
        paired: 1 for each picture whose truth is known; 0 for others, whose loss is 0. Length B.
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
    """Sum the values of each picture: BxCxHxW to B."""
    return values.sum((1, 2, 3))


@torch.no_grad()
def keep_target(noisy: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the keep map's target and the weight of each pixel, both Bx1xHxW.

    The target is the share of a noisy pixel's darkness that belongs to the signature: 1 where a
    stroke lies on white paper, even at its soft edge, and on the letterbox's strips.
    """
    ink, seen = _darkness(truth), _darkness(noisy)
    share = (ink / seen.clamp(min=1 / 255)).clamp(0, 1) * (ink > FAINTEST_INK)
    weight = 1 + (INK_WEIGHT - 1) * share + (PRINT_WEIGHT - 1) * seen * (1 - share)
    strip = strips(torch.maximum(noisy, truth))  # a black bar of the picture has a white truth
    return torch.where(strip > 0, torch.ones_like(share), share), torch.where(
        strip > 0, torch.full_like(weight, STRIP_WEIGHT), weight
    )


def strips(pictures: Tensor) -> Tensor:
    """Find the letterbox's strips: Bx1xHxW, 1 on the black rows and columns along the border.

    A black row that does not touch the border may be a printed rule of full width, and is none.
    """
    black = (pictures.amax(dim=1, keepdim=True) <= -1).float()
    rows, columns = black.amin(dim=3, keepdim=True), black.amin(dim=2, keepdim=True)
    return torch.maximum(_from_border(rows, 2), _from_border(columns, 3)).expand_as(black)


def _from_border(run: Tensor, dim: int) -> Tensor:
    forward = run.cumprod(dim)
    backward = run.flip(dim).cumprod(dim).flip(dim)
    return torch.maximum(forward, backward)


def _darkness(pictures: Tensor) -> Tensor:
    """The darkness of the darkest channel, so that all inks count: Bx1xHxW in [0, 1]."""
    return (1 - pictures.amin(dim=1, keepdim=True)) / 2
