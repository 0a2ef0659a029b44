"""Figures of a cleaned signature against its truth, on ink masks; all shares are in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Grey = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

LIGHTEST_INK = 225  # a threshold above it would take paper for ink
EMPTY_ABOVE = 230  # a picture whose darkest pixel is lighter than this has no ink


@dataclass(frozen=True)
class InkScores:
    """Agreement of two ink masks.

    Attributes:
        f, recall, precision: with a tolerance of one pixel (3x3 dilation of the other mask).
        exact_f: the F-measure without it.
        psnr: dB, on grey; infinite for equal pictures.
    """

    f: float
    recall: float
    precision: float
    exact_f: float
    psnr: float


def grey(image: Image.Image) -> Grey:
    """HxW of uint8, alpha on white."""
    if image.mode in ("RGBA", "LA", "P"):
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(image.convert("L"))


def otsu(picture: Grey) -> int:
    """The grey level that parts two classes best: pixels up to it are the dark one (Otsu 1979)."""
    counts = np.bincount(picture.ravel(), minlength=256).astype(np.float64)
    weight = np.cumsum(counts)
    moment = np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (moment[-1] * weight - moment * weight[-1]) ** 2
        between = between / (weight * (weight[-1] - weight))
    return int(np.argmax(np.nan_to_num(between, posinf=0.0)))


def ink_mask(picture: Grey) -> Mask:
    """HxW, true where there is ink: darker than Otsu's level and never lighter than 225."""
    if picture.size == 0 or picture.min() > EMPTY_ABOVE:
        return np.zeros(picture.shape, bool)
    return picture < min(otsu(picture) + 1, LIGHTEST_INK)


def dilate(mask: Mask, radius: int) -> Mask:
    """The mask grown by `radius` pixels in all eight directions."""
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
    """Compare two pictures of one size.

    Recall is the share of truth ink within one pixel of result ink, precision the share of result
    ink within one pixel of truth ink; F is their harmonic mean. Two pictures without ink agree.
    """
    if result.size != truth.size:
        raise ValueError(f"sizes differ: {result.size} and {truth.size}")
    result_grey, truth_grey = grey(result), grey(truth)
    found, wanted = ink_mask(result_grey), ink_mask(truth_grey)
    recall = _share(wanted & dilate(found, 1), wanted, other=found)
    precision = _share(found & dilate(wanted, 1), found, other=wanted)
    overlap = found & wanted
    exact = _f(_share(overlap, wanted, other=found), _share(overlap, found, other=wanted))
    return InkScores(_f(recall, precision), recall, precision, exact, psnr(result_grey, truth_grey))


def ink_invented(result: Image.Image, source: Image.Image) -> float:
    """Share of result ink farther than 2 pixels (5x5) from any ink of the input."""
    found, there = ink_mask(grey(result)), ink_mask(grey(source))
    return float((found & ~dilate(there, 2)).sum() / max(found.sum(), 1))


def psnr(one: Grey, other: Grey) -> float:
    """Peak signal-to-noise ratio in dB for 8 bits; infinite for equal pictures."""
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def _share(part: Mask, whole: Mask, other: Mask) -> float:
    """|part| / |whole|; of an empty whole, 1 if the other mask is empty too."""
    total = int(whole.sum())
    return int(part.sum()) / total if total else float(not other.any())


def _f(recall: float, precision: float) -> float:
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0
