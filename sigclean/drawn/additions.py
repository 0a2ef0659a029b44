"""Marks that writers add to a name: dots near and far, straight strokes, hatching, capitals.

All in the signature's ink and about its pen's width, now and then bolder, on drawn and real
signatures alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.arrays import darkest_channel, level_at, level_counts
from sigclean.drawn import kinematics, pens
from sigclean.drawn.hand import pick_hand
from sigclean.drawn.kinematics import Array
from sigclean.drawn.printed import printed_name

Picture = npt.NDArray[np.uint8]

LONGEST = 1000  # pixels on a side; a larger picture is shrunk first
_INK = 160  # of 255: what is darker tells the pen's colour and width
_ROOM = 0.24  # of the longer side: how far from the signature something may be added
_LEAST = 30  # pixels of ink that a signature has at least
_FRINGE = 245  # of 255: what is darker belongs to the signature's box


@dataclass(frozen=True)
class Writing:
    """A signature in the middle of a larger white page, and its pen.

    Attributes:
        ink: Nx2, x and y of its pixels.
        box: left, top, right, bottom of them.
        size: width and height of the page.
        pen_width: pixels.
    """

    ink: npt.NDArray[np.int32]
    box: tuple[int, int, int, int]
    size: tuple[int, int]
    pen_width: float

    @property
    def reach(self) -> int:
        """The longer side of the signature's box in pixels."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)


