"""Names in hand-printed capitals, each letter by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sigclean.drawn.hand import Hand, Path, place
from sigclean.drawn.letters import CAPITALS


def printed_name(rng: np.random.Generator, hand: Hand) -> list[Path]:
    """One or two words of two to eight capitals that stand apart, now and then with a full stop."""
    hand = replace(hand, curl=hand.curl * rng.uniform(0.3, 0.9), reach=1.0)
    paths: list[Path] = []
    x, size = 0.0, rng.uniform(0.9, 1.3)
    for word in range(1 + int(rng.random() < 0.35)):
        x += 1.2 * size * word
        for _ in range(int(rng.integers(2, 9))):
            letter = CAPITALS[str(rng.choice(list(CAPITALS)))]
            tall = size * rng.uniform(0.9, 1.1)
            y = float(rng.normal(0, 0.06))
            paths += [
                np.array(place(part, x, y, tall, hand)) for part in (letter.path, *letter.marks)
            ]
            x += letter.width * tall * hand.spread * rng.uniform(0.95, 1.25)
    if rng.random() < 0.2:
        paths.append(np.array([(x, 0.0, 0.0), (x + 0.06, 0.04, 0.0)]))
    return paths
