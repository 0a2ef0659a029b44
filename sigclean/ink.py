"""A clean result in another ink, and a picture that shows what cleaning took away."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from sigclean.arrays import WHITE, Float, UInt8, across_channels, brightest_channel, darkest_channel
from sigclean.compositing.ink_colour import COLOURS, Colour, is_alike, parse_code, parse_pen
from sigclean.compositing.paper import paper_floor, paper_levels, relative_brightness
from sigclean.errors import SigcleanError
from sigclean.letterbox import Letterbox, row_blocks, stretch

INKS = {name: COLOURS[name] for name in ("black", "blue")}
RED: Colour = (220, 30, 40)

INKED = 48  # darkness of 255: lighter pixels say nothing about how dark the pen is
CORE = 0.9  # quantile of the darkness of inked pixels: that of the middle of a stroke
GAIN = 2.5  # factor by which faint ink may be strengthened, at most
PAPER_NOISE = 8  # darkness of 255 up to which a pixel of a result counts as paper
SHADE = 128  # level of 255: darker paper lies in deep shade
PALEST = 0.5  # least strength of the tint, so that pale print shows, too
FADE = 0.7  # share of its darkness that erased ink has in the overlay
REMOVED = 0.06  # darkness that is erased without a tint, at least; rough paper has more
SOFT = 0.2  # darkness beyond that at which the tint is full
EDGE = 0.25  # darkness up to which a pixel beside a coloured stroke is that stroke's edge
EDGE_WIDTH = 5  # pixels, odd: twice the width of such an edge, and one


def parse_colour(name: str) -> Colour:
    """Parse `black`, `blue` or `#rrggbb` into red, green and blue.

    Raises SigcleanError for anything else.
    """
    colour = INKS.get(name) or parse_code(name)
    if colour is None:
        raise SigcleanError(f"unknown ink {name!r}: choose {', '.join(INKS)} or #rrggbb")
    return colour


def recolour(clean: Image.Image, colour: str) -> Image.Image:
    """Draw the same strokes in another ink: the middle of a stroke gets its colour, and soft edges
    stay soft. This is a drawing, which may be darker than the input.

    Args:
        clean: a result of the cleaner, RGB on white or RGBA; it is not changed.
        colour: `black`, `blue` or `#rrggbb`.

    Returns:
        A picture of the same mode and size.

    Raises:
        SigcleanError: an unknown colour.
    """
    ink = parse_colour(colour)
    picture = rgb_or_rgba(clean)
    table = _table(ink, ink_core(picture), picture.mode)
    result = np.empty((picture.height, picture.width, table.shape[1]), np.uint8)
    for top, bottom in row_blocks(*picture.size):
        result[top:bottom] = table[darkness_rows(picture, top, bottom)]
    recoloured = Image.fromarray(result)
    recoloured.info = clean.info.copy()
    return recoloured


def _table(ink: Colour, core: float, mode: str) -> UInt8:
    """The new pixel for each darkness, 256x3 or 256x4."""
    covers = np.minimum(np.arange(256) * min(1 / core, GAIN), WHITE)
    if mode == "RGBA":
        return np.column_stack([np.tile(ink, (256, 1)), np.rint(covers)]).astype(np.uint8)
    return np.rint(WHITE - np.outer(covers / WHITE, WHITE - np.array(ink))).astype(np.uint8)


def ink_core(picture: Image.Image) -> float:
    """Measure the darkness of the middle of the strokes, 0 to 1; 1 in a picture without ink.

    Args:
        picture: RGB on white, or RGBA.
    """
    counts = np.zeros(256, np.int64)
    for top, bottom in row_blocks(*picture.size):
        counts += np.bincount(darkness_rows(picture, top, bottom).ravel(), minlength=256)
    counts[:INKED] = 0
    below = np.cumsum(counts)
    return int(np.searchsorted(below, CORE * below[-1])) / WHITE if below[-1] else 1.0


def darkness_rows(picture: Image.Image, top: int, bottom: int) -> UInt8:
    """The darkness of rows `top` to `bottom` of an RGB or RGBA picture on white: HxW, that of the
    darkest channel, 0 for paper and 255 for black."""
    pixels = np.asarray(picture.crop((0, top, picture.width, bottom)))
    darkest = darkest_channel(pixels)
    if picture.mode == "RGB":
        return np.subtract(WHITE, darkest, dtype=np.uint8)
    alpha = pixels[..., 3].astype(np.uint16)
    return ((alpha * (WHITE - darkest) + WHITE // 2) // WHITE).astype(np.uint8)


def removed_overlay(noisy: Image.Image, clean: Image.Image, tint: Colour = RED) -> Image.Image:
    """Show what cleaning erased: kept ink is as it was, erased ink is tinted, paper is faded.

    The paper's own tint and shade do not count as erased.

    Args:
        noisy: the input, RGB.
        clean: the result, of the same size: RGB on white, or RGBA.
        tint: red, green and blue of erased ink.

    Raises:
        SigcleanError: the sizes differ.
    """
    if noisy.size != clean.size:
        raise SigcleanError(
            "the noisy and the clean picture differ in size: "
            f"{noisy.width}x{noisy.height} and {clean.width}x{clean.height}"
        )
    noisy, clean = noisy.convert("RGB"), rgb_or_rgba(clean)
    paper, least = _paper(noisy, clean)
    result = np.empty((noisy.height, noisy.width, 3), np.uint8)
    for top, bottom in row_blocks(*noisy.size):
        before = np.asarray(noisy.crop((0, top, noisy.width, bottom)))
        level = np.asarray(stretch(paper, noisy.size, (0, top, noisy.width, bottom)))
        after = np.divide(darkness_rows(clean, top, bottom), WHITE, dtype=np.float32)
        result[top:bottom] = _tinted(before, _darkness(before, level), after, least, tint)
    return Image.fromarray(result)


def colour_mask(noisy: Image.Image, colour: str) -> Image.Image:
    """Find the ink of one colour, as a mask for `SignatureCleaner.clean_with`.

    Pixels in which another ink crosses it are left out; the pale edges of its strokes are not.

    Args:
        noisy: the input, RGB.
        colour: a name of `compositing.ink_colour.COLOURS`, or `#rrggbb`.

    Returns:
        An L picture of the same size, 255 where the ink has this colour, else 0.

    Raises:
        SigcleanError: an unknown colour, or one too bright to be seen on paper.
    """
    pen = parse_pen(colour)
    if pen is None:
        raise SigcleanError("a mask needs a colour, not auto")
    inner = Letterbox().shrink(noisy)[0]
    paper = paper_levels(inner, Image.new("L", inner.size))
    alike = np.empty((noisy.height, noisy.width), np.bool_)
    pale = np.empty_like(alike)
    for top, bottom in row_blocks(*noisy.size):
        box = (0, top, noisy.width, bottom)
        own = np.asarray(noisy.crop(box)).reshape(-1, 3)
        level = np.asarray(stretch(paper, noisy.size, box)).reshape(-1, 3)
        dark = 1 - relative_brightness(own, level)
        alike[top:bottom] = is_alike(dark, pen[None]).reshape(-1, noisy.width)
        pale[top:bottom] = (brightest_channel(dark) < EDGE).reshape(-1, noisy.width)
    near = Image.fromarray(alike).convert("L").filter(ImageFilter.MaxFilter(EDGE_WIDTH))
    return Image.fromarray(np.where(alike | pale, np.asarray(near), 0).astype(np.uint8))


def _tinted(before: UInt8, dark: Float, after: Float, least: float, tint: Colour) -> UInt8:
    """Tint erased ink in HxWx3 pixels, given their darkness before and after (HxW, 0 to 1)."""
    kept = np.minimum(after / np.maximum(dark, 1 / WHITE), 1)[..., None]
    removed = np.clip((dark - after - least) / SOFT, 0, 1)[..., None]
    faded = WHITE - (WHITE - before.astype(np.float32)) * (FADE + (1 - FADE) * kept)
    strength = np.maximum(dark, PALEST)[..., None]
    tinted = WHITE - (WHITE - np.array(tint, np.float32)) * strength
    return np.rint(faded * (1 - removed) + tinted * removed).astype(np.uint8)


def _darkness(pixels: UInt8, paper: UInt8) -> Float:
    """The darkness of the darkest channel relative to the paper: HxW in [0, 1]; less in deep shade,
    where the camera's noise is large beside the paper's level."""
    level = paper.astype(np.float32)
    relative = (level - pixels) / np.maximum(level, SHADE)
    darkest = across_channels(np.maximum, relative)
    return np.clip(darkest, 0, 1)


def _paper(noisy: Image.Image, clean: Image.Image) -> tuple[Image.Image, float]:
    """The paper's colour (see `paper_levels`), and the least darkness that is not its roughness."""
    inner, small = (Letterbox().shrink(picture)[0] for picture in (noisy, clean))
    kept = (darkness_rows(small, 0, small.height) > PAPER_NOISE).astype(np.uint8) * np.uint8(WHITE)
    keep = Image.fromarray(kept)
    paper = paper_levels(inner, keep)
    return paper, max(REMOVED, paper_floor(noisy, paper, keep))


def rgb_or_rgba(image: Image.Image) -> Image.Image:
    """Convert a picture of another mode to RGB, or to RGBA if it has transparent pixels."""
    if image.mode in ("RGB", "RGBA"):
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
