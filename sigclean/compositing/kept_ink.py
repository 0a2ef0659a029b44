"""Measures the ink that a keep map keeps, and erases pieces of it that are no signature's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from sigclean.arrays import Float, Mask, UInt8, brightest_channel
from sigclean.compositing.ink_colour import PURE, Pens, is_alike
from sigclean.compositing.paper import relative_brightness
from sigclean.letterbox import stretch
from sigclean.pieces.components import grow
from sigclean.pieces.remains import find_remains

KEEP_NONE = 0.15  # keep map below which no ink is kept
KEEP_ALL = 0.45  # keep map above which all ink is kept; smooth between
SURE = 0.8  # keep map above which a pixel is surely the signature's
GAP = 3  # pixels at the network's scale: half the width of the widest gap in a pen's ink
INK = 0.15  # darkness of the darkest channel from which a kept pixel has ink


@dataclass(frozen=True, eq=False)
class KeptInk:
    """The ink that a keep map keeps, at the network's scale.

    Attributes:
        size: width and height of the picture.
        where: P, the indices of the pixels with kept ink, counted row by row.
        kept: their keep map, P in [0, 1].
        dark: their darkness relative to the paper, Px3 in [0, 1].
    """

    size: tuple[int, int]
    where: npt.NDArray[np.intp]
    kept: Float
    dark: Float

    @property
    def shown(self) -> Mask:
        """HxW, true on the pixels with kept ink."""
        mask = np.zeros(self.size[0] * self.size[1], np.bool_)
        mask[self.where] = True
        return mask.reshape(self.size[1], self.size[0])


def measure_kept_ink(inner: Image.Image, paper: Image.Image, keep: Image.Image) -> KeptInk:
    """Measure the ink that is kept.

    Args:
        inner: the input at the network's scale, RGB.
        paper: its paper, see `paper_levels`.
        keep: its keep map, L, of any size.
    """
    levels = np.asarray(stretch(keep, inner.size)).ravel()
    where = np.flatnonzero(levels > KEEP_NONE * 255)
    rows = where // inner.width
    columns = where - rows * inner.width
    tiles = rows * paper.height // inner.height * paper.width + columns * paper.width // inner.width
    dark = 1 - relative_brightness(pixels_at(inner, where), pixels_at(paper, tiles))
    inked = np.flatnonzero(brightest_channel(dark) > INK)
    where = where.take(inked)
    kept = np.divide(levels.take(where), 255, dtype=np.float32)
    return KeptInk(inner.size, where, kept, dark.take(inked, axis=0))


def drop_remains(keep: Image.Image, ink: KeptInk, *, cut: bool = False) -> Image.Image:
    """Remove pieces that are no signature's from a keep map, see `pieces.remains`.

    Args:
        keep: the keep map, L, of any size.
        ink: what it keeps, see `measure_kept_ink`.
        cut: true for a window of a page, whose border cuts strokes: pieces at it stay.
    """
    remains = find_remains(ink.shown, ink.kept, ink.dark, cut=cut)
    if remains is None:
        return keep
    return ImageChops.multiply(keep, stretch(Image.fromarray(~remains).convert("L"), keep.size))


def beside_pens(ink: KeptInk, pens: Pens) -> Image.Image:
    """Map the ink of the pens and the pixels beside it: 255 in an L picture of `ink.size`.

    Where a camera sharpens or smears colours, the rim of a stroke has another colour than its
    middle, one pixel wide at the network's scale. Thick and blotted strokes vary in colour, too: in
    narrow gaps between the pens' pixels, ink that is surely kept is theirs.
    """
    pure = is_alike(ink.dark, pens.colours) & (brightest_channel(ink.dark) > PURE)
    own, sure = np.zeros((2, ink.size[0] * ink.size[1]), np.bool_)
    own[ink.where[pure & (ink.kept > KEEP_ALL)]] = True
    sure[ink.where[ink.kept > SURE]] = True
    own, sure = (mask.reshape(ink.size[1], ink.size[0]) for mask in (own, sure))
    gaps = ~grow(~grow(own, GAP), GAP - 1)
    return Image.fromarray((gaps & sure) | grow(own, 1)).convert("L")


def pixels_at(image: Image.Image, where: npt.NDArray[np.intp]) -> UInt8:
    """The pixels of an RGB picture (Nx3) with these indices, counted row by row."""
    return np.asarray(image).reshape(-1, 3).take(where, axis=0)  # a mask would be 10 times slower
