"""Scans become backdrops: their own paper, print and dirt, without the signature on them.

The model that is to be adapted, which knows nothing of this kind of document, says which ink it
keeps. Strokes that it keeps as a whole and with confidence are the signature, and are painted out;
those that it keeps by halves may be, and are painted out by chance. All else stays, also print that
it keeps by mistake, in pieces: that is what is to be learned. Where a signature was missed it stays
as well, one wrong example beside a right one: the loss weighs ink more than noise, so it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.arrays import Float, Mask, UInt8, darkest_channel
from sigclean.training.adapting.filling import disc, fill_holes
from sigclean.training.adapting.rendering import Look, measure_look

KEPT = 0.5  # keep map from which ink counts as kept
TRACE = 0.05  # keep map from which ink beside a kept stroke belongs to it
FAINTEST = 0.1  # darkness, in [0, 1], from which a pixel is ink
SURE = 0.8  # mean of the keep map over the ink of a confident stroke
UNSURE = 0.5  # mean of the keep map of a stroke that is not painted out
LEAST_SHARE = 0.03  # share of the kept ink that a stroke has to hold
LEAST_INK = 40  # pixels of a signature, in a picture of 512
JOINED = 5  # pixels across which pieces of kept ink are one stroke
MARGIN = 3  # pixels around kept ink that are painted out with it


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A scan without its signature, at the scale of the network."""

    picture: UInt8  # HxWx3
    box: tuple[int, int, int, int] | None  # left, top, right, bottom of the signature; None if none
    pen: tuple[int, int, int] | None  # RGB of its ink
    look: Look  # of the ink of the scan


def make_backdrop(rng: np.random.Generator, scan: UInt8, keep: UInt8) -> Backdrop:
    """Paint out the strokes that the teacher keeps with confidence.

    Args:
        scan: HxWx3 at the network's scale.
        keep: the teacher's keep map of it, HxW, 255 where ink is kept.
    """
    pieces = Strokes.find(scan, keep)
    sure, painted = pieces.sure(SURE), pieces.drawn(rng)
    look = measure_look(scan, sure if sure.any() else kept_ink(scan, keep))
    filled = fill_holes(rng, scan, _around(painted, keep)) if painted.any() else scan
    if sure.sum() < LEAST_INK:
        return Backdrop(filled, None, None, look)
    dark = sure & (darkest_channel(scan) <= np.median(darkest_channel(scan)[sure]))
    red, green, blue = (int(level) for level in np.median(scan[dark], axis=0))
    return Backdrop(filled, _box(sure), (red, green, blue), look)


def _box(mask: Mask) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@dataclass(frozen=True, eq=False)
class Strokes:
    """The ink that the teacher keeps, in pieces.

    Attributes:
        labels: HxW, the number of a pixel's piece from 1 on; 0 where no ink is kept.
        confidence: by number, the mean of the keep map over the piece's ink, in [0, 1]; 0 for
            pieces that are too small to be strokes.
    """

    labels: npt.NDArray[np.int32]
    confidence: Float

    @classmethod
    def find(cls, scan: UInt8, keep: UInt8) -> Strokes:
        """Find the pieces; ink with a small gap is one piece."""
        kept = kept_ink(scan, keep)
        joined = cv2.morphologyEx(kept.astype(np.uint8), cv2.MORPH_CLOSE, disc(JOINED // 2 + 1))
        count, labels = cv2.connectedComponents(joined, connectivity=8)
        numbers = np.where(kept, labels, 0).astype(np.int32)
        sizes = np.bincount(numbers.ravel(), minlength=count)
        sums = np.bincount(numbers.ravel(), keep.ravel(), minlength=count)
        large = sizes >= max(LEAST_SHARE * sizes[1:].sum(), 1)
        large[0] = False
        confidence = np.where(large, sums / np.maximum(sizes, 1) / 255, 0)
        return cls(numbers, confidence.astype(np.float32))

    def chosen(self, choice: Mask) -> Mask:
        """The ink of the chosen pieces: HxW."""
        return np.asarray((choice & (self.confidence > 0))[self.labels], bool)

    def sure(self, least: float) -> Mask:
        """The ink of pieces that are kept with at least this confidence: HxW."""
        return self.chosen(self.confidence >= least)

    def drawn(self, rng: np.random.Generator) -> Mask:
        """Ink that is painted out: sure pieces always, others the more rarely the less sure."""
        low, high = UNSURE, SURE
        chance = np.clip((self.confidence - low) / (high - low), 0, 1)
        return self.chosen(rng.random(len(chance)) < chance)


def kept_ink(scan: UInt8, keep: UInt8) -> Mask:
    """The ink that a keep map keeps: HxW."""
    darkness = (255 - darkest_channel(scan).astype(np.float32)) / 255
    return np.asarray((keep >= KEPT * 255) & (darkness >= FAINTEST), bool)


def _around(strokes: Mask, keep: UInt8) -> Mask:
    """The strokes with all that the teacher keeps of the ink beside them, and a margin."""
    near = cv2.dilate(strokes.astype(np.uint8), disc(2 * MARGIN)) > 0
    wanted = strokes | (near & (keep >= TRACE * 255))
    return cv2.dilate(wanted.astype(np.uint8), disc(MARGIN)) > 0
