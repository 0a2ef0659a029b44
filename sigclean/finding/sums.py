"""Sums of the pixels in boxes, from the sums up to each pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigclean.letterbox import Box

Sums = npt.NDArray[np.float64]
"""(H+1)x(W+1), the sums of all that lies above and to the left of each pixel's corner."""


def sums_of(values: npt.NDArray[np.generic]) -> Sums:
    """Sum an HxW array from its corner to each pixel."""
    result = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    result[1:, 1:] = values.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    return result


def sum_in(sums: Sums, box: Box) -> float:
    """The sum inside a box, which may reach beyond the page."""
    rows, columns = sums.shape
    left, right = (min(max(x, 0), columns - 1) for x in (box[0], box[2]))
    top, bottom = (min(max(y, 0), rows - 1) for y in (box[1], box[3]))
    return float(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left])
