"""Dirt of a pixel or two all over the page: dust, salt and pepper; never as large as a dot."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigclean.noise.page import Layer, Page
from sigclean.noise.printing import spread

Offset = int | npt.NDArray[np.intp]


def dirt(rng: np.random.Generator, page: Page) -> Layer:
    """Specks, dark mostly, single pixels of a picture of 600 and some pairs of them."""
    layer = page.blank()
    unit = max(max(page.width, page.height) / 600, 1)
    count = max(int(rng.poisson(spread(rng, 2e-4, 1.2e-2) * page.height * page.width / unit**2)), 3)
    rows, columns = rng.integers(0, page.height, count), rng.integers(0, page.width, count)
    darkness = rng.uniform(0, 0.7, count).astype(np.float32)
    for row, column in _pixels(rng, count, unit):
        y, x = (rows + row).clip(0, page.height - 1), (columns + column).clip(0, page.width - 1)
        layer[y, x] = np.minimum(layer[y, x], darkness[:, None])
    return layer


def _pixels(rng: np.random.Generator, count: int, unit: float) -> list[tuple[Offset, Offset]]:
    """Offsets of the pixels that a speck covers; every fifth speck is one pixel longer."""
    side = max(round(unit), 1)
    offsets: list[tuple[Offset, Offset]] = [(y, x) for y in range(side) for x in range(side)]
    longer = (rng.random(count) < 0.2).astype(np.intp) * side
    if rng.random() < 0.5:
        return [*offsets, (0, longer)]
    return [*offsets, (longer, 0)]
