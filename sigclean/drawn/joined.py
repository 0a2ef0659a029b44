"""Letters joined along the baseline from right to left, in the manner of Arabic."""

from __future__ import annotations

import numpy as np

from sigclean.drawn.hand import Hand, Path, place
from sigclean.drawn.letters import Letter, parse

# Strokes run leftwards, from the baseline at x = 0 to x = -width, where the next letter begins.
_MEDIAL = (
    ".5: -.12,.5,.3 -.25,.05,.3 -.5,0,.4", ".55: -.2,.35,.4 -.3,.02,.4 -.55,0,.3",
    "1.2: -.12,.4,.3 -.28,.05,.5 -.45,.4,.3 -.62,.05,.5 -.8,.42,.3 -.95,0,.4 -1.2,0,.1",
    "1.5: -1.5,.05,.1", ".9: -.1,0,0 -.5,.5,-.4 -.15,.55,1.2 -.6,.1,.8 -.9,0,.2",
    "1.3: -.15,0,0 -.85,.5,-.7 -1.05,.25,1.2 -.9,0,1 -.3,.02,.2 -1.3,0,0",
    ".7: -.35,.05,0 -.5,.42,-1 -.2,.42,1.8 -.35,.05,.8 -.7,0,.2",
    ".65: -.2,.2,.5 -.3,.55,1.4 -.5,.4,1.4 -.3,.1,1.2 -.65,0,.4",
    ".6: -.2,-.1,-.4 -.35,.2,-1.4 -.15,.15,-1.6 -.3,-.05,-.8 -.6,0,.3",
    ".55: -.1,1.7,.1 -.2,.1,.2 -.55,0,.5",
    ".8: -.3,.9,.2 .15,1.4,-.6 -.3,.8,.3 -.4,.05,.2 -.8,0,.4",
    ".8: -.3,.45,.9 -.55,.2,1.2 -.35,-.1,1.4 -.2,.25,1.4 -.8,0,.6",
)  # fmt: skip

_FINAL = (
    ".2: -.1,.1,0 -.15,1.8,.05", ".6: -.15,.35,.2 -.3,0,-.3 -.75,-.6,-.5",
    ".7: -.2,.35,1.2 -.4,.15,1.4 -.15,.05,1.4 -.35,-.4,-.3 -.85,-.6,-.5",
    "1.3: -.12,.35,.2 -.2,-.4,.2 -.75,-.65,-1 -1.3,.3,-1", ".5: -.1,.6,.5 -.4,.05,1.2 -.7,.05,0",
    "1.6: -.15,.4,.2 -.3,.05,.4 -.5,.4,.3 -.65,-.35,.2 -1.2,-.6,-1 -1.6,.3,-1",
    "1.6: -1.4,0,0 -1.6,.4,-.9", ".8: -.2,.3,.6 -.4,.1,1.5 -.2,-.05,1.5 -.45,-.2,.2 -.5,-1.3,0",
    "1.5: -.3,.3,.8 -.45,.05,.5 -.2,-.3,-1 -.8,-.65,-.8 -1.5,-.1,-.9",
    "1: -.4,.35,-.4 -.1,.45,1 -.6,-.1,.7 -.8,-.7,.5 -.3,-1,1.2 .2,-.8,.6",
    ".7: -.2,.5,1.2 -.55,.4,1.5 -.4,0,1.4 -.1,.15,1",
    "1.2: -.2,.35,1.2 -.45,.3,1.5 -.3,0,1.2 -.5,-.4,-.2 -1,-.5,-1 -1.3,.3,-.9",
    "1.2: -.1,1.7,0 -.2,-.2,.1 -.65,-.55,-1 -1.2,.2,-1",
    "1: -.5,.3,.4 -.8,.05,1 -.3,-.25,1.6 .6,-.3,.1",
)  # fmt: skip

MEDIAL = tuple(parse(text) for text in _MEDIAL)
FINAL = tuple(parse(text) for text in _FINAL)


def joined_name(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """One to five pieces of joined letters with large last ones; the dots are drawn at the end."""
    paths: list[Path] = []
    dots: list[Path] = []
    x, y = 0.0, 0.0
    for _ in range(int(rng.integers(1, 6))):
        piece, marks, x = _piece(rng, hand, x, y)
        paths.append(piece)
        dots += marks if hand.haste < 0.8 else []
        x += rng.uniform(-0.1, 0.45) * hand.spread  # pieces overlap
        y += rng.normal(-0.12, 0.25)  # and descend towards the left
        if rng.random() < 0.3:
            x -= rng.uniform(0.2, 0.9)
            y *= rng.uniform(0, 1)
    return [*paths, *dots]


def _piece(
    rng: np.random.Generator, hand: Hand, x: float, y: float
) -> tuple[Path, list[Path], float]:
    """Letters joined in one movement from (x, y), their dots, and the x of the next piece."""
    points = [(x, y + rng.uniform(0, 0.5), 0.0)]
    marks = []
    size = rng.uniform(0.9, 1.2)
    for _ in range(int(rng.choice((0, 1, 2, 3, 4), p=(0.2, 0.28, 0.25, 0.17, 0.1)))):
        letter = MEDIAL[int(rng.integers(len(MEDIAL)))]
        flat = tuple((px, py * (1 - 0.5 * hand.haste), turn) for px, py, turn in letter.path)
        points += place(flat, x, y, size, hand)
        marks += _dots(rng, x - letter.width * size * hand.spread / 2, y, size)
        x -= letter.width * size * hand.spread
        y -= rng.uniform(0, 0.12)
    final, bold = _last(rng, hand)
    points += place(final.path, x, y, bold, hand)
    marks += _dots(rng, x - final.width * bold / 2, y, size)
    return np.array(points), marks, x - final.width * bold * hand.spread


def _last(rng: np.random.Generator, hand: Hand) -> tuple[Letter, float]:
    """A last letter and its size, which is often larger: signatures stretch its bowl or tail."""
    final = FINAL[int(rng.integers(len(FINAL)))]
    swing = hand.capital if rng.random() < 0.35 else 1.0
    return final, max(swing, 0.9) * float(rng.uniform(0.9, 1.25))


def _dots(rng: np.random.Generator, x: float, y: float, size: float) -> list[Path]:
    """The strokes over or under (x, y): none, one to three dots, also as a dash or caret, or a
    sign."""
    kind = int(rng.choice(6, p=(0.42, 0.22, 0.16, 0.08, 0.06, 0.06)))
    if kind == 0:
        return []
    over = y + size * (rng.uniform(0.9, 1.3) if rng.random() < 0.6 else -rng.uniform(0.5, 0.9))
    dot = np.array([(0.0, 0.0, 0.0), (-0.06, -0.07, 0.0)])
    shapes = (
        [dot], [np.add(dot, (0.15, 0, 0)), np.add(dot, (-0.15, 0, 0))],
        [np.array([(0.2, -0.1, 0), (0, 0.15, 0.3), (-0.2, -0.1, 0)])],
        [np.array([(0.25, 0.03, 0), (-0.25, -0.03, 0.2)])],
        [np.array([(0.1, 0.2, 0), (-0.1, 0.2, 1.4), (-0.1, 0, 1.4), (0.15, 0, 0)])],
    )  # fmt: skip
    return [(stroke * [size, size, 1.0]) + [x, over, 0.0] for stroke in shapes[kind - 1]]
