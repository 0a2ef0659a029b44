"""Generators that invert brightness: bright strokes on dark, which cycle consistency allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigclean.training.data.framing import to_range
from sigclean.training.losses.paired_loss import strips
from sigclean.training.watching.validation import generate

LUMINANCE = (0.299, 0.587, 0.114)  # weights of red, green and blue (ITU-R BT.601)
PATCH = 8  # pixels: strokes that training still blurs are compared by patches, not pixel by pixel

# Slope and correlation below which tones count as inverted. Measured on drawn signatures of 128
# pixels, medians of 4, as (slope, correlation):
# - untrained networks of every kind, init and norm: slopes above -0.26, correlations above -0.61;
# - CycleGANs of small resnets from scratch, at steps 50 to 700: at worst (-0.57, -0.36) and, all
#   but flat, (-0.27, -0.76);
# - resnets taught to make negatives that trained on as a CycleGAN without identity loss, the fault
#   that this is for: G_B between (-0.90, -0.54) and (-2.90, -0.75) at 8 validations in 600 steps.
#   Pixel by pixel its correlation was about -0.2, no clearer than that of the networks above.
SLOPE, CORRELATION = -0.6, -0.5
FLAT = 0.005  # contrast below which a picture is empty rather than inverted


@dataclass(frozen=True)
class Tone:
    """The relation of generated pictures' brightness to that of their inputs, patch by patch."""

    slope: float  # of the regression of the output's luminance on the input's
    correlation: float  # of the two, in [-1, 1]
    contrast: float  # standard deviation of the output's luminance, which is in [0, 1]

    @property
    def inverted(self) -> bool:
        """True if dark strokes on bright became bright strokes on dark."""
        return self.slope < SLOPE and self.correlation < CORRELATION and self.contrast > FLAT


@torch.no_grad()
def tone(inputs: Tensor, outputs: Tensor) -> Tone:
    """The median tone of several pictures, each measured without the letterbox's strips.

    Args:
        inputs: Bx3xHxW in [-1, 1].
        outputs: a generator's pictures of them, likewise.
    """
    before, after, content = (
        F.avg_pool2d(one, PATCH, stride=1)
        for one in (_luminance(inputs), _luminance(outputs), _content(inputs))
    )
    content = (content > 0.999).float()
    count = content.sum((1, 2, 3))
    if not count.all():  # a picture is narrower than a patch
        return tone(inputs[count > 0], outputs[count > 0]) if count.any() else Tone(0.0, 0.0, 0.0)

    def mean(values: Tensor) -> Tensor:
        return (content * values).sum((1, 2, 3)) / count

    before, after = (x - mean(x).view(-1, 1, 1, 1) for x in (before, after))
    variance_before = mean(before**2).clamp(min=1e-8)
    variance_after = mean(after**2).clamp(min=1e-8)
    covariance = mean(before * after)
    measures = (
        covariance / variance_before,
        covariance / (variance_before * variance_after).sqrt(),
        variance_after.sqrt(),
    )
    return Tone(*(float(measure.quantile(0.5)) for measure in measures))


def is_paper(pictures: Tensor) -> bool:
    """True if most of Bx3xHxW pictures are dark on light, as signatures on paper are."""
    content = _content(pictures)
    light = [one[mask > 0] for one, mask in zip(_luminance(pictures), content, strict=True)]
    medians = [float(one.median()) for one in light if len(one)]
    return bool(medians) and median(medians) > 0.5


def inverting(
    generators: Mapping[str, nn.Module],
    inputs: Mapping[str, Sequence[Tensor]],
    device: torch.device,
) -> dict[str, Tone]:
    """Find the generators that invert the brightness of their pictures; returns them by name.

    Args:
        generators: bare ones, on `device`.
        inputs: real pictures for each, uint8 3xHxW. The result is empty where those are light
            strokes on dark: there a cleaner is right to invert them.
    """
    before = {name: to_range(torch.stack(list(one))) for name, one in inputs.items()}
    if not all(is_paper(pictures) for pictures in before.values()):
        return {}
    found = {}
    for name, pictures in inputs.items():
        after = to_range(torch.stack(generate(generators[name], pictures, device)))
        found[name] = tone(before[name], after)
    return {name: one for name, one in found.items() if one.inverted}


def _content(pictures: Tensor) -> Tensor:
    """Bx3xHxW to Bx1xHxW: 1 inside the letterbox's strips, 0 on them."""
    return 1 - strips(pictures)


def _luminance(pictures: Tensor) -> Tensor:
    """Bx3xHxW in [-1, 1] to Bx1xHxW in [0, 1]."""
    weights = torch.tensor(LUMINANCE, device=pictures.device).view(1, 3, 1, 1)
    return ((pictures.float() + 1) / 2 * weights).sum(1, keepdim=True)
