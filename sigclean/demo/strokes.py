"""Strokes of the page's brush, as masks that erase or restore ink."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from sigclean.errors import SigcleanError

KINDS = ("erase", "restore")
MAX_STROKES = 1000
MAX_POINTS = 50_000  # of all strokes together
FAR = 10.0  # coordinates, as shares of the picture's sides, beyond which a point makes no sense
WIDEST = 0.5  # radius of a brush, as a share of the picture's longer side, at most
SOFT = 0.2  # share of a brush's radius over which its edge fades
PRESSED = (0.35, 1.0)  # share of the radius at no pressure and at full pressure

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Stroke:
    """A stroke of the brush.

    Attributes:
        kind: one of `KINDS`.
        radius: as a share of the picture's longer side.
        points: x and y as shares of the picture's width and height, and the pressure, 0 to 1. They
            may lie outside the picture.
    """

    kind: str
    radius: float
    points: tuple[Point, ...]


def read_strokes(value: Any) -> list[Stroke]:
    """Parse the strokes that a browser sent, which may be anything.

    Raises SigcleanError if they are no strokes, or too many.
    """
    if value is None:
        return []
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_STROKES:
        raise SigcleanError(f"the strokes must be a list of at most {MAX_STROKES}")
    strokes = [_stroke(one) for one in value]
    if sum(len(stroke.points) for stroke in strokes) > MAX_POINTS:
        raise SigcleanError(f"the strokes have more than {MAX_POINTS} points")
    return strokes


def draw_masks(
    strokes: Sequence[Stroke], size: tuple[int, int], erase: Image.Image | None = None
) -> tuple[Image.Image, Image.Image]:
    """Draw strokes one after the other: where they overlap, the last one counts.

    Args:
        size: width and height of the picture.
        erase: what is erased before the first stroke, L.

    Returns:
        The masks of erased and of restored ink, L, with soft edges.
    """
    masks = {
        "erase": Image.new("L", size) if erase is None else erase.copy(),
        "restore": Image.new("L", size),
    }
    for stroke in strokes:
        drawn = _draw(stroke, size)
        if drawn is None:
            continue
        patch, place = drawn
        box = (*place, place[0] + patch.width, place[1] + patch.height)
        for kind, mask in masks.items():
            below = mask.crop(box)
            mixed = (
                ImageChops.lighter(below, patch)
                if kind == stroke.kind
                else ImageChops.multiply(below, ImageChops.invert(patch))
            )
            mask.paste(mixed, place)
    return masks["erase"], masks["restore"]


def _draw(stroke: Stroke, size: tuple[int, int]) -> tuple[Image.Image, tuple[int, int]] | None:
    """A stroke's part of the picture, L, and its left upper corner; None outside the picture."""
    radius = max(stroke.radius * max(size), 0.5)
    dots = [
        (x * size[0], y * size[1], radius * (PRESSED[0] + (PRESSED[1] - PRESSED[0]) * pressure))
        for x, y, pressure in stroke.points
    ]
    around = radius * (1 + SOFT) + 2
    left = max(0, math.floor(min(x for x, _, _ in dots) - around))
    top = max(0, math.floor(min(y for _, y, _ in dots) - around))
    right = min(size[0], math.ceil(max(x for x, _, _ in dots) + around))
    bottom = min(size[1], math.ceil(max(y for _, y, _ in dots) + around))
    if left >= right or top >= bottom:
        return None
    patch = Image.new("L", (right - left, bottom - top))
    pen = ImageDraw.Draw(patch)
    before = None
    for x, y, r in dots:
        x, y = x - left, y - top
        pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
        if before is not None:
            pen.line((before[0], before[1], x, y), fill=255, width=max(1, round(r + before[2])))
        before = (x, y, r)
    return patch.filter(ImageFilter.GaussianBlur(SOFT * radius / 2)), (left, top)


def _stroke(value: Any) -> Stroke:
    try:
        if not isinstance(value, Mapping):
            raise TypeError
        kind, radius = str(value["kind"]), float(value["radius"])
        points = tuple(_point(one) for one in value["points"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise SigcleanError("a stroke cannot be read: undo it") from None
    if kind not in KINDS or not 0 < radius <= WIDEST or not points:
        raise SigcleanError("a stroke cannot be read: undo it")
    return Stroke(kind, radius, points)


def _point(value: Any) -> Point:
    x, y, pressure = (float(one) for one in value)
    if not (abs(x) <= FAR and abs(y) <= FAR and 0 <= pressure <= 1):  # false for NaN too
        raise ValueError
    return x, y, pressure
