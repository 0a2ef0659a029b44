"""Scans become backdrops: their own paper, print and dirt, without the signature on them.

The default model, which knows nothing of this kind of document, says which ink it keeps. Strokes
that it keeps as a whole and with confidence are the signature, and are painted out. All else stays,
also print that it keeps by mistake, in pieces and by halves: that is what is to be learned. Where a
signature was missed, it stays as well; it is then one wrong example beside many right ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sigclean.arrays import Mask, UInt8, darkest_channel
from sigclean.training.adapting.filling import fill_holes

KEPT = 0.5  # keep map from which ink counts as kept
TRACE = 0.05  # keep map from which ink beside a kept stroke belongs to it
FAINTEST = 0.1  # darkness, in [0, 1], from which a pixel is ink
SURE = 0.8  # mean of the keep map over the ink of a confident stroke
LEAST_SHARE = 0.03  # share of the kept ink that a stroke has to hold
LEAST_INK = 40  # pixels of a signature, in a picture of 512
JOINED = 5  # pixels across which pieces of kept ink are one stroke
COLOURED = 40  # levels between the channels of a coloured pixel
COLOUR_SHARE = 0.005  # share of such pixels in a coloured picture
MIDDLE = (64, 192)  # levels that pixels of a hard scan have at soft edges alone
SOFT_SHARE = 0.04  # share of such pixels in a hard scan, at most
MARGIN = 3  # pixels around kept ink that are painted out with it


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A scan without its signature, at the scale of the network."""

    picture: UInt8  # HxWx3
    box: tuple[int, int, int, int] | None  # left, top, right, bottom of the signature; None if none
    pen: tuple[int, int, int] | None  # RGB of its ink
    is_coloured: bool  # a scan without colours shows every ink grey
    is_hard: bool  # a scan of black and white alone: strokes have no soft edges


def make_backdrop(rng: np.random.Generator, scan: UInt8, keep: UInt8) -> Backdrop:
    """Paint out the strokes that the teacher keeps with confidence.

    Args:
        scan: HxWx3 at the network's scale.
        keep: the teacher's keep map of it, HxW, 255 where ink is kept.
    """
    strokes = confident_strokes(scan, keep)
    if strokes.sum() < LEAST_INK:
        return Backdrop(scan, None, None, is_coloured(scan), is_hard(scan))
    rows, columns = np.nonzero(strokes)
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    dark = strokes & (darkest_channel(scan) <= np.median(darkest_channel(scan)[strokes]))
    red, green, blue = (int(level) for level in np.median(scan[dark], axis=0))
    filled = fill_holes(rng, scan, _around(strokes, keep))
    return Backdrop(filled, box, (red, green, blue), is_coloured(scan), is_hard(scan))


def is_coloured(pixels: UInt8) -> bool:
    """Return whether a picture, HxWx3, shows colours."""
    spread = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
    return bool((spread > COLOURED).mean() > COLOUR_SHARE)


def is_hard(pixels: UInt8) -> bool:
    """Return whether a picture, HxWx3, is of black and white alone but for soft edges."""
    levels = darkest_channel(pixels)
    return bool(((levels >= MIDDLE[0]) & (levels < MIDDLE[1])).mean() < SOFT_SHARE)


def confident_strokes(scan: UInt8, keep: UInt8) -> Mask:
    """The ink that the teacher keeps in whole strokes and with confidence: HxW."""
    kept = kept_ink(scan, keep)
    joined = cv2.morphologyEx(kept.astype(np.uint8), cv2.MORPH_CLOSE, _disc(JOINED // 2 + 1))
    count, labels = cv2.connectedComponents(joined, connectivity=8)
    labels = np.where(kept, labels, 0)
    sizes = np.bincount(labels.ravel(), minlength=count)
    confidence = np.bincount(labels.ravel(), keep.ravel(), minlength=count) / np.maximum(sizes, 1)
    chosen = (confidence >= SURE * 255) & (sizes >= max(LEAST_SHARE * sizes[1:].sum(), 1))
    chosen[0] = False
    return np.asarray(chosen[labels], bool)


def kept_ink(scan: UInt8, keep: UInt8) -> Mask:
    """The ink that a keep map keeps: HxW."""
    darkness = (255 - darkest_channel(scan).astype(np.float32)) / 255
    return np.asarray((keep >= KEPT * 255) & (darkness >= FAINTEST), bool)


def _around(strokes: Mask, keep: UInt8) -> Mask:
    """The strokes with all that the teacher keeps of the ink beside them, and a margin."""
    near = cv2.dilate(strokes.astype(np.uint8), _disc(2 * MARGIN)) > 0
    wanted = strokes | (near & (keep >= TRACE * 255))
    return cv2.dilate(wanted.astype(np.uint8), _disc(MARGIN)) > 0


def _disc(radius: int) -> UInt8:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), np.uint8)
