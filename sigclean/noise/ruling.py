"""Ruled lines: under and through the signature, across the page, as columns, grids and dots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sigclean.noise.lettering import pick_font, text_mask
from sigclean.noise.page import Layer, Mask, Page, ink_on
from sigclean.noise.printing import Colour, cloud, dashes, line_mask, print_colour, shows, spread


@dataclass(frozen=True)
class Pen:
    """A way to draw lines: `dash` is (on, off) in pixels, `double` the gap of a twin line.

    `uneven` is the share of ink missing in patches (above 1 the line breaks), `slope` and `bow`
    are pixels of rise and sag a pixel of length.
    """

    thickness: float
    colour: Colour
    dash: tuple[float, float] | None = None
    double: float = 0
    uneven: float = 0
    slope: float = 0
    bow: float = 0


def choose_pen(rng: np.random.Generator, page: Page) -> Pen:
    """A pen of 0.5 to 6 pixels on a page of 600, thicker on larger pages."""
    scale = max(max(page.width, page.height) / 600, 0.5)
    thickness = max(spread(rng, 0.5, 6) * scale, 0.4)
    kind = rng.random()
    dash = None
    if kind < 0.12:  # dots
        dash = (thickness, thickness * rng.uniform(1, 4) + 1)
    elif kind < 0.25:
        dash = (thickness * rng.uniform(3, 12), thickness * rng.uniform(1, 6) + 1)
    return Pen(
        thickness=thickness,
        colour=print_colour(rng),
        dash=dash,
        double=thickness * rng.uniform(1, 4) + 1 if rng.random() < 0.08 else 0,
        uneven=rng.uniform(0.2, 1.8) if rng.random() < 0.35 else 0,
        slope=float(rng.normal(0, 0.04 if rng.random() < 0.1 else 0.012)) * (rng.random() < 0.6),
        bow=float(rng.normal(0, 0.008)) if rng.random() < 0.25 else 0,
    )


def rule(
    rng: np.random.Generator,
    layer: Layer,
    start: tuple[float, float],
    length: float,
    pen: Pen,
    vertical: bool = False,
) -> None:
    """Draw one line with `pen` from `start` (x, y), rightwards or downwards."""
    mask = _stroke(rng, min(int(length), 2 * max(layer.shape)), pen)
    offsets = (0.0, pen.double + pen.thickness) if pen.double else (0.0,)
    for offset in offsets:
        if vertical:
            x = round(start[0] - mask.shape[0] / 2 + offset)
            ink_on(layer, mask.T, x, round(start[1]), pen.colour)
        else:
            y = round(start[1] - mask.shape[0] / 2 + offset)
            ink_on(layer, mask, round(start[0]), y, pen.colour)


def _stroke(rng: np.random.Generator, length: int, pen: Pen) -> Mask:
    dash = dashes(length, *pen.dash) if pen.dash else None
    mask = line_mask(
        length, pen.thickness, rise=pen.slope * length, bow=pen.bow * length, dash=dash
    )
    if not pen.uneven:
        return mask
    patches = cloud(rng, mask.shape[0], mask.shape[1], max(4 * pen.thickness, 3))
    return mask * np.clip(1 - patches * np.float32(pen.uneven), 0, 1)


def _across(rng: np.random.Generator, page: Page, layer: Layer, pen: Pen) -> None:
    """One to six lines across the page, or part of it, evenly spaced."""
    count = int(rng.integers(1, 7))
    whole = rng.random() < 0.6
    start = 0.0 if whole else page.width * rng.uniform(0, 0.4)
    length = page.width if whole else page.width * rng.uniform(0.3, 1)
    pitch = page.height / (count + 1)
    shift = pitch * rng.uniform(-0.9, 0.9)
    for row in range(1, count + 1):
        y = row * pitch + shift + pitch * float(rng.normal(0, 0.04))
        rule(rng, layer, (start, y), length, pen)


def _signature_line(rng: np.random.Generator, page: Page, layer: Layer, pen: Pen) -> None:
    """The line that one signs on: under or through the ink, with an x before it now and then."""
    left, top, right, bottom = page.ink
    width = right - left
    start = left + width * rng.uniform(-0.35, 0.25)
    length = width * rng.uniform(0.5, 1.6)
    y = bottom - (bottom - top) * rng.uniform(-0.15, 0.65)
    rule(rng, layer, (start, y), length, pen)
    if rng.random() < 0.3:
        size = int(np.clip(page.height * spread(rng, 0.06, 0.3), 5, 400))
        mark = text_mask("xX×✗"[int(rng.integers(3))], pick_font(rng, page.material, size))
        ink_on(layer, mask=mark, left=int(start), top=int(y - mark.shape[0]), colour=pen.colour)


def _columns(rng: np.random.Generator, page: Page, layer: Layer, pen: Pen) -> None:
    """One to four vertical lines anywhere."""
    for x in rng.uniform(0, page.width, int(rng.integers(1, 5))):
        top = 0.0 if rng.random() < 0.7 else page.height * rng.uniform(0, 0.6)
        rule(rng, layer, (x, top), page.height * rng.uniform(0.3, 1.2), pen, vertical=True)


def _grid(rng: np.random.Generator, page: Page, layer: Layer, pen: Pen) -> None:
    """The lines of a table."""
    rows = page.height * spread(rng, 0.15, 0.7)
    columns = page.width * spread(rng, 0.1, 0.7)
    y = rows * rng.uniform(-0.5, 0.5)
    while y < page.height:
        rule(rng, layer, (0, y), page.width, pen)
        y += rows
    x = columns * rng.uniform(0, 1)
    while x < page.width:
        rule(rng, layer, (x, 0), page.height, pen, vertical=True)
        x += columns * rng.uniform(0.5, 1.5)


def _ruled_paper(rng: np.random.Generator, page: Page, layer: Layer, pen: Pen) -> None:
    """Writing paper or squared paper: many fine lines."""
    fine = Pen(max(pen.thickness / 3, 0.4), pen.colour, slope=pen.slope / 2)
    pitch = max(page.height * spread(rng, 0.06, 0.25), 4 * fine.thickness, 4)
    for y in np.arange(pitch * rng.uniform(0, 1), page.height, pitch):
        rule(rng, layer, (0, y), page.width, fine)
    if rng.random() < 0.35:
        for x in np.arange(pitch * rng.uniform(0, 1), page.width, pitch):
            rule(rng, layer, (x, 0), page.height, fine, vertical=True)


Ruling = Callable[[np.random.Generator, Page, Layer, Pen], None]
RULINGS: tuple[tuple[Ruling, float], ...] = (
    (_across, 0.3),
    (_signature_line, 0.28),
    (_columns, 0.08),
    (_grid, 0.13),
    (_ruled_paper, 0.21),
)


def rules(rng: np.random.Generator, page: Page) -> Layer:
    """Ruled lines: thin to thick, whole, dotted or dashed, grey or coloured, never quite level."""
    layer = page.blank()
    rulings, weights = zip(*RULINGS, strict=True)
    for _ in range(1 + int(rng.random() < 0.25)):
        index = int(rng.choice(len(rulings), p=np.divide(weights, sum(weights))))
        rulings[index](rng, page, layer, choose_pen(rng, page))
    if not shows(layer):
        _across(rng, page, layer, Pen(max(page.height / 150, 1), (0.2, 0.2, 0.2)))
    return layer
