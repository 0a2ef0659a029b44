"""Judges candidates by their measures: two small networks of one hidden layer each.

`benchmarks/fit_finder.py` made their weights, in `judge.json`, from drawn pages.
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

FILE = Path(__file__).with_name("judge.json")
WIDEST = 6.0  # standard deviations: measures farther from the mean are clipped


@dataclass(frozen=True)
class Layers:
    """A network of one hidden layer for N measures and K hidden units.

    Attributes:
        mean, scale: N, of the measures.
        hidden: KxN weights. hidden_bias: K.
        output: K weights. output_bias: a number.
    """

    mean: Float
    scale: Float
    hidden: Float
    hidden_bias: Float
    output: Float
    output_bias: float

    def scores(self, measures: Sequence[Sequence[float]]) -> Float:
        """Score candidates, MxN: M in [0, 1], from 0.5 on a signature."""
        inputs = (np.asarray(measures, np.float32) - self.mean) / self.scale
        inputs = np.clip(inputs, -WIDEST, WIDEST)
        units = np.tanh(inputs @ self.hidden.T + self.hidden_bias)
        logits: npt.NDArray[np.float32] = units @ self.output + np.float32(self.output_bias)
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


@dataclass(frozen=True)
class Judge:
    """Two networks: `first` chooses what is looked at again, `last` tells what a signature is."""

    first: Layers
    last: Layers


@cache
def load_judge(file: Path = FILE) -> Judge:
    """Load the judge's weights."""
    values = json.loads(file.read_text(encoding="utf-8"))
    return Judge(_layers(values["first"]), _layers(values["last"]))


def _layers(values: dict[str, list[float]]) -> Layers:
    arrays = {name: np.array(value, np.float32) for name, value in values.items()}
    bias = float(arrays.pop("output_bias"))
    return Layers(**arrays, output_bias=bias)
