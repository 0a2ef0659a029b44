"""Faults of a stamp's impression: starved, flooded, tilted, blurred, struck twice."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import (
    chance,
    clouds,
    coverage,
    grain,
    hsv,
    ramp,
    smoothstep,
    soften,
    turbulence,
)
from sigclean.noise.page import Mask

Wear = Callable[[np.random.Generator, Mask], Mask]


def worn(rng: np.random.Generator, mask: Mask, severity: float) -> Mask:
    """A die's coverage after printing; `severity` in [0, 1] is how much goes wrong."""
    for step, usual in WEARS:
        if chance(rng, usual * severity):
            mask = step(rng, mask)
    return mask


def _spread(rng: np.random.Generator, mask: Mask) -> Mask:
    """Too much ink: strokes swell and their corners fill."""
    size = int(rng.choice((2, 2, 3)))
    return np.asarray(cv2.dilate(mask, np.ones((size, size), np.uint8)), np.float32)


def _starve(rng: np.random.Generator, mask: Mask) -> Mask:
    """Too little ink: strokes thin out."""
    blurred = np.maximum(cv2.blur(mask, (3, 3)), 0)  # a rounding below 0 has no power
    return np.minimum(mask, blurred ** rng.uniform(1, 3))


def _blotch(rng: np.random.Generator, mask: Mask) -> Mask:
    """An uneven pad: patches of full and of thin ink."""
    field = turbulence(rng, mask.shape[0], mask.shape[1], rng.uniform(2, 14))
    low = rng.uniform(0, 0.4)
    return mask * (rng.uniform(0, 0.7) + smoothstep(field, low, low + rng.uniform(0.1, 0.5))).clip(
        0, 1
    )


def _speckle(rng: np.random.Generator, mask: Mask) -> Mask:
    """Paper grain that the rubber does not reach."""
    noise = grain(rng, mask.shape[0], mask.shape[1])
    if chance(rng, 0.6):
        sigma = rng.uniform(0.5, 1.3)
        noise = (soften(noise, sigma) - np.float32(0.5)) * np.float32(1 + 2 * sigma) + np.float32(
            0.5
        )
    share = rng.uniform(0.1, 0.6)
    return mask * smoothstep(noise, share - 0.1, share + rng.uniform(0.05, 0.4))


def _missing(rng: np.random.Generator, mask: Mask) -> Mask:
    """Parts that never touched the paper."""
    field = turbulence(rng, mask.shape[0], mask.shape[1], rng.uniform(2, 6))
    edge = rng.uniform(0.1, 0.4)
    return mask * smoothstep(field, edge, edge + rng.uniform(0.02, 0.3))


def _tilt(rng: np.random.Generator, mask: Mask) -> Mask:
    """A stamp pressed harder on one side."""
    pressure = ramp(rng, mask.shape[0], mask.shape[1])
    low = rng.uniform(-0.5, 0.2)
    return mask * smoothstep(pressure, low, low + rng.uniform(0.4, 1.2))


def _rim(rng: np.random.Generator, mask: Mask) -> Mask:
    """Ink squeezed to the edge of each stroke, pale inside."""
    inside = soften(mask, rng.uniform(0.8, 1.8))
    return mask * (1 - rng.uniform(0.3, 0.8) * inside**2)


def _twice(rng: np.random.Generator, mask: Mask) -> Mask:
    """A second, fainter strike beside the first."""
    reach = max(mask.shape) * 0.04
    shift = np.array([[1, 0, rng.normal(0, reach)], [0, 1, rng.normal(0, reach)]])
    ghost = cv2.warpAffine(mask, shift, mask.shape[::-1])
    return np.maximum(mask, ghost * np.float32(rng.uniform(0.15, 0.8)))


