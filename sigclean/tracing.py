"""A clean result as an SVG: the ink's outlines as curves, on transparent ground."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from sigclean.compositing.compose import WHITE
from sigclean.extras import require
from sigclean.files import atomic_write
from sigclean.ink import darkness_rows, ink_core, rgb_or_rgba
from sigclean.letterbox import row_blocks

Box = tuple[int, int, int, int]

FAINTEST = 0.15  # of the darkness in the middle of strokes: what is lighter is left out
EDGE = 0.5  # of the darkness in the middle of the stroke at hand: the outline lies there
STROKE = 5  # pixels, odd: the darkest within such a square is the middle of the stroke at hand
PURE = 0.95  # of the darkness in the middle of strokes: what is darker shows the ink's colour
TRACED = 3200  # pixels of the longest side that is traced ...
ENLARGED = 4  # ... but small pictures are enlarged no more than this
SPECKLE = 4  # pixels of the traced picture: the side of what is left out as dirt

_PATH = re.compile(
    r'<path d="([MLCZ0-9 .,-]+)" fill="#[0-9a-fA-F]{6}"'
    r' transform="translate\((-?[0-9.]+),(-?[0-9.]+)\)"/>'
)


def trace_svg(clean: Image.Image) -> str:
    """The ink of a clean picture as an SVG document of the picture's own size.

    It is made of paths alone, filled with the ink's own colour; without ink there are none.

    Args:
        clean: a result of the cleaner, RGB on white or RGBA; never changed.

    Raises:
        SigcleanError: the library that traces is not installed.
    """
    trace = find_tracer()
    picture = rgb_or_rgba(clean)
    core = ink_core(picture)
    dark = _darkness(picture)
    least = max(1, round(FAINTEST * core * WHITE))
    box = dark.point([0] * least + [WHITE] * (256 - least)).getbbox()
    ink = _outlines(trace, dark, box, least) if box else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{picture.width}" '
        f'height="{picture.height}" viewBox="0 0 {picture.width} {picture.height}" '
        f'fill="{_colour(picture, core)}" fill-rule="evenodd">\n{ink}</svg>\n'
    )


def write_svg(clean: Image.Image, path: Path) -> None:
    """Write what `trace_svg` says, whole or not at all; makes the folder.

    Raises SigcleanError if that cannot be done.
    """
    svg = trace_svg(clean)
    with atomic_write(path) as draft:
        draft.write_text(svg, encoding="utf-8")


def find_tracer() -> Callable[..., str]:
    """The library's function. Raises SigcleanError if it is not installed: ask before long work."""
    require("vtracer", extra="svg", purpose="SVG")
    import vtracer

    return vtracer.convert_raw_image_to_svg


def _outlines(trace: Callable[..., str], dark: Image.Image, box: Box, least: int) -> str:
    """The outlines of the ink in `box`, as path elements in a group that puts them in place."""
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
    """Black within the outlines, L, enlarged so that they are smooth.

    Thin strokes of few pixels are fainter than wide ones of the same pen, so that one threshold
    for all would break them or fatten the others.
    """
    scale = min(ENLARGED, TRACED / max(ink.size))
    size = (max(1, round(ink.width * scale)), max(1, round(ink.height * scale)))
    middle = ink.filter(ImageFilter.MaxFilter(STROKE)).resize(size, Image.Resampling.BILINEAR)
    edge = np.maximum(np.asarray(middle, np.float32) * np.float32(EDGE), least)
    large = ink.resize(size, Image.Resampling.BICUBIC)
    return Image.fromarray(np.where(np.asarray(large) >= edge, 0, WHITE).astype(np.uint8))


def _darkness(picture: Image.Image) -> Image.Image:
    """L: how dark the ink is."""
    dark = np.empty((picture.height, picture.width), np.uint8)
    for top, bottom in row_blocks(*picture.size):
        dark[top:bottom] = darkness_rows(picture, top, bottom)
    return Image.fromarray(dark)


def _colour(picture: Image.Image, core: float) -> str:
    """#rrggbb: on white, the mean of the middle of the strokes; black without ink."""
    total, count = np.zeros(3), 0
    for top, bottom in row_blocks(*picture.size):
        middle = darkness_rows(picture, top, bottom) >= PURE * core * WHITE
        rows = _on_white(picture.crop((0, top, picture.width, bottom)))
        total += np.asarray(rows)[middle].sum(axis=0, dtype=np.float64)
        count += int(middle.sum())
    red, green, blue = np.rint(total / max(count, 1)).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")
