"""Upright letters that begin in a small round head, with marks above and below, as in Thai."""

from __future__ import annotations

import numpy as np

from sigclean.drawn.hand import Hand, Path, place
from sigclean.drawn.letters import Letter, parse

# Letters fill 0 to 1.3. "o" stands for a head: a small circle at which the stroke begins.
_LETTERS = (
    ".9: .1,0,0 .1,.8,.1 .3,.95,-.5 .1,1.05,.6 .4,1.3,-.8 .75,1.1,-.8 .75,0,0",
    ".9: o.2,1.15 .2,.1,.3 .45,.05,1 .75,.3,.5 .75,1.3,0",
    ".9: o.15,1.1 .25,.05,.2 .7,.05,.6 .75,1.3,.1",
    "1: o.4,.65 .5,.3,-.8 .1,.6,-1.6 .3,1.25,-.9 .75,1.1,-1 .75,0,0",
    ".85: o.45,.6 .5,.2,.6 .1,.05,-.6 + .1,.9,0 .4,1.3,-.9 .7,1,-.9 .7,0,0",
    ".9: o.15,1.15 .15,0,0 .7,1.2,-.2 .75,0,.1",
    "1: o.15,1.15 .2,0,0 .45,.7,-.3 .7,0,-.3 .8,1.3,.1",
    "1: o.1,.15 .1,1.2,0 .45,.5,.3 .8,1.2,.3 .8,0,0", ".85: o.15,1.15 .2,.1,.2 o.55,.2 .7,1.3,.4",
    ".8: .1,.9,0 .35,1.3,-.8 .65,1,-.9 .65,.2,0 o.5,.15",
    ".85: o.2,.1 .15,.6,.4 .6,.75,-.6 .1,1.1,.8 .65,1.3,-.4",
    ".5: o.3,.1 .2,.6,.2 .25,1.3,0", ".6: o.35,1.2 .15,.8,.9 .4,.1,.3 .2,-.1,0",
    ".55: .1,1,0 .3,1.3,-1 .45,1,-.8 .45,0,0",
    "1: o.3,.5 .1,.8,-1 .4,1.3,-1.2 .8,.9,-1 .75,0,-.2 + .8,1.1,0 1,1.35,-.6",
    ".9: .1,.6,0 .4,1.2,-1.3 .75,.6,-1.3 .4,.05,-1.3 .1,.6,-1.2",
    "1.1: .1,.9,0 .3,1.2,-1.4 .5,.6,-1.2 .3,.05,-1.2 .1,.5,-1.2 .6,.4,.3 .9,1,.9 .9,0,-1.6",
)  # fmt: skip

_MARKS = (
    "0: -.6,1.55,0 -.35,1.85,-1 -.05,1.55,-1 -.6,1.52,0",
    "0: -.6,1.55,0 -.35,1.85,-1 -.05,1.55,-1 -.05,1.9,0",
    "0: -.3,2.2,0 -.28,1.95,0", "0: -.5,2,0 -.35,2.15,-1.4 -.2,2,0 -.05,2.2,.4",
    "0: -.2,2,0 0,2.2,.5",
    "0: -.15,-.2,0 -.1,-.35,-1 -.05,-.6,0", "0: -.4,-.25,0 -.3,-.5,.8 0,-.5,.8 0,-.2,.4",
    "0: -.5,1.7,0 -.35,1.55,1.4 -.2,1.7,1.4 0,1.9,.4",
)  # fmt: skip


def _with_heads(text: str) -> Letter:
    """Parse a letter, with each "ox,y" replaced by the points of a small circle round (x, y)."""
    parts = []
    for word in text.split(" "):
        if not word.startswith("o"):
            parts.append(word)
            continue
        x, y = (float(number) for number in word[1:].split(","))
        r = 0.1
        ring = ((x, y - r, 0), (x + r, y, 1.5), (x, y + r, 1.5), (x - r, y, 1.5), (x, y - r, 1.5))
        parts += [f"{a:.2f},{b:.2f},{turn}" for a, b, turn in ring]
    return parse(" ".join(parts))


LETTERS = tuple(_with_heads(text) for text in _LETTERS)
MARKS = tuple(parse(text) for text in _MARKS)


def headed_name(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """Letters side by side, sometimes joined, with a gap between words in one place at most."""
    paths: list[Path] = []
    x, count = 0.0, int(rng.integers(3, 10))
    gap = int(rng.integers(1, 2 * count))
    side = 1.0 if rng.random() < 0.5 else -1.0  # the side to which this hand turns its heads
    for i in range(count):
        size = (1 - 0.5 * hand.shrink * i / count) * rng.uniform(0.9, 1.1)
        size *= max(hand.capital, 1.0) if i == 0 else 1.0
        letter = LETTERS[int(rng.integers(len(LETTERS)))]
        strokes = [_own(rng, part, side, hand, x, size) for part in (letter.path, *letter.marks)]
        if paths and rng.random() < 0.6 * hand.haste:
            paths[-1] = np.concatenate([paths[-1], strokes.pop(0)])
        paths += strokes
        x += letter.width * size * hand.spread * rng.uniform(0.85, 1.1) + (0.6 if i == gap else 0)
        if rng.random() < 0.4:
            mark = MARKS[int(rng.integers(len(MARKS)))]
            paths.append(_own(rng, mark.path, 1.0, hand, x, size))
    return paths


def _own(
    rng: np.random.Generator,
    part: tuple[tuple[float, float, float], ...],
    side: float,
    hand: Hand,
    x: float,
    size: float,
) -> Path:
    """A stroke of a letter at `x`, shaped by the hand and mirrored if `side` is negative."""
    points = part if side > 0 else tuple((0.85 - px, py, -turn) for px, py, turn in part)
    path = np.array(place(points, x, 0.0, size, hand))
    path[:, :2] += rng.normal(0, 0.03, (len(path), 2))
    return path
