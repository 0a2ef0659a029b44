"""Fragments of real pages, without the notes that somebody wrote on them by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.noise import wording
from sigclean.noise.page import Layer, Mask, Page, ink_on
from sigclean.noise.printing import print_colour, shows, slanted, spread, worn
from sigclean.noise.typesetting import choose_setting, print_block

_INKED = 110  # of 255: what is darker on a page is ink
_TRIES = 8  # crops tried before a synthetic page is set instead
_MOSTLY_PRINT = 0.15  # largest share of a page to avoid; above it the rest is not trusted either
_MAX_SIDE = 1700  # pixels; larger pages are halved on reading, or the cache would be large

Ink = npt.NDArray[np.uint8]
"""HxW, 0 = paper, 255 = ink."""


@dataclass(frozen=True)
class Sheet:
    """A page that was read: its ink, the median height of its letters, and where not to cut.

    `avoid` holds HxW bits, eight columns a byte, so that more pages can be kept: 1 where something
    may be handwriting, or is black all over.
    """

    ink: Ink
    letter: float
    avoid: npt.NDArray[np.uint8]

    def avoids(self, rows: slice, columns: slice) -> bool:
        """Return whether a part of the page, within its borders, has something to avoid."""
        first = columns.start // 8
        bits = np.unpackbits(self.avoid[rows, first : (columns.stop + 7) // 8], axis=1)
        return bool(bits[:, columns.start - 8 * first : columns.stop - 8 * first].any())


@dataclass(frozen=True)
class Pieces:
    """Connected pieces of ink: their numbers, HxW, 0 on paper, and the box and area of each, in
    OpenCV's order, the paper's first."""

    labels: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.int32]


def document(rng: np.random.Generator, page: Page) -> Layer:
    """A fragment of a page from `page.material.documents`, or of a synthetic one without."""
    paths = page.material.documents
    for _ in range(_TRIES if paths else 0):
        sheet = read_sheet(paths[int(rng.integers(len(paths)))])
        fragment = _fragment(rng, sheet, page) if sheet else None
        if fragment is None:
            continue
        layer = page.blank()
        ink_on(layer, _placed(rng, worn(rng, fragment, 16)), 0, 0, print_colour(rng))
        if shows(layer):
            return layer
    return _synthetic(rng, page)


@lru_cache(maxsize=100)  # of up to 3 MB; reading one takes 15 times as long as printing a part
def read_sheet(path: Path) -> Sheet | None:
    """The page in `path`; None when it is unreadable, or print is not most of it."""
    try:
        with Image.open(path) as file:
            picture = file.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    while max(picture.size) > _MAX_SIDE:
        picture = picture.reduce(2)
    ink = 255 - np.asarray(picture, np.uint8)
    pieces = find_pieces(ink)
    letter = letter_height(pieces)
    if not letter:
        return None
    avoid = np.maximum(handwriting(ink, letter, pieces), solid(ink, letter))
    if avoid.mean() >= _MOSTLY_PRINT:
        return None
    return Sheet(ink, letter, np.packbits(avoid, axis=1))


def find_pieces(ink: Ink) -> Pieces:
    """Find the connected pieces of `ink`, which takes most of the time of reading a page."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(_bits(ink))
    return Pieces(np.asarray(labels, np.int32), np.asarray(boxes, np.int32))


def letter_height(pieces: Pieces) -> float:
    """The median height in pixels of what may be letters; 0 when there are too few."""
    boxes = pieces.boxes[1:]
    heights, widths = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_WIDTH]
    letters = heights[(heights >= 5) & (widths >= 2) & (heights < 80) & (widths < 3 * heights)]
    return float(np.median(letters)) if len(letters) >= 40 else 0.0


def handwriting(ink: Ink, letter: float, pieces: Pieces) -> Ink:
    """Mark, as HxW of 0 and 1, the parts of `ink` that may be written by hand.

    Print comes in small pieces and straight lines. A connected piece much taller than the letters
    that is not made of straight lines is taken for handwriting, with its surroundings; so are
    logos and large headings, which does no harm.
    """
    bits, boxes = _bits(ink), pieces.boxes
    reach = max(int(2.5 * letter), 9)
    level = cv2.morphologyEx(bits, cv2.MORPH_OPEN, np.ones((1, reach), np.uint8))
    upright = cv2.morphologyEx(bits, cv2.MORPH_OPEN, np.ones((reach, 1), np.uint8))
    lines = pieces.labels[np.maximum(level, upright) > 0]
    straight = np.bincount(lines, minlength=len(boxes))
    tall = np.minimum(boxes[:, cv2.CC_STAT_HEIGHT], 3 * boxes[:, cv2.CC_STAT_WIDTH])
    suspect = (tall > 2.6 * letter) & (straight < 0.6 * boxes[:, cv2.CC_STAT_AREA])
    avoid = np.zeros_like(bits)
    margin = int(3.5 * letter)  # handwriting beside it may be in smaller pieces
    for x, y, width, height, _ in boxes[1:][suspect[1:]]:
        top, left = max(y - margin, 0), max(x - margin, 0)
        avoid[top : y + height + margin, left : x + width + margin] = 1
    return avoid