def _smear(rng: np.random.Generator, mask: Mask) -> Mask:
    """An impression dragged while it was wet."""
    length = int(rng.integers(3, max(4, max(mask.shape) // 25)))
    angle, kernel = rng.uniform(0, np.pi), np.zeros((length, length), np.float32)
    middle, reach = (length - 1) / 2, (length - 1) / 2
    for t in np.linspace(-1, 1, 2 * length):
        x, y = middle + t * reach * np.cos(angle), middle + t * reach * np.sin(angle)
        kernel[round(y), round(x)] = 1
    return np.maximum(mask * rng.uniform(0.5, 1), cv2.filter2D(mask, -1, kernel / kernel.sum()))


def _blur(rng: np.random.Generator, mask: Mask) -> Mask:
    """Ink that ran a little into the paper."""
    return soften(mask, rng.uniform(0.4, 1.0) * (1 + max(mask.shape) / 500))


def _scratch(rng: np.random.Generator, mask: Mask) -> Mask:
    """Hairs and cracks across the rubber."""
    bare = np.zeros(mask.shape, np.uint8)
    for _ in range(int(rng.integers(1, 6))):
        points = np.cumsum(rng.normal(0, max(mask.shape) / 12, (6, 2)), axis=0)
        points += rng.random(2) * mask.shape[::-1]
        cv2.polylines(bare, [points.astype(np.int32)], False, 255, 1, cv2.LINE_AA)
    return mask * (1 - coverage(bare))


def _wobble(rng: np.random.Generator, mask: Mask) -> Mask:
    """A soft die on soft paper: lines bend and lengths stretch."""
    height, width = mask.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    reach = np.float32(max(mask.shape) * rng.uniform(0.01, 0.06))
    for axis in (x, y):
        axis += reach * (clouds(rng, height, width, rng.uniform(1, 4)) - np.float32(0.5))
    return np.asarray(cv2.remap(mask, x, y, cv2.INTER_LINEAR), np.float32)


def _contact(rng: np.random.Generator, mask: Mask) -> Mask:
    """The bare rubber between the strokes touches too, and leaves a haze and specks."""
    near = soften(mask, max(mask.shape) * rng.uniform(0.02, 0.08))
    haze = near * turbulence(rng, mask.shape[0], mask.shape[1], rng.uniform(3, 12))
    specks = smoothstep(grain(rng, mask.shape[0], mask.shape[1]), rng.uniform(0.5, 0.97), 1)
    return np.maximum(mask, haze * (rng.uniform(0.05, 0.3) + specks * rng.uniform(0, 0.7)))


def _relief(rng: np.random.Generator, mask: Mask) -> Mask:
    """A dry seal: no ink, only the shadow of raised paper."""
    raised = soften(mask, 0.8 + max(mask.shape) / 400)
    angle = rng.uniform(0, 2 * np.pi)
    slope = cv2.Sobel(raised, -1, 1, 0) * np.cos(angle) + cv2.Sobel(raised, -1, 0, 1) * np.sin(
        angle
    )
    return np.clip(slope * rng.uniform(0.4, 1.2), 0, 1).astype(np.float32)


WEARS: tuple[tuple[Wear, float], ...] = (
    (_relief, 0.04), (_wobble, 0.2), (_contact, 0.12), (_spread, 0.3), (_starve, 0.15),
    (_rim, 0.25), (_blotch, 0.65), (_missing, 0.3), (_tilt, 0.4), (_speckle, 0.6),
    (_scratch, 0.15), (_twice, 0.1), (_smear, 0.06), (_blur, 0.5),
)  # fmt: skip

# Hue in turns, spread of hue, saturation, value: blue, violet, red, green, black, brown, grey,
# magenta, orange, turquoise, blue-black, ball-pen blue.
_INKS = (
    (0.63, 0.05, 0.75, 0.6), (0.74, 0.05, 0.6, 0.55), (0.99, 0.03, 0.85, 0.75),
    (0.38, 0.07, 0.75, 0.45), (0.6, 0.5, 0.15, 0.12), (0.06, 0.03, 0.6, 0.4),
    (0.6, 0.5, 0.08, 0.45), (0.87, 0.05, 0.7, 0.65), (0.07, 0.02, 0.85, 0.85),
    (0.5, 0.04, 0.8, 0.5), (0.65, 0.05, 0.6, 0.25), (0.62, 0.04, 0.7, 0.55),
)  # fmt: skip
_INK_WEIGHTS = np.array((5, 3, 5, 1.5, 4, 1, 1.5, 1, 0.7, 0.7, 3, 2))


def stamp_ink(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """The RGB of a stamp pad, from black to a hardly visible tint."""
    index = int(rng.choice(len(_INKS), p=_INK_WEIGHTS / _INK_WEIGHTS.sum()))
    hue, spread, saturation, value = _INKS[index]
    hue += rng.normal(0, spread / 2)
    saturation = float(np.clip(saturation + rng.normal(0, 0.15), 0, 1))
    value = float(np.clip(value + rng.normal(0, 0.15), 0, 1))
    strength = 1 - 0.75 * rng.random() ** 2.5
    return np.asarray(1 - (1 - hsv(hue, saturation, value)) * strength, np.float32)
