"""The sigma-lognormal model of rapid handwriting: a pen path as a sum of overlapping strokes.

Every stroke is a command to the arm: its speed over time is a lognormal, its direction turns from
one angle to another during the stroke, and the pen follows the vector sum of all strokes in
progress (Plamondon, "A kinematic theory of rapid human movements", Biological Cybernetics 72,
1995; O'Reilly and Plamondon, "Development of a sigma-lognormal representation for on-line
signatures", Pattern Recognition 42, 2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_Z = np.linspace(-4.0, 4.0, 1025)
_NORMAL_CDF = np.array([0.5 * (1 + erf(z / 2**0.5)) for z in _Z])
_NORMAL_CDF[0], _NORMAL_CDF[-1] = 0.0, 1.0  # strokes begin and end at 4 deviations


@dataclass(frozen=True)
class Strokes:
    """S strokes of one pen-down movement, each attribute an array of length S.

    Attributes:
        amplitude: length of the stroke (D), in the unit of the targets.
        onset: time of the command (t0) in seconds.
        mu, sigma: log-time delay and log-response time of the lognormal.
        start, end: direction at the stroke's beginning and end in radians, counter-clockwise.
    """

    amplitude: Array
    onset: Array
    mu: Array
    sigma: Array
    start: Array
    end: Array

    @property
    def duration(self) -> float:
        """The time in seconds at which the last stroke ends."""
        return float((self.onset + np.exp(self.mu + 4 * self.sigma)).max())


def plan(targets: Array, turns: Array, overlap: float, rng: np.random.Generator) -> Strokes:
    """Plan the strokes from one virtual target to the next.

    Args:
        targets: (S + 1)x2 points that the strokes aim at; overlapping strokes cut the corners.
        turns: S angles by which each stroke bends on its way, radians, counter-clockwise positive.
        overlap: 0 (each stroke follows the previous one: angular) to 0.6 (round, hurried).
        rng: draws the lognormal shapes.
    """
    step = np.diff(targets, axis=0)
    chord = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)
    half = np.where(np.abs(turns) < 1e-3, 1e-3, turns) / 2
    heading = np.arctan2(step[:, 1], step[:, 0])
    sigma = rng.uniform(0.12, 0.26, len(chord))
    seconds = 0.16 * chord**0.4 * rng.uniform(0.9, 1.1, len(chord))  # near-isochrony of strokes
    mu = np.log(seconds / (2 * np.sinh(3 * sigma)))
    begin = np.concatenate([[0.0], np.cumsum(seconds[:-1] * (1 - overlap))])
    return Strokes(
        amplitude=chord * half / np.sin(half),  # the arc over the chord
        onset=begin - np.exp(mu - 3 * sigma),
        mu=mu,
        sigma=sigma,
        start=heading - half,
        end=heading + half,
    )


def trace(strokes: Strokes, origin: Array, rate: float = 200.0) -> tuple[Array, Array]:
    """Follow the strokes from `origin`.

    The integral of lognormal speed along an erf-interpolated direction is a circular arc, so the
    position has a closed form and needs no numerical integration.

    Returns:
        Tx2 positions, `rate` of them a second, and T speeds in units a second.
    """
    begin = float((strokes.onset + np.exp(strokes.mu - 4 * strokes.sigma)).min())
    time = np.arange(begin, strokes.duration + 1 / rate, 1 / rate)[:, None]
    since = np.maximum(time - strokes.onset, 1e-9)
    done = np.interp((np.log(since) - strokes.mu) / strokes.sigma, _Z, _NORMAL_CDF)
    bend = strokes.end - strokes.start
    angle = strokes.start + bend * done
    radius = strokes.amplitude / bend
    x = (np.sin(angle) - np.sin(strokes.start)) @ radius
    y = (np.cos(strokes.start) - np.cos(angle)) @ radius
    path = np.stack([x, y], axis=1) + origin
    speed = np.hypot(*np.gradient(path, 1 / rate, axis=0).T)
    return path, speed
