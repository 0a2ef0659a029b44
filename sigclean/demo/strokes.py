"""Strokes of the page's brush, as masks that erase or restore ink."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from sigclean.errors import SigcleanError
from sigclean.letterbox import Box

KINDS = ("erase", "restore")
MAX_STROKES = 1000
MAX_POINTS = 50_000  # of all strokes together
FAR = 10.0  # coordinates, as shares of the picture's sides, beyond which a point makes no sense
WIDEST = 0.5  # radius of a brush, as a share of the picture's longer side, at most
SOFT = 0.2  # share of a brush's radius over which its edge fades
PRESSED = (0.35, 1.0)  # share of the radius at no pressure and at full pressure
LONG = 24  # radii: a longer stroke is drawn in pieces, since its box holds little of it
MOST_PIECES = 5000  # of all strokes together, about
MOST_WORK = 100_000_000  # pixels that are drawn in all, about 2 s: more strokes are drawn coarser

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

    The time is bounded: strokes that cover `MOST_WORK` pixels and more, such as a thousand across a
    page, are drawn in a smaller picture, which is enlarged.

    Args:
        size: width and height of the picture.
        erase: what is erased before the first stroke, L.

    Returns:
        The masks of erased and of restored ink, L, with soft edges.
    """
    least = sum(_length(stroke, size) for stroke in strokes) / MOST_PIECES
    strokes = [piece for stroke in strokes for piece in _pieces(stroke, size, least)]
    work = sum(_work(one, size) for one in strokes)
    scale = min(1.0, math.sqrt(MOST_WORK / max(1, work)))
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    erased, restored = (mask.resize(size) for mask in _overlay(strokes, small))
    if erase is not None:  # never drawn coarser: a colour's edges are sharp
        left = ImageChops.multiply(erase, ImageChops.invert(restored))
        erased = ImageChops.lighter(erased, left)
    return erased, restored


def _overlay(strokes: Sequence[Stroke], size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    """Draw strokes into empty masks: of what they erase, and of what they restore."""
    masks = {"erase": Image.new("L", size), "restore": Image.new("L", size)}
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
    """Draw a stroke: its part of the picture, L, and that part's left upper corner; None if it lies
    outside."""
    radius, dots = _dots(stroke, size)
    left, top, right, bottom = _box(radius, dots, size)
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


def _dots(stroke: Stroke, size: tuple[int, int]) -> tuple[float, list[Point]]:
    """The radius of a stroke in pixels, and its points: x, y and their own radius."""
    radius = max(stroke.radius * max(size), 0.5)
    return radius, [
        (x * size[0], y * size[1], radius * (PRESSED[0] + (PRESSED[1] - PRESSED[0]) * pressure))
        for x, y, pressure in stroke.points
    ]


def _box(radius: float, dots: Sequence[Point], size: tuple[int, int]) -> Box:
    """The part of a picture that a stroke may change; empty if that lies outside."""
    around = radius * (1 + SOFT) + 2
    return (
        max(0, math.floor(min(x for x, _, _ in dots) - around)),
        max(0, math.floor(min(y for _, y, _ in dots) - around)),
        min(size[0], math.ceil(max(x for x, _, _ in dots) + around)),
        min(size[1], math.ceil(max(y for _, y, _ in dots) + around)),
    )


def _work(stroke: Stroke, size: tuple[int, int]) -> float:
    """The pixels that are computed for a stroke: those of its box, and those filled at its points,
    which take a twentieth of the time."""
    radius, dots = _dots(stroke, size)
    left, top, right, bottom = _box(radius, dots, size)
    if left >= right or top >= bottom:
        return 0
    box = (right - left) * (bottom - top)
    length = _length(stroke, size)
    filled = len(dots) * min(box, 4 * radius**2) + min(len(dots) * box, 2 * radius * length)
    return box + filled / 20


def _length(stroke: Stroke, size: tuple[int, int]) -> float:
    """The length of a stroke in pixels."""
    return sum(_distance(one, next_, size) for one, next_ in pairwise(stroke.points))


def _distance(one: Point, other: Point, size: tuple[int, int]) -> float:
    return math.hypot((one[0] - other[0]) * size[0], (one[1] - other[1]) * size[1])


def _pieces(stroke: Stroke, size: tuple[int, int], least: float) -> Iterator[Stroke]:
    """Cut a stroke into pieces that are `LONG` radii long, or `least` pixels if that is more. The
    end of a piece is the start of the next one."""
    reach = max(LONG * stroke.radius * max(size), least)
    piece, length = [stroke.points[0]], 0.0
    for one, next_ in pairwise(stroke.points):
        parts = max(1, math.ceil(_distance(one, next_, size) / reach))
        for part in range(1, parts + 1):
            share = part / parts
            x, y, pressure = (a + share * (b - a) for a, b in zip(one, next_, strict=True))
            step = _distance(piece[-1], (x, y, pressure), size)
            if length + step > reach and length:
                yield Stroke(stroke.kind, stroke.radius, tuple(piece))
                piece, length = piece[-1:], 0.0
            piece.append((x, y, pressure))
            length += step
    yield Stroke(stroke.kind, stroke.radius, tuple(piece))


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
