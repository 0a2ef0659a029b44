"""Plain stamps: bare rings, polygons, frames and big words, with little or nothing inside."""

from __future__ import annotations

import numpy as np

from sigclean.noise.fields import chance, coverage
from sigclean.noise.page import Material
from sigclean.noise.printing import hollowed
from sigclean.noise.stamps.centres import fill_centre, middle_of, written
from sigclean.noise.stamps.shapes import (
    OUTLINES,
    Plate,
    along,
    dots,
    ellipse,
    inset,
    rectangle,
    regular,
    segments,
    trace,
)
from sigclean.noise.stamps.text import box_text
from sigclean.noise.stamps.words import NOTICES, pick, scribe

_COMMON = (ellipse, ellipse, rectangle, rectangle, regular)


def bare_plate(side: int, aspect: float) -> Plate:
    """A plate without ink, the longer side `side` pixels; `aspect` = height over width."""
    width, height = (side, side * aspect) if aspect <= 1 else (side / aspect, side)
    return np.zeros((max(round(height), 8), max(round(width), 8)), np.uint8)


def frame_die(rng: np.random.Generator, side: int, material: Material) -> tuple[Plate, ...]:
    """One to three outlines, hair-thin to very thick, whole, dashed or dotted; seldom a motif."""
    plate = bare_plate(side, float(np.exp(rng.uniform(-1.1, 0.3))) if chance(rng, 0.6) else 1.0)
    half = plate.shape[1] / 2 - 1, plate.shape[0] / 2 - 1
    shapes = _COMMON if chance(rng, 0.7) else OUTLINES
    depth = 0.0
    for _ in range(int(rng.choice((1, 2, 3), p=(0.5, 0.38, 0.12)))):
        outline = shapes[int(rng.integers(len(shapes)))](rng)
        thick = max(1.0, min(half) * float(np.exp(rng.uniform(-4.5, -1.4))))
        _outline(rng, plate, inset(outline, half, depth + thick / 2), thick)
        depth += thick + min(half) * rng.uniform(0.03, 0.5)
        if depth > 0.8 * min(half):
            break
    if chance(rng, 0.35):
        rest = max(min(half) - depth, 0.0) * rng.uniform(0.3, 0.8)
        if rest > 6:
            fill_centre(rng, plate, (rest, rest), scribe(rng, material))
    return (plate,)


def _outline(rng: np.random.Generator, plate: Plate, line: np.ndarray, thick: float) -> None:
    """One closed line: whole mostly, else dots or dashes."""
    roll, centre = rng.random(), middle_of(plate)
    if roll < 0.72:
        trace(plate, line, centre, max(1, round(thick)))
        return
    step = thick * rng.uniform(1.6, 4)
    count = int(np.clip(3 * sum(plate.shape) / (2 * max(step, 3)), 12, 120))
    points = along(line, 2 * count)
    if roll < 0.88:
        dots(plate, points[::2], centre, thick / 2)
    else:
        segments(plate, points[::2], points[1::2], centre, max(1, round(thick)))


def word_die(rng: np.random.Generator, side: int, material: Material) -> tuple[Plate, ...]:
    """One or two big words, solid or in outlines, in a frame now and then."""
    hand = scribe(rng, material, 64)
    latin = hand.script in ("latin", "accented")
    lines = [hand.write(rng, pick(rng, NOTICES)) if latin else hand.phrase(rng, 1)]
    if chance(rng, 0.2):
        lines.append(written(rng, hand))
    aspect = sum(line.shape[0] / line.shape[1] for line in lines) * rng.uniform(1.1, 1.9)
    plate = bare_plate(side, float(np.clip(aspect, 0.12, 1.2)))
    tall, wide = plate.shape
    framed = chance(rng, 0.4)
    room = 0.82 if framed else 1.0
    for k, line in enumerate(lines):
        middle = wide / 2, tall / 2 + ((k + 0.5) / len(lines) - 0.5) * tall * room
        box = wide * room - 2, tall * room / len(lines) * 0.88
        box_text(plate, line, middle, box, rng.uniform(1, 1.9))
    if chance(rng, 0.4):
        thin = max(1, round(tall / len(lines) * rng.uniform(0.02, 0.06)))
        plate[:] = (hollowed(coverage(plate), thin) * 255).astype(np.uint8)
    if framed:
        thick = max(1, round(tall * rng.uniform(0.015, 0.07)))
        half = wide / 2 - 1, tall / 2 - 1
        trace(plate, inset(rectangle(rng), half, thick / 2), middle_of(plate), thick)
    return (plate,)
