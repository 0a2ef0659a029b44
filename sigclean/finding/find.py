"""Finds the signatures of a page: proposes candidates, measures them, scores them, and chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sigclean.finding.boxes import area_of, shared
from sigclean.finding.candidates import (
    KEPT,
    distinct,
    groups,
    propose,
    tight,
)
from sigclean.finding.features import measure, measure_page
from sigclean.finding.judge import Judge
from sigclean.finding.seen import measure_sight, seen
from sigclean.finding.sheet import MAP, SUBJECT, SURE, Candidate, Sheet
from sigclean.letterbox import Box
from sigclean.pieces.components import find_components

ROOM = 0.4  # how far beyond a candidate its strokes may go, as a share of its longest side
LEAST_ROOM = 16  # pixels of the map: that distance, at least
LEAST = 0.5  # score of a signature
LEAST_OF_SUBJECT = 0.15  # score of a signature that is the picture's subject
JOIN_REACH = (3, 3)  # as `REACHES`, for kept ink near such a signature
PIECE = 0.02  # share of the kept ink that such a piece has, at least
PART = 0.3  # share of the ink of joined words that was found as words, at least
MOSTLY = 0.4  # share of a stroke's kept ink that lies in a box to which the stroke belongs
PLACE = 0.6  # overlap from which a place of the network's is that of a candidate
GROWN = 1.3  # how much larger than without its strokes a box may be, at most
WORDS = 70  # pixels of the map between words of one signature, where there is little else
ALL = 0.6  # share of a picture's ink that is kept if the picture is one signature
LEAST_INK = 200  # pixels of the map that a signature has
ALIKE = 0.4  # share of the smaller of two boxes that lies in the other: only one is a signature


@dataclass(frozen=True, eq=False)
class Found:
    """A candidate with its measures, and its score in [0, 1]."""

    candidate: Candidate
    measures: list[float]
    score: float


def find(sheet: Sheet, judge: Judge) -> list[Found]:
    """Find the signatures of a page with this map, the likeliest first.

    Where a picture shows little else than a signature, what is kept near it belongs to it, and a
    score that would not do on a page will do.
    """
    known = judged(sheet, judge)
    found = choose(known)
    if not sheet.shows_little_else:
        return found
    if sheet.is_small and found:
        return joined(found, sheet)
    large = [one for one in known if _longest(one.candidate.box) >= SUBJECT * MAP]
    subjects = choose(large, LEAST_OF_SUBJECT)[:1]
    if not subjects:
        return as_one(found, sheet) if found else all_kept(sheet)
    subject = replace(subjects[0], score=max(subjects[0].score, LEAST))
    boxes = [subject.candidate.box]
    others = [one for one in found if not (shared(boxes, one.candidate.box) > ALIKE).any()]
    return joined([subject, *others], sheet)


def as_one(found: list[Found], sheet: Sheet) -> list[Found]:
    """Words that were found, joined if they are a good part of what then fills the picture."""
    together = joined(found, sheet)
    ink = sum(one.candidate.own.sum() for one in together)
    own = sum(one.candidate.own.sum() for one in found)
    fills = max(_longest(one.candidate.box) for one in together) >= SUBJECT * MAP
    return together if fills and own >= PART * ink else found


def joined(found: Sequence[Found], sheet: Sheet) -> list[Found]:
    """Join signatures and kept ink that are no farther apart than words, with the better score."""
    kept = sheet.ink & (sheet.whole > SURE)
    least = max(PIECE * kept.sum(), LEAST_INK)
    pieces = [Found(one, [], 0.0) for one in groups(kept, JOIN_REACH) if one.own.sum() > least]
    left, result = [*found, *pieces], []
    while left and left[0].score > 0:
        one = left.pop(0)
        while near := [other for other in left if _gap(one, other) <= WORDS]:
            left = [other for other in left if other not in near]
            boxes = np.array([one.candidate.box, *(other.candidate.box for other in near)])
            box = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
            one = replace(one, candidate=_in_box(box, sheet))
        result.append(one)
    return result


def all_kept(sheet: Sheet) -> list[Found]:
    """All kept ink as one signature, if most of the ink is kept."""
    kept = sheet.ink & (sheet.keep > SURE)
    if kept.sum() < max(ALL * sheet.ink.sum(), LEAST_INK):
        return []
    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return [Found(_in_box(box, sheet), [], LEAST)]


def _in_box(box: Box, sheet: Sheet) -> Candidate:
    left, top, right, bottom = box
    kept = sheet.ink & (sheet.whole > SURE)
    own = kept[top:bottom, left:right]
    return tight(own, left, top) or Candidate(box, own)


def _gap(one: Found, other: Found) -> int:
    """The distance of two boxes in pixels of the map, the larger of across and down."""
    a, b = one.candidate.box, other.candidate.box
    return max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3], 0)


def measured(sheet: Sheet) -> list[Found]:
    """Propose candidates, from the network's places and from kept ink, and measure each; the
    scores are 0."""
    candidates = distinct(seen(sheet), propose(sheet))
    if not candidates:
        return []
    common = measure_page(sheet, candidates)
    return [
        Found(one, [*measure(one, common), *measure_sight(one, sheet)], 0.0) for one in candidates
    ]


def judged(sheet: Sheet, judge: Judge) -> list[Found]:
    """Propose candidates, and score each."""
    known = measured(sheet)
    if not known:
        return []
    scores = judge.scores([one.measures for one in known])
    return [replace(one, score=float(score)) for one, score in zip(known, scores, strict=True)]


def choose(found: Sequence[Found], least: float = LEAST) -> list[Found]:
    """Keep candidates with this score, the likeliest of those that overlap."""
    chosen: list[Found] = []
    for one in sorted(found, key=lambda one: -one.score):
        if one.score < least:
            break
        taken = [other.candidate.box for other in chosen]
        if not (shared(taken, one.candidate.box) > ALIKE).any():
            chosen.append(one)
    return chosen


def whole_box(one: Candidate, sheet: Sheet) -> Box:
    """The box of a candidate as far as the network sees it, and of the strokes that belong to it,
    unless these make it much larger: strokes that cross a stamp's or another signature's do."""
    strokes, place = _with_strokes(one, sheet), sheet.sight.place_of(one.box, PLACE)
    if place is None:
        return strokes
    height, width = sheet.ink.shape
    limits = max(place[0], 0), max(place[1], 0), min(place[2], width), min(place[3], height)
    own = _union(limits, one.box)
    whole = _union(own, strokes)
    return whole if area_of(whole) < GROWN * area_of(own) else own


def _union(one: Box, other: Box) -> Box:
    left, top = min(one[0], other[0]), min(one[1], other[1])
    return left, top, max(one[2], other[2]), max(one[3], other[3])


def _with_strokes(one: Candidate, sheet: Sheet) -> Box:
    """The box of a candidate, and of all strokes that have most of their kept ink in it."""
    left, top, right, bottom = _view(one.box, sheet)
    subject = _longest(one.box) >= SUBJECT * MAP
    keep, least = (sheet.whole, KEPT[0]) if subject else (sheet.keep, KEPT[-1])
    kept = sheet.ink[top:bottom, left:right] & (keep[top:bottom, left:right] > least)
    strokes = find_components(kept)
    inside = np.zeros(kept.shape, np.bool_)
    inside[one.box[1] - top : one.box[3] - top, one.box[0] - left : one.box[2] - left] = True
    own = np.bincount(strokes.labels[kept & inside], minlength=len(strokes.areas))
    boxes = strokes.boxes[own > MOSTLY * strokes.areas] + [left, top, left, top]
    low = np.minimum(boxes[:, :2].min(axis=0, initial=10**6), one.box[:2])
    high = np.maximum(boxes[:, 2:].max(axis=0, initial=0), one.box[2:])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _view(box: Box, sheet: Sheet) -> Box:
    """The box with room about it."""
    room = round(max(ROOM * _longest(box), LEAST_ROOM))
    return sheet.with_room(box, room, room)


def _longest(box: Box) -> int:
    return max(box[2] - box[0], box[3] - box[1])
