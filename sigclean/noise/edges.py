"""Strips at the picture's edges that are no part of the page: padding of phones, scanner lids."""

from __future__ import annotations

import numpy as np

from sigclean.noise.fields import chance, clouds
from sigclean.noise.page import Layer

WIDEST = 0.16  # of the longer side


def bars(rng: np.random.Generator, noisy: Layer, truth: Layer) -> tuple[Layer, Layer]:
    """Noisy picture and truth with strips about them, black in one and white in the other.

    Args:
        noisy, truth: HxWx3 in [0, 1].

    Returns:
        Both, larger by the strips.
    """
    height, width = noisy.shape[:2]
    left, top, right, bottom = _widths(rng, max(height, width))
    shape = (height + top + bottom, width + left + right, 3)
    framed, white = _filling(rng, shape), np.ones(shape, np.float32)
    framed[top : top + height, left : left + width] = noisy
    white[top : top + height, left : left + width] = truth
    return framed, white


def _widths(rng: np.random.Generator, side: int) -> list[int]:
    """Pixels of the strips at the left, top, right and bottom; one at least is not 0."""
    if chance(rng, 0.25):  # a frame, the same all around
        return [max(round(side * rng.uniform(0.01, 0.1)), 1)] * 4
    widths = [
        max(round(side * rng.uniform(0.008, WIDEST)), 1) if chance(rng, 0.42) else 0
        for _ in range(4)
    ]
    if not any(widths):
        widths[int(rng.integers(4))] = max(round(side * rng.uniform(0.01, WIDEST)), 1)
    return widths


def _filling(rng: np.random.Generator, shape: tuple[int, int, int]) -> Layer:
    """Pure black mostly; dark, uneven or of a flat colour now and then."""
    kind = rng.random()
    if kind < 0.62:
        return np.zeros(shape, np.float32)
    if kind < 0.82:
        return np.full(shape, rng.uniform(0, 0.18), np.float32)
    if kind < 0.93:
        uneven = clouds(rng, shape[0], shape[1], float(rng.uniform(2, 60)))[..., None]
        return (uneven * np.float32(rng.uniform(0.05, 0.3))).repeat(3, axis=2)
    return np.ones(shape, np.float32) * rng.uniform(0.1, 0.8, 3).astype(np.float32)
