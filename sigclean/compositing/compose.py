"""Composes the clean picture at the input's own size from a keep map at the network's.

Everything here is NumPy and Pillow on pictures of 8 bits; no network, no weights. `inner` is
always the input at the network's scale, without the letterbox's strips.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from sigclean.arrays import (
    WHITE,
    Float,
    UInt8,
    brightest_channel,
    darkest_channel,
    smoothstep,
)
from sigclean.compositing.crossings import crossing_levels
from sigclean.compositing.ink_colour import AUTO, Pens, find_pens, is_alike, main_colour, parse_pen
from sigclean.compositing.kept_ink import (
    KEEP_ALL,
    KEEP_NONE,
    KeptInk,
    beside_pens,
    drop_remains,
    measure_kept_ink,
    pixels_at,
)
from sigclean.compositing.paper import paper_floor, paper_levels, relative_brightness
from sigclean.compositing.results import tile_boxes
from sigclean.letterbox import Box, stretch

RAMP = 1.6  # multiple of the paper's floor above which all darkness counts as ink
STAYS = 0.5  # share of a pixel's ink that is a pen's, below which it is other ink alone
CROSSING = 7  # pixels of the network's square, odd: black so near a coloured pen may cross it

_STRENGTH = smoothstep(np.arange(256, dtype=np.float32) / np.float32(255), KEEP_NONE, KEEP_ALL)
"""The share of the ink that stays, by level of the keep map."""


def clean_picture(
    image: Image.Image,
    inner: Image.Image,
    keep: Image.Image,
    pen: str | None = AUTO,
    *,
    judge: bool = True,
    erase: Image.Image | None = None,
    restore: Image.Image | None = None,
) -> Image.Image:
    """Put the input's own ink on white paper; no pixel is darker than the input's, in any channel.

    The paper is divided away, so that the soft edges of strokes end in white on tinted or shaded
    paper, too. Pixels no darker than the paper then become white, wherever the blurred edge of the
    enlarged keep map lies.

    Args:
        image: the input, RGB.
        inner: the input at the network's scale, RGB.
        keep: the keep map, L, of any size: 255 where ink is kept.
        pen: erase ink of another colour than this pen's: a colour's name, `#rrggbb`, or `auto`, see
            `ink_colour`. None erases none.
        judge: erase pieces of kept ink that are no signature's, see `pieces.remains`; false for a
            page whose windows were judged one by one.
        erase, restore: corrections by hand, L pictures of the input's size: the share, 0 to 255, of
            the ink that goes or comes back, whatever the keep map and the pens say. What they leave
            at 0 is as without them. Where both are 255, ink goes.
    """
    paper = paper_levels(inner, keep)
    floor = paper_floor(image, paper, keep)
    ink = measure_kept_ink(inner, paper, keep)
    pens = None if pen is None else _find_pens(inner, paper, keep, pen)
    if judge:
        keep = drop_remains(keep, ink)
    beside = keep if pens is None else beside_pens(ink, pens)
    if pens is not None and pens.black_is_print:
        keep = _drop_print(inner, paper, keep, pens)
    if judge:
        least = _crossings(inner, paper, keep, ink, pens)
    else:
        least = _page_crossings(inner, keep, pen or AUTO)
    stays = None if erase is None else ImageChops.invert(erase)
    result = Image.new("RGB", image.size, "white")
    for box in _kept_tiles(keep, image.size, restore):
        share = np.asarray(stretch(keep, image.size, box)).ravel()
        inked = share > KEEP_NONE * 255
        if restore is not None:
            inked |= np.asarray(restore.crop(box)).ravel() > 0
        where = np.flatnonzero(inked)
        if not where.size:
            continue
        part = image.crop(box)
        own = pixels_at(part, where)
        relative = relative_brightness(own, pixels_at(stretch(paper, image.size, box), where))
        strength = _STRENGTH.take(share.take(where))
        if pens is not None:
            near = np.asarray(stretch(beside, image.size, box)).ravel().take(where)
            pens_own = np.maximum(pens.shares(1 - relative), near / np.float32(255))
            strength = strength * pens_own
        if restore is not None:
            strength = np.maximum(strength, _fractions(restore, box, where))
        if stays is not None:
            strength = strength * _fractions(stays, box, where)
        clean = np.full((part.width * part.height, 3), WHITE, np.uint8)
        kept = _keep_ink(own, relative, strength, floor)
        if least is not None:
            kept = np.maximum(kept, pixels_at(stretch(least, image.size, box), where))
        clean[where] = kept
        result.paste(Image.fromarray(clean.reshape(part.height, part.width, 3)), box)
    return result


def drop_other_ink(inner: Image.Image, keep: Image.Image, pen: str = AUTO) -> Image.Image:
    """Remove remains of print and ink of other pens from the keep map of a page's window.

    Each window is judged by itself, since it may show another signature; pieces that its border may
    cut stay.

    Args:
        inner: the window at the network's scale, RGB.
        keep: its keep map, L, of the same size.
        pen: a colour's name, `#rrggbb`, or `auto`, see `ink_colour`.
    """
    paper = paper_levels(inner, keep)
    ink = measure_kept_ink(inner, paper, keep)
    pens = _find_pens(inner, paper, keep, pen)
    keep = drop_remains(keep, ink, cut=True)
    if pens is None:
        return keep
    if pens.black_is_print:
        keep = _drop_print(inner, paper, keep, pens)
    share = pens.shares(_darkness_of(inner, paper)).reshape(inner.height, inner.width)
    beside = np.asarray(beside_pens(ink, pens)) / np.float32(255)
    kept = np.asarray(keep) * np.maximum(share, beside)
    return Image.fromarray(np.rint(kept).astype(np.uint8))


def _fractions(mask: Image.Image, box: Box, where: npt.NDArray[np.intp]) -> Float:
    """The pixels of a part of an L picture with these indices, in [0, 1]: N."""
    return np.asarray(mask.crop(box)).ravel().take(where).astype(np.float32) / np.float32(255)


def _find_pens(inner: Image.Image, paper: Image.Image, keep: Image.Image, pen: str) -> Pens | None:
    """Find the pens (see `ink_colour`) from a quarter of the pixels, which are enough."""
    size = (-(-inner.width // 2), -(-inner.height // 2))
    levels = np.asarray(paper.resize(size, Image.Resampling.BILINEAR)).reshape(-1, 3)
    kept = np.asarray(keep.resize(size, Image.Resampling.NEAREST)).ravel()
    own = np.asarray(inner.resize(size, Image.Resampling.NEAREST)).reshape(-1, 3)
    dark = 1 - relative_brightness(own, levels)
    return find_pens(dark, _STRENGTH.take(kept), parse_pen(pen), size[0])


def _drop_print(
    inner: Image.Image, paper: Image.Image, keep: Image.Image, pens: Pens
) -> Image.Image:
    """Remove ink darker than the coloured pens from a keep map, but where it may cross them."""
    pure = is_alike(_darkness_of(inner, paper), pens.colours).reshape(inner.height, inner.width)
    pure &= np.asarray(stretch(keep, inner.size)) > KEEP_ALL * 255
    near = Image.fromarray(pure).convert("L").filter(ImageFilter.MaxFilter(CROSSING))
    return ImageChops.multiply(keep, stretch(near, keep.size))


def _crossings(
    inner: Image.Image, paper: Image.Image, keep: Image.Image, ink: KeptInk, pens: Pens | None
) -> Image.Image | None:
    """Map the pens' colours at crossings, see `crossings`."""
    colours = main_colour(ink.dark, ink.kept) if pens is None else pens.colours
    if colours is None:
        return None
    stays = np.ones(len(ink.dark), np.bool_) if pens is None else pens.shares(ink.dark) > STAYS
    erased = partial(_erased, inner, paper, keep)
    return crossing_levels(ink.shown, ink.kept > KEEP_ALL, stays, ink.dark, erased, colours)


