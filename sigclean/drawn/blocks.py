"""Characters of strokes in a square block, in the manner of Han, kana and Hangul writing."""

from __future__ import annotations

import numpy as np

from sigclean.drawn.hand import Hand, Path
from sigclean.drawn.letters import parse

# Parts of a character in a unit square, strokes in writing order, each after the first with a "+".
_PARTS = (
    "1: .1,.8,0 .1,.1,0 + .1,.8,0 .9,.8,0 .85,.1,0 + .12,.15,0 .85,.15,0",
    "1: 0,.75,0 1,.8,-.05 + .5,1,0 .5,0,0 + .45,.7,0 0,.2,-.3 + .55,.7,0 1,.2,.3",
    "1: .3,1,0 .2,.6,-.2 0,.4,-.2 + .25,.75,0 .25,0,0",
    "1: .2,.95,0 .3,.8,-.4 + .05,.65,0 .2,.5,-.4 + .05,.05,0 .2,.2,.2 .35,.5,.1",
    "1: 0,.85,0 1,.9,-.05 + 0,.5,0 1,.55,-.05 + 0,.1,0 1,.15,-.05",
    "1: .5,1,0 .45,.5,-.2 0,0,-.3 + .5,.7,0 .65,.3,.3 1,0,.2",
    "1: 0,.7,0 .95,.75,0 .7,0,-.3 .5,.15,0 + .4,1,0 .35,.5,-.2 0,0,-.3",
    "1: .1,.9,0 .1,.15,0 .9,.1,.8 .95,.4,.5 + .1,.55,0 .8,.7,0",
    "1: .15,1,0 .15,.05,0 0,.15,0 + 0,.7,0 .35,.75,0 + 0,.3,0 .4,.5,.1",
    "1: 0,.6,0 1,.7,-.05 + .3,1,0 .3,.4,0 + .7,1,0 .7,.4,0 + .1,.2,0 .9,.25,0",
    "1: .5,1,0 .55,.85,-.3 + 0,.8,0 0,.6,0 + 0,.8,0 1,.8,0 .9,.6,-.2",
    "1: .2,.9,0 .2,0,0 + .2,.9,0 .8,.9,0 .8,0,0 .65,.1,0 + .25,.6,0 .75,.6,0 + .25,.3,0 .75,.3,0",
    "1: .4,1,0 0,.55,-.2 .45,.5,0 .05,.15,-.2 .5,.2,0 + .1,0,0 .05,.1,0 + .3,0,0 .35,.12,0",
    "1: .1,.8,0 .9,.85,0 .5,.55,0 .5,.05,-.1 .3,.12,0 + .05,.45,0 .95,.5,-.05",
    "1: 0,.7,0 .9,.75,-.05 + .5,1,0 .5,.3,0 .95,.05,1 1,.3,.7 + .8,.55,0 .2,.05,-.4",
    "1: .5,.9,0 .2,.1,.4 .05,.5,-1.4 .5,.9,-1 .95,.5,-1.2 .6,0,-.8",
    "1: .2,.9,0 .25,.15,.3 .8,.2,1.4", "1: .05,.7,0 .6,.85,-.6 .9,.5,-1.1 .4,.05,-.9",
    "1: .1,.85,0 .8,.9,0 .2,.35,0 .7,.5,-1 .8,.15,-1.2 .4,.05,-1 .45,.2,-1.4",
    "1: .1,.8,0 .8,.85,-.1 + .45,1,0 .4,.2,.2 .6,.05,1 + .8,.6,0 .2,.1,-.6 .15,.4,-1.4 .9,.3,-1.2",
    "1: .5,.95,0 .1,.5,1.5 .5,.05,1.5 .9,.5,1.5 .5,.95,1.5",
    "1: .1,.9,0 .9,.9,0 .85,.3,0", "1: .2,.95,0 .2,.1,0 .9,.1,0",
    "1: .5,1,0 .5,0,0 + .5,.5,0 .9,.5,0",
)  # fmt: skip

