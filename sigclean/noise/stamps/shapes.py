"""Outlines of stamps as polygons, and how borders are drawn along them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import chance

Plate = npt.NDArray[np.uint8]
"""HxW, 0 = bare rubber, 255 = full ink. A stamp of two colours has two plates."""

Polygon = npt.NDArray[np.float64]
"""Nx2 points (x, y), closed, centred on 0, in pixels or in half sides."""

_SUBPIXEL = 4  # bits of fraction in OpenCV's fixed-point coordinates


def turned(count: int, start: float = 0.0) -> npt.NDArray[np.float64]:
    """`count` angles evenly round the circle, radians."""
    return np.linspace(start, start + 2 * np.pi, count, endpoint=False)


def ellipse(rng: np.random.Generator) -> Polygon:
    """The unit circle; its half sides make it an oval."""
    angles = turned(120)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def serrated(rng: np.random.Generator) -> Polygon:
    """A notary's seal, a gear or a sun: the circle's radius goes up and down."""
    teeth, per_tooth = int(rng.integers(8, 70)), 6
    angles = turned(teeth * per_tooth)
    depth = rng.uniform(0.02, 0.5 / np.sqrt(teeth))
    phase = np.arange(teeth * per_tooth) % per_tooth
    waves = (
        np.abs(phase - 3) / 3,
        0.5 + 0.5 * np.cos(phase * (2 * np.pi / per_tooth)),
        (phase < 3).astype(float),
        np.abs(np.cos(phase * (np.pi / per_tooth))),
    )
    radius = 1 - depth * waves[int(rng.integers(len(waves)))]
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def regular(rng: np.random.Generator) -> Polygon:
    """A triangle to a decagon, standing on a side or a corner."""
    corners = int(rng.choice((3, 3, 4, 5, 6, 6, 7, 8, 8, 10)))
    angles = turned(corners, np.pi / 2 + (np.pi / corners if chance(rng, 0.5) else 0))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def star(rng: np.random.Generator) -> Polygon:
    """A star of four to sixteen points."""
    points = int(rng.integers(4, 17))
    angles = turned(2 * points, -np.pi / 2)
    radius = np.where(np.arange(2 * points) % 2, rng.uniform(0.4, 0.9), 1)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def rectangle(rng: np.random.Generator) -> Polygon:
    """A rectangle: sharp, rounded or with its corners cut, hollowed or pinched."""
    cut = rng.uniform(0.04, 0.35)
    quarter = np.linspace(0, np.pi / 2, 7)
    corners = (
        [(1.0, 1.0)],
        [(1 - cut + cut * np.cos(a), 1 - cut + cut * np.sin(a)) for a in quarter],
        [(1, 1 - cut), (1 - cut, 1)],
        [(1 - cut * np.sin(a), 1 - cut * np.cos(a)) for a in quarter],
    )
    corner = np.array(corners[int(rng.choice(4, p=(0.4, 0.35, 0.15, 0.1)))])
    mirrored = corner[::-1]
    return np.concatenate([corner, mirrored * (-1, 1), corner * (-1, -1), mirrored * (1, -1)])


def shield(rng: np.random.Generator) -> Polygon:
    """A shield with a straight, hollow or raised top."""
    t = np.linspace(0, 1, 12)
    power, top = rng.uniform(1.6, 4), rng.uniform(-0.2, 0.2)
    right = np.stack([(1 - t**power), -0.6 + 1.6 * t], axis=1)
    edge = np.array([(0.0, -1 + top), (0.5, -1.0), (1.0, -1.0)])
    half = np.concatenate([edge, right])
    return np.concatenate([half, half[::-1] * (-1, 1)])


def superformula(rng: np.random.Generator) -> Polygon:
    """A rounded flower, bean or star that no maker has in the catalogue (Gielis 2003)."""
    angles, symmetry = turned(160), int(rng.integers(2, 11))
    bend, lobes = rng.uniform(0.6, 6), rng.uniform(0.8, 8)
    wave = np.abs(np.cos(symmetry * angles / 4)) ** lobes
    wave += np.abs(np.sin(symmetry * angles / 4)) ** lobes
    radius = wave ** (-1 / (bend * 2))
    points = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    return points / np.abs(points).max(axis=0)


def ribbon(rng: np.random.Generator) -> Polygon:
    """An arrow, a banner with swallow tails or a leaning box."""
    notch, lean = rng.uniform(0.05, 0.3), rng.uniform(-0.25, 0.25)
    shapes = (
        [(-1, -1), (1 - notch, -1), (1, 0), (1 - notch, 1), (-1, 1)],
        [(-1, -1), (1, -1), (1 - notch, 0), (1, 1), (-1, 1), (-1 + notch, 0)],
        [(-1 + abs(lean), -1), (1, -1), (1 - abs(lean), 1), (-1, 1)],
        [(-1, -0.4), (0, -1), (1, -0.4), (1, 1), (-1, 1)],
    )
    return np.array(shapes[int(rng.integers(len(shapes)))], np.float64)


OUTLINES: tuple[Callable[[np.random.Generator], Polygon], ...] = (
    ellipse, serrated, regular, star, rectangle, shield, superformula, ribbon,
)  # fmt: skip


def inset(points: Polygon, half: tuple[float, float], depth: float) -> Polygon:
    """Unit points in pixels for half sides `half`, moved inwards by about `depth` pixels."""
    return points * (max(half[0] - depth, 1.0), max(half[1] - depth, 1.0))


def trace(
    plate: Plate, points: Polygon, centre: tuple[float, float], thickness: int, value: int = 255
) -> None:
    """Draw a closed line along the points; `thickness` below 0 fills."""
    fixed = np.rint((points + centre) * 2**_SUBPIXEL).astype(np.int32)
    if thickness < 0:
        cv2.fillPoly(plate, [fixed], value, cv2.LINE_AA, _SUBPIXEL)
    else:
        cv2.polylines(plate, [fixed], True, value, max(thickness, 1), cv2.LINE_AA, _SUBPIXEL)


def segments(
    plate: Plate, starts: Polygon, ends: Polygon, centre: tuple[float, float], thickness: int
) -> None:
    """Draw one straight line from each start to its end (Nx2 each)."""
    pairs = np.stack([starts, ends], axis=1) + centre
    fixed = np.rint(pairs * 2**_SUBPIXEL).astype(np.int32)
    cv2.polylines(plate, list(fixed), False, 255, max(thickness, 1), cv2.LINE_AA, _SUBPIXEL)


def dots(plate: Plate, points: Polygon, centre: tuple[float, float], radius: float) -> None:
    """Draw a filled dot at each point (Nx2)."""
    for x, y in np.rint((points + centre) * 2**_SUBPIXEL).astype(np.int32).tolist():
        size = max(int(radius * 2**_SUBPIXEL), 8)
        cv2.circle(plate, (x, y), size, 255, -1, cv2.LINE_AA, _SUBPIXEL)


def along(points: Polygon, count: int) -> Polygon:
    """`count` points at even distances along a closed polygon."""
    closed = np.concatenate([points, points[:1]])
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    where = np.linspace(0, length[-1], count, endpoint=False)
    return np.stack([np.interp(where, length, closed[:, k]) for k in (0, 1)], axis=1)


def border(
    rng: np.random.Generator, plate: Plate, points: Polygon, half: tuple[float, float]
) -> float:
    """Draw 0 to 3 lines along the outline, of their own thickness; returns the depth taken."""
    centre, unit = (plate.shape[1] / 2, plate.shape[0] / 2), min(half) / 50
    depth = 0.0
    for _ in range(int(rng.choice(4, p=(0.08, 0.42, 0.38, 0.12)))):
        thickness = max(
            1, round(unit * rng.choice((0.6, 1, 1.5, 2.2, 3.5, 6)) * rng.uniform(0.7, 1.3))
        )
        line = inset(points, half, depth + thickness / 2)
        if chance(rng, 0.86):
            trace(plate, line, centre, thickness)
        else:
            _broken_line(rng, plate, line, thickness)
        depth += thickness + unit * rng.uniform(1, 5)
    return depth


def _broken_line(rng: np.random.Generator, plate: Plate, line: Polygon, thickness: int) -> None:
    """Dots, dashes or ticks in the place of a line."""
    centre = (plate.shape[1] / 2, plate.shape[0] / 2)
    count = int(np.clip(4 * min(plate.shape) / (thickness + 1) * rng.uniform(0.15, 0.6), 12, 160))
    points = along(line, 2 * count)
    if chance(rng, 0.4):
        dots(plate, points[::2], centre, thickness * 0.8)
    elif chance(rng, 0.5):
        segments(plate, points[::2], points[1::2], centre, thickness)
    else:
        segments(plate, points[::2], points[::2] * rng.uniform(0.88, 0.96), centre, 1)
