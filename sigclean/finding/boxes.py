"""How much boxes (left, top, right, bottom, exclusive) have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def overlaps(boxes: npt.ArrayLike, box: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The intersection over the union of boxes (Nx4) with a box: N in [0, 1]."""
    all_boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    common = intersections(all_boxes, box)
    return common / np.maximum(
        _areas(all_boxes) + _areas(np.asarray(box, np.float64)[None]) - common, 1
    )


def shared(boxes: npt.ArrayLike, box: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The intersection of boxes (Nx4) with a box, as a share of the smaller of both: N."""
    all_boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    least = np.minimum(_areas(all_boxes), _areas(np.asarray(box, np.float64)[None]))
    return intersections(all_boxes, box) / np.maximum(least, 1)


def intersections(boxes: npt.NDArray[np.float64], box: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The pixels that boxes (Nx4) have in common with a box: N."""
    one = np.asarray(box, np.float64)
    low = np.maximum(boxes[:, :2], one[:2])
    high = np.minimum(boxes[:, 2:], one[2:])
    return np.prod(np.maximum(high - low, 0), axis=1)


def _areas(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sides = boxes[:, 2:] - boxes[:, :2]
    return sides[:, 0] * sides[:, 1]


def area_of(box: tuple[int, int, int, int]) -> int:
    """The pixels of a box."""
    return (box[2] - box[0]) * (box[3] - box[1])
