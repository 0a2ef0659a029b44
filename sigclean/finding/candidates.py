"""Proposes groups of kept ink that may be signatures: many, since the judge chooses among them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sigclean.arrays import Float, Mask
from sigclean.finding.components import find_components
from sigclean.finding.sheet import Candidate, Sheet, inked_cells
from sigclean.letterbox import Box

LEVELS = (0.5, 0.25)  # keep map above which ink is grouped: strictly, then generously
CELL = 4  # pixels of the map: the side of the cells that are grouped
REACHES = ((1, 1), (3, 2), (5, 3), (9, 3))  # cells, across and down, by which each grouping spreads
LEAST_SIDE, LEAST_INK = 18, 40  # pixels of a candidate's longest side, and of its ink, at least
MOST = 60  # candidates of a page
SAME = 0.93  # intersection over union above which two candidates are one
CUT_FROM = 56  # pixels: wider or taller candidates are also cut in two
CUT_INK = 0.35  # ink in the line of a cut, over the mean of all lines, at most
MIDDLE = (0.2, 0.8)  # where a cut may be, as a share of the candidate's side


def propose(sheet: Sheet) -> list[Candidate]:
    """Propose candidates, which may overlap: at most `MOST`, those of the largest `_weight`."""
    found: list[Candidate] = []
    for least in LEVELS:
        kept = sheet.ink & (sheet.keep > least)
        for reach in REACHES:
            for group in _groups(kept, reach):
                found += [group, *_halves(group)]
    found.sort(key=lambda one: -_weight(one, sheet.keep))
    distinct: list[Candidate] = []
    boxes = np.empty((0, 4))
    for one in found:
        if len(distinct) == MOST:
            break
        if not (overlaps(boxes, one.box) > SAME).any():
            distinct.append(one)
            boxes = np.vstack([boxes, one.box])
    return distinct


def overlaps(boxes: npt.ArrayLike, box: Box) -> npt.NDArray[np.float64]:
    """The intersection over the union of boxes (Nx4) with a box: N in [0, 1]."""
    all_boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    common = intersections(all_boxes, box)
    return common / np.maximum(_areas(all_boxes) + _areas(np.array([box], np.float64)) - common, 1)


def shared(boxes: npt.ArrayLike, box: Box) -> npt.NDArray[np.float64]:
    """The intersection of boxes (Nx4) with a box, as a share of the smaller of both: N."""
    all_boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    least = np.minimum(_areas(all_boxes), _areas(np.array([box], np.float64)))
    return intersections(all_boxes, box) / np.maximum(least, 1)


def intersections(boxes: npt.NDArray[np.float64], box: Box) -> npt.NDArray[np.float64]:
    """The pixels that boxes (Nx4) have in common with a box: N."""
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, 2:], box[2:])
    return np.prod(np.maximum(high - low, 0), axis=1)


def _areas(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sides = boxes[:, 2:] - boxes[:, :2]
    return sides[:, 0] * sides[:, 1]


def _weight(one: Candidate, keep: Float) -> float:
    """The kept ink of a candidate per pixel of its longest side: as much ink that is scattered has
    less weight."""
    return float(keep[one.part][one.own].sum() / max(one.own.shape))


def _groups(kept: Mask, reach: tuple[int, int]) -> Iterator[Candidate]:
    """Yield groups of kept ink: cells that are no farther apart than twice the reach (cells across
    and down)."""
    spread = _spread(_spread(inked_cells(kept, CELL), reach[0], 1), reach[1], 0)
    groups = find_components(spread)
    for number, (left, top, right, bottom) in enumerate(groups.boxes):
        near = groups.labels[top:bottom, left:right] == number
        inside = near.repeat(CELL, axis=0).repeat(CELL, axis=1)
        x, y = int(left) * CELL, int(top) * CELL
        part = kept[y : y + len(inside), x : x + inside.shape[1]]
        one = _tight(part & inside[: part.shape[0], : part.shape[1]], x, y)
        if one is not None:
            yield one


def _spread(cells: Mask, reach: int, axis: int) -> Mask:
    """Dilate a mask along an axis."""
    result = cells.copy()
    for step in range(1, reach + 1):
        ahead: list[slice] = [slice(None), slice(None)]
        behind = list(ahead)
        ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
        result[tuple(ahead)] |= cells[tuple(behind)]
        result[tuple(behind)] |= cells[tuple(ahead)]
    return result


def _tight(own: Mask, left: int, top: int) -> Candidate | None:
    """Cut a group to its ink; None if it is too small for a signature."""
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    if not len(rows):
        return None
    own = own[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if max(own.shape) < LEAST_SIDE or own.sum() < LEAST_INK:
        return None
    x, y = left + int(columns[0]), top + int(rows[0])
    return Candidate((x, y, x + own.shape[1], y + own.shape[0]), own)


def _halves(one: Candidate) -> Iterator[Candidate]:
    """Yield both halves of a candidate on either side of its thinnest place, in both directions:
    two signatures that touch."""
    for axis in (1, 0):
        length = one.own.shape[axis]
        if length < CUT_FROM:
            continue
        profile = np.convolve(one.own.sum(axis=1 - axis), np.ones(3) / 3, "same")
        low, high = (round(share * length) for share in MIDDLE)
        cut = low + int(profile[low:high].argmin())
        if profile[cut] > CUT_INK * profile.mean():
            continue
        for start, stop in ((0, cut), (cut, length)):
            where: list[slice] = [slice(None), slice(None)]
            where[axis] = slice(start, stop)
            shift = (start, 0) if axis == 1 else (0, start)
            half = _tight(one.own[tuple(where)], one.box[0] + shift[0], one.box[1] + shift[1])
            if half is not None:
                yield half
