"""Finds the signatures on a whole page, and cuts one of them out.

There is no model for it: ink that the cleaner keeps is a signature's, not print. A page shows
signatures smaller than the network knows them, so it is cleaned in windows of two scales.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image, ImageFilter

from sigclean.arrays import Float, Mask
from sigclean.compositing.compose import MARGIN
from sigclean.errors import SigcleanError
from sigclean.letterbox import Box, Letterbox, resize
from sigclean.views.padding import picture_box
from sigclean.windows import keep_map

Cell = tuple[int, int]  # row and column

SCALES = (2, 3)  # windows along the longest side of the page
MAP = 1024  # pixels of the longest side of the map on which ink is grouped
KEPT = 0.35  # keep map, on average over the scales, above which ink may be a signature's
DARK = 0.12  # share by which ink is darker than the paper about it, at least
PAPER = 16  # pixels of the map: the side of the tiles in which the paper's level is taken
CELL = 8  # pixels of the map: the side of the cells that are grouped
CELL_INK = 2  # pixels of ink that a cell needs
REACH = 3  # cells: those no farther apart belong to one signature; 6 mm on a letter
WORDS = 7  # cells between the words of one signature, where the picture shows little else

# Amounts at which a group of ink is fully like a signature, see `_score`:
STROKES = 2.0  # length of all strokes over the longest side
SHORT, LONG = 0.04, 0.13  # shortest and longest side, as shares of `MAP`
LEAST = 0.5  # score of a signature

SUBJECT = 0.35  # share of the page's longest side: a signature so long is the picture's subject
WIDEST_PAGE = 1.7  # width over height: a wider picture is a cheque or a cut, not a page


class KeepMaps(Protocol):
    """The part of a `SignatureCleaner` that the finder needs."""

    @property
    def letterbox(self) -> Letterbox:
        """The square of the network."""

    def keep_map(self, picture: Image.Image) -> Image.Image:
        """Compute the keep map of a picture that is cleaned as a whole."""

    def keep_of_parts(self, parts: list[Image.Image]) -> list[Image.Image]:
        """Compute the keep maps of a page's windows."""


@dataclass(frozen=True)
class Region:
    """A box in pixels of the page that may hold a signature; `score`, 0 to 1, tells how likely."""

    left: int
    top: int
    right: int
    bottom: int
    score: float


def suggest_regions(page: Image.Image, cleaner: KeepMaps) -> list[Region]:
    """Find the signatures on a page.

    A picture that shows little more than one signature is cleaned as a whole, which is faster.

    Args:
        page: RGB, upright, as `images.read_image` returns it.

    Returns:
        Boxes with a margin, the likeliest first; none where there is no signature.
    """
    box = picture_box(page)
    left, top = box[:2]
    return [
        Region(one.left + left, one.top + top, one.right + left, one.bottom + top, one.score)
        for one in _suggest(page.crop(box), cleaner)
    ]


def _suggest(page: Image.Image, cleaner: KeepMaps) -> list[Region]:
    """Find the signatures on a page without dark strips at its edges."""
    small = _longest_side(page, MAP)
    ink = _ink(small)
    if not ink.any():
        return []
    whole = _fractions(cleaner.keep_map(small))
    if _is_cut(page.size, cleaner) or _longest(_regions(whole, ink, REACH)) >= SUBJECT * MAP:
        found = _regions(whole, ink, WORDS)
    else:
        found = _regions(_keep(page, cleaner, small.size), ink, REACH)
    return [_on_page(one, small.size, page.size) for one in found]


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


def _is_cut(size: tuple[int, int], cleaner: KeepMaps) -> bool:
    """Tell whether a picture is too wide or too small for a page."""
    return size[0] > WIDEST_PAGE * size[1] or max(size) <= cleaner.letterbox.size


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


def _keep(page: Image.Image, cleaner: KeepMaps, size: tuple[int, int]) -> Float:
    """The keep map of a page, on average over the scales: HxW in [0, 1], of the given `size`."""
    total = np.zeros((size[1], size[0]), np.float32)
    for scale in SCALES:
        side = cleaner.letterbox.size
        keep = keep_map(_longest_side(page, scale * side), cleaner.keep_of_parts, side, side)
        total += _fractions(keep.resize(size, Image.Resampling.BILINEAR))
    return total / np.float32(len(SCALES))


def _fractions(keep: Image.Image) -> Float:
    return np.divide(np.asarray(keep), 255, dtype=np.float32)


