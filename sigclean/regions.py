"""Finds the signatures on a whole page, and cuts one of them out.

A network sees the page as a whole; its places, and what the cleaner keeps of the page's ink, are
measured and judged, see `sigclean.finding`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from PIL import Image

from sigclean.compositing.results import MARGIN
from sigclean.errors import SigcleanError
from sigclean.finding.direction import is_upright, lies_on_its_side
from sigclean.finding.find import find, whole_box
from sigclean.finding.judge import load_judge
from sigclean.finding.sheet import KeepMaps, Sheet, read_sheet
from sigclean.letterbox import Box
from sigclean.views.padding import picture_box

__all__ = ["KeepMaps", "Region", "crop_region", "quarter_turned", "suggest_regions", "upright"]


@dataclass(frozen=True)
class Region:
    """A box in pixels of the page that holds a signature.

    Attributes:
        score: 0.5 to 1, how likely it is one.
        turned: degrees, counter-clockwise, by which the page was turned to find it: 0, or 90 or 270
            if the page lies on its side.
    """

    left: int
    top: int
    right: int
    bottom: int
    score: float
    turned: int = 0


def suggest_regions(page: Image.Image, cleaner: KeepMaps) -> list[Region]:
    """Find the signatures on a page.

    A page whose print runs up or down is looked at turned upright as well.

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
    readings = [_found(sheet, inside, 0)]
    if lies_on_its_side(sheet):
        readings += _turned_readings(inside, cleaner)
    best = max(readings, key=lambda found: sum(one.score for one in found))
    left, top = box[:2]
    return [
        replace(
            one, left=one.left + left, top=one.top + top, right=one.right + left,
            bottom=one.bottom + top,
        )
        for one in best
    ]  # fmt: skip


def upright(page: Image.Image, region: Region) -> Image.Image:
    """Cut a region out of its page, and turn it so that it can be read."""
    box = (region.left, region.top, region.right, region.bottom)
    return quarter_turned(page.crop(box), region.turned // 90)


def quarter_turned(image: Image.Image, quarters: int) -> Image.Image:
    """Turn a picture counter-clockwise by so many quarter turns; its resolution turns along."""
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    result = image.transpose(turns[quarters % 4 - 1]) if quarters % 4 else image
    if quarters % 2 and "dpi" in result.info:
        result.info["dpi"] = result.info["dpi"][::-1]
    return result


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
        return quarter_turned(page.crop((left, top, right, bottom)), quarters)
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


def _turned_readings(page: Image.Image, cleaner: KeepMaps) -> list[list[Region]]:
    """Find the signatures on a page that lies on its side, after a quarter turn: the one that puts
    its print upright, or each of the two if the print does not tell."""
    readings = []
    for quarters in (1, 3):
        turned = quarter_turned(page, quarters)
        sheet = read_sheet(turned, cleaner)
        if sheet is None:
            continue
        stands = is_upright(sheet)
        if stands is not False:
            readings.append(_found(sheet, turned, quarters))
        if stands:
            break
    return readings


def _found(sheet: Sheet, page: Image.Image, quarters: int) -> list[Region]:
    """The signatures on a page that was turned by so many quarter turns, as regions of the page
    before that."""
    small = sheet.ink.shape[1], sheet.ink.shape[0]
    found = []
    for one in find(sheet, load_judge()):
        box = _back(_on_page(whole_box(one.candidate, sheet), small, page.size), page, quarters)
        found.append(Region(*box, one.score, 90 * quarters))
    return found


def _on_page(box: Box, small: tuple[int, int], page: tuple[int, int]) -> Box:
    """Convert a box from pixels of the map to pixels of the page, and add a margin."""
    left, top, right, bottom = box
    across, down = page[0] / small[0], page[1] / small[1]
    margin = MARGIN * max(right - left, bottom - top)
    return (
        max(math.floor((left - margin) * across), 0),
        max(math.floor((top - margin) * down), 0),
        min(math.ceil((right + margin) * across), page[0]),
        min(math.ceil((bottom + margin) * down), page[1]),
    )


def _back(box: Box, page: Image.Image, quarters: int) -> Box:
    """Convert a box on a page that was turned by 0, 1 or 3 quarters to the page before that."""
    left, top, right, bottom = box
    if quarters == 1:
        return page.height - bottom, left, page.height - top, right
    if quarters == 3:
        return top, page.width - right, bottom, page.width - left
    return box
