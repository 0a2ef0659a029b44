"""The direct loss on pairs whose truth is known: CycleGAN's paired extension."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Weights of a pixel's cross entropy; a pixel of white paper has 1
INK_WEIGHT = 5.0  # signature: paper is twenty times as frequent
PRINT_WEIGHT = 2.0  # noise, which must go
STRIP_WEIGHT = 0.02  # black strips: kept as they are, but hardly worth learning
FAINTEST_INK = 0.08  # darkness, in [0, 1], below which a pixel of the truth is paper


def paired_loss(
    clean: Tensor, logits: Tensor | None, noisy: Tensor, truth: Tensor, paired: Tensor
) -> Tensor:
    """The direct loss on pairs whose truth is known: the mean of the pictures' own losses.

    The target of a keep map is the share of the input's darkness that is signature. The loss is
    cross entropy with weighted pixels, plus Dice on ink (both as in binary segmentation), plus L1
    on the picture. For generators without a keep map the same terms apply to their darkness, with
    a squared error in place of the cross entropy.

    No picture's loss depends on the others, so that a batch may be split over processes and
    accumulated batches: the mean of the parts' losses is the loss of the whole.

    Args:
        clean: the generator's picture of `noisy`, Bx3xHxW in [-1, 1].
        logits: of its keep map, Bx1xHxW, or None.
        noisy, truth: Bx3xHxW in [-1, 1].
        paired: B; 1 where `truth` is known, 0 where it is ignored, and the picture costs 0.
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
    """The sum over each picture: BxCxHxW to B."""
    return values.sum((1, 2, 3))


@torch.no_grad()
def keep_target(noisy: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The share of each noisy pixel's darkness that is signature, and the pixel's weight.

    Both are Bx1xHxW. The share is 1 where a stroke lies on white paper, its soft edge included.
    """
    ink, seen = _darkness(truth), _darkness(noisy)
    share = (ink / seen.clamp(min=1 / 255)).clamp(0, 1) * (ink > FAINTEST_INK)
    weight = 1 + (INK_WEIGHT - 1) * share + (PRINT_WEIGHT - 1) * seen * (1 - share)
    strip = strips(torch.maximum(noisy, truth))  # a black bar of the picture has a white truth
    return torch.where(strip > 0, torch.ones_like(share), share), torch.where(
        strip > 0, torch.full_like(weight, STRIP_WEIGHT), weight
    )


def strips(pictures: Tensor) -> Tensor:
    """The letterbox's strips, Bx1xHxW: 1 on rows and columns that are black from side to side.

    A printed rule of full width is such a row, too: only runs of them that begin at the border
    count.
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