def solid(ink: Ink, letter: float) -> Ink:
    """Mark, as HxW of 0 and 1, black slabs of `ink` that would hide a signature."""
    side = max(int(3 * letter), 9) | 1  # odd: opening with an even square moves what it keeps
    square = np.ones((side, side), np.uint8)
    bits = _bits(ink)
    return np.asarray(cv2.morphologyEx(bits, cv2.MORPH_OPEN, square), np.uint8)


def _bits(ink: Ink) -> Ink:
    """1 where there is ink, 0 elsewhere."""
    return (ink > _INKED).astype(np.uint8)


def _fragment(rng: np.random.Generator, sheet: Sheet, page: Page) -> Mask | None:
    """A crop of `sheet` scaled to fill the page; None when it is blank, black or handwritten."""
    turned = rng.random() < 0.12
    width, height = (page.height, page.width) if turned else (page.width, page.height)
    letter = max(min(page.height, 0.6 * page.width) * spread(rng, 0.025, 0.17), 3.5)
    scale = max(letter / sheet.letter, width / sheet.ink.shape[1], height / sheet.ink.shape[0])
    rows, columns = max(int(height / scale), 1), max(int(width / scale), 1)
    top = int(rng.integers(max(sheet.ink.shape[0] - rows, 0) + 1))
    left = int(rng.integers(max(sheet.ink.shape[1] - columns, 0) + 1))
    crop = sheet.ink[top : top + rows, left : left + columns]
    part = slice(top, top + crop.shape[0]), slice(left, left + crop.shape[1])
    if sheet.avoids(*part):
        return None
    if not 0.008 < crop.mean() / 255 < 0.45:
        return None
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grey = cv2.resize(crop, (width, height), interpolation=how)
    if turned:
        grey = np.rot90(grey, 1 if rng.random() < 0.5 else 3)
    elif rng.random() < 0.12:
        grey = grey[::-1, ::-1]
    return np.asarray(grey, np.float32) / np.float32(255)


def _placed(rng: np.random.Generator, mask: Mask) -> Mask:
    """The fragment whole, or only a strip of it along one side; turned a little now and then."""
    height, width = mask.shape
    if rng.random() < 0.5:
        mask = mask.copy()
        side, keep = int(rng.integers(4)), rng.uniform(0.2, 0.6)
        lanes = mask if side < 2 else mask.T
        lanes = lanes[::-1] if side % 2 else lanes
        lanes[_gap_near(lanes, int(keep * lanes.shape[0])) :] = 0
    if rng.random() < 0.5:
        wide = slanted(mask, degrees=float(rng.normal(0, 1.5)))
        top, left = (wide.shape[0] - height) // 2, (wide.shape[1] - width) // 2
        mask = wide[top : top + height, left : left + width]
    return mask


def _gap_near(lanes: Mask, wanted: int) -> int:
    """The emptiest row of `lanes` near row `wanted`: between lines rather than through letters."""
    reach = len(lanes) // 10 + 1
    first = max(wanted - reach, 1)
    return first + int(np.argmin(lanes[first : wanted + reach + 1].sum(axis=1), axis=0))


def _synthetic(rng: np.random.Generator, page: Page) -> Layer:
    """A page set in running text, heading and all, as a stand-in for a real one."""
    layer = page.blank()
    size = min(page.height, 0.6 * page.width) * spread(rng, 0.04, 0.2)
    setting = replace(choose_setting(rng, page, size), align=str(rng.choice(("left", "block"))))
    y = -setting.pitch * rng.uniform(0, 2)
    letters = int(np.clip(page.width * rng.uniform(0.7, 1.6) / (0.5 * setting.size), 6, 240))
    x = page.width * rng.uniform(-0.4, 0.15)
    while y < page.height:
        count = int(rng.integers(1, 7))
        lines = [" ".join(wording.words(rng, letters // 5 + 2))[:letters] for _ in range(count)]
        print_block(rng, layer, lines, setting, (x, y))
        y += setting.pitch * (count + rng.uniform(0, 2))
    return layer
