"""The visibility of a signature to a person: a pair whose strokes nobody sees teaches guessing."""

import cv2
import numpy as np

from sigclean.arrays import UInt8, darkest_channel

INK = 70  # darkness (0..255) from which a pixel of the truth is ink
CONTRAST = 20.0  # levels by which ink must be darker than its surroundings, in some channel
DISTINCT = 0.6  # standard deviations of the surroundings by which it must be darker


def is_visible(noisy: UInt8, truth: UInt8) -> bool:
    """Tell whether the strokes stand out from their surroundings; true where there is no ink.

    Args:
        noisy, truth: HxWx3.
    """
    contrast, distinct = standing_out(noisy, truth)
    return contrast >= CONTRAST and distinct >= DISTINCT


def standing_out(noisy: UInt8, truth: UInt8) -> tuple[float, float]:
    """Measure the contrast of the ink: how many levels it is darker than its surroundings, and the
    same in standard deviations of theirs, in the channel where both together are best.

    Infinite where there is no ink, or nothing around it.
    """
    ink = (darkest_channel(truth) < 255 - INK).astype(np.uint8)
    reach = 2 * max(round(max(truth.shape) / 120), 3) + 1
    halo = cv2.dilate(ink, np.ones((3, 3), np.uint8)) > 0
    around = (cv2.dilate(ink, np.ones((reach, reach), np.uint8)) > 0) & ~halo
    if not ink.any() or not around.any():
        return np.inf, np.inf
    inside, outside = noisy[ink > 0].astype(np.float32), noisy[around].astype(np.float32)
    contrast = outside.mean(axis=0) - inside.mean(axis=0)
    distinct = contrast / (outside.std(axis=0) + 1)
    best = int(np.argmax(np.minimum(contrast / CONTRAST, distinct / DISTINCT)))
    return float(contrast[best]), float(distinct[best])
