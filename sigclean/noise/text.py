"""Printed and typed text where signatures have it: above, below, beside, behind, across."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sigclean.noise import wording
from sigclean.noise.lettering import has_glyphs, pick_font
from sigclean.noise.page import Layer, Mask, Page, ink_on
from sigclean.noise.printing import Colour, print_colour, slanted, spread, worn
from sigclean.noise.ruling import rules

__all__ = ["choose_setting", "print_block", "rules", "set_lines", "text"]


@dataclass(frozen=True)
class Setting:
    """How a block of text is set: `pitch` from line to line, `tracking` added between letters."""

    font: ImageFont.FreeTypeFont
    size: int
    pitch: float
    colour: Colour
    tracking: float = 0
    shear: float = 0
    degrees: float = 0
    capitals: bool = False
    align: str = "left"  # left, right, centre or block


def choose_setting(rng: np.random.Generator, page: Page, size: float | None = None) -> Setting:
    """A way to set text whose size suits the page; `size` (em, pixels) overrides it."""
    if size is None:
        size = min(page.height, 0.6 * page.width) * spread(rng, 0.05, 0.3)
    em = int(np.clip(size, 5, 600))
    return Setting(
        font=pick_font(rng, page.material, em),
        size=em,
        pitch=em * rng.uniform(1.0, 1.7),
        colour=print_colour(rng),
        tracking=em * rng.uniform(-0.02, 0.35) if rng.random() < 0.15 else 0,
        shear=rng.uniform(0.1, 0.3) if rng.random() < 0.1 else 0,
        degrees=float(rng.normal(0, 1.2)) if rng.random() < 0.6 else 0,
        capitals=bool(rng.random() < 0.12),
        align=str(rng.choice(("left", "left", "centre", "right"))),
    )


def set_lines(lines: list[str], setting: Setting, room: tuple[int, int]) -> Mask:
    """`lines` as one block of coverage, not turned yet, at most `room` (width, height) pixels.

    Letters that the font lacks are left out rather than drawn as boxes.
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
    """Draw one line; `gap` widens its spaces, `setting.tracking` every letter."""
    x, y = start
    if not gap and not setting.tracking:
        draw.text((x, y), line, fill=255, font=setting.font)
        return
    pieces = list(line) if setting.tracking else line.split(" ")
    between = setting.tracking if setting.tracking else gap + setting.font.getlength(" ")
    for piece in pieces:
        draw.text((x, y), piece, fill=255, font=setting.font)
        x += setting.font.getlength(piece) + between


def print_block(
    rng: np.random.Generator,
    layer: Layer,
    lines: list[str],
    setting: Setting,
    anchor: tuple[float, float],
    pivot: tuple[float, float] = (0, 0),
) -> None:
    """Print `lines` onto `layer` so that the block's `pivot` (0..1 across, down) is at `anchor`."""
    height, width = layer.shape[:2]
    mask = set_lines(lines, setting, (2 * width + 8, 2 * height + 8))
    if rng.random() < 0.08:
        _underline(mask, setting, len(lines))
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


