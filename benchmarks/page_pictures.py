"""Stamps, photos, logos and cards for `signed_pages`."""

from __future__ import annotations

import numpy as np
from page_ink import make_signature, sized
from page_sheets import (
    Box,
    Rng,
    Sheet,
    Sources,
    darkest_of,
    find_room,
    ink_box,
    material_of,
    pick_file,
    to_picture,
    white_page,
)
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from sigclean.noise import wording
from sigclean.noise.fields import clouds
from sigclean.noise.page import Page
from sigclean.noise.stamps.stamp import stamp

CARD = (3.37, 2.13)  # inches


def strike(rng: Rng, sheet: Sheet, sources: Sources, box: Box | None) -> None:
    """Print a stamp over a box, or anywhere."""
    side = round(rng.uniform(1.0, 2.2) * sheet.inch)
    if sources.stamps and rng.random() < 0.7:
        picture = Image.open(pick_file(rng, sources.stamps)).convert("RGBA")
        scale = side / max(picture.size)
        picture = picture.resize([max(round(scale * length), 2) for length in picture.size])
        picture = picture.rotate(rng.normal(0, 15), Image.Resampling.BICUBIC, expand=True)
        ink = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        ink = ink.convert("RGB")
    else:
        ink = to_picture(
            stamp(
                rng, Page(side, side, (0, 0, side, side), material_of(Sources(fonts=sources.fonts)))
            )
        )
    if box is None:
        left, top = find_room(rng, sheet, ink.size, 0.2)
    else:
        shift = rng.uniform(-0.4, 0.4, 2) * (box[2] - box[0], box[3] - box[1])
        left = round((box[0] + box[2] - ink.width) / 2 + shift[0])
        top = round((box[1] + box[3] - ink.height) / 2 + shift[1])
    sheet.put(ink, left, top, signature=False)
    seen = ink_box(ImageChops.invert(darkest_of(ink)))
    if seen:
        sheet.stamps.append((left + seen[0], top + seen[1], left + seen[2], top + seen[3]))


def add_pictures(rng: Rng, sheet: Sheet, sources: Sources) -> None:
    """Paste one to three photos and logos."""
    for _ in range(int(rng.integers(1, 4))):
        side = rng.uniform(0.7, 2.2) * sheet.inch
        size = round(side), round(side * rng.uniform(0.7, 1.4))
        picture = _photo(rng, size, sources) if rng.random() < 0.5 else _logo(rng, size)
        left, top = find_room(rng, sheet, size, 0.1)
        sheet.picture.paste(picture, (left, top))
        sheet.taken.append((left, top, left + size[0], top + size[1]))


def _photo(rng: Rng, size: tuple[int, int], sources: Sources) -> Image.Image:
    """A portrait-like or any picture: clouds, a head, shoulders; or a part of a paper's picture."""
    width, height = size
    if sources.papers and rng.random() < 0.3:
        picture = sources.read(pick_file(rng, sources.papers)).resize(size)
        return picture if rng.random() < 0.5 else picture.convert("L").convert("RGB")
    colour = rng.uniform(0, 1, (2, 3))
    mix = clouds(rng, height, width, float(rng.uniform(1, 6)))[..., None]
    picture = to_picture(colour[0] * mix + colour[1] * (1 - mix))
    draw = ImageDraw.Draw(picture)
    if rng.random() < 0.7:
        skin = tuple(int(level) for level in rng.integers(60, 230, 3))
        dark = tuple(int(level) for level in rng.integers(0, 120, 3))
        middle, eye = width / 2, height * 0.4
        draw.ellipse((0.1 * width, 0.7 * height, 0.9 * width, 1.4 * height), dark)
        draw.ellipse((0.27 * width, 0.12 * height, 0.73 * width, 0.5 * height), dark)
        draw.ellipse((0.3 * width, 0.18 * height, 0.7 * width, 0.75 * height), skin)
        for side in (-1, 1):
            x = middle + side * 0.09 * width
            draw.ellipse((x - 0.04 * width, eye, x + 0.04 * width, eye + 0.03 * height), dark)
        draw.arc((0.4 * width, 0.5 * height, 0.6 * width, 0.65 * height), 20, 160, dark, 2)
    picture = picture.filter(ImageFilter.GaussianBlur(width / 150))
    return picture if rng.random() < 0.6 else picture.convert("L").convert("RGB")


def _logo(rng: Rng, size: tuple[int, int]) -> Image.Image:
    """Shapes in one or two colours, and a few letters."""
    picture = white_page(size)
    draw = ImageDraw.Draw(picture)
    colours = [tuple(int(level) for level in rng.integers(0, 200, 3)) for _ in range(2)]
    width, height = size
    for colour in colours[: int(rng.integers(1, 3))]:
        middle = rng.uniform(0.3, 0.7, 2) * size
        radius = rng.uniform(0.15, 0.4) * min(size)
        box = (*(middle - radius), *(middle + radius))
        kind = int(rng.integers(4))
        if kind == 0:
            draw.ellipse(box, colour)
        elif kind == 1:
            draw.ellipse(box, outline=colour, width=max(2, round(radius / 6)))
        elif kind == 2:
            angles = rng.uniform(0, 6.3) + np.arange(5) * 2 * np.pi * 2 / 5
            points = middle + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
            draw.polygon([tuple(point) for point in points], colour)
        else:
            for turn in np.linspace(0, 300, 4):
                draw.arc(box, turn, turn + 60, colour, max(2, round(radius / 5)))
    font = ImageFont.load_default(max(8, round(height * rng.uniform(0.15, 0.4))))
    letters = "".join(rng.choice(list("ABCDEFGKLMNOPRSTVX"), int(rng.integers(1, 5))))
    draw.text((width / 2, 0.75 * height), letters, colours[0], font=font, anchor="mm")
    return picture


def make_card(rng: Rng, sources: Sources, inch: float) -> Sheet:
    """A card with a tint, lines of print, a photo and a signature of 0.8 to 1.6 inches."""
    width, height = (round(side * inch) for side in CARD)
    mix = clouds(rng, height, width, 2.0)[..., None]
    tints = rng.uniform(0.72, 1, (2, 3))
    sheet = Sheet(to_picture(tints[0] * mix + tints[1] * (1 - mix)), inch)
    draw = ImageDraw.Draw(sheet.picture)
    edge = 2, 2, width - 3, height - 3
    draw.rounded_rectangle(edge, 0.12 * inch, outline=(90, 90, 90), width=2)
    photo = round(0.95 * inch), round(1.2 * inch)
    sheet.picture.paste(_photo(rng, photo, sources), (round(0.15 * inch), round(0.45 * inch)))
    font = ImageFont.load_default(round(0.11 * inch))
    for line in range(int(rng.integers(4, 7))):
        words = wording.name(rng) if line % 2 else wording.one_of(rng, wording.CAPTIONS)
        place = 1.25 * inch, (0.15 + 0.19 * line) * inch
        draw.text(place, words[:28], (20, 20, 40), font=font)
    ink = sized(make_signature(rng, sources), rng.uniform(0.8, 1.6), 0.45, inch)
    left = round(rng.uniform(1.25 * inch, width - ink.width - 0.1 * inch))
    top = round(height - ink.height - rng.uniform(0.05, 0.25) * inch)
    sheet.put(ink, left, top, signature=True)
    return sheet
