"""Measures of a candidate that tell a signature from print, stamps, pictures and answers.

`judge.json` weighs them by their place in the lists, so their order is part of it. Factors and
offsets without a name only bring a measure near to [-3, 3].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigclean.arrays import Float
from sigclean.finding.components import find_components
from sigclean.finding.sheet import MAP, Candidate, Sheet
from sigclean.finding.sums import Sums, sum_in, sums_of
from sigclean.letterbox import Box

NEAR, FAR = 10, 36  # pixels of the map: how far from a candidate its neighbours are looked at
SURE = 0.7  # keep map above which ink is surely kept


@dataclass(frozen=True)
class Measures:
    """What is measured of a page once, for all of its candidates.

    Attributes:
        sheet: the page.
        ink, kept, rules: sums of the ink, of the keep map on ink, and of printed rules.
        down, across: HxW, how the darkness changes from pixel to pixel.
        page: measures of the page itself.
        height: the median height of the candidates, in pixels.
        most: the largest amount of kept ink of a candidate.
    """

    sheet: Sheet
    ink: Sums
    kept: Sums
    rules: Sums
    down: Float
    across: Float
    page: list[float]
    height: float
    most: float


def measure_page(sheet: Sheet, candidates: list[Candidate]) -> Measures:
    """Measure what the candidates of a page have in common."""
    on_ink = sheet.keep * sheet.ink
    amounts = [float(on_ink[one.part][one.own].sum()) for one in candidates]
    heights = [float(one.own.shape[0]) for one in candidates]
    ink = float(sheet.ink.sum())
    down, across = (np.asarray(change, np.float32) for change in np.gradient(sheet.dark))
    page = [
        float(np.log(sheet.ink.shape[1] / sheet.ink.shape[0])),
        ink / sheet.ink.size,
        float(on_ink.sum()) / ink,
        float(np.log1p(len(candidates))),
        float(sheet.chroma[sheet.ink].mean()),
    ]
    return Measures(
        sheet,
        sums_of(sheet.ink),
        sums_of(on_ink),
        sums_of(sheet.rules),
        down,
        across,
        page,
        float(np.median(heights)),
        max(amounts),
    )


def measure(one: Candidate, page: Measures) -> list[float]:
    """Measure a candidate: a list of numbers, most of them in [-3, 3]."""
    return [
        *_size(one, page),
        *_kept(one, page),
        *_strokes(one, page),
        *_pieces(one),
        *_profiles(one),
        *_neighbours(one, page),
        *_colour(one, page),
        *page.page,
    ]


def measure_look(one: Candidate, keep: Float, sheet: Sheet, view: Box) -> list[float]:
    """Measure what the cleaner keeps of a candidate when it is shown little else.

    Args:
        keep: the keep map of the view in pixels of the map.
        view: left, top, right and bottom of what the cleaner was shown, in pixels of the map.
    """
    left, top = view[:2]
    inside = slice(one.box[1] - top, one.box[3] - top), slice(one.box[0] - left, one.box[2] - left)
    own = keep[inside][one.own]
    ink = sheet.ink[top : view[3], left : view[2]]
    within = keep[inside][ink[inside]]
    amount = float(own.sum())
    everything = float(keep[ink].sum())
    area = float(len(own))
    return [
        amount / area,
        float((own > SURE).mean()),
        float(np.abs(2 * within - 1).mean()),
        float(within.mean()),
        float(np.log((amount + 1) / (within.sum() + 1))),
        float(np.log((amount + 1) / (everything + 1))),
        everything / max(float(ink.sum()), 1),
        float(np.log(max(view[2] - left, view[3] - top) / MAP)),
    ]


def _size(one: Candidate, page: Measures) -> list[float]:
    """The size and place on the page, and both beside the other candidates'."""
    height, width = one.own.shape
    rows, columns = page.sheet.ink.shape
    left, top, right, bottom = one.box
    amount = float(page.sheet.keep[one.part][one.own].sum())
    return [
        float(np.log(max(height, width) / MAP)) + 2,
        float(np.log(min(height, width) / MAP)) + 3,
        float(np.log(width / height)),
        (left + right) / 2 / columns - 0.5,
        (top + bottom) / 2 / rows - 0.5,
        min(left, top, columns - right, rows - bottom) / 100,
        float(np.log(height / page.height)),
        float(np.log(amount / page.most)),
    ]


def _kept(one: Candidate, page: Measures) -> list[float]:
    """The share of the ink that the cleaner keeps, also of other ink in the box."""
    sheet = page.sheet
    fine, whole = sheet.fine[one.part][one.own], sheet.whole[one.part][one.own]
    ink = sheet.ink[one.part]
    all_keep = sheet.keep[one.part][ink]
    return [
        float(fine.mean()),
        float(whole.mean()),
        float((fine > SURE).mean()),
        float((whole > SURE).mean()),
        float(all_keep.mean()),
        float((all_keep > SURE).mean()),
        float(one.own.sum() / ink.sum()),
    ]


