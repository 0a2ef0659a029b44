"""Bold frames, rings, triangles and date stamps in strong colours, one to three on a page."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import chance, coverage, hsv, tint
from sigclean.noise.page import Layer, Mask, Page
from sigclean.noise.stamps.centres import stack_lines
from sigclean.noise.stamps.wear import stamp_ink, worn
from sigclean.noise.stamps.words import Scribe, date, scribe

Points = npt.NDArray[np.float64]
Plate = npt.NDArray[np.uint8]
Ink = npt.NDArray[np.float32]

_SUBPIXEL = 4  # bits of a coordinate's fraction
_PENS_OWN = 0.2  # how often a frame has the signature's own ink


def frame(rng: np.random.Generator, page: Page) -> Layer:
    """One to three bold outlines, bare or with words in them, over the signature or beside it."""
    layer = page.blank()
    for _ in range(int(rng.choice((1, 2, 3), p=(0.62, 0.27, 0.11)))):
        plate = np.zeros((page.height, page.width), np.uint8)
        SHAPES[int(rng.choice(len(SHAPES), p=_SHARES))](rng, plate, page)
        mask: Mask = coverage(plate)
        if chance(rng, 0.5):
            mask = np.clip(worn(rng, mask, float(rng.beta(1.2, 2.5))), 0, 1)
        layer *= tint(mask, _ink(rng, page))
    return layer


def _ink(rng: np.random.Generator, page: Page) -> Ink:
    """A strong colour mostly, any stamp pad's else; the signature's own now and then."""
    if page.pen is not None and chance(rng, _PENS_OWN):
        return np.clip(np.asarray(page.pen) + rng.normal(0, 0.03, 3), 0, 1).astype(np.float32)
    if chance(rng, 0.75):
        return hsv(rng.random(), rng.uniform(0.55, 1), rng.uniform(0.35, 0.9))
    return stamp_ink(rng)


def _bold(rng: np.random.Generator, radius: float) -> int:
    """Pixels that a line is wide."""
    return max(1, round(2 * radius * float(np.exp(rng.uniform(np.log(0.01), np.log(0.075))))))


def _centre(rng: np.random.Generator, page: Page) -> Points:
    """Where a frame's middle falls: on the signature mostly."""
    left, top, right, bottom = page.ink
    if chance(rng, 0.75):
        return np.array([rng.uniform(left, right), rng.uniform(top, bottom)])
    return np.array([rng.uniform(0, page.width), rng.uniform(0, page.height)])


def _radius(rng: np.random.Generator, page: Page) -> float:
    """Half the frame's height."""
    side = min(page.height, 0.7 * page.width)
    return float(max(side * rng.uniform(0.14, 0.6), 5))


def _turn(rng: np.random.Generator) -> float:
    """Radians: nearly upright mostly."""
    return float(rng.normal(0, 0.12) if chance(rng, 0.65) else rng.uniform(-np.pi, np.pi))


def _closed(plate: Plate, points: Points, thick: int) -> None:
    fixed = np.round(points * 2**_SUBPIXEL).astype(np.int32)
    cv2.polylines(plate, [fixed], True, 255, thick, cv2.LINE_AA, shift=_SUBPIXEL)


def _spun(points: Points, angle: float, centre: Points) -> Points:
    cosine, sine = np.cos(angle), np.sin(angle)
    return points @ np.array([[cosine, sine], [-sine, cosine]]) + centre


def _outlines(rng: np.random.Generator, plate: Plate, page: Page, shape: Points) -> None:
    """The outline `shape` (Nx2 within -1..1), once or twice, turned; words within now and then."""
    radius, angle, centre = _radius(rng, page), _turn(rng), _centre(rng, page)
    sizes = [1.0] if chance(rng, 0.5) else [1.0, float(rng.uniform(0.6, 0.92))]
    for size in sizes:
        _closed(plate, _spun(shape * radius * size, angle, centre), _bold(rng, radius))
    if chance(rng, 0.5):
        reach = np.ptp(shape, axis=0) * radius * sizes[-1]
        _words(rng, plate, page, (reach * (0.68, 0.6), angle, centre))


