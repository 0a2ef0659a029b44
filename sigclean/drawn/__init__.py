"""Drawn signatures, which no person ever wrote: unlimited, seeded, free of rights.

A kinematic model of writing (sigma-lognormal strokes, see `kinematics`) moves one of several pens.
Two signatures in five imitate other scripts, legible in none: their letters hang from a headline,
run from right to left, fill blocks or begin in round heads.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from sigclean.drawn import kinematics, pens, writer
from sigclean.drawn.hand import pick_hand
from sigclean.drawn.kinematics import Array

__all__ = ["draw_signature"]

_WIDEST = 5.0  # ratio of width to height of the flattest picture


def draw_signature(
    rng: np.random.Generator, width: int = 512, height: int | None = None
) -> Image.Image:
    """Draw one signature.

    Args:
        rng: decides everything; the same state gives the same picture.
        width: width of the picture in pixels. The pen grows with it.
        height: height in pixels; None lets the signature decide, between width / 5 and width.

    Returns:
        An RGB picture: ink on exactly white paper.
    """
    hand = pick_hand(rng)
    movements = []
    for path in writer.compose(rng, hand):
        strokes = kinematics.plan(path[:, :2], path[1:, 2], hand.overlap, rng)
        movements.append(kinematics.trace(strokes, path[0, :2]))
    pen, scale = pens.pick_pen(rng), width / 512
    paths, height = _fit([path for path, _ in movements], width, height, pen, rng)
    lines = [
        pens.line(path, speed, pen, rng, scale)
        for path, (_, speed) in zip(paths, movements, strict=True)
    ]
    ink = pens.cover(lines, width, height, pen.edge)
    return pens.colour_in(ink, pen, pens.pick_colour(rng), rng)


def _fit(
    paths: list[Array], width: int, height: int | None, pen: pens.Pen, rng: np.random.Generator
) -> tuple[list[Array], int]:
    """The paths in pixels, y downward, centred in the picture, and the picture's height.

    The margins are wide enough for the pen.
    """
    points = np.concatenate(paths)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.maximum(high - low, 1e-3)
    box = extent + 2 * rng.uniform(0.02, 0.12) * min(extent.max(), 3 * extent.min())
    rim = 2 * pen.width * width / 512
    if height is None:
        drawn = (width - rim) * box[1] / box[0] + rim
        height = round(min(max(drawn, width / _WIDEST), width))
    scale = float((np.maximum([width - rim, height - rim], 1.0) / box).min())
    middle, centre = (low + high) / 2, np.array([width, height]) / 2
    return [(path - middle) * [scale, -scale] + centre for path in paths], height
