"""Fit the package's judges, which are logistic regressions on measures and their squares."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sigclean.pieces.logistic import Judge, inputs

STEPS = 20  # of Newton's method
Numbers = npt.NDArray[np.floating]


def fit(measures: Numbers, wanted: Numbers, ridge: float, worth: Numbers | None = None) -> Judge:
    """Fit a judge by Newton's method.

    Args:
        measures: NxM.
        wanted: N, the scores that it should give, in [0, 1].
        ridge: the penalty of the weights' squares.
        worth: N, how much each counts; all the same without it.
    """
    mean, deviation = measures.mean(axis=0), measures.std(axis=0) + np.float32(1e-3)
    values = inputs(measures, mean, deviation).astype(np.float64)
    values = np.concatenate([values, np.ones((len(values), 1))], axis=1)
    worth = np.ones(len(values)) if worth is None else worth
    penalty = np.append(np.full(values.shape[1] - 1, ridge), 1e-6)
    weights = np.zeros(values.shape[1])
    for _ in range(STEPS):
        shares = 1 / (1 + np.exp(-np.clip(values @ weights, -30, 30)))
        slope = values.T @ (worth * (shares - wanted)) + penalty * weights
        curve = (values.T * (worth * shares * (1 - shares))) @ values + np.diag(penalty)
        weights -= np.linalg.solve(curve, slope)
    print(f"{len(values)} measured, {int((wanted > 0.5).sum())} good", flush=True)
    return Judge(mean, deviation, weights[:-1], float(weights[-1]))


def save(judge: Judge, file: Path) -> None:
    """Write the judge's weights."""
    values = {key: _rounded(value) for key, value in vars(judge).items()}
    file.write_text(json.dumps(values, separators=(",", ":")) + "\n", encoding="utf-8")


def _rounded(value: Numbers | float) -> list | float:
    return np.asarray(value, np.float64).round(3).tolist()
