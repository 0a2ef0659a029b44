"""Pens and inks: a pen's path becomes coverage of the paper, and coverage becomes colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.drawn.kinematics import Array

Ink = npt.NDArray[np.float32]
"""The share of each pixel's paper that ink covers, HxW in [0, 1]."""

_STEP = 0.25  # distance of stamped points, in radii: edges deviate by less than 0.06 pixels


@dataclass(frozen=True)
class Pen:
    """A pen's line, by speed and direction. Lengths are pixels of a picture 512 pixels wide.

    Attributes:
        width: width of the line at middle speed.
        speed_thinning: share of the width that is lost from the slowest to the fastest stretch.
        down_swell: share of the width that is gained in downward strokes.
        nib: flatness of the nib, from 0 (a round point) to 0.8.
        nib_angle: angle of a flat nib in radians.
        edge: width of the soft rim, where the ink feathers or the scanner blurs.
        opacity: opacity of the ink.
        streak: variation of the opacity along the line.
        grain: variation of the opacity by the paper's texture.
        dry: length at the start of a line over which the ink begins to flow.
        skips: share of the line that is left out.
        lift: length at the end of a line over which it thins out.
    """

    width: float
    speed_thinning: float
    down_swell: float
    nib: float = 0.0
    nib_angle: float = 0.7
    edge: float = 1.1
    opacity: float = 0.95
    streak: float = 0.1
    grain: float = 0.1
    dry: float = 0.0
    skips: float = 0.0
    lift: float = 8.0


def pick_pen(rng: np.random.Generator) -> Pen:
    """A random ballpoint, gel pen, fineliner, felt marker or fountain pen."""
    kind = rng.choice(5, p=[0.4, 0.2, 0.12, 0.13, 0.15])
    u = rng.uniform
    if kind == 0:
        return Pen(
            u(1.4, 3.2), u(0.15, 0.4), u(0.05, 0.25), opacity=u(0.8, 0.98), streak=u(0.02, 0.2),
            grain=u(0.1, 0.45), dry=u(0, 14), skips=rng.choice([0, 0, 0, 0.03]), edge=u(0.9, 1.5),
            lift=u(5, 40),
        )  # fmt: skip
    if kind == 1:
        return Pen(u(1.8, 3.8), u(0.05, 0.2), u(0, 0.12), opacity=u(0.9, 1), grain=u(0, 0.1))
    if kind == 2:
        return Pen(u(1.0, 1.7), u(0, 0.1), 0.0, opacity=u(0.75, 1), grain=u(0, 0.2))
    if kind == 3:
        return Pen(u(4.5, 9.0), u(0.1, 0.35), u(0, 0.1), opacity=u(0.85, 1), edge=u(1.2, 2.2))
    return Pen(
        u(2.5, 5.5), u(0.2, 0.45), u(0.2, 0.6), nib=u(0.2, 0.75), nib_angle=u(0.4, 1.0),
        opacity=u(0.8, 1), streak=u(0.05, 0.25), grain=u(0, 0.15), edge=u(0.9, 1.6),
        lift=u(5, 30),
    )  # fmt: skip


def pick_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """A random colour, RGB in [0, 1]: mostly black, grey or blue, seldom red, green or violet."""
    kind = rng.choice(6, p=[0.4, 0.12, 0.39, 0.04, 0.025, 0.025])
    tone = rng.uniform(-0.04, 0.04, 3)
    base = np.array([
        np.full(3, rng.uniform(0.02, 0.16)),
        np.full(3, rng.uniform(0.2, 0.42)),
        np.array([0.08, 0.14, 0.45]) + rng.uniform(0, 1) * np.array([0.1, 0.15, 0.35]),
        [0.75, 0.1, 0.12],
        [0.05, 0.42, 0.22],
        [0.36, 0.12, 0.45],
    ])[kind]  # fmt: skip
    red, green, blue = np.clip(base + tone, 0, 0.9)
    return float(red), float(green), float(blue)


@dataclass(frozen=True)
class Line:
    """The points along a pen-down path: position and radius in pixels, opacity in [0, 1]."""

    x: Array
    y: Array
    radius: Array
    opacity: Array


