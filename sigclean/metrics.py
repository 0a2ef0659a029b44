"""Figures of a cleaned signature against its truth, from ink masks; all shares are in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from sigclean.arrays import Mask, UInt8
from sigclean.encoding import on_white

LIGHTEST_INK = 225  # highest level of the ink's threshold: a higher one would take paper for ink
EMPTY_ABOVE = 230  # level: a picture whose darkest pixel is lighter has no ink
HIGHEST_PSNR = 60.0  # dB, of equal pictures, too, whose unbounded ratio would rule every mean


@dataclass(frozen=True)
class InkScores:
    """The agreement of two pictures' ink masks.

    Attributes:
        f, recall, precision: figures with a tolerance of one pixel (3x3 dilation of the other
            mask).
        exact_f, exact_recall, exact_precision: figures without it.
        psnr: dB of the grey pictures, see `psnr`.
    """

    f: float
    recall: float
    precision: float
    exact_f: float
    exact_recall: float
    exact_precision: float
    psnr: float


def grey(image: Image.Image) -> UInt8:
    """The grey levels of a picture, alpha on white: HxW."""
    return np.asarray(on_white(image).convert("L"))


def otsu(picture: UInt8) -> int:
    """Find the grey level that parts dark and bright pixels best; it belongs to the dark ones
    (Otsu 1979)."""
    counts = np.bincount(picture.ravel(), minlength=256).astype(np.float64)
    weight = np.cumsum(counts)
    moment = np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (moment[-1] * weight - moment * weight[-1]) ** 2
        between = between / (weight * (weight[-1] - weight))
    return int(np.argmax(np.nan_to_num(between, posinf=0.0)))


def ink_level(picture: UInt8) -> int:
    """The level below which pixels are ink: just above Otsu's, at most 225; 0 without any ink."""
    if picture.size == 0 or picture.min() > EMPTY_ABOVE:
        return 0
    return min(otsu(picture) + 1, LIGHTEST_INK)


def ink_mask(picture: UInt8) -> Mask:
    """The ink of a grey picture: HxW, true where it is darker than its `ink_level`."""
    return picture < ink_level(picture)


def dilate(mask: Mask, radius: int) -> Mask:
    """Grow a mask by `radius` pixels in all eight directions."""
    padded = np.pad(mask, radius)
    height, width = mask.shape
    rows = np.zeros((height, padded.shape[1]), bool)
    for shift in range(2 * radius + 1):
        rows |= padded[shift : shift + height]
    grown = np.zeros_like(mask)
    for shift in range(2 * radius + 1):
        grown |= rows[:, shift : shift + width]
    return grown


def ink_scores(result: Image.Image, truth: Image.Image) -> InkScores:
    """Compare a result with its truth, two pictures of one size.

    Recall is the share of truth ink within one pixel of result ink, precision the share of result
    ink within one pixel of truth ink; F is their harmonic mean. Two pictures without ink agree.

    Raises ValueError if the sizes differ.
    """
    if result.size != truth.size:
        raise ValueError(f"sizes differ: {result.size} and {truth.size}")
    result_grey, truth_grey = grey(result), grey(truth)
    found, wanted = ink_mask(result_grey), ink_mask(truth_grey)
    recall = _share(wanted & dilate(found, 1), wanted, other=found)
    precision = _share(found & dilate(wanted, 1), found, other=wanted)
    overlap = found & wanted
    exact_recall = _share(overlap, wanted, other=found)
    exact_precision = _share(overlap, found, other=wanted)
    return InkScores(
        harmonic_mean(recall, precision),
        recall,
        precision,
        harmonic_mean(exact_recall, exact_precision),
        exact_recall,
        exact_precision,
        psnr(result_grey, truth_grey),
    )


def ink_invented(result: Image.Image, source: Image.Image, *, same_level: bool = False) -> float:
    """The share of result ink farther than 2 pixels (5x5) from any ink of the input.

    Args:
        result: the cleaned picture.
        source: the input.
        same_level: take the input's ink at the result's level if that is higher. Black noise
            lowers the input's own level, so that faint strokes do not count as its ink and seem
            invented once the noise is gone.
    """
    result_grey, source_grey = grey(result), grey(source)
    level = ink_level(source_grey)
    if same_level:
        level = max(level, ink_level(result_grey))
    return _share_away(ink_mask(result_grey), source_grey < level)


def ink_lost(result: Image.Image, truth: Image.Image) -> float:
    """The share of truth ink farther than 2 pixels (5x5) from any ink of the result: strokes that
    are gone, not merely thinner."""
    return _share_away(ink_mask(grey(truth)), ink_mask(grey(result)))


def ink_kept(result: Image.Image, source: Image.Image) -> float:
    """The share of the input's ink, print and dirt included, within one pixel of result ink."""
    there, found = ink_mask(grey(source)), ink_mask(grey(result))
    return _share(there & dilate(found, 1), there, other=found)


def psnr(one: UInt8, other: UInt8) -> float:
    """The peak signal-to-noise ratio of 8-bit pictures in dB, at most `HIGHEST_PSNR`."""
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return min(float(10 * np.log10(255**2 / error)), HIGHEST_PSNR) if error else HIGHEST_PSNR


def harmonic_mean(recall: float, precision: float) -> float:
    """The F-measure of recall and precision; 0 where both are 0."""
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def _share(part: Mask, whole: Mask, other: Mask) -> float:
    """|part| / |whole|; for an empty whole 1 if the other mask is empty, too, else 0."""
    total = int(whole.sum())
    return int(part.sum()) / total if total else float(not other.any())


def _share_away(mask: Mask, other: Mask) -> float:
    """The share of a mask farther than 2 pixels from the other one; 0 for an empty mask."""
    return float((mask & ~dilate(other, 2)).sum() / max(mask.sum(), 1))
