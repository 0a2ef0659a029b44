"""Printed forms: boxes, cells with captions, check boxes, comb fields, bars, codes, arrows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from sigclean.noise import wording
from sigclean.noise.page import Layer, Mask, Page, ink_on
from sigclean.noise.printing import Colour, print_colour, shows, slanted, spread, worn
from sigclean.noise.ruling import Pen, choose_pen, rule
from sigclean.noise.typesetting import choose_setting, print_block, set_lines

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels; may lie partly outside the page."""


def field_box(rng: np.random.Generator, page: Page) -> Box:
    """A box about the ink: around it, cutting through it, or running off the page."""
    left, top, right, bottom = page.ink
    width, height = right - left, bottom - top
    across, down = rng.uniform(-0.12, 0.45, 2), rng.uniform(-0.25, 0.45, 2)
    return (
        left - width * across[0],
        top - height * down[0],
        right + width * across[1],
        bottom + height * down[1],
    )


def _caption(
    rng: np.random.Generator, page: Page, layer: Layer, box: Box, share: float | None = None
) -> None:
    """Print a caption in a corner of `box`, on its edge, or under it."""
    left, top, right, bottom = box
    size = (share or spread(rng, 0.08, 0.22)) * min(bottom - top, page.height)
    setting = replace(choose_setting(rng, page, size), degrees=0, tracking=0)
    line = wording.one_of(rng, wording.CAPTIONS)
    inset = 0.3 * setting.size
    corners = (
        ((left + inset, top), (0, 0)),
        ((right - inset, top), (1, 0)),
        ((left + inset, bottom), (0, 1)),
        ((right - inset, bottom), (1, 1)),
        (((left + right) / 2, bottom), (0.5, 0)),
        ((left, (top + bottom) / 2), (1, 0.5)),
        ((left + inset, top), (0, 0.5)),
    )
    anchor, pivot = corners[int(rng.integers(len(corners)))]
    print_block(rng, layer, [line], setting, anchor, pivot)