def line(path: Array, speed: Array, pen: Pen, rng: np.random.Generator, scale: float) -> Line:
    """Draw one pen-down path with a pen.

    Args:
        path: Tx2 positions in pixels, y down.
        speed: T speeds along it, in any unit.
        scale: width of the picture / 512.
    """
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    step = max(0.5, _STEP * pen.width * scale / 2)
    at = np.arange(0.0, max(length[-1], step), step)
    x, y = np.interp(at, length, path[:, 0]), np.interp(at, length, path[:, 1])
    swift = np.interp(at, length, speed / max(np.percentile(speed, 90), 1e-9))
    heading = np.arctan2(np.gradient(y), np.gradient(x)) if len(at) > 1 else np.zeros(1)
    width = 1 + pen.speed_thinning * (0.5 - np.clip(swift, 0, 1.4))
    width *= 1 + pen.down_swell * np.clip(np.sin(heading), -0.5, 1)
    width *= 1 - pen.nib * (1 - np.abs(np.sin(heading + pen.nib_angle)))
    width *= 1 + 0.06 * _wander(at, 40 * scale, rng)
    width *= np.clip(0.3 + 0.7 * (at[-1] - at) / (pen.lift * scale), 0, 1)
    opacity = pen.opacity * (1 - pen.streak * np.abs(_wander(at, 6 * scale, rng)))
    if pen.dry:
        opacity *= np.clip(0.35 + at / (pen.dry * scale), 0, 1)
    if pen.skips:
        gap = _wander(at, 18 * scale, rng)
        opacity *= np.where(gap > np.quantile(gap, 1 - pen.skips), 0.12, 1.0)
    radius = np.maximum(_smooth(width, 6) * pen.width * scale / 2, 0.45)
    return Line(x, y, radius, np.clip(opacity, 0, 1))


def _wander(at: Array, period: float, rng: np.random.Generator) -> Array:
    """Smooth noise of unit standard deviation along a line, with a knot every `period` pixels."""
    knots = rng.normal(size=int(at[-1] / period) + 3)
    return np.interp(at / period, np.arange(len(knots)), knots)


def _smooth(values: Array, reach: int) -> Array:
    """The moving average over 2 * reach + 1 points, with the ends repeated."""
    padded = np.pad(values, reach, mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded)])
    window = 2 * reach + 1
    return (total[window:] - total[:-window]) / window


def cover(lines: list[Line], width: int, height: int, edge: float) -> Ink:
    """Stamp an anti-aliased disc at every point of the lines; each pixel keeps its densest ink.

    Args:
        edge: width of the discs' soft rim in pixels.
    """
    points = np.concatenate([[part.x, part.y, part.radius, part.opacity] for part in lines], axis=1)
    x, y, radius, opacity = points.astype(np.float32)
    pad = int(np.ceil(radius.max() + edge / 2))
    ink = np.zeros((height + 2 * pad, width + 2 * pad), np.float32)
    column = np.clip(np.rint(x), 0, width - 1)
    row = np.clip(np.rint(y), 0, height - 1)
    near = np.arange(-pad, pad + 1)
    across = np.square((column - x)[:, None] + near.astype(np.float32))
    down = np.square((row - y)[:, None] + near.astype(np.float32))
    stamp = np.sqrt(down[:, :, None] + across[:, None, :])
    stamp = (radius / edge + 0.5)[:, None, None] - stamp / np.float32(edge)
    stamp = np.clip(stamp, 0, 1) * opacity[:, None, None]
    corner = (row.astype(np.intp) + pad) * ink.shape[1] + column.astype(np.intp) + pad
    index = corner[:, None, None] + (near[:, None] * ink.shape[1] + near)
    np.maximum.at(ink.reshape(-1), index.reshape(-1), stamp.reshape(-1))  # fast in one dimension
    return ink[pad : pad + height, pad : pad + width]


def colour_in(
    ink: Ink, pen: Pen, colour: tuple[float, float, float], rng: np.random.Generator
) -> Image.Image:
    """The RGB picture of the ink on exactly white paper, whose grain shows in the ink."""
    grain = 1 - pen.grain * rng.random(ink.shape, dtype=np.float32)
    absorbed = 255 * (1 - np.asarray(colour, np.float32))
    return Image.fromarray((255.5 - (ink * grain)[..., None] * absorbed).astype(np.uint8), "RGB")
