"""Place clean signatures on white pages, with varied size, margins, stroke width and ink."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from sigclean.arrays import Float, UInt8, darkest_channel, level_at, level_counts

PAGE_WIDTHS = (180, 900)  # pixels, from fax crops to phone photos; drawn log-uniformly
_INKS = (  # RGB of the ink of common pens; each use varies it a little
    (15, 15, 20), (40, 40, 45), (70, 70, 75), (25, 35, 110), (30, 60, 160), (60, 90, 190),
    (20, 40, 80), (90, 40, 120), (190, 30, 40), (30, 110, 70), (105, 105, 108), (135, 133, 130),
)  # fmt: skip
_MARKER = 0.12  # share of the wider pens that are as wide as a felt-tip marker
_INK_SHARES = (0.2, 0.14, 0.09, 0.12, 0.12, 0.08, 0.07, 0.04, 0.04, 0.04, 0.03, 0.03)


def place(rng: np.random.Generator, clean: Image.Image) -> Image.Image:
    """Put a signature, dark on white, at a random place on a white page of random size.

    Its strokes may become wider, and its ink may change colour. Rarely, a little of the signature
    lies outside the page and is cut off.
    """
    ink = _cut_to_ink(np.asarray(clean.convert("RGB")))
    if rng.random() < 0.5:
        ink = _recoloured(rng, ink)
    width = round(float(np.exp(rng.uniform(*np.log(PAGE_WIDTHS)))))
    share = rng.uniform(0.6, 1.0) if rng.random() < 0.7 else rng.uniform(0.3, 0.7)
    drawn = max(24, round(width * share))
    drawn = min(drawn, max(1, round(1.2 * width * ink.shape[1] / ink.shape[0])))  # tall signatures
    height = max(12, round(ink.shape[0] * drawn / ink.shape[1]))
    ink = _resized(ink, drawn, height)
    if rng.random() < 0.45:
        ink = _other_pen(rng, ink)
    return Image.fromarray(_on_page(rng, ink, width))


def ink_of(
    rng: np.random.Generator,
    clean: Image.Image,
    wanted: int,
    height: int,
    width: int,
    colour: Sequence[float] | None = None,
) -> UInt8:
    """A clean signature cut to its ink, about `wanted` pixels wide: HxWx3, ink on white.

    Its strokes may become wider, and its ink may change colour.

    Args:
        height, width: pixels, which it does not exceed.
        colour: RGB of the ink that it takes; chosen as `place` does if None.
    """
    ink = _cut_to_ink(np.asarray(clean.convert("RGB")))
    if colour is not None:
        ink = _in_colour(ink, np.asarray(colour, np.float32))
    elif rng.random() < 0.5:
        ink = _recoloured(rng, ink)
    scale = min(wanted / ink.shape[1], height / ink.shape[0], width / ink.shape[1])
    across, down = (max(1, int(scale * side)) for side in (ink.shape[1], ink.shape[0]))
    ink = _resized(ink, across, down)
    return _other_pen(rng, ink) if rng.random() < 0.3 else ink


def _on_page(rng: np.random.Generator, ink: UInt8, width: int) -> UInt8:
    height, drawn = ink.shape[:2]
    margin = rng.uniform(0.0, 0.15) if rng.random() < 0.5 else rng.uniform(0.1, 0.9)
    page_height = max(16, round(height * (1 + margin)))
    page = np.full((page_height, width, 3), 255, np.uint8)
    slip = 0.04 if rng.random() < 0.1 else 0.0  # largest share of the signature that is cut off
    left = round(rng.uniform(-slip * drawn, width - drawn * (1 - slip)))
    top = round(rng.uniform(-slip * height, page_height - height * (1 - slip)))
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + drawn, width), min(top + height, page_height)
    page[y0:y1, x0:x1] = ink[y0 - top : y1 - top, x0 - left : x1 - left]
    return page


def _cut_to_ink(picture: UInt8) -> UInt8:
    """Crop the picture to its ink, with a margin of two pixels for the soft edge."""
    ink = darkest_channel(picture) < 230
    if not ink.any():
        return picture
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return picture[max(rows[0] - 2, 0) : rows[-1] + 3, max(columns[0] - 2, 0) : columns[-1] + 3]


def _resized(picture: UInt8, width: int, height: int) -> UInt8:
    how = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)


def _other_pen(rng: np.random.Generator, picture: UInt8) -> UInt8:
    """Widen the strokes, with soft edges, by a radius in pixels of a picture of 512 pixels."""
    scale = max(picture.shape[1], picture.shape[0]) / 512
    radius = (rng.uniform(3, 7) if rng.random() < _MARKER else rng.uniform(0.5, 3)) * scale
    if radius < 0.6:
        return picture
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(radius / 2 + 0.5) + 1,) * 2)
    wide = cv2.erode(picture, kernel)  # the minimum of each neighbourhood: dark strokes grow
    share = rng.uniform(0.6, 1.0)
    return np.asarray(cv2.addWeighted(wide, share, picture, 1 - share, 0), np.uint8)


def _recoloured(rng: np.random.Generator, picture: UInt8) -> UInt8:
    """Draw the same strokes in another ink, sometimes a faint one."""
    colour = np.asarray(_INKS[int(rng.choice(len(_INKS), p=_INK_SHARES))], np.float32)
    colour = np.clip(colour + rng.normal(0, 12, 3), 0, 200)
    if rng.random() < 0.2:
        colour += (255 - colour) * rng.uniform(0.15, 0.5)  # faint
    return _in_colour(picture, colour)


def _in_colour(picture: UInt8, colour: Float) -> UInt8:
    """Draw the same strokes in an ink of this RGB colour."""
    levels = darkest_channel(picture)
    darkness = 1 - np.arange(256, dtype=np.float32) / 255
    counts = level_counts(levels) * (darkness > 0.1)
    if counts.any():  # nine tenths of the strokes are lighter than this level
        darkness /= max(1 - level_at(counts, 0.1) / 255, 0.2)
    strength = np.clip(darkness, 0, 1)[:, None]
    table = np.rint(255 - strength * (255 - colour)).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.merge([levels] * 3), table[None]), np.uint8)
