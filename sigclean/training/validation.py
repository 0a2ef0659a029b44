"""How good the cleaner is while it trains: figures on held-out pairs, and a grid to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.utils import save_image

from sigclean.metrics import InkScores, ink_scores
from sigclean.training.data import Domains, read_square, to_range

SHOWN = 6  # columns of the grid: noisy above clean above truth


@torch.no_grad()
def validate(
    generator: nn.Module, test: Domains, count: int, device: torch.device, samples: Path
) -> dict[str, float]:
    """Mean F-measure, recall, precision (per cent) and PSNR (dB) on the first `count` pairs.

    The pairs are spread over the whole set. Writes the first of them to `samples` as a picture.
    """
    was_training = generator.training
    generator.eval()
    pairs = test.pairs[:: max(len(test.pairs) // count, 1)][:count] if count else ()
    scores: list[InkScores] = []
    shown: list[Tensor] = []
    for pair in pairs:
        noisy, truth = (read_square(path, test.size) for path in pair)
        clean = _clean(generator, noisy.to(device))
        rows, columns = _content(noisy)
        scores.append(ink_scores(_picture(clean, rows, columns), _picture(truth, rows, columns)))
        if len(shown) < 3 * SHOWN:
            shown += [noisy, clean, truth]
    generator.train(was_training)
    if not scores:
        return {}
    samples.parent.mkdir(parents=True, exist_ok=True)
    in_rows = [tensor.float() / 255 for row in range(3) for tensor in shown[row::3]]
    save_image(in_rows, samples, nrow=len(in_rows) // 3)
    means = {
        name: 100 * float(np.mean([getattr(score, name) for score in scores]))
        for name in ("f", "recall", "precision")
    }
    psnr = float(np.mean([min(score.psnr, 100.0) for score in scores]))
    return {name: round(value, 2) for name, value in {**means, "psnr": psnr}.items()}


def _clean(generator: nn.Module, noisy: Tensor) -> Tensor:
    """uint8 3xHxW to the generator's picture of it."""
    pictures = to_range(noisy[None]).contiguous(memory_format=torch.channels_last)
    return ((generator(pictures)[0] + 1) * 127.5).round().clamp(0, 255).byte().cpu()


def _content(noisy: Tensor) -> tuple[slice, slice]:
    """Rows and columns inside the black strips."""
    return _extent(noisy.amax(dim=(0, 2)) > 0), _extent(noisy.amax(dim=(0, 1)) > 0)


def _extent(content: Tensor) -> slice:
    """From the first to the last place that is true; all of them if none is."""
    places = torch.nonzero(content).flatten().tolist() or [0, len(content) - 1]
    return slice(places[0], places[-1] + 1)


def _picture(tensor: Tensor, rows: slice, columns: slice) -> Image.Image:
    return Image.fromarray(tensor[:, rows, columns].permute(1, 2, 0).numpy())
