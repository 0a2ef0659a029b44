"""Measures the figures of one picture, by their names in `reports.figures`."""

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from skimage.morphology import skeletonize
from torchmetrics.functional.image import structural_similarity_index_measure

from sigclean.arrays import UInt8
from sigclean.metrics import (
    Mask,
    grey,
    harmonic_mean,
    ink_invented,
    ink_kept,
    ink_lost,
    ink_mask,
    ink_scores,
)

_SSIM_WINDOW = 11  # pixels: side of the window, and least side of a picture
_BLOCK = 8  # pixels: side of the blocks that DRD counts


def against_truth(picture: Image.Image, truth: Image.Image) -> dict[str, float]:
    """Compare a picture, noisy or cleaned, with the truth of the same size.

    Returns f, recall, precision (within one pixel), their exact namesakes, pseudo_f, psnr (dB, see
    `metrics.psnr`), ssim, lost; and drd, unless the truth has no ink to divide by.
    """
    scores = ink_scores(picture, truth)
    result_grey, truth_grey = grey(picture), grey(truth)
    found, wanted = ink_mask(result_grey), ink_mask(truth_grey)
    figures = {
        "f": scores.f,
        "recall": scores.recall,
        "precision": scores.precision,
        "exact_f": scores.exact_f,
        "exact_recall": scores.exact_recall,
        "exact_precision": scores.exact_precision,
        "pseudo_f": harmonic_mean(pseudo_recall(found, wanted), scores.exact_precision),
        "psnr": scores.psnr,
        "ssim": ssim(result_grey, truth_grey),
        "lost": ink_lost(picture, truth),
    }
    distortion = drd(found, wanted)
    return figures if distortion is None else {**figures, "drd": distortion}


def against_input(result: Image.Image, source: Image.Image) -> dict[str, float]:
    """Compare a result with its input. Returns invented and invented_same_level."""
    return {
        "invented": ink_invented(result, source),
        "invented_same_level": ink_invented(result, source, same_level=True),
    }


def without_truth(result: Image.Image, source: Image.Image) -> dict[str, float]:
    """Compare a result with its input if there is no truth. Returns kept, and `against_input`."""
    return {"kept": ink_kept(result, source), **against_input(result, source)}


def pseudo_recall(found: Mask, wanted: Mask) -> float:
    """The share of the truth's skeleton that was found, whatever the width of the strokes.

    As in the contests H-DIBCO 2010 and DIBCO 2011 (Pratikakis, Gatos, Ntirogiannis). Later contests
    weigh pixels by their distance from the contour. doxapy computes those weights, but not on
    Python 3.10 and 3.11, and a figure must not depend on the Python version.
    """
    skeleton = skeletonize(wanted)
    total = int(skeleton.sum())
    return int((skeleton & found).sum()) / total if total else float(not found.any())


def drd(found: Mask, wanted: Mask) -> float | None:
    """Distance-reciprocal distortion (Lu, Kot and Shi 2004).

    Each wrong pixel is weighed by the pixels around it that differ from it in the truth; the sum is
    divided by the number of the truth's 8x8 blocks that hold both ink and paper.

    Equal to doxapy 0.9.9; its 0.9.2, the last for Python 3.10 and 3.11, misses every eighth row and
    column of the blocks, which makes the figure a tenth too large.

    Returns:
        0 for equal masks; None if they differ and no block holds both ink and paper.
    """
    if np.array_equal(found, wanted):
        return 0.0
    blocks = _mixed_blocks(wanted)
    if not blocks:
        return None
    ink, paper = (
        cv2.filter2D(mask.astype(np.float32), -1, _DRD_WEIGHTS, borderType=cv2.BORDER_CONSTANT)
        for mask in (wanted, ~wanted)
    )
    return float(np.where(found, paper, ink)[found != wanted].sum(dtype=np.float64)) / blocks


def ssim(one: UInt8, other: UInt8) -> float:
    """Structural similarity of two grey pictures (Wang et al. 2004; Gaussian window)."""
    value = structural_similarity_index_measure(_batch(one), _batch(other), data_range=1.0)
    assert isinstance(value, torch.Tensor)  # a tuple when it is asked for more
    return float(value)


def _batch(picture: UInt8) -> torch.Tensor:
    """Turn a grey picture into 1x1xHxW in [0, 1], padded with white to the size of the window."""
    short = [max(_SSIM_WINDOW - side, 0) for side in picture.shape]
    wide = np.pad(picture, [(0, missing) for missing in short], constant_values=255)
    return torch.from_numpy(wide)[None, None] / 255


def _mixed_blocks(mask: Mask) -> int:
    """Count the whole 8x8 blocks that hold both values."""
    rows, columns = (side // _BLOCK for side in mask.shape)
    whole = mask[: rows * _BLOCK, : columns * _BLOCK]
    blocks = whole.reshape(rows, _BLOCK, columns, _BLOCK)
    return int((blocks.any(axis=(1, 3)) & ~blocks.all(axis=(1, 3))).sum())


def _drd_weights() -> npt.NDArray[np.float32]:
    """5x5 reciprocals of the distance from the centre, 0 there, scaled to the sum 1."""
    steps = np.arange(-2, 3)
    distance = np.hypot(steps[:, None], steps)
    weights = np.divide(1, distance, out=np.zeros_like(distance), where=distance > 0)
    return (weights / weights.sum()).astype(np.float32)


_DRD_WEIGHTS = _drd_weights()
