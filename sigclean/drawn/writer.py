"""Names, initials, scribbles and flourishes as paths of virtual targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sigclean.drawn.blocks import block_name
from sigclean.drawn.hand import Hand, Path, hurry, place
from sigclean.drawn.headline import headline_name
from sigclean.drawn.heads import headed_name
from sigclean.drawn.joined import joined_name
from sigclean.drawn.letters import CAPITALS, SMALL, Letter
from sigclean.drawn.printed import printed_name

_SYLLABLES = """
    an ar al be ber ca da de den el en er es ha han il in is ja jo ka ke la le li lin lo ma man
    mar me mi na ne no ol or pe ra re ri ro sa sen son ta te ter th ti to ul ur va ven vi wa we
    wil ya zo ing ck ll tt ff gh
"""


def _word(rng: np.random.Generator, length: int) -> list[Letter]:
    letters = "".join(rng.choice(_SYLLABLES.split(), size=length))[: max(2, length)]
    return [SMALL[letter] for letter in letters]


def name(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """A capital and small letters, joined or not, smaller and flatter towards the end."""
    initial = CAPITALS[str(rng.choice(list(CAPITALS)))]
    size = hand.capital
    drop = rng.choice([0.0, 0.0, -0.4, -0.8]) * (size - 0.8)
    paths = [place(initial.path, 0.0, drop, size, hand)]
    marks = [place(mark, 0.0, drop, size, hand) for mark in initial.marks]
    x = initial.width * size * hand.spread * rng.uniform(0.75, 1.0)
    letters = _word(rng, int(rng.integers(2, 9)))
    for i, letter in enumerate(letters):
        share = (i + 1) / len(letters)
        size = (1 - hand.shrink * share) * rng.uniform(0.9, 1.1)
        letter = hurry(letter, hand.haste * share)
        if rng.random() > hand.join - (0.45 if i == 0 else 0):
            paths.append([(x, 0.15 * size, 0.0)])
        paths[-1] += place(letter.path, x, 0.0, size, hand)
        marks += [place(mark, x, 0.0, size, hand) for mark in letter.marks]
        x += letter.width * size * hand.spread
    if rng.random() < 0.4:
        paths[-1].append((x + rng.uniform(0.5, 3), rng.uniform(-0.3, 0.9), rng.uniform(-0.5, 0.8)))
    return [np.array(path) for path in [*paths, *marks]]


def full_name(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """A given name or an initial, then a family name beside or below it."""
    first = name(rng, hand) if rng.random() < 0.5 else initials(rng, hand, 1)
    right = max(path[:, 0].max() for path in first)
    second = name(rng, hand)
    below = rng.random() < 0.25
    shift = np.array([rng.uniform(0, 1), -2.6, 0]) if below else np.array([right + 0.4, 0, 0])
    return [*first, *(path + shift for path in second)]


def initials(rng: np.random.Generator, hand: Hand, count: int = 0) -> list[Path]:
    """`count` capitals (0: one to three) that may run into one another."""
    x = 0.0
    paths: list[Path] = []
    for _ in range(count or int(rng.integers(1, 4))):
        letter = CAPITALS[str(rng.choice(list(CAPITALS)))]
        size = hand.capital * rng.uniform(0.8, 1.3)
        y = rng.uniform(-0.4, 0.4)
        for part in (letter.path, *letter.marks):
            paths.append(np.array(place(part, x, y, size, hand)))
        x += letter.width * size * hand.spread * rng.uniform(0.45, 1.1)
    if count != 1 and rng.random() < 0.5:  # without lifting the pen
        return [np.concatenate(paths)]
    return paths


def zigzag(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """A scribble of quick up and down strokes with a long tail, at times after a capital."""
    count = int(rng.integers(3, 11))
    tall = rng.uniform(0.4, 1.3) * rng.lognormal(0, 0.6, count) * np.linspace(1.5, 0.6, count)
    x = np.cumsum(rng.normal(0.35, 0.35, 2 * count) * rng.uniform(0.6, 2.0) * hand.spread)
    y = np.empty(2 * count)
    y[0::2] = -rng.choice([0.0, 0.0, 0.8], count) * rng.random(count) * tall
    y[1::2] = tall
    turn = rng.normal(rng.choice([-0.7, 0.0, 0.7]), 0.5, 2 * count)
    tail = [(x[-1] + rng.uniform(0.5, 5), rng.uniform(-0.8, 1.2), rng.uniform(-0.8, 0.8))]
    strokes = np.concatenate([np.stack([x, y, turn], 1), tail])
    if rng.random() < 0.5:
        return [strokes]
    capital, *bars = initials(rng, hand, 1)
    strokes[:, 0] += capital[-1, 0] - strokes[0, 0]
    return [np.concatenate([capital, strokes[1:]]), *bars]


def loops(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """A row of loops of different sizes, all turning the same way."""
    count, sense = int(rng.integers(3, 8)), rng.choice([-1, 1])
    step, size = rng.uniform(0.2, 0.9), rng.uniform(0.8, 1.8)
    points = [(0.0, 0.0, 0.0)]
    for i in range(count):
        height = size * rng.uniform(0.5, 1.5)
        width = rng.uniform(0.3, 0.9) * height * sense
        x, y = (i + 1) * step, rng.normal(0, 0.15)
        points += [(x + width / 2, y + height / 2, sense * 1.2), (x, y + height, sense * 1.4)]
        points += [(x - width / 2, y + height / 2, sense * 1.3), (x + step / 2, y, sense * 1.2)]
    points.append((count * step + rng.uniform(0.5, 3), rng.uniform(-0.6, 0.6), 0.4 * sense))
    return [np.array(points)]


def sweeps(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """Long flat strokes back and forth over one another."""
    count = int(rng.integers(4, 9))
    reach = rng.uniform(3, 7)
    side = np.arange(count) % 2 * reach
    x = side + rng.normal(0, 0.12 * reach, count)
    y = np.linspace(rng.uniform(0.2, 1.2), -rng.uniform(0.2, 1.2), count) + rng.normal(
        0, 0.4, count
    )
    turn = rng.choice([-1, 1]) * rng.uniform(0.1, 1.1, count)
    letter = place(CAPITALS[str(rng.choice(list(CAPITALS)))].path, 0, -0.5, hand.capital, hand)
    return [np.concatenate([letter, np.stack([x, y, turn], 1)])]


def underline(rng: np.random.Generator, left: float, right: float, low: float) -> Path:
    """A paraph: one to three strokes below the name, back and forth."""
    reach = right - left
    count = int(rng.choice([2, 2, 3, 4, 5]))
    ends = np.where(np.arange(count) % 2, right, left) + rng.normal(0, 0.12 * reach, count)
    if rng.random() < 0.3:
        ends = left + right - ends
    y = low + rng.uniform(-0.5, 0.5) - np.cumsum(rng.uniform(-0.05, 0.35, count))
    turn = rng.choice([-1, 1]) * rng.uniform(0, 0.7, count)
    return np.stack([ends, y, turn], 1)


def ring(rng: np.random.Generator, box: tuple[float, float, float, float]) -> Path:
    """A loose oval around the name, at times drawn more than once round."""
    left, low, right, high = box
    sense = rng.choice([-1, 1])
    quarters = int(rng.integers(4, 8))
    angle = rng.uniform(0, 6.3) + sense * np.arange(quarters + 1) * np.pi / 2
    grow = rng.uniform(0.45, 0.75) * rng.uniform(0.9, 1.1, quarters + 1)
    x = (left + right) / 2 + np.cos(angle) * grow * (right - left)
    y = (low + high) / 2 + np.sin(angle) * grow * (high - low)
    return np.stack([x, y, sense * rng.uniform(1.2, 1.7, quarters + 1)], 1)


Style = Callable[[np.random.Generator, Hand], list[Path]]
_LATIN: tuple[tuple[Style, float], ...] = (
    (name, 0.18), (full_name, 0.11), (initials, 0.06), (zigzag, 0.16), (loops, 0.04),
    (sweeps, 0.05), (printed_name, 0.05),
)  # fmt: skip
_OTHER_SCRIPTS: tuple[tuple[Style, float], ...] = (
    (headline_name, 0.14), (joined_name, 0.09), (block_name, 0.11), (headed_name, 0.06),
)  # fmt: skip


def compose(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """The pen-down movements of one signature in writing order, in x-heights, y up."""
    styles, weights = zip(*_LATIN, *_OTHER_SCRIPTS, strict=True)
    index = int(rng.choice(len(styles), p=np.divide(weights, sum(weights))))
    if index >= len(_LATIN):  # scripts that stand more upright, their marks close to the letters
        upright = hand.slant * rng.uniform(-0.2, 0.6)
        hand = replace(hand, slant=upright, reach=1 + 0.4 * (hand.reach - 1))
    paths = styles[index](rng, hand)
    points = np.concatenate(paths)
    left, low, _ = points.min(axis=0)
    right, high, _ = points.max(axis=0)
    extra = rng.random()
    if extra < 0.22:
        paths.append(underline(rng, left, right, min(low, -0.3)))
    elif extra < 0.28:
        paths.append(ring(rng, (left, low, right, high)))
    return [_lean(path, hand, rng) for path in paths]


def _lean(path: Path, hand: Hand, rng: np.random.Generator) -> Path:
    """Move each target a little, shear the path by the slant and turn it by the climb."""
    x, y = (path[:, :2] + rng.normal(0, hand.wobble, (len(path), 2))).T
    x = x + np.tan(hand.slant) * y
    c, s = np.cos(hand.climb), np.sin(hand.climb)
    return np.stack([c * x - s * y, s * x + c * y, path[:, 2]], 1)
