"""Whether a person could still see the signature: pairs where none could teach guessing."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

INK = 70  # darkness, of 255, from which a pixel of the truth is ink
CONTRAST = 20.0  # levels by which ink must be darker than what is around it, in some channel
DISTINCT = 0.6  # and in units of how uneven it is around it


def is_visible(noisy: Picture, truth: Picture) -> bool:
    """Whether the strokes stand out from what lies around them; true where there is no ink.

    Args:
        noisy, truth: HxWx3.
    """
    contrast, distinct = standing_out(noisy, truth)
    return contrast >= CONTRAST and distinct >= DISTINCT


def standing_out(noisy: Picture, truth: Picture) -> tuple[float, float]:
    """By how many levels ink is darker than its surroundings, and that in their deviations; of the
    channel where both together are best. Infinite where there is no ink, or nothing around it."""
    ink = (truth.min(axis=2) < 255 - INK).astype(np.uint8)
    reach = 2 * max(round(max(truth.shape) / 120), 3) + 1
    wide, edge = (cv2.dilate(ink, np.ones((side, side), np.uint8)) > 0 for side in (reach, 3))
    around = wide & (edge == 0)
    if not ink.any() or not around.any():
        return np.inf, np.inf
    inside, outside = noisy[ink > 0].astype(np.float32), noisy[around].astype(np.float32)
    contrast = outside.mean(axis=0) - inside.mean(axis=0)
    distinct = contrast / (outside.std(axis=0) + 1)
    best = int(np.argmax(np.minimum(contrast / CONTRAST, distinct / DISTINCT)))
    return float(contrast[best]), float(distinct[best])
