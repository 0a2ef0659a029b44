"""Handwriting for `signed_pages`: signatures, and answers on forms, which are none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from page_sheets import (
    INK,
    Box,
    Rng,
    Sheet,
    Sources,
    darkest_of,
    find_room,
    ink_box,
    pick_file,
    rule_below,
    white_page,
)
from PIL import Image, ImageChops, ImageDraw, ImageFont

from sigclean.drawn import draw_signature, kinematics, pens, writer
from sigclean.drawn.hand import pick_hand
from sigclean.drawn.printed import printed_name
from sigclean.noise import wording


def make_signature(rng: Rng, sources: Sources) -> Image.Image:
    """A signature, cut to its ink: from the folder, or drawn."""
    if sources.clean and rng.random() < 0.75:
        picture = sources.read(pick_file(rng, sources.clean))
    else:
        picture = draw_signature(rng)
    if rng.random() < 0.35:
        picture = _recoloured(rng, picture)
    return _cut(picture)


def _cut(picture: Image.Image) -> Image.Image:
    box = ink_box(ImageChops.invert(darkest_of(picture)))
    return picture.crop(box) if box else picture


def _recoloured(rng: Rng, picture: Image.Image) -> Image.Image:
    """The same ink in another colour."""
    dark = ImageChops.invert(darkest_of(picture))
    colour = tuple(round(255 * part) for part in pens.pick_colour(rng))
    return Image.composite(Image.new("RGB", picture.size, colour), white_page(picture.size), dark)


def write(
    rng: Rng, paths: Sequence[np.ndarray], pen: pens.Pen | None = None, height: int = 200
) -> Image.Image:
    """Draw the movements of a pen, cut to the ink; the picture is `height` pixels high."""
    pen, hand = pen or pens.pick_pen(rng), pick_hand(rng)
    traced = []
    for path in paths:
        strokes = kinematics.plan(path[:, :2], path[1:, 2], hand.overlap, rng)
        traced.append(kinematics.trace(strokes, path[0, :2]))
    points = np.concatenate([path for path, _ in traced])
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (height - 20) / max(high[1] - low[1], 0.3 * (high[0] - low[0]), 0.5)
    width = round((high[0] - low[0]) * scale) + 20
    lines = [
        pens.line((path - low) * [scale, -scale] + [10, height - 10], speed, pen, rng, 0.8)
        for path, speed in traced
    ]
    ink = pens.cover(lines, width, height, pen.edge)
    return _cut(pens.colour_in(ink, pen, pens.pick_colour(rng), rng))


def sized(ink: Image.Image, width: float, tallest: float, inch: float) -> Image.Image:
    """The ink at a width in inches, or less if it would be too tall."""
    height = min(width * ink.height / ink.width, tallest) * inch
    size = max(round(height * ink.width / ink.height), 4), max(round(height), 4)
    return ink.resize(size, Image.Resampling.LANCZOS)


def sign(rng: Rng, sheet: Sheet, sources: Sources, width: float) -> Box:
    """Put a signature onto a page, often on a rule; returns its box."""
    ink = sized(make_signature(rng, sources), width, 1.4, sheet.inch)
    if rng.random() < 0.3:
        turned = ink.rotate(rng.normal(0, 6), Image.Resampling.BICUBIC, True, fillcolor="white")
        ink = _cut(turned)
    return place_ink(rng, sheet, ink)


def place_ink(rng: Rng, sheet: Sheet, ink: Image.Image) -> Box:
    left, top = find_room(rng, sheet, ink.size, 0.3)
    if rng.random() < 0.5:
        rule_below(rng, sheet, (left, top, *ink.size))
    sheet.put(ink, left, top, signature=True)
    return sheet.taken[-1]


def add_answers(
    rng: Rng, sheet: Sheet, sources: Sources, count: int, below: float = 0.1, above: float = 0.85
) -> None:
    """Answers by one hand, each behind a printed question; none of them is a signature."""
    inch, pen = sheet.inch, pens.pick_pen(rng)
    own = bool(sources.words) and rng.random() < 0.4
    capitals = rng.random() < 0.4
    tall = rng.uniform(0.14, 0.3) * inch
    for _ in range(count):
        words = [
            written_word(rng, sources, own, capitals, pen) for _ in range(int(rng.integers(1, 4)))
        ]
        words = [word for word in words if word.height > 2]
        pictures = [
            word.resize((max(round(word.width * tall / word.height), 2), round(tall)))
            for word in words
        ]
        width = sum(one.width for one in pictures) + round(0.12 * inch * len(pictures))
        size = width + round(inch), round(tall)
        if width > 0.6 * sheet.picture.width:
            continue
        left, top = find_room(rng, sheet, size, 0.06, (below, above))
        draw = ImageDraw.Draw(sheet.picture)
        font = ImageFont.load_default(round(0.12 * inch))
        caption = wording.one_of(rng, wording.CAPTIONS)
        draw.text((left, top + 0.3 * tall), caption, "black", font=font)
        x = left + round(0.9 * inch)
        if rng.random() < 0.6:
            rule = x, top + tall, x + width, top + tall
            draw.line(rule, (60, 60, 60), max(1, round(inch / 120)))
        start = x
        for one in pictures:
            sheet.put(one, x, top, signature=False)
            x += one.width + round(0.12 * inch)
        if pictures:
            sheet.answers.append((start, top, x - round(0.12 * inch), top + round(tall)))


def written_word(
    rng: Rng, sources: Sources, own: bool, capitals: bool, pen: pens.Pen
) -> Image.Image:
    """One word: a name as people write it, in capitals, or from the folder of words."""
    if own:
        return _cut(sources.read(pick_file(rng, sources.words)))
    hand = pick_hand(rng)
    style = printed_name if capitals else writer.name
    return write(rng, style(rng, hand), pen, 120)


def touching_shift(one: Image.Image, other: Image.Image, axis: int) -> int:
    """The shift along an axis at which the ink of two signatures just meets."""
    masks = [np.asarray(darkest_of(ink)) < 255 - INK for ink in (one, other)]
    if axis == 0:
        masks = [mask.T for mask in masks]
    wide = max(mask.shape[1] for mask in masks)
    first, second = (np.pad(mask, ((0, 0), (0, wide - mask.shape[1]))) for mask in masks)
    lowest = np.where(first.any(axis=0), len(first) - first[::-1].argmax(axis=0), -(10**6))
    highest = np.where(second.any(axis=0), second.argmax(axis=0), 10**6)
    shift = int((lowest - highest).max())
    return int(np.clip(shift, 0.6 * len(first), len(first)))
