"""Emblems for the middle of a stamp: stars, crowns, scales, animals, codes and line art."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from sigclean.noise.fields import chance
from sigclean.noise.stamps.shapes import (
    OUTLINES,
    Plate,
    Polygon,
    dots,
    segments,
    shield,
    star,
    trace,
    turned,
)

Emblem = Callable[[np.random.Generator, Plate, tuple[float, float], float], None]
"""A function that draws an emblem on a plate, at a centre (x, y), within a radius in pixels."""


def emblem(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a random emblem, sometimes inside an outline; nothing if the radius is below 3."""
    if radius < 3:
        return
    if chance(rng, 0.25):
        _outline(rng, plate, centre, radius)
        radius *= 0.6
    EMBLEMS[int(rng.integers(len(EMBLEMS)))](rng, plate, centre, radius)


def _line(rng: np.random.Generator, radius: float) -> int:
    """Choose a line thickness, in pixels, that suits an emblem of this radius."""
    return max(1, round(radius * rng.uniform(0.02, 0.1)))


def _outline(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw one to three outlines, one inside the other."""
    points = OUTLINES[int(rng.integers(len(OUTLINES)))](rng) * radius
    for scale in (1, 0.85, 0.6)[: int(rng.integers(1, 4))]:
        trace(plate, points * scale, centre, _line(rng, radius))


def _star(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a star, filled or as an outline."""
    trace(plate, star(rng) * radius, centre, -1 if chance(rng, 0.6) else _line(rng, radius))


def _cross(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw an upright cross with equal arms."""
    arm = rng.uniform(0.08, 0.35)
    corner = [(arm, 1), (arm, arm), (1, arm)]
    points = [(1, -arm), (arm, -arm), (arm, -1), (-arm, -1), (-arm, -arm), (-1, -arm)]
    points += [(-1, arm), (-arm, arm), (-arm, 1)]
    cross = np.array(points + corner) * radius
    trace(plate, cross, centre, -1 if chance(rng, 0.6) else _line(rng, radius))


def _shield(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a shield with one or two bars and a star."""
    thickness = _line(rng, radius)
    trace(plate, shield(rng) * radius * (0.8, 0.95), centre, thickness)
    reach = radius * 0.7
    for angle in rng.uniform(0, np.pi, int(rng.integers(1, 3))):
        way = np.array([[np.cos(angle), np.sin(angle)]]) * reach
        segments(plate, -way, way, centre, thickness)
    _star(rng, plate, (centre[0] + radius * 0.3, centre[1] - radius * 0.3), radius * 0.25)


def _beast(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a jagged symmetrical shape, like an eagle, a bear or a tree in a coat of arms."""
    count = int(rng.integers(8, 26))
    y = np.linspace(-1, 1, count)
    x = rng.uniform(0.08, 1, count) * np.sqrt(1.05 - y**2)
    half = np.stack([x, y], axis=1)
    body = np.concatenate([half, half[::-1] * (-1, 1)]) * radius
    trace(plate, body, centre, -1 if chance(rng, 0.7) else _line(rng, radius))
    for _ in range(int(rng.integers(0, 9))):
        way = rng.uniform(-0.6, 0.6, (2, 2)) * radius
        for mirror in ((1, 1), (-1, 1)):
            points = np.rint(way * mirror + centre).astype(np.int32)
            cv2.polylines(plate, [points], False, 0, max(1, round(radius / 40)), cv2.LINE_AA)


def _crown(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a crown with a dot on each spike."""
    spikes = int(rng.integers(3, 8))
    x = np.linspace(-1, 1, 2 * spikes - 1)
    y = np.where(np.arange(2 * spikes - 1) % 2, rng.uniform(-0.2, 0.2), -0.7)
    points = np.concatenate([np.stack([x, y], 1), [(0.8, 0.7), (-0.8, 0.7)]]) * radius
    trace(plate, points, centre, -1 if chance(rng, 0.5) else _line(rng, radius))
    dots(plate, points[: 2 * spikes - 1 : 2], centre, radius * 0.08)


def _scales(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw the scales of justice."""
    thickness = _line(rng, radius)
    starts = np.array([(0, -0.9), (-0.8, -0.6), (-0.4, 0.9)]) * radius
    ends = np.array([(0, 0.9), (0.8, -0.6), (0.4, 0.9)]) * radius
    segments(plate, starts, ends, centre, thickness)
    angles = np.linspace(0, np.pi, 16)
    bowl = np.stack([np.cos(angles), 0.5 * np.sin(angles)], 1) * radius * 0.33
    for side in (-0.8, 0.8):
        hung = bowl + np.array([side, 0.1]) * radius
        trace(plate, np.concatenate([[(side * radius, -0.6 * radius)], hung]), centre, thickness)


def _globe(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a globe with meridians and parallels."""
    circle, thickness = np.stack([np.cos(turned(60)), np.sin(turned(60))], 1), _line(rng, radius)
    for squeeze in np.linspace(0, 1, int(rng.integers(3, 6))):
        trace(plate, circle * radius * (squeeze, 1), centre, max(1, thickness // 2))
    for y in np.linspace(-0.7, 0.7, int(rng.integers(2, 6))):
        way = np.array([[np.sqrt(1 - y * y), 0]]) * radius
        segments(plate, -way, way, (centre[0], centre[1] + y * radius), thickness)


def _house(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a bank or a temple: roof, columns, steps."""
    roof = np.array([(-1, -0.3), (0, -0.9), (1, -0.3)]) * radius
    trace(plate, roof, centre, -1 if chance(rng, 0.5) else _line(rng, radius))
    x = np.linspace(-0.8, 0.8, int(rng.integers(2, 7))) * radius
    columns = np.stack([x, np.full_like(x, -0.2 * radius)], 1)
    thick = max(1, round(radius * rng.uniform(0.05, 0.2)))
    segments(plate, columns, columns * (1, -3), centre, thick)
    floor = np.array([(-1, 0.65), (1, 0.65), (1, 0.9), (-1, 0.9)]) * radius
    trace(plate, floor, centre, -1)


def _wreath(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a wreath of leaves round a star."""
    leaf = np.stack([0.16 * np.cos(turned(14)), 0.06 * np.sin(turned(14))], 1) * radius
    for angle in np.linspace(0.3, np.pi - 0.3, int(rng.integers(6, 14))):
        for side in (-1, 1):
            turn = angle + np.pi / 2 + side * rng.uniform(0.3, 0.7)
            spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            place = (
                np.array([np.cos(angle + np.pi * (side < 0) / 2), np.sin(angle)]) * radius * 0.85
            )
            trace(plate, leaf @ spin + place, centre, -1)
    _star(rng, plate, centre, radius * 0.4)


def _code(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a matrix code or a bar code."""
    side, cells = int(radius * 1.4), int(rng.integers(6, 24))
    shape = (cells, cells) if chance(rng, 0.6) else (1, 2 * cells)
    pattern = (rng.random(shape) < 0.5).astype(np.uint8) * 255
    block = cv2.resize(pattern, (max(side, 1),) * 2, interpolation=cv2.INTER_NEAREST)
    x, y = max(int(centre[0] - side / 2), 0), max(int(centre[1] - side / 2), 0)
    room = plate[y : y + side, x : x + side]
    np.maximum(room, block[: room.shape[0], : room.shape[1]], out=room)


def _grid(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a disc or a diamond filled with horizontal lines, sometimes with vertical ones too."""
    count = int(rng.integers(4, 16))
    y = np.linspace(-0.95, 0.95, count)
    x = np.sqrt(1 - y**2) if chance(rng, 0.6) else 1 - np.abs(y)
    row = np.stack([x, y], 1) * radius
    turns = ((1, 1), (-1, 1))
    segments(plate, row * turns[0], row * turns[1], centre, 1 + int(radius / 40))
    if chance(rng, 0.5):
        row = row[:, ::-1]
        segments(plate, row, row * (1, -1), centre, 1 + int(radius / 40))


def _line_art(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw a few straight lines, repeated at even angles round the centre."""
    folds, chords = int(rng.integers(2, 9)), int(rng.integers(1, 5))
    ends = rng.uniform(-1, 1, (chords, 2, 2)) * radius * 0.7
    for angle in turned(folds):
        spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        segments(plate, ends[:, 0] @ spin, ends[:, 1] @ spin, centre, _line(rng, radius))


def _rays(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], radius: float
) -> None:
    """Draw rays round a dot."""
    angles = turned(int(rng.integers(6, 48)))
    way: Polygon = np.stack([np.cos(angles), np.sin(angles)], 1) * radius
    segments(plate, way * rng.uniform(0.2, 0.7), way, centre, _line(rng, radius))
    dots(plate, np.zeros((1, 2)), centre, radius * rng.uniform(0.1, 0.3))


EMBLEMS: tuple[Emblem, ...] = (
    _outline, _star, _star, _cross, _shield, _beast, _beast, _crown, _scales, _globe, _house,
    _wreath, _code, _grid, _line_art, _rays,
)  # fmt: skip
