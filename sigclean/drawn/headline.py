"""Letters that hang from a hand-drawn headline, in the manner of Devanagari and Bengali."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from sigclean.drawn.hand import Hand, Path, place
from sigclean.drawn.letters import Letter, parse

# The headline is at y = 1, feet stand on 0. A stroke of its own follows each "+".
_LETTERS = (

    ".95: .5,1,0 .5,0,0 + .5,.62,0 .2,.8,.8 .08,.5,1 .3,.3,1 .5,.5,.8 .85,.7,-.9"
    " .9,.35,-1.2 .7,.2,-.8",
    ".8: .3,1,0 .3,.45,0 .1,.35,-1.5 + .7,1,0 .7,0,0",
    ".8: .15,.9,0 .4,.75,-.8 .15,.6,-1 .1,.3,1 .4,.18,1 .7,.35,.5 + .7,1,0 .7,0,0",
    ".85: .1,.75,0 .5,.75,0 .25,.45,.5 .45,.25,1 .7,.45,.6 + .75,1,0 .75,0,0",
    ".85: .75,.55,0 .35,.55,0 .2,.25,1 .5,.2,1.2 + .75,1,0 .75,0,0",
    ".75: .65,.6,0 .3,.6,.5 .2,.2,1 + .65,1,0 .65,0,0",
    ".8: .12,.42,0 .2,.58,-1.4 .25,.42,-1.6 .12,.45,-1.4 .7,.5,.2 + .7,1,0 .7,0,0",
    ".8: .2,1,0 .22,.5,.2 .45,.35,.7 .7,.5,.4 + .7,1,0 .7,0,0",
    ".8: .2,1,0 .2,.4,0 .08,.3,-1.4 .25,.35,-1.5 .7,.4,.2 + .7,1,0 .7,0,0",
    ".8: .1,.95,0 .35,.8,-1 .15,.55,-1 .3,.3,1 .7,.45,.5 + .7,1,0 .7,0,0",
    ".6: .2,.95,0 .48,.78,-1.2 .2,.55,-1 .55,0,.2",
    ".9: .08,.3,0 .22,.62,-1 .38,.35,-.9 .52,.62,1.3 .8,.5,-.9 + .8,1,0 .8,0,0",
    ".8: .7,.65,0 .3,.7,.8 .18,.4,1.2 .5,.28,1 .7,.55,.6 + .7,1,0 .7,0,0",
    ".85: .2,.95,0 .42,.78,-1.2 .18,.55,-1 .45,.08,.2 + .3,.5,0 .75,.5,0 + .75,1,0 .75,0,0",
    ".75: .4,1,0 .4,.82,0 .65,.68,-1 .3,.45,1 .6,.22,-1.4 .3,.05,-1 .7,-.2,1",
    ".7: .5,1,0 .5,.8,0 .15,.5,1.2 .45,.25,1.4 .38,.45,1.6 .65,-.1,.3",
    ".75: .4,1,0 .4,.82,0 .1,.45,1.1 .4,.08,1.2 .72,.25,.8",
    ".8: .7,1,0 .12,.5,0 .7,.28,0 + .7,1,0 .7,0,0",
    "1: .55,1,0 .1,.5,0 .55,.3,0 + .55,1,0 .55,0,0 + .55,.6,0 .85,.7,-.8 .9,.35,-1 .75,.2,-.8",
    ".85: .1,.7,0 .35,.85,-1 .45,.55,-1.2 .25,.3,-.8 .45,.1,1.2 .8,.3,.8 .78,.75,.5",
    ".9: .2,1,0 .2,.3,.1 .45,.1,1.2 .7,.4,1 .45,.6,1.2 .2,.5,.6",
    ".7: .15,.8,0 .5,.8,-.8 .5,.5,-1.6 .25,.5,0 .6,.4,-.8 .5,.05,-1.2 .1,.12,-.8",
)  # fmt: skip

# Signs set above or below a letter, x measured from its right edge.
_SIGNS = (
    "0: -.1,1,0 -.3,1.35,.7 -.75,1.2,.9", "0: -.1,1,0 -.5,1.4,-.4 -.7,1.35,.9",
    "0: .2,1,0 .2,0,0 + .2,1,0 .05,1.35,.9 -.4,1.05,1", "0: .2,1,0 .2,0,0",
    "0: .2,1,0 .2,0,0 + .2,1,0 -.15,1.4,.5", "0: -.9,1,0 -.9,0,0 + -.9,1,0 -.5,1.4,-1.3 -.1,1,-1",
    "0: -.3,-.05,0 -.5,-.2,1.6 -.2,-.3,1.6 .1,-.45,-.4", "0: -.1,0,0 -.2,-.25,-1 -.5,-.35,-.6",
    "0: -.3,1.3,0 -.26,1.26,0", "0: -.5,1.35,0 -.3,1.22,1.3 -.1,1.35,1.3 + -.3,1.5,0 -.27,1.46,0",
    "0: -.1,1,0 -.05,1.3,-.8 .2,1.3,-1.4", "0: .15,.6,0 .18,.56,0 + .15,.2,0 .18,.16,0",
)  # fmt: skip

LETTERS = tuple(parse(text) for text in _LETTERS)
SIGNS = tuple(parse(text) for text in _SIGNS)
_TALL = 1.7  # x-heights from the foot to the headline


def headline_name(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """One to three words, each under its own headline, or all under a common one."""
    words, x = [], 0.0
    for _ in range(int(rng.choice((1, 2, 3), p=(0.55, 0.37, 0.08)))):
        letters, end = _hanging_word(rng, hand, x)
        words.append((letters, x, end))
        x = end + rng.uniform(0.3, 1.0)
    over_all = rng.random() < 0.15
    spans = [(words[0][1], words[-1][2])] if over_all else [(start, end) for _, start, end in words]
    lines = [line for span in spans for line in _headline(rng, hand, *span)]
    letters = [path for word, _, _ in words for path in word]
    return [*lines, *letters] if rng.random() < 0.3 else [*letters, *lines]


def _hanging_word(rng: np.random.Generator, hand: Hand, x: float) -> tuple[list[Path], float]:
    """The letters and signs of a word that begins at `x`, and the x at which it ends."""
    paths: list[Path] = []
    count = int(rng.integers(2, 6))
    fluent = rng.random() < hand.haste  # such hands do not lift the pen within a letter
    for i in range(count):
        size = _TALL * (1 - 0.4 * hand.shrink * i / count) * rng.uniform(0.9, 1.1)
        letter = _pick(rng, LETTERS, hand.haste * rng.uniform(0, 0.8))
        strokes = [place(part, x, 0.0, size, hand) for part in (letter.path, *letter.marks)]
        lift = _TALL - size  # all letters touch the headline
        parts = [np.add(stroke, (0.0, lift, 0.0)) for stroke in strokes]
        paths += [np.concatenate(parts)] if fluent else parts
        x += letter.width * size * hand.spread * rng.uniform(0.85, 1.1)
        if rng.random() < 0.45:
            sign = _pick(rng, SIGNS, 0.0)
            paths += [
                np.array(place(part, x, 0.0, _TALL, hand)) for part in (sign.path, *sign.marks)
            ]
            x += 0.3 * hand.spread if sign.path[0][0] > 0.1 else 0.0
    return paths, x


def _pick(rng: np.random.Generator, table: tuple[Letter, ...], flat: float) -> Letter:
    """A random letter of the table, flattened by `flat` in 0..1 and varied a little."""
    letter = table[int(rng.integers(len(table)))]
    own = 0.05
    strokes = [
        tuple((x + rng.normal(0, own), y + rng.normal(0, own), turn) for x, y, turn in part)
        for part in (letter.path, *letter.marks)
    ]
    if flat < 0.3:
        return Letter(letter.width, strokes[0], tuple(strokes[1:]))
    # A hurried foot does not reach the ground; the headline stays where it is.
    lifted = [
        tuple((x, 1 - (1 - y) * (1 - 0.4 * flat), turn * (1 - flat / 2)) for x, y, turn in part)
        for part in strokes
    ]
    return Letter(letter.width, lifted[0], tuple(lifted[1:]))


def _headline(rng: np.random.Generator, hand: Hand, left: float, right: float) -> list[Path]:
    """The line over a word: one stroke, never quite straight, or a few short ones."""
    reach = right - left
    start, end = left - rng.uniform(0, 0.4), right + rng.uniform(-0.1, 0.12) * reach + 0.2
    count = 1 if rng.random() < 0.75 else int(rng.integers(2, 5))
    cuts = np.linspace(start, end, count + 1)
    lines = []
    for a, b in pairwise(cuts):
        x = np.linspace(a, b - (0.12 * (b - a) if count > 1 else 0), int(rng.integers(2, 5)))
        y = _TALL + rng.normal(0, 0.05, len(x)) + rng.normal(0, 0.02) * (x - a)
        lines.append(np.stack([x, y, rng.normal(0, 0.12, len(x))], axis=1))
    if rng.random() < 0.25:  # ends in a flourish
        lines[-1] = np.vstack([lines[-1], [end + rng.uniform(-0.4, 0.8), rng.uniform(0, 2.2), -1]])
    return lines