def _frame(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """A box with four ruled sides, some left out, a caption now and then."""
    left, top, right, bottom = box = field_box(rng, page)
    pen = replace(choose_pen(rng, page), bow=0)
    tilt = pen.slope * (right - left)
    sides = rng.random(4) < (1.0 if rng.random() < 0.75 else 0.6)
    if sides[0]:
        rule(rng, layer, (left, top), right - left, pen)
    if sides[1]:
        rule(rng, layer, (left, bottom), right - left, pen)
    if sides[2]:
        rule(rng, layer, (left, top - tilt / 2), bottom - top, pen, vertical=True)
    if sides[3]:
        rule(rng, layer, (right, top - tilt / 2), bottom - top, pen, vertical=True)
    if rng.random() < 0.5:
        _caption(rng, page, layer, box)


def _panel(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """A box with round corners, drawn as an outline, filled with a pale shade, or hatched."""
    left, top, right, bottom = box = field_box(rng, page)
    canvas = Image.new("L", (page.width, page.height))
    radius = min(right - left, bottom - top) * rng.uniform(0, 0.4)
    pen = choose_pen(rng, page)
    draw = ImageDraw.Draw(canvas)
    if rng.random() < 0.7:
        draw.rounded_rectangle(box, radius, outline=255, width=max(round(pen.thickness), 1))
        ink_on(layer, np.asarray(canvas, np.float32) / np.float32(255), 0, 0, pen.colour)
    if rng.random() < 0.6:
        draw.rounded_rectangle(box, radius, fill=255)
        pattern = _pattern(rng, page.height, page.width)
        shade = np.asarray(canvas, np.float32) / np.float32(255) * pattern
        ink_on(layer, shade, 0, 0, pale_colour(rng))
    if rng.random() < 0.5:
        _caption(rng, page, layer, box)


def pale_colour(rng: np.random.Generator) -> Colour:
    """The shade of a filled field: light grey or any light tint."""
    grey = rng.uniform(0.6, 0.97)
    red, green, blue = np.clip(grey + rng.normal(0, 0.08, 3) * (rng.random() < 0.6), 0, 1)
    return float(red), float(green), float(blue)


def _pattern(rng: np.random.Generator, height: int, width: int) -> Mask:
    """Solid, hatched, dotted or finely screened coverage."""
    kind = rng.random()
    if kind < 0.55:
        return np.ones((height, width), np.float32)
    pitch = max(spread(rng, 0.006, 0.04) * max(height, width), 2.5)
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)
    angle = rng.uniform(0, np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wave = np.cos(u * (2 * np.pi / pitch))
    if kind < 0.8:
        wave = wave * np.cos(v * (2 * np.pi / pitch))
    return np.clip((wave - rng.uniform(-0.3, 0.7)) * 2 + 0.5, 0, 1).astype(np.float32)


def _cells(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """A table whose cells carry captions; the signature lies in it and over its lines."""
    pen = replace(choose_pen(rng, page), slope=0, bow=0)
    x_edges = _edges(rng, page.width, int(rng.integers(1, 4)))
    y_edges = _edges(rng, page.height, int(rng.integers(1, 4)))
    for y in y_edges:
        rule(rng, layer, (x_edges[0], y), x_edges[-1] - x_edges[0], pen)
    for x in x_edges:
        rule(rng, layer, (x, y_edges[0]), y_edges[-1] - y_edges[0], pen, vertical=True)
    share = spread(rng, 0.12, 0.4)
    for left, right in pairwise(x_edges):
        for top, bottom in pairwise(y_edges):
            if rng.random() < 0.6:
                _caption(rng, page, layer, (left, top, right, bottom), share)


def _edges(rng: np.random.Generator, length: int, inner: int) -> list[float]:
    """The lines of a table along one side: both ends, near or past the border, and `inner` more."""
    ends = rng.uniform(-0.1, 0.15, 2) * length
    return sorted([ends[0], *rng.uniform(0, length, inner), length - ends[1]])


def _check_boxes(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """One to five square boxes in a row or a column, with words behind, crossed or empty."""
    side = max(page.height * spread(rng, 0.05, 0.22), 4)
    pen = replace(choose_pen(rng, page), dash=None, double=0, slope=0, bow=0, uneven=0)
    pen = replace(pen, thickness=min(pen.thickness, side / 5))
    setting = replace(choose_setting(rng, page, side * rng.uniform(0.7, 1.2)), degrees=0)
    x, y = page.width * rng.uniform(-0.05, 0.9), page.height * rng.uniform(-0.05, 0.9)
    step = (side * rng.uniform(2, 8), 0) if rng.random() < 0.5 else (0, side * rng.uniform(1.2, 2))
    for _ in range(int(rng.integers(1, 6))):
        _square(rng, layer, (x, y), side, pen)
        if rng.random() < 0.3:
            inside = replace(setting, size=int(side))
            print_block(rng, layer, ["X"], inside, (x + side / 2, y + side / 2), (0.5, 0.55))
        if rng.random() < 0.7:
            print_block(rng, layer, wording.words(rng, 1), setting, (x + 1.1 * side, y))
        x, y = x + step[0], y + step[1]


def _square(
    rng: np.random.Generator, layer: Layer, corner: tuple[float, float], side: float, pen: Pen
) -> None:
    x, y = corner
    rule(rng, layer, (x, y), side, pen)
    rule(rng, layer, (x, y + side), side, pen)
    rule(rng, layer, (x, y), side, pen, vertical=True)
    rule(rng, layer, (x + side, y), side, pen, vertical=True)


def _comb(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """A comb field for one letter a tooth, empty or with printed figures in it."""
    pen = replace(choose_pen(rng, page), dash=None, slope=0, bow=0)
    tooth = max(page.height * spread(rng, 0.08, 0.25), 5)
    count = int(rng.integers(4, 16))
    x, y = page.width * rng.uniform(-0.1, 0.6), page.height * rng.uniform(0.05, 1)
    rule(rng, layer, (x, y), tooth * count, pen)
    if rng.random() < 0.4:
        rule(rng, layer, (x, y - tooth), tooth * count, pen)
    rise = tooth * (1.0 if rng.random() < 0.5 else rng.uniform(0.2, 0.6))
    setting = replace(choose_setting(rng, page, 0.8 * tooth), degrees=0, tracking=0)
    filled = rng.random() < 0.4
    for index in range(count + 1):
        rule(rng, layer, (x + index * tooth, y - rise), rise, pen, vertical=True)
        if filled and index < count:
            centre = (x + (index + 0.5) * tooth, y - 0.5 * tooth)
            print_block(rng, layer, [str(rng.integers(10))], setting, centre, (0.5, 0.55))


def _bar(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """A solid bar along an edge of the field with a heading in white."""
    left, top, right, bottom = field_box(rng, page)
    size = page.height * spread(rng, 0.06, 0.2)
    setting = replace(choose_setting(rng, page, size), degrees=0, align="left")
    lines = [wording.one_of(rng, wording.CAPTIONS + wording.TITLES)]
    words = set_lines(lines, setting, (page.width, page.height))
    height, width = int(1.6 * setting.size), max(int(right - left), 1)
    bar = np.full((height, width), rng.uniform(0.5, 1), np.float32)
    letters = bar[: words.shape[0], : words.shape[1]]
    letters *= 1 - words[: letters.shape[0], : letters.shape[1]]
    y = top - height * rng.uniform(0, 1) if rng.random() < 0.7 else bottom
    ink_on(layer, worn(rng, bar, setting.size), int(left), int(y), print_colour(rng))


def _bar_code(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """Bars of a one-dimensional code, level or upright, with the number under them."""
    module = max(round(max(page.width, page.height) * spread(rng, 0.002, 0.008)), 1)
    bars = np.repeat(rng.random(int(rng.integers(30, 110))) < 0.5, module)
    height = max(int(page.height * rng.uniform(0.1, 0.5)), 3)
    mask = np.tile(bars.astype(np.float32), (height, 1))
    mask = mask.T if rng.random() < 0.2 else mask
    x, y = page.width * rng.uniform(-0.2, 0.8), page.height * rng.uniform(-0.2, 0.9)
    colour = print_colour(rng)
    ink_on(layer, slanted(mask, degrees=float(rng.normal(0, 1))), int(x), int(y), colour)
    if rng.random() < 0.5:
        setting = replace(choose_setting(rng, page, height * 0.3), degrees=0)
        print_block(rng, layer, [wording.number(rng)], setting, (x, y + mask.shape[0]))


def _square_code(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """A two-dimensional code with three finder squares."""
    count = int(rng.integers(17, 42))
    cells = (rng.random((count, count)) < 0.5).astype(np.float32)
    finder = np.zeros((8, 8), np.float32)
    finder[:7, :7] = 1
    finder[1:6, 1:6] = 0
    finder[2:5, 2:5] = 1
    cells[:8, :8] = finder
    cells[:8, -8:] = finder[:, ::-1]
    cells[-8:, :8] = finder[::-1]
    module = max(round(min(page.width, page.height) * spread(rng, 0.2, 0.7) / count), 1)
    mask = np.kron(cells, np.ones((module, module), np.float32))
    x = (page.width - 0.5 * mask.shape[1]) * rng.uniform(-0.1, 1)
    y = (page.height - 0.5 * mask.shape[0]) * rng.uniform(-0.1, 1)
    mask = slanted(mask, degrees=float(rng.normal(0, 1)))
    ink_on(layer, mask, int(x), int(y), print_colour(rng))


def _arrow(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """`Sign here` with an arrow, hollow, solid or a bare triangle, beside the signature."""
    left, top, right, bottom = page.ink
    height = max(int(page.height * spread(rng, 0.1, 0.35)), 6)
    length = int(height * rng.uniform(1, 3))
    head = min(height * rng.uniform(0.5, 1.2), length)
    half, neck = (height - 1) / 2, height * rng.uniform(0.1, 0.45)
    outline = [(0, half - neck), (length - head, half - neck), (length - head, 0), (length, half)]
    outline += [(x, height - 1 - y) for x, y in reversed(outline[:3])]
    canvas = Image.new("L", (length + 1, height))
    draw = ImageDraw.Draw(canvas)
    thick = max(int(height * rng.uniform(0.03, 0.12)), 1)
    draw.polygon(outline, fill=255 if rng.random() < 0.6 else 0, outline=255, width=thick)
    mask = np.asarray(canvas, np.float32) / np.float32(255)
    x, y = left - length * rng.uniform(0.2, 1.3), rng.uniform(top, bottom)
    if rng.random() < 0.3:
        mask, x = mask[:, ::-1], right + length * rng.uniform(-0.8, 0.3)
    colour = print_colour(rng)
    ink_on(layer, mask, int(x), int(y - height / 2), colour)
    if rng.random() < 0.6:
        setting = replace(choose_setting(rng, page, 0.7 * height), colour=colour)
        words = wording.one_of(rng, ("SIGN HERE", "Sign here", "Hier unterschreiben", "Signez ici"))
        print_block(rng, layer, [words], setting, (x + length / 2, y - height / 2), (0.5, 1))


def _marks(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """Printed crosses, corner brackets and bullets that bound a field."""
    left, top, right, bottom = field_box(rng, page)
    arm = max(page.height * spread(rng, 0.04, 0.25), 3)
    pen = replace(choose_pen(rng, page), dash=None, double=0, slope=0, bow=0)
    centred = rng.random() < 0.4
    for x, inward in ((left, 1), (right, -1)):
        for y, down in ((top, 1), (bottom, -1)):
            x0 = x - arm / 2 if centred else min(x, x + inward * arm)
            y0 = y - arm / 2 if centred else min(y, y + down * arm)
            rule(rng, layer, (x0, y), arm, pen)
            rule(rng, layer, (x, y0), arm, pen, vertical=True)


Part = Callable[[np.random.Generator, Page, Layer], None]
PARTS: tuple[tuple[Part, float], ...] = (
    (_frame, 0.28),
    (_panel, 0.16),
    (_cells, 0.2),
    (_check_boxes, 0.09),
    (_comb, 0.07),
    (_bar, 0.09),
    (_bar_code, 0.05),
    (_square_code, 0.04),
    (_arrow, 0.05),
    (_marks, 0.06),
)


def form(rng: np.random.Generator, page: Page) -> Layer:
    """One to three parts of a printed form around the signature and through it."""
    layer = page.blank()
    parts, weights = zip(*PARTS, strict=True)
    count = int(rng.choice((1, 2, 3), p=(0.5, 0.35, 0.15)))
    for index in rng.choice(len(parts), count, replace=False, p=np.divide(weights, sum(weights))):
        parts[int(index)](rng, page, layer)
    if not shows(layer):
        _cells(rng, page, layer)
    return layer
