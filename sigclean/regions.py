"""Finds the signatures on a whole page, and cuts one of them out.

A network sees the page as a whole; its places, and what the cleaner keeps of the page's ink, are
measured and judged, see `sigclean.finding`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from sigclean.compositing.compose import MARGIN
from sigclean.errors import SigcleanError
from sigclean.finding.find import find, whole_box
from sigclean.finding.judge import load_judge
from sigclean.finding.sheet import KeepMaps, read_sheet
from sigclean.letterbox import Box
from sigclean.views.padding import picture_box

__all__ = ["KeepMaps", "Region", "crop_region", "suggest_regions"]


@dataclass(frozen=True)
class Region:
    """A box in pixels of the page that holds a signature; `score`, 0.5 to 1, tells how likely."""

    left: int
    top: int
    right: int
    bottom: int
    score: float


def suggest_regions(page: Image.Image, cleaner: KeepMaps) -> list[Region]:
    """Find the signatures on a page.

    Args:
        page: RGB, upright, as `images.read_image` returns it.

    Returns:
        Boxes with a margin, the likeliest first; none where there is no signature.
    """
    box = picture_box(page)
    inside = page.crop(box)
    sheet = read_sheet(inside, cleaner)
    if sheet is None:
        return []
    small = sheet.ink.shape[1], sheet.ink.shape[0]
    return [
        _on_page(whole_box(one.candidate, sheet), one.score, small, box)
        for one in find(sheet, load_judge())
    ]


def crop_region(
    page: Image.Image, box: tuple[float, float, float, float], angle: float
) -> Image.Image:
    """Turn a page about the centre of a box, and cut the box out, at full resolution.

    Quarter turns turn the box along, so that nothing is cut off; the rest of the angle, up to 45
    degrees, turns the page below the box. Beyond the page it is white.

    Args:
        page: an RGB picture.
        box: left, top, right and bottom as fractions of the page's width and height; it is clipped
            to the page.
        angle: degrees, counter-clockwise.

    Raises:
        SigcleanError: the box holds no pixel, or a number is not finite.
    """
    left, top, right, bottom = _pixels(box, page.size)
    if not math.isfinite(angle):
        raise SigcleanError(f"the angle must be a finite number of degrees, not {angle}")
    quarters = round(angle / 90)
    if angle == 90 * quarters:
        return _turned(page.crop((left, top, right, bottom)), quarters)
    width, height = right - left, bottom - top
    if quarters % 2:
        width, height = height, width
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x, y = (left + right) / 2, (top + bottom) / 2
    matrix = (
        *(cosine, -sine, x - cosine * width / 2 + sine * height / 2),
        *(sine, cosine, y - sine * width / 2 - cosine * height / 2),
    )
    return page.transform(
        (width, height),
        Image.Transform.AFFINE,
        matrix,
        Image.Resampling.BICUBIC,
        fillcolor="white",
    )


def _pixels(box: tuple[float, float, float, float], size: tuple[int, int]) -> Box:
    if not all(math.isfinite(side) for side in box):
        raise SigcleanError(f"the region's sides must be finite numbers, not {_said(box)}")
    left, top, right, bottom = (
        round(min(max(side, 0), 1) * size[axis % 2]) for axis, side in enumerate(box)
    )
    if left >= right or top >= bottom:
        raise SigcleanError(f"the region {_said(box)} holds no pixel of the page")
    return left, top, right, bottom


def _said(box: tuple[float, ...]) -> str:
    return ", ".join(f"{side:g}" for side in box)


def _turned(image: Image.Image, quarters: int) -> Image.Image:
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return image.transpose(turns[quarters % 4 - 1]) if quarters % 4 else image


def _on_page(box: Box, score: float, small: tuple[int, int], page: Box) -> Region:
    """Convert a box from pixels of the map to pixels of the page, and add a margin."""
    left, top, right, bottom = box
    across, down = (page[2] - page[0]) / small[0], (page[3] - page[1]) / small[1]
    margin = MARGIN * max(right - left, bottom - top)
    return Region(
        page[0] + max(math.floor((left - margin) * across), 0),
        page[1] + max(math.floor((top - margin) * down), 0),
        min(page[0] + math.ceil((right + margin) * across), page[2]),
        min(page[1] + math.ceil((bottom + margin) * down), page[3]),
        score,
    )