def _words(
    rng: np.random.Generator, plate: Plate, page: Page, place: tuple[Points, float, Points]
) -> None:
    """One to three lines in a box (width and height, turned, about a centre)."""
    box, angle, centre = place
    width, height = (max(round(float(side)), 4) for side in box)
    lines = np.zeros((height, width), np.uint8)
    hand = scribe(rng, page.material)
    stack_lines(rng, lines, (width / 2, height / 2), (width - 2.0, height - 2.0), hand, 3)
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    moved = np.column_stack([matrix, centre - matrix @ [width / 2, height / 2]])
    turned = cv2.warpAffine(lines, moved, plate.shape[::-1], flags=cv2.INTER_LINEAR)
    np.maximum(plate, turned, out=plate)


def ring(rng: np.random.Generator, plate: Plate, page: Page) -> None:
    """A circle or an oval."""
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    aspect = 1.0 if chance(rng, 0.55) else rng.uniform(1.1, 2.4)
    _outlines(rng, plate, page, np.stack([aspect * np.cos(angles), np.sin(angles)], 1))


def box(rng: np.random.Generator, plate: Plate, page: Page) -> None:
    """A rectangle, its corners round now and then."""
    aspect = float(np.exp(rng.uniform(0, 1.5)))
    shape = np.array([[-aspect, -1], [aspect, -1], [aspect, 1], [-aspect, 1]])
    if chance(rng, 0.3):
        bend = np.linspace(0, np.pi / 2, 8)
        arc = rng.uniform(0.1, 0.5) * np.stack([np.cos(bend) - 1, np.sin(bend) - 1], 1)
        quarters = [arc * (1, 1), arc[::-1] * (-1, 1), arc * (-1, -1), arc[::-1] * (1, -1)]
        shape = np.concatenate([
            corner + part
            for corner, part in zip(shape[[2, 3, 0, 1]], quarters, strict=True)
        ])  # fmt: skip
    _outlines(rng, plate, page, shape)


def polygon(rng: np.random.Generator, plate: Plate, page: Page) -> None:
    """A triangle mostly, else a diamond or up to eight corners."""
    corners = 3 if chance(rng, 0.6) else int(rng.integers(4, 9))
    angles = np.arange(corners) * 2 * np.pi / corners - np.pi / 2
    aspect = rng.uniform(0.8, 1.8)
    _outlines(rng, plate, page, np.stack([aspect * np.cos(angles), np.sin(angles)], 1) * 1.15)


def date_stamp(rng: np.random.Generator, plate: Plate, page: Page) -> None:
    """A date in large figures between two bars or in a ring, words above it now and then."""
    radius, angle, centre = _radius(rng, page), _turn(rng), _centre(rng, page)
    hand = scribe(rng, page.material)
    hand = Scribe(hand.font, hand.script, "upper")
    line = hand.write(rng, date(rng))
    aspect = float(np.clip(line.shape[1] / max(line.shape[0], 1), 2, 9))
    half = np.array([radius, radius / aspect * 1.6])
    thick = _bold(rng, radius / 2)
    for side in (-1, 1):
        ends = _spun(
            np.array([[-half[0], side * half[1]], [half[0], side * half[1]]]), angle, centre
        )
        _closed(plate, ends, thick)
    if chance(rng, 0.5):
        angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        circle = np.stack([np.cos(angles), np.sin(angles)], 1) * radius * 1.1
        _closed(plate, _spun(circle, angle, centre), thick)
    _pasted(plate, line, (half * (1.9, 1.5), angle, centre))
    if chance(rng, 0.5):
        above = _spun(np.array([[0, -1.9 * half[1]]]), angle, centre)[0]
        _words(rng, plate, page, (half * (1.3, 0.8), angle, above))


def _pasted(plate: Plate, line: Mask, place: tuple[Points, float, Points]) -> None:
    """A written line in a box (width and height, turned, about a centre)."""
    size, angle, centre = place
    scale = float(min(size[0] / line.shape[1], size[1] / line.shape[0]))
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    middle = np.array([line.shape[1] / 2, line.shape[0] / 2])
    moved = np.column_stack([matrix, centre - matrix @ middle])
    drawn = cv2.warpAffine(line, moved, plate.shape[::-1], flags=cv2.INTER_LINEAR)
    np.maximum(plate, (np.clip(drawn, 0, 1) * 255).astype(np.uint8), out=plate)


Shape = Callable[[np.random.Generator, Plate, Page], None]
SHAPES: tuple[Shape, ...] = (ring, box, polygon, date_stamp)
_SHARES = (0.34, 0.32, 0.22, 0.12)
