"""Proposes groups of kept ink that may be signatures: many, since `judge` chooses among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from sigclean.arrays import Float, Mask
from sigclean.finding.boxes import overlaps
from sigclean.finding.sheet import Candidate, Sheet, inked_cells
from sigclean.pieces.components import find_components, spread

KEPT = (0.5, 0.25)  # keep map above which ink may be a signature's: sure, and generous
CELL = 4  # pixels of the map: the side of the cells that are grouped
REACHES = ((1, 1), (3, 2), (5, 3), (9, 3))  # cells to the sides and up and down, for each grouping
SHORTEST, LEAST_INK = 18, 40  # pixels of the longest side, and of ink, at least
MOST = 80  # candidates of a page from the keep maps, those with the most kept ink
MOST_STROKES = 24  # candidates from strokes unlike print, those with the longest strokes
SAME = 0.93  # intersection over union above which two candidates are one
CUT_FROM = 90  # pixels: wider or taller candidates are also cut in two
CUT_INK = 0.6  # ink in the line of a cut, over the mean of all lines, at most
CUTS = 2  # places at which a candidate is cut in each direction
MIDDLE = (0.2, 0.8)  # where a cut may be, as a share of the candidate's side
LETTERS = 1.7  # heights of the page's letters: a longer stroke is unlike print
STROKES = (16, 500)  # pixels of the longest side of such a stroke, least and most
THIN = 0.45  # share of a stroke's box that is ink, at most


def propose(sheet: Sheet) -> list[Candidate]:
    """Propose candidates, most kept ink first, then strokes unlike print; they overlap."""
    best = np.maximum(sheet.whole, sheet.fine)
    found: list[Candidate] = []
    for keep, least in ((sheet.fine, KEPT[0]), *((sheet.keep, least) for least in KEPT)):
        found += _grouped(sheet.ink & (keep > least), REACHES)
    found.sort(key=lambda one: -_weight(one, best))
    loose = list(_grouped(unlike_print(sheet), REACHES[:3]))
    loose.sort(key=lambda one: -max(one.own.shape))
    return distinct(distinct([], found, MOST), loose, MOST_STROKES)


def unlike_print(sheet: Sheet) -> Mask:
    """The ink of thin strokes that are longer than the page's letters."""
    strokes = sheet.strokes
    sides = strokes.boxes[:, 2:] - strokes.boxes[:, :2]
    longest = sides.max(axis=1)
    least = max(LETTERS * sheet.letters, STROKES[0])
    thin = strokes.areas <= THIN * sides.prod(axis=1)
    chosen = thin & (longest >= least) & (longest <= STROKES[1])
    return np.asarray(np.append(chosen, False)[strokes.labels])


def distinct(
    known: list[Candidate], more: Iterable[Candidate], most: int | None = None
) -> list[Candidate]:
    """The known candidates, and those of the others that differ from all before; at most `most` of
    these, all without it."""
    found = list(known)
    boxes = np.array([one.box for one in known], np.float64).reshape(-1, 4)
    for one in more:
        if len(found) - len(known) == most:
            break
        if not (overlaps(boxes, one.box) > SAME).any():
            found.append(one)
            boxes = np.vstack([boxes, one.box])
    return found


def _grouped(kept: Mask, reaches: Iterable[tuple[int, int]]) -> Iterator[Candidate]:
    """Yield the groups of a mask's ink for each reach, and their halves."""
    for reach in reaches:
        for group in groups(kept, reach):
            yield group
            yield from _halves(group)


def _weight(one: Candidate, keep: Float) -> float:
    """The kept ink of a candidate, which grows less than in proportion with its size."""
    return float(keep[one.part][one.own].sum() / max(one.own.shape))


def groups(kept: Mask, reach: tuple[int, int]) -> Iterator[Candidate]:
    """Yield groups of kept ink: cells that are no farther apart than twice the reach."""
    wider = spread(spread(inked_cells(kept, CELL), reach[0], 1), reach[1], 0)
    found = find_components(wider)
    for number, (left, top, right, bottom) in enumerate(found.boxes):
        near = found.labels[top:bottom, left:right] == number
        inside = near.repeat(CELL, axis=0).repeat(CELL, axis=1)
        x, y = int(left) * CELL, int(top) * CELL
        part = kept[y : y + len(inside), x : x + inside.shape[1]]
        one = tight(part & inside[: part.shape[0], : part.shape[1]], x, y)
        if one is not None:
            yield one


def tight(own: Mask, left: int, top: int) -> Candidate | None:
    """Cut a group to its ink; None if it is too small for a signature, or as large as the page."""
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    if not len(rows):
        return None
    own = own[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if max(own.shape) < SHORTEST or own.sum() < LEAST_INK:
        return None
    x, y = left + int(columns[0]), top + int(rows[0])
    return Candidate((x, y, x + own.shape[1], y + own.shape[0]), own)


def _halves(one: Candidate) -> Iterator[Candidate]:
    """Yield both halves of a candidate on either side of its thinnest places, in both directions:
    two signatures that touch."""
    for axis in (1, 0):
        for cut in _cuts(one.own, axis):
            for start, stop in ((0, cut), (cut, one.own.shape[axis])):
                where: list[slice] = [slice(None), slice(None)]
                where[axis] = slice(start, stop)
                shift = (start, 0) if axis == 1 else (0, start)
                half = tight(one.own[tuple(where)], one.box[0] + shift[0], one.box[1] + shift[1])
                if half is not None:
                    yield half


def _cuts(own: Mask, axis: int) -> Iterator[int]:
    """Yield the thinnest places of a mask along an axis."""
    length = own.shape[axis]
    if length < CUT_FROM:
        return
    profile = np.convolve(own.sum(axis=1 - axis), np.ones(5) / 5, "same")
    low, high = (round(share * length) for share in MIDDLE)
    part = profile[low:high].copy()
    for _ in range(CUTS):
        cut = int(part.argmin())
        if part[cut] > CUT_INK * profile.mean():
            return
        yield low + cut
        part[max(cut - length // 10, 0) : cut + length // 10] = np.inf
