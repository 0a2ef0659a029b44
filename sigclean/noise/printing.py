"""Ink on paper, as a press, a typewriter or a printer leaves it: colours, wear, lines, turning."""

from __future__ import annotations

import cv2
import numpy as np

from sigclean.noise.page import Layer, Mask

Colour = tuple[float, float, float]
"""RGB in [0, 1]."""


def spread(rng: np.random.Generator, low: float, high: float) -> float:
    """A value between `low` and `high`, each doubling as likely as the next (log-uniform)."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def print_colour(rng: np.random.Generator) -> Colour:
    """A colour of print: black mostly, then greys, blues, reds, any dark or pale colour."""
    kind = rng.random()
    if kind < 0.5:
        return (float(rng.uniform(0, 0.25)),) * 3
    if kind < 0.72:
        return (float(rng.uniform(0.2, 0.75)),) * 3
    colour = rng.uniform(0, 0.8, 3)
    if kind < 0.86:
        colour = np.sort(colour)  # blue last: the blues of ball pens, stamps and letterheads
    elif kind < 0.93:
        colour = np.sort(colour)[[2, 0, 1]]  # reds
    return float(colour[0]), float(colour[1]), float(colour[2])


def cloud(rng: np.random.Generator, height: int, width: int, cell: float) -> Mask:
    """Smooth noise in [0, 1], HxW, with bumps of about `cell` pixels."""
    rows, columns = max(int(height / cell), 1) + 2, max(int(width / cell), 1) + 2
    coarse = rng.random((min(rows, height + 2), min(columns, width + 2)), np.float32)
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)


def worn(rng: np.random.Generator, mask: Mask, size: float) -> Mask:
    """`mask` as bad printing leaves it, or untouched; `size` is the letters' height in pixels."""
    kind = rng.random()
    height, width = mask.shape
    if kind < 0.35 or min(height, width) < 3:
        return mask
    if kind < 0.5:  # uneven ribbon or toner
        patches = cloud(rng, height, width, max(size * rng.uniform(0.3, 3), 2))
        return mask - mask * patches * np.float32(rng.uniform(0.3, 0.9))
    if kind < 0.62:  # too much ink
        side = 2 if size < 24 else 3
        return np.asarray(cv2.dilate(mask, np.ones((side, side), np.uint8)), np.float32)
    if kind < 0.7:  # too little
        thin = cv2.erode(mask, np.ones((2, 2), np.uint8))
        return np.asarray(0.4 * mask + 0.6 * thin, np.float32)
    if kind < 0.82:  # a copy of a copy: soft, then hard again where noise moves the threshold
        soft = cv2.GaussianBlur(mask, (0, 0), max(size * rng.uniform(0.02, 0.06), 0.5))
        grain = cloud(rng, height, width, 2.5) - 0.5
        level = rng.uniform(0.2, 0.5) + rng.uniform(0.1, 0.4) * grain
        return np.asarray(np.clip((soft - level) * rng.uniform(3, 12) + 0.5, 0, 1), np.float32)
    if kind < 0.92:
        return _coarse(mask, rng.uniform(0.35, 0.8))
    soft = cv2.GaussianBlur(mask, (0, 0), max(size * rng.uniform(0.01, 0.05), 0.4))
    return np.asarray(soft, np.float32)


def hollowed(mask: Mask, thickness: int) -> Mask:
    """The outlines of what `mask` shows, `thickness` pixels wide, drawn inside the shape."""
    side = 2 * thickness + 1
    return mask - np.asarray(cv2.erode(mask, np.ones((side, side), np.uint8)), np.float32)


def shows(layer: Layer) -> bool:
    """True if `layer` shows anything: one value in a thousand is darker by a tenth or more."""
    return bool(np.mean(layer < 0.9) > 0.001)


def _coarse(mask: Mask, scale: float) -> Mask:
    """`mask` at a lower resolution: stairs where it had curves."""
    height, width = mask.shape
    small = (max(int(width * scale), 1), max(int(height * scale), 1))
    seen = cv2.resize(mask, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(seen, (width, height), interpolation=cv2.INTER_NEAREST))


def slanted(mask: Mask, shear: float = 0.0, degrees: float = 0.0) -> Mask:
    """`mask` sheared (columns a row) and turned counter-clockwise, in an array that holds it."""
    if (not shear and not degrees) or min(mask.shape) < 2:
        return mask
    height, width = mask.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    move = turn @ np.array([[1, -shear, shear * height / 2], [0, 1, 0], [0, 0, 1]])
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ move.T
    low = np.floor(corners.min(axis=0))
    move[:, 2] -= low
    columns, rows = (int(n) + 1 for n in np.ceil(corners.max(axis=0) - low))
    return np.asarray(cv2.warpAffine(mask, move, (columns, rows), flags=cv2.INTER_LINEAR))


def line_mask(
    length: int, thickness: float, *, rise: float = 0, bow: float = 0, dash: Mask | None = None
) -> Mask:
    """A line from left to right, smooth-edged, as coverage in [0, 1].

    Args:
        length: pixels from end to end.
        thickness: pixels; under 1 the line is pale.
        rise: pixels by which the right end lies above the left one.
        bow: pixels by which the middle sags.
        dash: coverage along the line (`length` values), for dots and dashes.
    """
    length = max(length, 1)
    along = np.linspace(0, 1, length, dtype=np.float32)
    centre = -rise * along + bow * (1 - (2 * along - 1) ** 2)
    centre -= centre.min() - (thickness / 2 + 1)
    rows = np.arange(int(np.ceil(centre.max() + thickness / 2)) + 1, dtype=np.float32)[:, None]
    inside = thickness / 2 + 0.5 - np.abs(rows - centre)
    mask = np.clip(inside, 0, min(1.0, thickness)).astype(np.float32)
    return mask if dash is None else mask * dash


def dashes(length: int, on: float, off: float) -> Mask:
    """Coverage along a dashed line: `on` pixels of ink, `off` of paper, over and over."""
    phase = np.arange(max(length, 1), dtype=np.float32) % max(on + off, 1)
    return np.clip(np.minimum(phase + 0.5, on - phase + 0.5), 0, 1).astype(np.float32)
