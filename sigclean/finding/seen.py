"""Candidates that the network sees, and measures of how well it sees any candidate."""

from __future__ import annotations

import numpy as np

from sigclean.arrays import Float
from sigclean.finding.boxes import overlaps
from sigclean.finding.network import STRIDE
from sigclean.finding.sheet import Candidate, Sheet
from sigclean.letterbox import Box

INKED = 0.3  # ink of the network's from which a cell may hold a signature's ink
ROOM = 6  # pixels of the map: how far beyond a place of the network's its ink is looked for
NEAR = 0.25  # how far about a candidate ink is compared with its own, as a share of its sides
UNSEEN = -5.0  # logit of a candidate where the network sees nothing


def seen(sheet: Sheet) -> list[Candidate]:
    """Return the network's places, the likeliest first, cut to their ink."""
    found = []
    for box in sheet.sight.boxes:
        one = _candidate(box, sheet)
        if one is not None:
            found.append(one)
    return found


def _candidate(place: Float, sheet: Sheet) -> Candidate | None:
    height, width = sheet.ink.shape
    low = np.maximum(np.floor(place[:2]).astype(int) - ROOM, 0)
    high = np.minimum(np.ceil(place[2:]).astype(int) + ROOM, (width, height))
    if (high - low < 4).any():
        return None
    part = slice(low[1], high[1]), slice(low[0], high[0])
    ink = sheet.ink[part]
    own = ink & (_cells(sheet.sight.ink, (*low, *high)) > INKED)
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    if len(rows) < 4 or len(columns) < 4:
        return (
            Candidate((int(low[0]), int(low[1]), int(high[0]), int(high[1])), ink)
            if ink.any()
            else None
        )
    own = own[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    left, top = int(low[0] + columns[0]), int(low[1] + rows[0])
    return Candidate((left, top, left + own.shape[1], top + own.shape[0]), own)


def _cells(layer: Float, box: tuple[int, ...]) -> Float:
    """A layer of the network's for the pixels of a box."""
    left, top, right, bottom = box
    rows, columns = np.arange(top, bottom) // STRIDE, np.arange(left, right) // STRIDE
    rows, columns = rows.clip(max=layer.shape[0] - 1), columns.clip(max=layer.shape[1] - 1)
    return layer[np.ix_(rows, columns)]


def measure_sight(one: Candidate, sheet: Sheet) -> list[float]:
    """Measure how well the network sees a candidate: numbers, logits from -5 to 9.2 among them."""
    sight = sheet.sight
    inside = _cells(sight.ink, one.box)
    ink = sheet.ink[one.part]
    own, around = float(inside.sum()), float(_cells(sight.ink, _wider(one.box, sheet)).sum())
    return [
        *_best_place(one.box, sheet),
        float(inside[one.own].mean()),
        float(inside[ink].mean()) if ink.any() else 0.0,
        (own + 1) / (around + 1),
        *(_logit(float(_cells(heat, _middle(one.box)).max())) for heat in sight.heats),
    ]


def _best_place(box: Box, sheet: Sheet) -> tuple[float, float, float, float]:
    """The network's best place for a box: its logit, its overlap, the logit scaled by the overlap,
    and the second largest overlap of any place."""
    sight = sheet.sight
    if not len(sight.boxes):
        return UNSEEN, 0.0, UNSEEN, 0.0
    shares = overlaps(sight.boxes, np.array(box, np.float32))
    worth = shares * (np.array([_logit(score) for score in sight.scores]) - UNSEEN)
    best = int(worth.argmax())
    share = float(shares[best])
    score = _logit(float(sight.scores[best])) if share > 0.1 else UNSEEN
    second = float(np.sort(shares)[:-1].max(initial=0))
    return score, share, float(worth[best]) + UNSEEN, second


def _logit(share: float) -> float:
    share = min(max(float(share), 1e-4), 1 - 1e-4)
    return max(float(np.log(share / (1 - share))), UNSEEN)


def _wider(box: Box, sheet: Sheet) -> Box:
    """The box with the ink about it that may belong to the same signature."""
    across, down = (round(NEAR * side) + STRIDE for side in (box[2] - box[0], box[3] - box[1]))
    return sheet.with_room(box, across, down)


def _middle(box: Box) -> Box:
    """The middle third of a box in each direction."""
    left, top, right, bottom = box
    across, down = (right - left) // 3, (bottom - top) // 3
    return left + across, top + down, right - across, bottom - down
