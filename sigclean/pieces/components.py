"""Labels the connected components of a mask, with NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigclean.arrays import Mask

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Components:
    """The connected components of a mask; pixels that touch at a corner belong together.

    Attributes:
        labels: HxW, the number of each pixel's component, from 0; -1 where the mask is false.
        boxes: Nx4, left, top, right and bottom (exclusive) in pixels.
        areas: N, pixels.
    """

    labels: Ints
    boxes: Ints
    areas: Ints


@dataclass(frozen=True)
class Runs:
    """The runs of true pixels in the rows of a mask, in reading order.

    Attributes:
        rows, starts, stops: N each; a run covers the columns from start to stop (exclusive).
    """

    rows: Ints
    starts: Ints
    stops: Ints


def find_runs(mask: Mask) -> Runs:
    """Find the runs of true pixels in the rows of an HxW mask."""
    stride = mask.shape[1] + 1  # a false pixel after each row
    flat = np.zeros(mask.shape[0] * stride + 1, np.int8)
    flat[1:].reshape(mask.shape[0], stride)[:, :-1] = mask
    steps = np.diff(flat)
    starts, stops = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    rows = starts // stride
    return Runs(rows, starts - rows * stride, stops - rows * stride)


def find_components(mask: Mask) -> Components:
    """Find the connected components of an HxW mask."""
    runs = find_runs(mask)
    numbers, count = _joined(runs, mask.shape[1])
    labels = np.full(mask.shape, -1, np.int64)
    lengths = runs.stops - runs.starts
    labels[mask] = np.repeat(numbers, lengths)
    boxes = np.empty((count, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = np.iinfo(np.int64).max, 0
    for side, values in ((0, runs.starts), (1, runs.rows)):
        np.minimum.at(boxes[:, side], numbers, values)
    for side, values in ((2, runs.stops), (3, runs.rows + 1)):
        np.maximum.at(boxes[:, side], numbers, values)
    areas = np.bincount(numbers, weights=lengths, minlength=count).astype(np.int64)
    return Components(labels, boxes, areas)


def spread(mask: Mask, reach: int, axis: int) -> Mask:
    """Dilate a mask by `reach` pixels to both sides along an axis."""
    result = mask.copy()
    for step in range(1, reach + 1):
        ahead: list[slice] = [slice(None), slice(None)]
        behind = list(ahead)
        ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
        result[tuple(ahead)] |= mask[tuple(behind)]
        result[tuple(behind)] |= mask[tuple(ahead)]
    return result


def grow(mask: Mask, reach: int) -> Mask:
    """Dilate a mask by `reach` pixels in all directions."""
    return spread(spread(mask, reach, 0), reach, 1)


def _joined(runs: Runs, width: int) -> tuple[Ints, int]:
    """The component of each run, and the number of components."""
    stride = width + 1
    starts, stops = runs.rows * stride + runs.starts, runs.rows * stride + runs.stops
    first = np.searchsorted(stops, starts + stride)  # runs of the next row that touch a run
    counts = np.searchsorted(starts, stops + stride, "right") - first
    upper = np.repeat(np.arange(len(starts)), counts)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    parents = np.arange(len(starts))
    while True:  # each pass at least halves the paths to the first run of a component
        one, other = parents[upper], parents[lower]
        if (one == other).all():
            break
        least = np.minimum(one, other)
        np.minimum.at(parents, one, least)
        np.minimum.at(parents, other, least)
        while (parents[parents] != parents).any():
            parents = parents[parents]
    unique, numbers = np.unique(parents, return_inverse=True)
    return numbers.astype(np.int64), len(unique)