def _page_crossings(inner: Image.Image, keep: Image.Image, pen: str) -> Image.Image | None:
    """Map the pens' colours at crossings of a page part by part, since it may show several pens."""
    result = None
    for box in tile_boxes(inner.size):
        part, kept = inner.crop(box), stretch(keep, inner.size, box)
        if not kept.getbbox():
            continue
        paper = paper_levels(part, kept)
        ink = measure_kept_ink(part, paper, kept)
        levels = _crossings(part, paper, kept, ink, _find_pens(part, paper, kept, pen))
        if levels is not None:
            result = result or Image.new("RGB", inner.size)
            result.paste(levels, box)
    return result


def _erased(inner: Image.Image, paper: Image.Image, keep: Image.Image, box: Box) -> Float:
    """The darkness of the ink that a keep map does not keep, in a part of a picture: HxW in
    [0, 1]."""
    kept = np.asarray(stretch(keep, inner.size, box)) > KEEP_NONE * 255
    return brightest_channel(_darkness_of(inner, paper, box)).reshape(kept.shape) * ~kept


def _darkness_of(inner: Image.Image, paper: Image.Image, box: Box | None = None) -> Float:
    """The darkness of all pixels, or of those in a box, relative to their paper: Nx3 in [0, 1]."""
    levels = np.asarray(stretch(paper, inner.size, box)).reshape(-1, 3)
    return 1 - relative_brightness(np.asarray(inner.crop(box)).reshape(-1, 3), levels)


def _keep_ink(own: UInt8, relative: Float, share: Float, floor: float) -> UInt8:
    """The result's pixels (Nx3), given the input's, their brightness relative to the paper (Nx3),
    and the kept share of ink (N)."""
    darkest = darkest_channel(relative)
    ink = smoothstep(1 - darkest, floor, RAMP * floor) * share
    lightened = WHITE - (WHITE * (1 - relative)) * ink[:, None]
    return np.maximum(np.rint(lightened).astype(np.uint8), own)


def _kept_tiles(
    keep: Image.Image, size: tuple[int, int], restore: Image.Image | None = None
) -> Iterator[Box]:
    """Yield the tiles of a picture of `size` in which the stretched keep map may keep ink, or
    where ink comes back."""
    kept = np.asarray(keep) > KEEP_NONE * 255
    across, down = keep.width / size[0], keep.height / size[1]
    for box in tile_boxes(size):
        columns, rows = _reach(box[0], box[2], across), _reach(box[1], box[3], down)
        if kept[rows, columns].any() or (restore and restore.crop(box).getbbox()):
            yield box


def _reach(start: int, stop: int, scale: float) -> slice:
    """Source pixels that influence start..stop of the resized picture (a safe superset)."""
    margin = max(1.0, scale)  # reach of the filters of `stretch`, in source pixels
    return slice(max(0, math.floor(start * scale - margin)), math.ceil(stop * scale + margin))