def add_marks(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    """The signature with marks of its writer's, or as it is.

    Args:
        rng: decides everything.
        picture: RGB, ink on white.

    Returns:
        A picture cut to the ink; the same picture where nothing is added.
    """
    chosen = [add for add, share in ADDITIONS if rng.random() < share]
    if not chosen:
        return picture
    page = _with_room(picture)
    writing = _writing(page)
    if writing is None:
        return picture
    lines = [line for add in chosen for line in add(rng, writing)]
    width, height = writing.size
    cover = pens.cover(lines, width, height, rng.uniform(0.9, 1.4))
    _draw(page, cover, _colour(page, writing))
    return Image.fromarray(_cut(page))


def dots(rng: np.random.Generator, writing: Writing) -> list[pens.Line]:
    """One to six dots, single, in pairs or threes, round, long or like a comma, near and far."""
    lines = []
    for _ in range(int(rng.choice(6, p=(0.3, 0.27, 0.18, 0.12, 0.08, 0.05))) + 1):
        far = rng.uniform(0.05, 0.2) if rng.random() < 0.4 else rng.uniform(0.012, 0.06)
        spot = _beside(rng, writing, far * writing.reach)
        radius = max(writing.reach * rng.uniform(0.003, 0.015), 0.3 * writing.pen_width, 1.2)
        count = int(rng.choice((1, 2, 3), p=(0.62, 0.28, 0.1)))
        step = radius * rng.uniform(2.6, 5)
        angle = rng.normal(0, 0.3) + (np.pi / 2 if rng.random() < 0.15 else 0)
        for place in np.arange(count) - (count - 1) / 2:
            middle = spot + place * step * np.array([np.cos(angle), np.sin(angle)])
            if count == 3 and place == 0 and rng.random() < 0.7:  # three as Arabic letters have
                middle = middle - np.array([0, 1.2 * step])
            lines.append(_dot(rng, middle, radius))
    return lines


def straight_strokes(rng: np.random.Generator, writing: Writing) -> list[pens.Line]:
    """One to three long strokes, under, through or before the name, never quite like a rule."""
    left, top, right, bottom = writing.box
    width, height = right - left, bottom - top
    lines = []
    bend = float(rng.choice((0, 0.01, 0.05), p=(0.25, 0.3, 0.45)))
    y = float(bottom - height * rng.uniform(-0.2, 0.6))
    for _ in range(int(rng.choice((1, 2, 3), p=(0.6, 0.3, 0.1)))):
        length = width * rng.uniform(0.3, 1.15)
        angle = rng.normal(0, 0.1) - 0.04
        middle = np.array([left + width * rng.uniform(0.2, 0.8), y])
        if rng.random() < 0.15:  # a steep one: an opening stroke, a stroke across
            angle, length = rng.uniform(-1.4, 1.4), height * rng.uniform(0.8, 1.8)
        way = length / 2 * np.array([np.cos(angle), np.sin(angle)])
        ends = (middle - way, middle + way)
        lines.append(_stroke(rng, writing, ends if rng.random() < 0.7 else ends[::-1], bend))
        y += height * rng.uniform(0.04, 0.25)
    return lines


def hatching(rng: np.random.Generator, writing: Writing) -> list[pens.Line]:
    """Strokes side by side, or one that goes to and fro, over a part of the name or beside it."""
    reach = writing.reach
    count = int(rng.integers(5, 26))
    pitch = max(writing.pen_width * rng.uniform(1.3, 4.5), 2.5)
    length = reach * rng.uniform(0.06, 0.22)
    angle = rng.uniform(0, np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    turn = np.pi / 2 + rng.normal(0, 0.35)
    across = np.array([np.cos(angle + turn), np.sin(angle + turn)]) * pitch
    start = writing.ink[int(rng.integers(len(writing.ink)))] - across * count / 2
    offsets = np.arange(count)[:, None] * across + rng.normal(0, 0.2 * pitch, (count, 2))
    half = along * length / 2 * (1 + rng.normal(0, 0.07, (count, 1)))
    first, last = start + offsets - half, start + offsets + half
    if rng.random() < 0.45:
        zigzag = np.stack([first, last], 1)
        zigzag[1::2] = zigzag[1::2, ::-1]
        return [_stroke(rng, writing, zigzag.reshape(-1, 2), bend=0)]
    pairs = zip(first, last, strict=True)
    return [_stroke(rng, writing, ends, bend=0.02) for ends in pairs]


def capitals(rng: np.random.Generator, writing: Writing) -> list[pens.Line]:
    """The name once more in capitals, below, above or at the right of the signature."""
    hand = replace(pick_hand(rng), slant=float(rng.normal(0, 0.12)), climb=0.0)
    movements = []
    for path in printed_name(rng, hand):
        bent = path[:, :2] + rng.normal(0, hand.wobble / 2, (len(path), 2))
        strokes = kinematics.plan(bent, path[1:, 2], 0.1, rng)
        movements.append(kinematics.trace(strokes, bent[0]))
    points = np.concatenate([path for path, _ in movements])
    low, extent = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-3)
    left, top, right, bottom = writing.box
    room = _ROOM * writing.reach
    scale = min(0.75 * room / extent[1], (right - left) * rng.uniform(0.3, 1) / extent[0])
    size = extent * scale
    x = left + (right - left - size[0]) * rng.uniform(0, 1)
    below = rng.random() < 0.75
    y = bottom + (room - size[1]) * rng.uniform(0.05, 0.9) if below else top - size[1] - 0.1 * room
    pen = replace(_pen(rng, writing), nib=0.0)
    return [
        pens.line(((path - low) * [1, -1] + [0, extent[1]]) * scale + [x, y], speed, pen, rng,
                  _scale(writing))
        for path, speed in movements
    ]  # fmt: skip


Addition = Callable[[np.random.Generator, Writing], list[pens.Line]]
ADDITIONS: tuple[tuple[Addition, float], ...] = (
    (dots, 0.36),
    (straight_strokes, 0.19),
    (hatching, 0.09),
    (capitals, 0.08),
)


def _with_room(picture: Image.Image) -> Picture:
    """The signature, at most `LONGEST` pixels, with white paper all around."""
    small = picture.copy()
    small.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    pixels = _cut(np.asarray(small.convert("RGB")))
    room = int(_ROOM * max(pixels.shape[:2])) + 4
    white = (255, 255, 255)
    return np.asarray(
        cv2.copyMakeBorder(pixels, *(room,) * 4, cv2.BORDER_CONSTANT, value=white), np.uint8
    )


def _cut(pixels: Picture) -> Picture:
    rows, columns = _span(darkest_channel(pixels) < _FRINGE, 2)
    return pixels[rows, columns]


def _span(mask: npt.NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """The rows and columns from the first true pixel to the last, with a margin; all if none is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(None), slice(None)
    spans = ((int(places[0]), int(places[-1])) for places in (rows, columns))
    top, left = (slice(max(first - margin, 0), last + 1 + margin) for first, last in spans)
    return top, left


def _draw(page: Picture, cover: pens.Ink, colour: Array) -> None:
    """Draw the cover in this colour, in place; only its own rows and columns take time."""
    rows, columns = _span(cover > 0, 0)
    inked = 255 - cover[rows, columns, None] * (255 - colour)
    page[rows, columns] = np.minimum(page[rows, columns], np.rint(inked).astype(np.uint8))


def _colour(page: Picture, writing: Writing) -> Array:
    """The median colour of the writing."""
    ink = page[writing.ink[:, 1], writing.ink[:, 0]]
    return np.array([level_at(level_counts(channel), 0.5) for channel in ink.T])


def _writing(page: Picture) -> Writing | None:
    """The writing on the page; None if there is next to nothing."""
    darkest = darkest_channel(page)
    level = max(_INK, int(darkest.min()) + 50)
    mask = (darkest < level).astype(np.uint8)
    area = cv2.countNonZero(mask)
    if area < _LEAST:
        return None
    rim = area - cv2.countNonZero(cv2.erode(mask, np.ones((3, 3), np.uint8)))
    ink = np.asarray(cv2.findNonZero(mask), np.int32).reshape(-1, 2)  # row by row, as np.nonzero
    left, top = ink.min(axis=0)
    right, bottom = ink.max(axis=0) + 1
    pen_width = float(np.clip(2 * area / max(float(rim), 1), 1.2, 30))
    box = int(left), int(top), int(right), int(bottom)
    return Writing(ink, box, page.shape[1::-1], pen_width)


def _beside(rng: np.random.Generator, writing: Writing, far: float) -> Array:
    """A place so many pixels from some of the ink, above it more often than elsewhere."""
    angle = rng.normal(-np.pi / 2, 0.7) if rng.random() < 0.4 else rng.uniform(0, 2 * np.pi)
    ink = writing.ink[int(rng.integers(len(writing.ink)))]
    spot = ink + far * np.array([np.cos(angle), np.sin(angle)])
    return np.asarray(np.clip(spot, 8, np.array(writing.size) - 9), np.float64)


def _dot(rng: np.random.Generator, middle: Array, radius: float) -> pens.Line:
    """A dot of this radius: pressed, drawn out, or with a tail."""
    length = radius * float(rng.choice((0.1, rng.uniform(0.3, 1.2), rng.uniform(1.5, 3.5)),
                                       p=(0.5, 0.33, 0.17)))  # fmt: skip
    angle = rng.uniform(0, np.pi)
    at = np.linspace(-0.5, 0.5, max(int(length / 0.5), 2))
    x, y = middle[:, None] + at * length * np.array([[np.cos(angle)], [np.sin(angle)]])
    thin = 1 - np.linspace(0, rng.uniform(0, 0.6), len(at)) * (length > radius)
    return pens.Line(x, y, radius * thin, np.full(len(at), rng.uniform(0.8, 1)))


def _scale(writing: Writing) -> float:
    return max(writing.reach / 512, 0.1)


def _pen(rng: np.random.Generator, writing: Writing) -> pens.Pen:
    """Some pen of about this writing's width, now and then a bolder one."""
    bolder = rng.uniform(1.25, 3) if rng.random() < 0.12 else rng.uniform(0.8, 1.25)
    width = writing.pen_width * bolder / _scale(writing)
    return replace(pens.pick_pen(rng), width=float(width))


def _stroke(
    rng: np.random.Generator, writing: Writing, points: npt.ArrayLike, bend: float = 0.05
) -> pens.Line:
    """A quick stroke along corner points (Nx2), slightly bent, thinner where the pen flies."""
    corners = np.asarray(points, np.float64)
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    at = np.linspace(0, steps[-1], max(int(steps[-1] / 2), 8))
    path = np.stack([np.interp(at, steps, corners[:, i]) for i in range(2)], 1)
    share = at / max(steps[-1], 1e-6)
    chord = corners[-1] - corners[0]
    bow = float(rng.normal(0, bend)) if bend else 0.0
    path = path + (bow * 4 * share * (1 - share))[:, None] * [-chord[1], chord[0]]
    waver = np.interp(share, np.linspace(0, 1, 6), rng.normal(0, 0.004, 6) * steps[-1] * (bend > 0))
    path[:, 1] += waver
    flight = 0.0 if rng.random() < 0.25 else rng.uniform(0.3, 1)  # 0: of one width all along
    speed = 0.3 + np.sin(np.pi * np.clip(share, 0, 1)) * flight
    return pens.line(path, speed, _pen(rng, writing), rng, _scale(writing))
