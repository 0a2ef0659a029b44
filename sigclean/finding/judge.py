"""Judges candidates by their measures: a logistic regression on the measures and their squares.

`benchmarks/fit_judge.py` made its weights, in `judge.json`, from drawn pages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from sigclean.arrays import Float

FILE = Path(__file__).with_name("judge.json")
WIDEST = 4.0  # standard deviations: measures farther from the mean are clipped


@dataclass(frozen=True)
class Judge:
    """A logistic regression on N measures.

    Attributes:
        mean, deviation: N, of the measures.
        weights: 2N, of its `inputs`.
        bias: a number.
    """

    mean: Float
    deviation: Float
    weights: Float
    bias: float

    def scores(self, measures: Sequence[Sequence[float]]) -> Float:
        """Score M candidates with N measures each: M in [0, 1], from 0.5 on a signature."""
        logits = inputs(measures, self.mean, self.deviation) @ self.weights + self.bias
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def inputs(measures: Sequence[Sequence[float]], mean: Float, deviation: Float) -> Float:
    """Return the inputs of the regression, Mx2N: the measures (MxN) in deviations from the mean,
    and half of their squares."""
    values = np.clip((np.asarray(measures, np.float32) - mean) / deviation, -WIDEST, WIDEST)
    return np.concatenate([values, values**2 / 2], axis=1)


@cache
def load_judge() -> Judge:
    """Load the judge's weights from the package, once for all calls."""
    values = json.loads(FILE.read_text(encoding="utf-8"))
    arrays = {name: np.array(value, np.float32) for name, value in values.items()}
    bias = float(arrays.pop("bias"))
    return Judge(**arrays, bias=bias)
