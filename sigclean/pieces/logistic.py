"""A logistic regression on measures and their squares.

`finding` scores candidates on a page with one, `pieces` scores pieces of kept ink with another.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sigclean.arrays import Float

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

    def scores(self, measures: Sequence[Sequence[float]] | npt.NDArray[np.floating]) -> Float:
        """Score M candidates or pieces by their N measures each: M values in [0, 1]."""
        logits = inputs(measures, self.mean, self.deviation) @ self.weights + self.bias
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def inputs(
    measures: Sequence[Sequence[float]] | npt.NDArray[np.floating], mean: Float, deviation: Float
) -> Float:
    """Return the inputs of the regression, Mx2N: the measures (MxN) in deviations from the mean,
    and half of their squares."""
    values = np.clip((np.asarray(measures, np.float32) - mean) / deviation, -WIDEST, WIDEST)
    return np.concatenate([values, values**2 / 2], axis=1)


@cache
def read_judge(file: Path) -> Judge:
    """Read the weights of a judge from a JSON file of the package, once for all calls."""
    values = json.loads(file.read_text(encoding="utf-8"))
    arrays = {name: np.array(value, np.float32) for name, value in values.items()}
    bias = float(arrays.pop("bias"))
    return Judge(**arrays, bias=bias)
