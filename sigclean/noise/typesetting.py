"""Printed text: choose a font and a layout, set the lines as one block, print it with wear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sigclean.noise.lettering import pick_font, pick_foreign
from sigclean.noise.page import Layer, Mask, Page, ink_on
from sigclean.noise.printing import Colour, hollowed, print_colour, slanted, spread, worn
from sigclean.noise.scripts import SHAPED, drawable, has_glyphs, translated

_FOREIGN = 0.16  # share of text in a script other than Latin, if one of the fonts has such a script


@dataclass(frozen=True)
class Setting:
    """The typography of a block of text.

    Attributes:
        size: the em of the font, in pixels.
        pitch: the distance from one line to the next, in pixels.
        tracking: pixels added between letters.
        shear: the slant of the letters: the shift, in pixels, from one row of pixels to the next.
        degrees: the angle that the block is turned by, counter-clockwise.
        capitals: all letters are capitals; Latin only.
        align: left, right, centre, or block (justified).
        jitter: the largest offset of a letter from the baseline, in pixels, as on a typewriter.
        hollow: only the outlines of the letters are printed.
        script: the script of the words; those in scripts other than Latin are invented.
    """

    font: ImageFont.FreeTypeFont
    size: int
    pitch: float
    colour: Colour
    tracking: float = 0
    shear: float = 0
    degrees: float = 0
    capitals: bool = False
    align: str = "left"
    jitter: float = 0
    hollow: bool = False
    script: str = "latin"


def choose_setting(rng: np.random.Generator, page: Page, size: float | None = None) -> Setting:
    """Choose a random setting. The font size suits the page unless `size` (em, pixels) is given."""
    if size is None:
        size = min(page.height, 0.6 * page.width) * spread(rng, 0.05, 0.3)
    em = int(np.clip(size, 5, 600))
    font, script = _font_and_script(rng, page, em)
    separate = script not in SHAPED  # letters of joined scripts cannot be moved one by one
    return Setting(
        font=font,
        size=em,
        pitch=em * rng.uniform(1.0, 1.7),
        colour=print_colour(rng),
        tracking=em * rng.uniform(-0.02, 0.35) if separate and rng.random() < 0.15 else 0,
        shear=rng.uniform(0.1, 0.3) if rng.random() < 0.1 else 0,
        degrees=float(rng.normal(0, 1.2)) if rng.random() < 0.6 else 0,
        capitals=bool(rng.random() < 0.12),
        align=str(rng.choice(("left", "left", "centre", "right"))),
        jitter=em * rng.uniform(0.02, 0.07) if separate and rng.random() < 0.15 else 0,
        hollow=bool(em > 20 and rng.random() < 0.04),
        script=script,
    )


def _font_and_script(
    rng: np.random.Generator, page: Page, em: int
) -> tuple[ImageFont.FreeTypeFont, str]:
    """Pick a font, and the script to write in: mostly Latin, else another one that the font has."""
    foreign = pick_foreign(rng, page.material, em) if rng.random() < _FOREIGN else None
    return foreign or (pick_font(rng, page.material, em), "latin")


def set_lines(lines: list[str], setting: Setting, room: tuple[int, int]) -> Mask:
    """Draw the lines as one upright block: HxW, 1 where there is ink, cut to `room`.

    Letters that the font lacks are left out rather than drawn as boxes.

    Args:
        room: the largest width and height, in pixels.
    """
    lines = [_printable(line, setting) for line in lines]
    widths = [_width(line, setting) for line in lines]
    width = min(int(max(widths, default=0)) + setting.size, room[0])
    height = min(int(setting.pitch * (len(lines) - 1) + 1.5 * setting.size) + 1, room[1])
    canvas = Image.new("L", (max(width, 1), max(height, 1)))
    draw = ImageDraw.Draw(canvas)
    for row, (line, long) in enumerate(zip(lines, widths, strict=True)):
        slack = width - setting.size - long
        share = {"right": 1.0, "centre": 0.5}.get(setting.align, 0.0)
        start = (setting.size / 2 + share * slack, row * setting.pitch)
        gap = slack / max(line.count(" "), 1) if setting.align == "block" else 0.0
        _draw_line(draw, line, start, setting, gap if 0 < gap < 2 * setting.size else 0.0)
    return np.asarray(canvas, np.float32) / np.float32(255)


def _printable(line: str, setting: Setting) -> str:
    if setting.script != "latin":
        return drawable(setting.font, line)
    if setting.capitals:
        line = line.upper()
    if line.isascii() or has_glyphs(line, setting.font):
        return line
    return "".join(letter for letter in line if letter.isascii()) or "Name"


def _width(line: str, setting: Setting) -> float:
    return setting.font.getlength(line) + setting.tracking * len(line)


def _draw_line(
    draw: ImageDraw.ImageDraw,
    line: str,
    start: tuple[float, float],
    setting: Setting,
    gap: float,
) -> None:
    """Draw one line; `gap` and `setting.tracking` are added to its spaces and to all letters."""
    x, y = start
    if not (gap or setting.tracking or setting.jitter):
        draw.text((x, y), line, fill=255, font=setting.font)
        return
    by_letter = setting.tracking or setting.jitter
    between = setting.tracking if by_letter else gap + setting.font.getlength(" ")
    for piece in list(line) if by_letter else line.split(" "):
        # As on a typewriter with bent type, the same letter always has the same offset.
        miss = setting.jitter * (_bend(piece) if setting.jitter else 0)
        draw.text((x, y + miss), piece, fill=255, font=setting.font)
        x += setting.font.getlength(piece) + between


def _bend(letter: str) -> float:
    """The offset of a letter from the baseline in -1..1, always the same for the same letter."""
    return (ord(letter[0]) * 2654435761 % 2001) / 1000 - 1


def print_block(
    rng: np.random.Generator,
    layer: Layer,
    lines: list[str],
    setting: Setting,
    anchor: tuple[float, float],
    pivot: tuple[float, float] = (0, 0),
) -> None:
    """Print the lines onto a layer, in place.

    Args:
        anchor: the point of the layer (x, y), in pixels, where the block's `pivot` lies.
        pivot: a point of the block: (0, 0) is its upper left corner, (1, 1) the lower right one.
    """
    height, width = layer.shape[:2]
    if setting.script != "latin":
        lines = [translated(rng, line, setting.script) for line in lines]
    mask = set_lines(lines, setting, (2 * width + 8, 2 * height + 8))
    if rng.random() < 0.08:
        _underline(mask, setting, len(lines))
    if setting.hollow:
        mask = hollowed(mask, max(setting.size // 25, 1))
    mask = slanted(worn(rng, mask, setting.size), setting.shear, setting.degrees)
    left = round(anchor[0] - pivot[0] * mask.shape[1])
    top = round(anchor[1] - pivot[1] * mask.shape[0])
    ink_on(layer, mask, left, top, setting.colour)


def _underline(mask: Mask, setting: Setting, lines: int) -> None:
    """Draw a rule under every line of a block, in place."""
    thick = max(setting.size // 14, 1)
    for row in range(lines):
        y = int(row * setting.pitch + 1.12 * setting.size)
        mask[y : y + thick, setting.size // 2 : mask.shape[1] - setting.size // 2] = 1
