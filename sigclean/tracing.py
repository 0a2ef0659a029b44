"""A clean result as an SVG: the ink's outlines as curves, on transparent ground."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from sigclean.arrays import WHITE
from sigclean.encoding import known_dpi, on_white
from sigclean.extras import require
from sigclean.files import atomic_write_text
from sigclean.ink import darkness_rows, ink_core, parse_colour, rgb_or_rgba
from sigclean.letterbox import Box, row_blocks
from sigclean.windows import MM_PER_INCH

# Shares of the darkness in the middle of strokes:
FAINTEST = 0.15  # share below which ink is left out
PURE = 0.95  # share above which a pixel shows the ink's own colour
EDGE = 0.5  # share of the darkness in the middle of the stroke at hand at which its outline lies

STROKE = 5  # pixels, odd: the darkest in such a square is the middle of the stroke at hand
TRACED = 3200  # pixels of the longest side that is traced
ENLARGED = 4  # factor by which small pictures are enlarged, at most
SPECKLE = 4  # pixels of the traced picture: the side of dirt that is left out

_PATH = re.compile(
    r'<path d="([MLCZ0-9 .,-]+)" fill="#[0-9a-fA-F]{6}"'
    r' transform="translate\((-?[0-9.]+),(-?[0-9.]+)\)"/>'
)


def trace_svg(clean: Image.Image, *, colour: str | None = None, paper: str | None = None) -> str:
    """Trace the ink of a clean picture into an SVG document of the picture's own size: in mm if its
    resolution is known, else in pixels.

    The document holds nothing but paths of one colour; without ink, none.

    Args:
        clean: a result of the cleaner, RGB on white or RGBA; it is not changed.
        colour: the ink, as `ink.parse_colour` takes it; None for the ink's own colour.
        paper: the colour of a sheet below the ink, in the same form, or `white`; None for none.

    Raises:
        SigcleanError: vtracer is not installed, or a colour is unknown.
    """
    trace = find_tracer()
    picture = rgb_or_rgba(clean)
    core = ink_core(picture)
    dark = _darkness(picture)
    least = max(1, round(FAINTEST * core * WHITE))
    box = dark.point([0] * least + [WHITE] * (256 - least)).getbbox()
    ink = _outlines(trace, dark, box, least) if box else ""
    width, height = _lengths(clean)
    fill = _colour(picture, core) if colour is None else _code(parse_colour(colour))
    sheet = "" if paper is None else f'<rect width="100%" height="100%" fill="{_paper(paper)}"/>\n'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{height}" viewBox="0 0 {picture.width} {picture.height}" '
        f'fill="{fill}" fill-rule="evenodd">\n{sheet}{ink}</svg>\n'
    )


def _lengths(clean: Image.Image) -> tuple[str, str]:
    """Width and height of the document, with their unit."""
    dpi = known_dpi(clean)
    if dpi is None:
        return str(clean.width), str(clean.height)
    across, down = clean.width / dpi[0] * MM_PER_INCH, clean.height / dpi[1] * MM_PER_INCH
    return f"{across:.6g}mm", f"{down:.6g}mm"


def write_svg(clean: Image.Image, path: Path) -> None:
    """Trace a clean picture into an SVG file, whole or not at all; makes the folder.

    Raises SigcleanError if it cannot be written, or vtracer is not installed.
    """
    atomic_write_text(path, trace_svg(clean))


def find_tracer() -> Callable[..., str]:
    """Import vtracer's function. Raises SigcleanError if it is not installed: ask before long
    work."""
    require("vtracer", extra="svg", purpose="SVG")
    import vtracer

    return vtracer.convert_raw_image_to_svg


def _outlines(trace: Callable[..., str], dark: Image.Image, box: Box, least: int) -> str:
    """Trace the ink in `box` into path elements, in a group that puts them in place."""
    ink = dark.crop(box)
    ink.thumbnail((TRACED, TRACED), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    shape = _shape(ink, least)
    shape.save(file, "PNG", compress_level=1)
    svg = trace(
        file.getvalue(),
        img_format="png",
        colormode="binary",
        mode="spline",
        filter_speckle=SPECKLE,
        path_precision=1,
    )
    paths = (
        f'<path transform="translate({x} {y})" d="{d.strip()}"/>\n'
        for d, x, y in _PATH.findall(svg)
    )
    across, down = (box[2] - box[0]) / shape.width, (box[3] - box[1]) / shape.height
    place = f"translate({box[0]} {box[1]}) scale({across:.6g} {down:.6g})"
    return f'<g transform="{place}">\n{"".join(paths)}</g>\n'


def _shape(ink: Image.Image, least: int) -> Image.Image:
    """Draw the strokes black on white, L, enlarged so that their outlines are smooth.

    Thin strokes of few pixels are fainter than wide ones of the same pen: one threshold for all
    would break the thin ones or fatten the others.
    """
    scale = min(ENLARGED, TRACED / max(ink.size))
    size = (max(1, round(ink.width * scale)), max(1, round(ink.height * scale)))
    middle = ink.filter(ImageFilter.MaxFilter(STROKE)).resize(size, Image.Resampling.BILINEAR)
    edge = np.maximum(np.asarray(middle, np.float32) * np.float32(EDGE), least)
    large = ink.resize(size, Image.Resampling.BICUBIC)
    return Image.fromarray(np.where(np.asarray(large) >= edge, 0, WHITE).astype(np.uint8))


def _darkness(picture: Image.Image) -> Image.Image:
    """The darkness of the ink, an L picture."""
    dark = np.empty((picture.height, picture.width), np.uint8)
    for top, bottom in row_blocks(*picture.size):
        dark[top:bottom] = darkness_rows(picture, top, bottom)
    return Image.fromarray(dark)


def _colour(picture: Image.Image, core: float) -> str:
    """The ink's colour as #rrggbb: the mean of the middle of the strokes; black without ink."""
    total, count = np.zeros(3), 0
    for top, bottom in row_blocks(*picture.size):
        middle = darkness_rows(picture, top, bottom) >= PURE * core * WHITE
        rows = on_white(picture.crop((0, top, picture.width, bottom)))
        total += np.asarray(rows)[middle].sum(axis=0, dtype=np.float64)
        count += int(middle.sum())
    return _code(tuple(np.rint(total / max(count, 1)).astype(int)))


def _paper(colour: str) -> str:
    """The colour of a sheet as #rrggbb."""
    return "#ffffff" if colour == "white" else _code(parse_colour(colour))


def _code(colour: tuple[int, ...]) -> str:
    return "#" + "".join(f"{level:02x}" for level in colour)