PARTS = tuple((parse(text).path, *parse(text).marks) for text in _PARTS)

# Boxes for the parts of a character: left, bottom, width, height in its unit square.
_LAYOUTS = (
    ((0, 0, 1, 1),), ((0, 0, 0.35, 1), (0.42, 0, 0.58, 1)),
    ((0, 0.5, 1, 0.5), (0.05, 0, 0.9, 0.45)),
    ((0, 0, 0.35, 1), (0.42, 0.5, 0.58, 0.5), (0.42, 0, 0.58, 0.45)),
    ((0.1, 0.66, 0.8, 0.34), (0, 0.35, 1, 0.28), (0.05, 0, 0.9, 0.32)),
    ((0, 0.5, 0.48, 0.5), (0.52, 0.5, 0.48, 0.5), (0.05, 0, 0.9, 0.45)),
    ((0, 0, 1, 1), (0.28, 0.2, 0.45, 0.45)), ((0, 0.1, 0.55, 0.9), (0.65, 0, 0.35, 1)),
)  # fmt: skip
_LAYOUT_SHARES = (0.22, 0.2, 0.16, 0.13, 0.08, 0.07, 0.07, 0.07)


def block_name(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """One to four characters, side by side or one below the other; a hurried hand joins strokes."""
    paths: list[Path] = []
    upright = rng.random() < 0.15
    at, pitch = 0.0, rng.uniform(1.0, 1.25) if hand.haste < 0.7 else rng.uniform(0.8, 1.05)
    for i in range(int(rng.choice((1, 2, 3, 4), p=(0.05, 0.4, 0.4, 0.15)))):
        size = 2.6 * rng.uniform(0.85, 1.15) * (max(hand.capital, 1.0) ** 0.5 if i == 0 else 1.0)
        corner = np.array(
            [rng.normal(0, 0.15), -at - size] if upright else [at, rng.normal(0, 0.15)]
        )
        paths += _run_together(rng, hand, _character(rng, corner, size, hand))
        at += size * pitch * (1.0 if upright else min(hand.spread, 1.2))
    return [np.concatenate(paths)] if rng.random() < 0.12 * hand.haste else paths


def _character(rng: np.random.Generator, corner: np.ndarray, size: float, hand: Hand) -> list[Path]:
    """The strokes of a character; `corner` is the lower left corner of its square."""
    layout = _LAYOUTS[int(rng.choice(len(_LAYOUTS), p=_LAYOUT_SHARES))]
    wide = size * float(np.clip(hand.spread, 0.8, 1.2))
    strokes = []
    for left, low, width, height in layout:
        part = PARTS[int(rng.integers(len(PARTS)))]
        for stroke in part:
            own = np.array(stroke) + np.column_stack(
                [rng.normal(0, 0.05, (len(stroke), 2)), np.zeros(len(stroke))]
            )
            x = corner[0] + (left + own[:, 0] * width) * wide
            y = corner[1] + (low + own[:, 1] * height) * size
            strokes.append(np.stack([x, y, own[:, 2] * hand.curl], axis=1))
    return strokes


def _run_together(rng: np.random.Generator, hand: Hand, strokes: list[Path]) -> list[Path]:
    """Join strokes as in semi-cursive writing: a hurried hand lifts the pen less often."""
    joined = [strokes[0]]
    for stroke in strokes[1:]:
        if rng.random() < 0.75 * hand.haste:
            link = stroke.copy()
            link[0, 2] = rng.normal(-0.5, 0.5)  # the ligature swings round
            joined[-1] = np.concatenate([joined[-1], link])
        else:
            joined.append(stroke)
    return [_hooked(rng, stroke) for stroke in joined]


def _hooked(rng: np.random.Generator, stroke: Path) -> Path:
    """The stroke, with a short hook at its end one time in five."""
    if rng.random() > 0.2:
        return stroke
    hook = stroke[-1, :2] + rng.normal(0, 0.2, 2) + [-0.1, 0.2]
    return np.vstack([stroke, [*hook, 0.0]])
