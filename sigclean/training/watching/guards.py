"""Two ways in which a training is lost, found early: losses that are no numbers, and generators
that turn pictures over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from sigclean.training.data.framing import to_range
from sigclean.training.losses.paired_loss import strips
from sigclean.training.watching.validation import generate

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green, blue (ITU-R BT.601), as the figures' grey
PATCH = 8  # pixels: strokes that training still blurs are compared by patches, not pixel by pixel

# When tones count as turned over. (Slope, correlation), measured on drawn signatures of 128 pixels,
# medians of 4:
# - untrained networks of every kind, init and norm: slopes above -0.26, correlations above -0.61;
# - CycleGANs of small resnets from scratch, at steps 50 to 700: at worst (-0.57, -0.36) and, all
#   but flat, (-0.27, -0.76);
# - resnets taught to make negatives that trained on as a CycleGAN without identity loss, the fault
#   that this is for: G_B between (-0.90, -0.54) and (-2.90, -0.75) at 8 looks in 600 steps. Pixel
#   by pixel its correlation was about -0.2, no clearer than that of the networks above.
SLOPE, CORRELATION = -0.6, -0.5
# At 64 pixels, where few patches fit, an untrained resnet was seen at -0.60: networks are looked at
# only when so many adversarial steps have formed them.
STILL_NOISE = 200
FLAT = 0.005  # contrast below which a picture is empty, not turned over


@dataclass(frozen=True)
class BrokenLoss:
    """The first loss that was NaN or infinite."""

    name: str
    step: int
    process: int


class LossWatch:
    """Remembers the first step at which each loss was no finite number.

    It looks at every step, on the device: nobody waits for a GPU until `broken` asks.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, ...], Tensor] = {}  # of each stage's losses; 0 = never

    @torch.no_grad()
    def see(self, step: int, losses: dict[str, Tensor]) -> None:
        """Look at the losses of a step, which are scalars."""
        values = torch.stack([value.detach().float() for value in losses.values()])
        first = self._first.get(tuple(losses))
        if first is None:
            first = torch.zeros(len(losses), dtype=torch.int64, device=values.device)
        self._first[tuple(losses)] = torch.where((first == 0) & ~values.isfinite(), step, first)

    def broken(self, accelerator: Accelerator) -> BrokenLoss | None:
        """The earliest on any process, or None; all processes ask at the same time."""
        found: list[tuple[int, int, str]] = []
        for names, first in self._first.items():
            steps = accelerator.gather(first).view(-1, len(names)).tolist()
            found += [
                (step, process, name)
                for process, row in enumerate(steps)
                for name, step in zip(names, row, strict=True)
                if step
            ]
        if not found:
            return None
        step, process, name = min(found)
        return BrokenLoss(name, step, process)


@dataclass(frozen=True)
class Tone:
    """How the tones of generated pictures follow those of what they were made from, by patches.

    Attributes:
        slope: of the regression of the output's luminance on the input's.
        correlation: of the two, in [-1, 1].
        contrast: standard deviation of the output's luminance, which is in [0, 1].
    """

    slope: float
    correlation: float
    contrast: float

    @property
    def turned(self) -> bool:
        """Whether dark strokes on bright became bright strokes on dark."""
        return self.slope < SLOPE and self.correlation < CORRELATION and self.contrast > FLAT


@torch.no_grad()
def tone(inputs: Tensor, outputs: Tensor) -> Tone:
    """The median over pictures, each measured inside the letterbox's strips.

    Args:
        inputs: Bx3xHxW in [-1, 1].
        outputs: what a generator made of them, likewise.
    """
    before, after, content = (
        F.avg_pool2d(one, PATCH, stride=1)
        for one in (_luminance(inputs), _luminance(outputs), _shown(inputs))
    )
    content = (content > 0.999).float()
    count = content.sum((1, 2, 3))
    if not count.all():  # narrower than a patch between the strips
        return tone(inputs[count > 0], outputs[count > 0]) if count.any() else Tone(0.0, 0.0, 0.0)

    def mean(values: Tensor) -> Tensor:
        return (content * values).sum((1, 2, 3)) / count

    before, after = (x - mean(x).view(-1, 1, 1, 1) for x in (before, after))
    spread = mean(before**2).clamp(min=1e-8)
    made = mean(after**2).clamp(min=1e-8)
    together = mean(before * after)
    measures = (together / spread, together / (spread * made).sqrt(), made.sqrt())
    return Tone(*(float(measure.quantile(0.5)) for measure in measures))


def is_paper(pictures: Tensor) -> bool:
    """Whether most of Bx3xHxW pictures are dark on light, as signatures on paper are."""
    shown = _shown(pictures)
    light = [one[mask > 0] for one, mask in zip(_luminance(pictures), shown, strict=True)]
    medians = [float(one.median()) for one in light if len(one)]
    return bool(medians) and median(medians) > 0.5


def turned_over(
    generators: Mapping[str, nn.Module],
    inputs: Mapping[str, Sequence[Tensor]],
    device: torch.device,
) -> dict[str, Tone]:
    """The generators that turn their pictures over, by name.

    Args:
        generators: bare ones, on `device`.
        inputs: real pictures for each, uint8 3xHxW. Where those are light strokes on dark nothing
            is said: there a cleaner that turns them over is right.
    """
    before = {name: to_range(torch.stack(list(one))) for name, one in inputs.items()}
    if not all(is_paper(pictures) for pictures in before.values()):
        return {}
    found = {}
    for name, pictures in inputs.items():
        after = to_range(torch.stack(generate(generators[name], pictures, device)))
        found[name] = tone(before[name], after)
    return {name: one for name, one in found.items() if one.turned}


def _shown(pictures: Tensor) -> Tensor:
    """Bx3xHxW to Bx1xHxW: 1 inside the letterbox's strips, 0 on them."""
    return 1 - strips(pictures)


def _luminance(pictures: Tensor) -> Tensor:
    """Bx3xHxW in [-1, 1] to Bx1xHxW in [0, 1]."""
    weights = torch.tensor(LUMINANCE, device=pictures.device).view(1, 3, 1, 1)
    return ((pictures.float() + 1) / 2 * weights).sum(1, keepdim=True)
