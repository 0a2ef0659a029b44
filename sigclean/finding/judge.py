"""Judges candidates by their measures: small networks whose logits are averaged.

`benchmarks/fit_judge.py` made their weights, in `judge.npz`, from drawn pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np

from sigclean.arrays import Float

FILE = Path(__file__).with_name("judge.npz")
WIDEST = 4.0  # standard deviations: measures farther from the mean are clipped


@dataclass(frozen=True, eq=False)
class Judge:
    """E networks with two hidden layers of H units and ReLU, which know N measures.

    Attributes:
        mean, deviation: N, of the measures.
        first: ExNxH, weights of the first layer; `first_bias` Ex1xH.
        second: ExHxH, of the second; `second_bias` Ex1xH.
        last: ExHx1, of the logit.
        bias: 1, added to the mean of the logits.
    """

    mean: Float
    deviation: Float
    first: Float
    first_bias: Float
    second: Float
    second_bias: Float
    last: Float
    bias: Float

    def scores(self, measures: Sequence[Sequence[float]]) -> Float:
        """Score M candidates with N measures each: M in [0, 1], from 0.5 on a signature."""
        hidden = np.maximum(inputs(measures, self.mean, self.deviation) @ self.first
                            + self.first_bias, 0)  # fmt: skip
        hidden = np.maximum(hidden @ self.second + self.second_bias, 0)
        logits = (hidden @ self.last)[..., 0].mean(axis=0) + self.bias
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def inputs(measures: Sequence[Sequence[float]], mean: Float, deviation: Float) -> Float:
    """Return the networks' inputs, MxN: the measures in deviations from the mean."""
    values = (np.asarray(measures, np.float32) - mean) / deviation
    return np.asarray(np.clip(values, -WIDEST, WIDEST), np.float32)


@cache
def load_judge() -> Judge:
    """Load the judge's weights from the package, once for all calls."""
    with np.load(FILE) as stored:
        return Judge(**{one.name: stored[one.name].astype(np.float32) for one in fields(Judge)})