def _strokes(one: Candidate, page: Measures) -> list[float]:
    """The length, width, darkness and directions of the strokes."""
    own, longest, shortest = one.own, max(one.own.shape), min(one.own.shape)
    inner = np.pad(own, 1)
    inner = (
        inner[1:-1, 1:-1] & inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
    )
    area = float(own.sum())
    edge = max(float((own & ~inner).sum()), 1)
    width = 2 * area / edge
    length = area / width
    turns = _directions(page.down[one.part][own], page.across[one.part][own])
    return [
        float(np.log(length / longest)),
        float(np.log(length / shortest)),
        float(np.log(width)),
        float(np.log(width / shortest)) + 2,
        area / own.size,
        float(page.sheet.dark[one.part][own].mean()),
        float(page.sheet.dark[one.part][own].std()),
        *turns,
        float(np.hypot(turns[2], turns[3])),
    ]


def _pieces(one: Candidate) -> list[float]:
    """The connected pieces: print has many of one height on one line, a signature few."""
    pieces = find_components(one.own)
    height, width = one.own.shape
    areas = pieces.areas / pieces.areas.sum()
    largest = int(areas.argmax())
    left, top, right, bottom = pieces.boxes[largest]
    heights = (pieces.boxes[:, 3] - pieces.boxes[:, 1]) / height
    bottoms = pieces.boxes[:, 3] / height
    mean, low = float(areas @ heights), float(areas @ bottoms)
    return [
        float(np.log(len(areas))),
        float(np.log(len(areas) * height / width)),
        float(areas[largest]),
        float((right - left) / width),
        float((bottom - top) / height),
        mean,
        float(np.sqrt(areas @ (heights - mean) ** 2)),
        float(np.sqrt(areas @ (bottoms - low) ** 2)),
        float((areas**2).sum()),
    ]


def _profiles(one: Candidate) -> list[float]:
    """The ink by rows and by columns: lines of print have empty rows between them."""
    rows, columns = one.own.mean(axis=1), one.own.mean(axis=0)
    third = max(len(rows) // 3, 1)
    total = float(rows.sum())
    return [
        float((rows < 0.15 * rows.mean()).mean()),
        float((columns == 0).mean()),
        _longest_gap(columns),
        float(rows.max() / rows.mean()) / 4,
        float(columns.max() / columns.mean()) / 4,
        float(rows[:third].sum() / total),
        float(rows[-third:].sum() / total),
        float(np.abs(np.diff(rows)).sum() / rows.max()) / 10,
    ]


def _longest_gap(columns: Float) -> float:
    """The longest run of empty columns, as a share of all."""
    inked = np.flatnonzero(columns)
    return float(np.diff(inked).max(initial=1) - 1) / len(columns)


def _neighbours(one: Candidate, page: Measures) -> list[float]:
    """Kept ink and print about the candidate, and the rule that it stands on."""
    left, top, right, bottom = one.box
    own = float(page.sheet.keep[one.part][one.own].sum())
    found = []
    for far in (NEAR, FAR):
        before, behind, above, below = (sum_in(page.kept, box) for box in _beside(one.box, far))
        found += [(before + behind) / own, above / own, below / own]
    for box in _beside(one.box, FAR):
        found.append(_erased(page, box) / _area(box) * 4)
    found.append(_erased(page, one.box) / own / 4)
    middle = round(bottom - (bottom - top) * 0.5)
    for start, stop in ((middle, bottom + FAR), (top, middle)):
        rules = sum_in(page.rules, (left, start, right, stop)) / (right - left)
        found.append(min(rules, 4) / 2)
    return [min(value, 4.0) for value in found]


def _beside(box: Box, far: int) -> tuple[Box, Box, Box, Box]:
    """The strips, `far` pixels wide, to the left and right of a box, above and below it."""
    left, top, right, bottom = box
    return (
        (left - far, top, left, bottom),
        (right, top, right + far, bottom),
        (left, top - far, right, top),
        (left, bottom, right, bottom + far),
    )


def _erased(page: Measures, box: Box) -> float:
    """The ink in a box that is not kept."""
    return sum_in(page.ink, box) - sum_in(page.kept, box)


def _colour(one: Candidate, page: Measures) -> list[float]:
    """The colour of the ink, and how it differs from that of the other ink about it."""
    left, top, right, bottom = one.box
    near = slice(max(top - FAR, 0), bottom + FAR), slice(max(left - FAR, 0), right + FAR)
    chroma = float(page.sheet.chroma[one.part][one.own].mean())
    other = page.sheet.ink[near].copy()
    y, x = top - near[0].start, left - near[1].start
    other[y : y + one.own.shape[0], x : x + one.own.shape[1]] &= ~one.own
    if not other.any():
        return [chroma, 0.0, 0.0]
    dark = float(page.sheet.dark[one.part][one.own].mean())
    return [
        chroma,
        chroma - float(page.sheet.chroma[near][other].mean()),
        dark - float(page.sheet.dark[near][other].mean()),
    ]


def _directions(down: Float, across: Float) -> list[float]:
    """The mean cosine and sine of twice and of four times the direction of edges, in [-1, 1].

    Print stands on its baseline: its edges are level or upright.
    """
    strength = np.maximum(np.hypot(down, across), 1e-6)
    cosine = (across**2 - down**2) / strength**2
    sine = 2 * across * down / strength**2
    turns = cosine, sine, cosine**2 - sine**2, 2 * cosine * sine
    return [float((turn * strength).sum() / strength.sum()) for turn in turns]


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
