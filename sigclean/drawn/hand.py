"""A writer's habits, and the shapes that they give to letters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigclean.drawn.kinematics import Array
from sigclean.drawn.letters import Letter, Point

Path = Array
"""The targets of one pen-down movement, Nx3: x, y, turn; the first turn is unused."""


@dataclass(frozen=True)
class Hand:
    """One person's habits.

    Attributes:
        slant: shear in radians from upright; a positive one leans right.
        climb: angle of the baseline in radians.
        spread: factor on the width of letters.
        overlap: overlap of successive strokes, which makes a hand round; see kinematics.plan.
        wobble: standard deviation of the strokes' targets, in x-heights.
        curl: factor on all turns.
        haste: from 0, legible, to 1, where small letters flatten into a wave.
        shrink: share of the size that is lost from the first letter to the last.
        reach: factor on the length of ascenders, descenders and capitals.
        capital: factor on the size of the initial.
        join: chance that a letter is joined to the previous one.
    """

    slant: float
    climb: float
    spread: float
    overlap: float
    wobble: float
    curl: float
    haste: float
    shrink: float
    reach: float
    capital: float
    join: float


def pick_hand(rng: np.random.Generator) -> Hand:
    """Habits of a random writer, from careful to hurried."""
    u = rng.uniform
    return Hand(
        slant=float(np.clip(rng.normal(0.3, 0.25), -0.35, 0.9)),
        climb=float(rng.normal(0.06, 0.09)),
        spread=u(0.75, 1.6),
        overlap=u(0.12, 0.5),
        wobble=u(0.02, 0.11),
        curl=u(0.7, 1.3),
        haste=float(u(0, 1) ** 1.5),
        shrink=u(0, 0.55),
        reach=u(0.85, 1.7),
        capital=u(0.8, 1.9),
        join=float(rng.choice([0.97, 0.85, 0.3])),
    )


def place(points: tuple[Point, ...], x: float, y: float, size: float, hand: Hand) -> list[Point]:
    """A letter's points, moved to (x, y) on the line and shaped by the hand."""
    return [
        (x + px * size * hand.spread, y + _reach(py, hand.reach) * size, turn * hand.curl)
        for px, py, turn in points
    ]


def _reach(y: float, gain: float) -> float:
    """Stretch the parts of a letter above the x-height or below the baseline."""
    return y + (gain - 1) * (max(y - 1, 0.0) + min(y, 0.0))


def hurry(letter: Letter, flat: float) -> Letter:
    """The letter as a fast hand writes it; `flat` in 0..1 lowers it and straightens its turns."""
    kept = letter.path[:: 2 if flat > 0.6 and len(letter.path) > 3 else 1]
    path = tuple(
        (x * (1 + 0.5 * flat), y * (1 - 0.6 * flat), t * (1 - flat / 2)) for x, y, t in kept
    )
    return Letter(letter.width * (1 + 0.4 * flat), path, letter.marks if flat < 0.5 else ())
