"""Print along the foot of a name on letters: a short line, box sides, bold type over the name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sigclean.noise import wording
from sigclean.noise.page import Layer, Page
from sigclean.noise.printing import Colour, shows, spread
from sigclean.noise.ruling import Pen, rule
from sigclean.noise.typesetting import choose_setting, print_block


def office(rng: np.random.Generator, page: Page) -> Layer:
    """The line that one signs on, and what is typed about it, as dark as the ink or darker."""
    layer = page.blank()
    colour = _colour(rng, page)
    parts, shares = zip(*PARTS, strict=True)
    done = False
    while not done:
        for part, share in zip(parts, shares, strict=True):
            if rng.random() < share:
                part(rng, page, layer, colour)
                done = True
    if not shows(layer):
        foot_line(rng, page, layer, (0.1, 0.1, 0.1))
    return layer


def _colour(rng: np.random.Generator, page: Page) -> Colour:
    """Black or dark grey mostly; the signature's own ink now and then."""
    if page.pen is not None and rng.random() < 0.15:
        return page.pen
    return (float(rng.uniform(0, 0.35)),) * 3


def _line_pen(rng: np.random.Generator, page: Page, colour: Colour) -> Pen:
    """A line of 0.7 to 4.5 pixels on a page of 600, even from end to end."""
    scale = max(max(page.width, page.height) / 600, 0.5)
    thickness = max(spread(rng, 0.7, 4.5) * scale, 0.6)
    kind = rng.random()
    dash = (thickness, thickness * rng.uniform(1, 3) + 1) if kind < 0.1 else None
    return Pen(
        thickness=thickness,
        colour=colour,
        dash=dash,
        uneven=rng.uniform(0.2, 1.2) if rng.random() < 0.2 else 0,
        slope=float(rng.normal(0, 0.008)) if rng.random() < 0.6 else 0,
    )


def foot_line(rng: np.random.Generator, page: Page, layer: Layer, colour: Colour) -> None:
    """A short level line along the foot of the name, through it or just below."""
    left, top, right, bottom = page.ink
    width, height = right - left, bottom - top
    length = width * rng.uniform(0.35, 1.35)
    start = left + (width - length) * rng.uniform(-0.1, 1.1)
    y = bottom - height * (rng.uniform(-0.06, 0.12) if rng.random() < 0.4 else rng.uniform(0, 0.5))
    rule(rng, layer, (start, y), length, _line_pen(rng, page, colour))


def box_sides(rng: np.random.Generator, page: Page, layer: Layer, colour: Colour) -> None:
    """One to three sides of a box, upright ones through the ink's ends or beside it."""
    left, top, right, bottom = page.ink
    width, height = right - left, bottom - top
    pen = replace(_line_pen(rng, page, colour), slope=0.0)
    for _ in range(int(rng.integers(1, 4))):
        near = (left, right)[int(rng.integers(2))] + width * rng.normal(0, 0.12)
        start = top - height * rng.uniform(-0.2, 0.6)
        if rng.random() < 0.65:
            rule(rng, layer, (near, start), height * rng.uniform(0.6, 2), pen, vertical=True)
        else:
            y = (top, bottom)[int(rng.integers(2))] + height * rng.normal(0, 0.12)
            rule(rng, layer, (left - width * rng.uniform(0, 0.4), y), 2 * width, pen)


def typed_below(rng: np.random.Generator, page: Page, layer: Layer, colour: Colour) -> None:
    """Name and title under the signature, reaching into its lower strokes."""
    left, top, right, bottom = page.ink
    setting = choose_setting(rng, page, page.height * spread(rng, 0.06, 0.2))
    x = left + (right - left) * rng.uniform(-0.1, 0.5)
    y = bottom - (bottom - top) * rng.uniform(-0.1, 0.3)
    setting = replace(setting, colour=colour, degrees=0)
    print_block(rng, layer, wording.signatory(rng), setting, (x, y))


def bold_over(rng: np.random.Generator, page: Page, layer: Layer, colour: Colour) -> None:
    """A line of heavy type across the strokes."""
    left, top, right, bottom = page.ink
    setting = choose_setting(rng, page, (bottom - top) * spread(rng, 0.12, 0.5))
    setting = replace(setting, colour=colour, capitals=bool(rng.random() < 0.5))
    line = wording.one_of(rng, wording.TITLES + wording.CLOSINGS + wording.CAPTIONS)
    x, y = rng.uniform(left, right), rng.uniform(top, bottom)
    for shift in np.arange(0, max(setting.size * rng.uniform(0, 0.09), 0.5)):  # struck again
        print_block(rng, layer, [line], setting, (x + float(shift), y), (0.5, 0.5))


Part = Callable[[np.random.Generator, Page, Layer, Colour], None]
PARTS: tuple[tuple[Part, float], ...] = (
    (foot_line, 0.62),
    (box_sides, 0.24),
    (typed_below, 0.42),
    (bold_over, 0.18),
)
