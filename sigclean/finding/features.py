"""Measures of a candidate that tell a signature from print, stamps, pictures and answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigclean.arrays import Float
from sigclean.finding.boxes import area_of
from sigclean.finding.sheet import MAP, Candidate, Sheet
from sigclean.finding.sums import Sums, sum_in, sums_of
from sigclean.pieces.components import find_components

NEAR, FAR = 10, 36  # pixels of the map: how far from a candidate its neighbours are looked at
SURE = 0.7  # keep map above which ink is surely kept


@dataclass(frozen=True)
class Measures:
    """The measures of a page that all of its candidates share.

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
    amounts = [_amount(one, sheet) for one in candidates]
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
    """Measure a candidate: a list of numbers, most of them between -3 and 3."""
    return [
        *_size(one, page),
        *_kept(one, page),
        *_strokes(one, page),
        *_pieces(one),
        *_profiles(one),
        *_cut(one, page),
        *_neighbours(one, page),
        *_colour(one, page),
        *page.page,
    ]


def _size(one: Candidate, page: Measures) -> list[float]:
    height, width = one.own.shape
    rows, columns = page.sheet.ink.shape
    left, top, right, bottom = one.box
    return [
        float(np.log(max(height, width) / MAP)) + 2,
        float(np.log(min(height, width) / MAP)) + 3,
        float(np.log(width / height)),
        (left + right) / 2 / columns - 0.5,
        (top + bottom) / 2 / rows - 0.5,
        min(left, top, columns - right, rows - bottom) / 100,
        float(np.log(height / page.height)),
        float(np.log(_amount(one, page.sheet) / page.most)),
        float(np.log(height / page.sheet.letters)),
        float(np.log(width / page.sheet.letters)),
    ]


def _amount(one: Candidate, sheet: Sheet) -> float:
    """The kept ink of a candidate in pixels, at least one."""
    return max(float(sheet.keep[one.part][one.own].sum()), 1.0)


def _kept(one: Candidate, page: Measures) -> list[float]:
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


def _cut(one: Candidate, page: Measures) -> list[float]:
    """How thin the ink is where it is thinnest, and how the ink on either side of that differs:
    two signatures that touch have a thin place, and often two pens."""
    values = []
    dark, chroma = page.sheet.dark[one.part], page.sheet.chroma[one.part]
    for axis in (0, 1):
        profile = one.own.sum(axis=axis).astype(np.float32)
        low, high = len(profile) // 4, max(3 * len(profile) // 4, len(profile) // 4 + 1)
        cut = low + int(profile[low:high].argmin())
        first = np.moveaxis(one.own, 1 - axis, 0)[:cut], np.moveaxis(one.own, 1 - axis, 0)[cut:]
        values += [float(profile[cut] / profile.mean()), cut / len(profile) - 0.5]
        for layer in (dark, chroma):
            along = np.moveaxis(layer, 1 - axis, 0)
            sides = along[:cut][first[0]], along[cut:][first[1]]
            means = [float(side.mean()) if len(side) else float("nan") for side in sides]
            values.append(float(np.nan_to_num(abs(means[0] - means[1]))))
    return values


def _longest_gap(columns: Float) -> float:
    """The longest run of empty columns, as a share of all."""
    inked = np.flatnonzero(columns)
    return float(np.diff(inked).max(initial=1) - 1) / len(columns)


def _neighbours(one: Candidate, page: Measures) -> list[float]:
    """Kept ink and print about the candidate, and the rule that it stands on."""
    left, top, right, bottom = one.box
    own = float(one.own.sum())
    found = []
    for far in (NEAR, FAR):
        sides = (left - far, top, left, bottom), (right, top, right + far, bottom)
        ends = (left, top - far, right, top), (left, bottom, right, bottom + far)
        found += [sum(sum_in(page.kept, box) for box in sides) / own]
        found += [sum_in(page.kept, box) / own for box in ends]
    for box in (
        (left - FAR, top, left, bottom),
        (right, top, right + FAR, bottom),
        (left, top - FAR, right, top),
        (left, bottom, right, bottom + FAR),
    ):
        found.append((sum_in(page.ink, box) - sum_in(page.kept, box)) / area_of(box) * 4)
    inside = page.ink, page.kept
    found.append((sum_in(inside[0], one.box) - sum_in(inside[1], one.box)) / own / 4)
    low = round(bottom - (bottom - top) * 0.5)
    found.append(min(sum_in(page.rules, (left, low, right, bottom + FAR)) / (right - left), 4) / 2)
    found.append(min(sum_in(page.rules, (left, top, right, low)) / (right - left), 4) / 2)
    return [min(value, 4.0) for value in found]


def _colour(one: Candidate, page: Measures) -> list[float]:
    """The colour of the ink, and how it differs from that of the other ink about it."""
    left, top, right, bottom = one.box
    near = (
        slice(max(top - FAR, 0), bottom + FAR),
        slice(max(left - FAR, 0), right + FAR),
    )
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