def _letter_end(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """The end of a letter: a closing above the signature, the signatory's lines below."""
    left, top, right, bottom = page.ink
    x = left + (right - left) * rng.uniform(-0.25, 0.45)
    if rng.random() < 0.75:
        y = top + (bottom - top) * rng.uniform(-0.2, 0.3)
        print_block(rng, layer, [wording.one_of(rng, wording.CLOSINGS)], setting, (x, y), (0, 1))
    if rng.random() < 0.85:
        x += (right - left) * float(rng.normal(0, 0.05))
        y = bottom - (bottom - top) * rng.uniform(-0.15, 0.4)
        print_block(rng, layer, wording.signatory(rng), setting, (x, y))


def _running_lines(rng: np.random.Generator, page: Page, setting: Setting, count: int) -> list[str]:
    """`count` lines of running text, somewhat wider than the page or a column of it."""
    letters = max(int(page.width * rng.uniform(0.5, 1.5) / (0.5 * setting.size)), 6)
    lines = [" ".join(wording.words(rng, min(letters, 240) // 5 + 2)) for _ in range(count)]
    return [line[: max(letters - int(rng.integers(0, 6)), 3)] for line in lines]


def _paragraph(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """Running text above or below the signature, cut by the picture's border."""
    _, top, _, bottom = page.ink
    setting = replace(setting, align=str(rng.choice(("left", "block"))))
    count = int(rng.integers(1, 5))
    lines = _running_lines(rng, page, setting, count)
    x = page.width * rng.uniform(-0.3, 0.3)
    overlap = (bottom - top) * rng.uniform(-0.1, 0.25)
    if rng.random() < 0.5:
        print_block(rng, layer, lines, setting, (x, top + overlap), (0, 1))
    else:
        print_block(rng, layer, lines, setting, (x, bottom - overlap))


def _behind(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """A page of running text behind the strokes, at any line pitch."""
    small = min(setting.size, max(page.height // 6, 5))
    setting = choose_setting(rng, page, small)
    setting = replace(setting, align=str(rng.choice(("left", "block"))), tracking=0)
    setting = replace(setting, pitch=setting.size * spread(rng, 0.9, 3.5))
    count = min(int(page.height / setting.pitch) + 2, 40)
    lines = _running_lines(rng, page, setting, count)
    anchor = (page.width * rng.uniform(-0.4, 0.3), -setting.pitch * rng.uniform(0, 1))
    print_block(rng, layer, lines, setting, anchor)


def _cut(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """Print, often large and bold, that the picture's border cuts through."""
    setting = choose_setting(rng, page, setting.size * rng.uniform(1, 2.5))
    line = wording.one_of(rng, wording.TITLES + wording.CLOSINGS)
    line = line if rng.random() < 0.5 else " ".join(wording.words(rng, 5))
    shown = rng.uniform(0.15, 0.7) * setting.size
    x = page.width * rng.uniform(-0.3, 0.6)
    side = rng.random()
    if side < 0.4:
        print_block(rng, layer, [line], setting, (x, shown), (0, 1))
    elif side < 0.8:
        print_block(rng, layer, [line], setting, (x, page.height - shown))
    else:
        end = (-0.3 * page.width, page.width - 3 * shown)[int(rng.integers(2))]
        print_block(rng, layer, [line], setting, (end, page.height * rng.uniform(0, 0.9)))


def _beside(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """A few words left or right of the signature: a date, a number, a caption, an address."""
    left, top, right, bottom = page.ink
    kinds = (wording.number, wording.contact, wording.name, wording.company)
    lines = [kinds[int(rng.integers(4))](rng) for _ in range(int(rng.integers(1, 4)))]
    if rng.random() < 0.3:
        lines = [wording.one_of(rng, wording.CAPTIONS)]
    y = rng.uniform(top, bottom)
    if rng.random() < 0.5:
        x = left + (right - left) * rng.uniform(-0.1, 0.15)
        print_block(rng, layer, lines, setting, (x, y), (1, 0.5))
    else:
        x = right - (right - left) * rng.uniform(-0.1, 0.15)
        print_block(rng, layer, lines, setting, (x, y), (0, 0.5))


def _caption(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """Captions in tiny letters, as forms have them, anywhere."""
    size = min(page.height, page.width) * spread(rng, 0.02, 0.07)
    for _ in range(int(rng.integers(1, 4))):
        setting = choose_setting(rng, page, size)
        line = wording.one_of(rng, wording.CAPTIONS)
        anchor = (page.width * rng.uniform(0, 0.9), page.height * rng.uniform(0, 1))
        print_block(rng, layer, [line], setting, anchor)


def _to_sign(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """`X______`: a row of underscores or dots under the ink, with a word before it."""
    left, _, right, bottom = page.ink
    mark = "_.-"[int(rng.integers(3))]
    count = int((right - left) * rng.uniform(0.6, 1.4) / max(setting.font.getlength(mark), 1))
    word = wording.one_of(rng, ("X", "By:", "x ", "Signed", "Date", "✗", "Unterschrift:", ""))
    setting = replace(setting, tracking=0, align="left")
    base = bottom - setting.size * rng.uniform(0, 2)
    x = left - setting.size * rng.uniform(0, 3)
    print_block(rng, layer, [word + mark * min(max(count, 3), 200)], setting, (x, base), (0, 0.9))


TextLayout = Callable[[np.random.Generator, Page, Layer, Setting], None]
TEXT_LAYOUTS: tuple[tuple[TextLayout, float], ...] = (
    (_letter_end, 0.3),
    (_paragraph, 0.17),
    (_behind, 0.13),
    (_cut, 0.12),
    (_beside, 0.12),
    (_caption, 0.08),
    (_to_sign, 0.08),
)


def text(rng: np.random.Generator, page: Page) -> Layer:
    """Printed and typed text around, behind and across the signature: one to three arrangements."""
    layer = page.blank()
    setting = choose_setting(rng, page)
    layouts, weights = zip(*TEXT_LAYOUTS, strict=True)
    count = int(rng.choice((1, 2, 3), p=(0.5, 0.35, 0.15)))
    chosen = rng.choice(len(layouts), count, replace=False, p=np.divide(weights, sum(weights)))
    for index in chosen:
        layouts[int(index)](rng, page, layer, setting)
    return layer