def _longest_side(image: Image.Image, pixels: int) -> Image.Image:
    """The picture with a longest side of so many pixels."""
    scale = pixels / max(image.size)
    return resize(image, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def _ink(small: Image.Image) -> Mask:
    """The pixels that are darker than the paper about them; on bare paper a keep map is random."""
    grey = small.convert("L")
    tiles = (max(1, grey.width // PAPER), max(1, grey.height // PAPER))
    paper = grey.resize(tiles, Image.Resampling.BOX)
    paper = paper.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.BoxBlur(2))
    level = np.asarray(paper.resize(grey.size, Image.Resampling.BILINEAR), np.float32)
    return np.asarray(grey) < (1 - DARK) * level


def _regions(keep: Float, ink: Mask, reach: int) -> list[Region]:
    """Group the kept ink of the map into likely signatures, in its pixels, the likeliest first."""
    kept = (keep > KEPT) & ink
    found = [_region(keep, kept, group) for group in _groups(kept, reach)]
    return sorted((one for one in found if one.score >= LEAST), key=lambda one: -one.score)


def _groups(kept: Mask, reach: int) -> Iterator[list[Cell]]:
    """Yield groups of cells with ink, each with all those within reach of one of its cells."""
    rows, columns = -(-kept.shape[0] // CELL), -(-kept.shape[1] // CELL)
    padded = np.zeros((rows * CELL, columns * CELL), np.bool_)
    padded[: kept.shape[0], : kept.shape[1]] = kept
    inked = padded.reshape(rows, CELL, columns, CELL).sum(axis=(1, 3)) >= CELL_INK
    left = {(int(row), int(column)) for row, column in np.argwhere(inked)}
    near = range(-reach, reach + 1)
    while left:
        group = [left.pop()]
        for row, column in group:  # the list grows while it is walked
            around = {(row + down, column + right) for down in near for right in near} & left
            left -= around
            group += around
        yield group


def _region(keep: Float, kept: Mask, group: list[Cell]) -> Region:
    """Box and score of a group of cells, in pixels of the map."""
    places = np.array(group)
    top, left = places.min(axis=0)
    cells = np.zeros(places.max(axis=0) - (top, left) + 1, np.bool_)
    cells[tuple((places - (top, left)).T)] = True
    own = cells.repeat(CELL, axis=0).repeat(CELL, axis=1)
    part = slice(top * CELL, top * CELL + len(own)), slice(left * CELL, left * CELL + own.shape[1])
    near = kept[part]
    own = own[: near.shape[0], : near.shape[1]] & near
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    sure = float(keep[part][own].mean())
    own = own[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    x, y = int(left) * CELL + int(columns[0]), int(top) * CELL + int(rows[0])
    return Region(x, y, x + own.shape[1], y + own.shape[0], _score(own, sure))


def _score(own: Mask, sure: float) -> float:
    """Score a group of ink from 0 to 1: how like a signature it is.

    Signs and brackets have few strokes for their size, rules and edges of the scan have no height,
    and print that survives comes in small pieces.

    Args:
        own: HxW, cut to the ink.
        sure: the mean of the keep map on that ink, in [0, 1].
    """
    longest, shortest = max(own.shape), min(own.shape)
    inner = np.pad(own, 1)
    inner = (
        inner[1:-1, 1:-1] & inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
    )
    strokes = (own & ~inner).sum() / 2 / longest  # a stroke has two edges
    return sure * float(
        min(strokes / STROKES, 1)
        * min(shortest / (SHORT * MAP), 1)
        * min(longest / (LONG * MAP), 1)
    )


def _longest(regions: list[Region]) -> int:
    """The longest side of any region, in pixels; 0 without regions."""
    sides = [max(one.right - one.left, one.bottom - one.top) for one in regions]
    return max(sides, default=0)


def _on_page(region: Region, small: tuple[int, int], page: tuple[int, int]) -> Region:
    """Convert a region from pixels of the map to pixels of the page, and add a margin."""
    across, down = page[0] / small[0], page[1] / small[1]
    margin = MARGIN * _longest([region])
    return Region(
        max(math.floor((region.left - margin) * across), 0),
        max(math.floor((region.top - margin) * down), 0),
        min(math.ceil((region.right + margin) * across), page[0]),
        min(math.ceil((region.bottom + margin) * down), page[1]),
        region.score,
    )
