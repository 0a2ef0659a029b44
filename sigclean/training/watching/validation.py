"""The accuracy of the cleaner while it trains, on held-out pairs whose truth is known."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from sigclean.metrics import InkScores, ink_scores
from sigclean.networks.interface import Generator
from sigclean.training.data.domains import Domains
from sigclean.training.data.framing import to_range
from sigclean.training.losses.paired_loss import strips

BATCH = 4  # pictures at a time, which take no more memory than a step of training
HIGHEST_PSNR = 100.0  # dB, of equal pictures, whose ratio is infinite


def validate(
    cleaner: nn.Module, test: Domains, count: int, device: torch.device
) -> dict[str, float]:
    """Mean F-measure, recall, precision (per cent) and PSNR (dB), rounded to hundredths.

    Args:
        cleaner: bare, on `device`; its mode is as before afterwards.
        count: pairs to measure on, spread over all; 0 measures nothing.
    """
    return means_of(score_pairs(cleaner, test, spread(len(test.pairs), count), device))


def score_pairs(
    cleaner: nn.Module, test: Domains, places: Sequence[int], device: torch.device
) -> list[InkScores]:
    """The figures of the pairs at these places of a test side.

    Args:
        cleaner: bare, on `device`; its mode is as before afterwards.
    """
    scores: list[InkScores] = []
    for start in range(0, len(places), BATCH):
        pairs = [test.pairs[place] for place in places[start : start + BATCH]]
        made = generate(cleaner, [noisy for noisy, _ in pairs], device)
        for (noisy, truth), clean in zip(pairs, made, strict=True):
            scores.append(_score(noisy, clean, truth))
    return scores


def means_of(scores: Sequence[InkScores]) -> dict[str, float]:
    """The means of f, recall, precision (per cent) and psnr (dB), rounded; empty without scores."""
    if not scores:
        return {}
    means = {
        name: 100 * float(np.mean([getattr(score, name) for score in scores]))
        for name in ("f", "recall", "precision")
    }
    psnr = float(np.mean([min(score.psnr, HIGHEST_PSNR) for score in scores]))
    return {name: round(value, 2) for name, value in {**means, "psnr": psnr}.items()}


def spread(available: int, wanted: int) -> list[int]:
    """Choose at most `wanted` of the numbers below `available`, evenly apart."""
    count = min(available, wanted)
    return [place * available // count for place in range(count)]


@torch.no_grad()
def generate(
    generator: nn.Module, pictures: Sequence[Tensor], device: torch.device
) -> list[Tensor]:
    """Generate from uint8 3xHxW pictures, in evaluation mode and small batches.

    Returns pictures of the same kind, on the CPU. The generator is left in the mode it was in.
    """
    was_training = generator.training
    generator.eval()
    made: list[Tensor] = []
    for start in range(0, len(pictures), BATCH):
        batch = to_range(torch.stack(list(pictures[start : start + BATCH])).to(device))
        output = _whole(generator, batch.contiguous(memory_format=torch.channels_last))
        made += ((output.float() + 1) * 127.5).round().clamp(0, 255).byte().cpu()
    generator.train(was_training)
    return made


def _whole(generator: nn.Module, batch: Tensor) -> Tensor:
    """Generate from squares of any size.

    A generator that is trained on crops may not take the squares: black strips, as the letterbox
    makes them, then widen them.
    """
    height, width = batch.shape[-2:]
    multiple = generator.multiple if isinstance(generator, Generator) else 1
    wider = F.pad(batch, (0, -width % multiple, 0, -height % multiple), value=-1.0)
    return generator(wider)[..., :height, :width]


def _score(noisy: Tensor, clean: Tensor, truth: Tensor) -> InkScores:
    """The figures of one picture inside the letterbox's strips."""
    result, wanted = without_strips(noisy, clean, truth)
    return ink_scores(result, wanted)


def without_strips(noisy: Tensor, *pictures: Tensor) -> list[Image.Image]:
    """Pictures of one square, uint8 3xHxW, without the letterbox's strips that `noisy` shows."""
    shown = strips(to_range(noisy[None]))[0, 0] == 0
    rows, columns = _extent(shown.any(dim=1)), _extent(shown.any(dim=0))
    return [_picture(one, rows, columns) for one in pictures]


def _extent(content: Tensor) -> slice:
    """The slice from the first to the last true place; all of them if none is."""
    places = torch.nonzero(content).flatten().tolist() or [0, len(content) - 1]
    return slice(places[0], places[-1] + 1)


def _picture(tensor: Tensor, rows: slice, columns: slice) -> Image.Image:
    return Image.fromarray(tensor[:, rows, columns].permute(1, 2, 0).numpy())
