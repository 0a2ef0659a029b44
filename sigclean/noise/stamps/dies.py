"""Dies of stamps, designed at random: round, boxed, cornered, carved, or bare words."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from sigclean.noise.fields import chance, clouds, smoothstep, turbulence
from sigclean.noise.page import Material
from sigclean.noise.stamps.centres import fill_centre, fill_form, middle_of, stack_lines, written
from sigclean.noise.stamps.emblems import emblem
from sigclean.noise.stamps.frames import bare_plate, frame_die, word_die
from sigclean.noise.stamps.shapes import (
    OUTLINES,
    Plate,
    along,
    border,
    dots,
    ellipse,
    inset,
    rectangle,
    regular,
    serrated,
    shield,
    trace,
)
from sigclean.noise.stamps.text import Rim, box_text, rim, rim_text, rim_ticks, side_text
from sigclean.noise.stamps.words import (
    NOTICES,
    Scribe,
    invented_glyph,
    pick,
    scribe,
)

Plates = tuple[Plate, ...]
Die = Callable[[np.random.Generator, int, Material], Plates]
"""One or two plates of equal size, the longer side `side` pixels."""


def design(rng: np.random.Generator, side: int, material: Material) -> Plates:
    """Design a stamp at random."""
    return DIES[int(rng.choice(len(DIES), p=_WEIGHTS))](rng, max(side, 16), material)


def round_die(rng: np.random.Generator, side: int, material: Material) -> Plates:
    """A round or oval seal: borders, text round the rim, something in the middle."""
    aspect = 1.0 if chance(rng, 0.7) else float(np.exp(rng.uniform(-0.9, 0.45)))
    plate, hand = bare_plate(side, aspect), scribe(rng, material)
    half = plate.shape[1] / 2 - 1, plate.shape[0] / 2 - 1
    place = rim(*plate.shape)
    outline = serrated(rng) if chance(rng, 0.18) else ellipse(rng)
    depth = border(rng, plate, outline, half)
    for _ in range(int(rng.choice(3, p=(0.1, 0.72, 0.18)))):
        depth = _rim_band(rng, plate, place, depth, hand)
    inner = np.zeros_like(plate) if chance(rng, 0.2) else plate
    centre_half = max(half[0] - depth, 4), max(half[1] - depth, 4)
    fill_centre(rng, inner, centre_half, hand)
    return (plate,) if inner is plate else (plate, inner)


def _rim_band(
    rng: np.random.Generator, plate: Plate, place: Rim, depth: float, hand: Scribe
) -> float:
    """One band of the rim: text, ticks or a chain, then maybe lines; returns the new depth."""
    room = min(place.half) - depth
    tall = room * rng.uniform(0.16, 0.34)
    band = depth, depth + tall
    roll = rng.random()
    if roll < 0.82:
        _rim_words(rng, plate, place, band, hand)
    elif roll < 0.92:
        count = int(np.clip(place.length / rng.uniform(3, 12), 12, 300))
        rim_ticks(plate, place, band, count, rng.uniform(0.2, 0.6))
    else:
        half = place.half[0] - depth - tall / 2, place.half[1] - depth - tall / 2
        chain = along(ellipse(rng) * half, int(np.clip(place.length / tall * 0.6, 8, 90)))
        dots(plate, chain, middle_of(plate), tall * rng.uniform(0.1, 0.4))
    depth = band[1] + room * rng.uniform(0.02, 0.06)
    for _ in range(int(rng.choice(3, p=(0.2, 0.5, 0.3)))):
        thickness = max(1, round(room * rng.uniform(0.005, 0.04)))
        trace(plate, inset(ellipse(rng), place.half, depth), middle_of(plate), thickness)
        depth += thickness + room * rng.uniform(0.02, 0.06)
    return depth


def _rim_words(
    rng: np.random.Generator, plate: Plate, place: Rim, band: tuple[float, float], hand: Scribe
) -> None:
    """Words on the top arc and mostly on the bottom one, with marks between."""
    letters = band[0] + 0.06 * (band[1] - band[0]), band[1]
    if chance(rng, 0.3):
        start = float(rng.random())
        rim_text(plate, place, hand.phrase(rng, 5), letters, start, rng.uniform(0.8, 0.97), True)
        return
    share = rng.uniform(0.35, 0.66)
    rim_text(plate, place, hand.phrase(rng, int(rng.integers(2, 6))), letters, 0.75, share, True)
    if chance(rng, 0.75):
        rest = (0.92 - share) * rng.uniform(0.6, 1)
        line = hand.phrase(rng, int(rng.integers(1, 4)))
        rim_text(plate, place, line, letters, 0.25, rest, chance(rng, 0.15))
    if chance(rng, 0.7):
        for turn in ((0.0, 0.5), (0.0, 0.5), (0.25,))[int(rng.integers(3))]:
            _rim_mark(rng, plate, place, band, turn)


def _rim_mark(
    rng: np.random.Generator, plate: Plate, place: Rim, band: tuple[float, float], turn: float
) -> None:
    middle, radius = (band[0] + band[1]) / 2, (band[1] - band[0]) * rng.uniform(0.2, 0.5)
    angle = turn * 2 * np.pi
    way = np.array([np.cos(angle), np.sin(angle)]) * (np.array(place.half) - middle)
    centre = way + middle_of(plate)
    if chance(rng, 0.5):
        dots(plate, way[None], middle_of(plate), radius * 0.6)
    else:
        emblem(rng, plate, (float(centre[0]), float(centre[1])), max(radius, 3))


def box_die(rng: np.random.Generator, side: int, material: Material) -> Plates:
    """A rectangular stamp: lines of text, a form to fill in, a header, columns."""
    plate = bare_plate(side, float(np.exp(rng.uniform(-2, 0.25))))
    hand, half = scribe(rng, material), (plate.shape[1] / 2 - 1, plate.shape[0] / 2 - 1)
    depth = border(rng, plate, rectangle(rng), half)
    inner = np.zeros_like(plate) if chance(rng, 0.15) else plate
    wide, tall = 2 * (half[0] - depth) * 0.92, 2 * (half[1] - depth) * 0.9
    centre, roll = middle_of(plate), rng.random()
    if roll < 0.5:
        stack_lines(rng, inner, centre, (wide, tall), hand, most=int(rng.integers(1, 8)))
    elif roll < 0.8:
        fill_form(rng, inner, (wide, tall), hand)
    else:
        left = centre[0] - wide / 2 + min(wide, tall) / 2
        emblem(rng, plate, (left, centre[1]), min(wide, tall) * 0.42)
        rest = max(wide - min(wide, tall) * 1.1, 4)
        stack_lines(
            rng, inner, (centre[0] + (wide - rest) / 2, centre[1]), (rest, tall), hand, most=5
        )
    if inner is not plate:
        return plate, inner
    return (_carved(rng, plate),) if chance(rng, 0.1) else (plate,)


def cornered_die(rng: np.random.Generator, side: int, material: Material) -> Plates:
    """A triangle, hexagon, shield, star or stranger shape with text along or inside it."""
    outline = (regular, regular, shield, OUTLINES[int(rng.integers(len(OUTLINES)))])[
        int(rng.integers(4))
    ](rng)
    plate = bare_plate(side, float(np.exp(rng.uniform(-0.5, 0.2))))
    hand, half = scribe(rng, material), (plate.shape[1] / 2 - 1, plate.shape[0] / 2 - 1)
    depth = border(rng, plate, outline, half)
    tall = min(half) * rng.uniform(0.14, 0.26)
    if len(outline) <= 8 and chance(rng, 0.75):
        corners = inset(outline, half, depth + tall * 1.3) + middle_of(plate)
        _side_words(rng, plate, corners, tall, hand)
        depth += 1.8 * tall
        if chance(rng, 0.5):
            trace(plate, inset(outline, half, depth), middle_of(plate), max(1, round(tall / 15)))
    rest = max(half[0] - depth, 3) * 0.6, max(half[1] - depth, 3) * 0.6
    fill_centre(rng, plate, rest, hand)
    return (plate,)


def _side_words(
    rng: np.random.Generator, plate: Plate, corners: np.ndarray, tall: float, hand: Scribe
) -> None:
    """A line along each of the sides (or most of them), upright where a reader expects it."""
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if chance(rng, 0.15):
            continue
        way = (start, end) if end[0] > start[0] else (end, start)
        side_text(plate, hand.phrase(rng, int(rng.integers(1, 3))), *way, tall)


def name_seal(rng: np.random.Generator, side: int, material: Material) -> Plates:
    """A carved seal of the East Asian kind: a few dense glyphs, white on ink or ink on white."""
    aspect = float(rng.choice((1, 1, 1, 1.3, 1.8, 2.5)))
    plate = bare_plate(side, aspect)
    half = plate.shape[1] / 2 - 1, plate.shape[0] / 2 - 1
    outline = rectangle(rng) if chance(rng, 0.7) else ellipse(rng)
    line = max(1, round(min(half) * rng.uniform(0.04, 0.16)))
    trace(plate, inset(outline, half, line / 2), middle_of(plate), line)
    columns = int(rng.integers(1, 4))
    rows = max(1, round(columns * aspect * rng.uniform(0.8, 1.5)))
    scale = 0.98 if len(outline) < 10 else 0.72
    box = 2 * (half[0] - line) * scale, 2 * (half[1] - line) * scale
    _glyphs(rng, plate, box, (rows, columns), scribe(rng, material))
    return (_carved(rng, plate, outline),) if chance(rng, 0.45) else (plate,)


def _glyphs(
    rng: np.random.Generator, plate: Plate, box: tuple[float, float], grid: tuple[int, int],
    hand: Scribe,
) -> None:  # fmt: skip
    """A grid of rows x columns of glyphs that fill a box (width, height) in pixels."""
    centre, cell = middle_of(plate), (box[0] / grid[1], box[1] / grid[0])
    strokes, bold = int(rng.integers(5, 13)), int(rng.integers(6, 13))
    for row, column in np.ndindex(*grid):
        x = centre[0] + (column + 0.5) * cell[0] - box[0] / 2
        y = centre[1] + (row + 0.5) * cell[1] - box[1] / 2
        if hand.script in ("cjk", "hangul"):
            glyph = hand.phrase(rng, 1)[:, :40]
        else:
            glyph = invented_glyph(rng, strokes, bold, 90)
        box_text(plate, glyph, (x, y), (cell[0] * 0.92, cell[1] * 0.92), 2)


def _carved(rng: np.random.Generator, plate: Plate, outline: np.ndarray | None = None) -> Plate:
    """The plate inverted inside its outline: white letters on full ink."""
    full = np.zeros_like(plate)
    points = rectangle(rng) if outline is None else outline
    trace(
        full,
        inset(points, (plate.shape[1] / 2 - 1, plate.shape[0] / 2 - 1), 0),
        middle_of(plate),
        -1,
    )
    core = cv2.subtract(full, plate)
    edge = cv2.subtract(full, cv2.erode(full, np.ones((3, 3), np.uint8), iterations=2))
    return np.maximum(core, edge)


def notice_die(rng: np.random.Generator, side: int, material: Material) -> Plates:
    """Bare words: PAID, a date, a numberer's figures; now and then underlined or framed."""
    hand = scribe(rng, material)
    lines = [hand.write(rng, pick(rng, NOTICES)) if hand.script == "latin" else hand.phrase(rng, 2)]
    lines += [written(rng, hand) for _ in range(int(rng.choice(4, p=(0.5, 0.3, 0.15, 0.05))))]
    widest = max(line.shape[1] / line.shape[0] for line in lines)
    plate = bare_plate(side, float(np.clip(len(lines) * 1.25 / widest, 0.06, 1.2)))
    tall = plate.shape[0] / len(lines)
    for k, line in enumerate(lines):
        middle = plate.shape[1] / 2, (k + 0.5) * tall
        box_text(plate, line, middle, (plate.shape[1] - 2.0, tall * 0.85), rng.uniform(1, 1.8))
    if chance(rng, 0.3):
        thickness = max(1, round(tall * rng.uniform(0.02, 0.12)))
        ends = ((0, 0), (0, plate.shape[0] - 1))[int(rng.integers(2))]
        cv2.line(plate, ends, (plate.shape[1], ends[1]), 255, thickness)
    second = _written_below(rng, plate, len(lines))
    return (plate,) if second is None else second


def _written_below(rng: np.random.Generator, plate: Plate, rows: int) -> Plates | None:
    """Two-colour date stamps: the last line moves to a plate of its own."""
    if rows < 2 or not chance(rng, 0.3):
        return None
    split, last = plate.shape[0] * (rows - 1) // rows, np.zeros_like(plate)
    last[split:], rest = plate[split:], plate.copy()
    rest[split:] = 0
    return rest, last


def postmark(rng: np.random.Generator, side: int, material: Material) -> Plates:
    """A ring with a date and wavy or straight bars that run out of it."""
    plate = np.zeros((max(side // 2, 8), max(side, 16)), np.uint8)
    ring = round_die(rng, plate.shape[0], material)
    disc = np.maximum.reduce(ring)
    disc = disc[: plate.shape[0], : plate.shape[1]]
    plate[: disc.shape[0], : disc.shape[1]] = disc
    start, x = disc.shape[1], np.linspace(disc.shape[1], side - 1, 60)
    bars, swing = int(rng.integers(3, 9)), rng.uniform(0, 0.06) * side
    wave = swing * np.sin((x - start) / side * rng.uniform(6, 40)) * (1 - rng.uniform(0, 0.5))
    for y in np.linspace(0.15, 0.85, bars) * plate.shape[0]:
        points = np.stack([x, np.clip(y + wave, 1, plate.shape[0] - 2)], 1).astype(np.int32)
        cv2.polylines(plate, [points], False, 255, max(1, side // 150), cv2.LINE_AA)
    return (plate,)


def finger_print(rng: np.random.Generator, side: int, material: Material) -> Plates:
    """A thumb print in place of a stamp: ridges that bend round a whorl, loop or arch."""
    plate = bare_plate(side, rng.uniform(1.1, 1.6))
    height, width = plate.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = (x - width / 2) / width, (y - height * rng.uniform(0.35, 0.65)) / height
    bend = turbulence(rng, height, width, rng.uniform(1.5, 3)) * np.float32(rng.uniform(0.05, 0.3))
    arch = np.hypot(x * np.float32(rng.uniform(0.6, 1.4)), np.where(y > 0, y * rng.random(), y))
    ridges = np.sin((arch + bend) * np.float32(rng.uniform(80, 200)))
    pores = clouds(rng, height, width, width / 5) - np.float32(0.5)
    inside = smoothstep(-np.hypot(2 * x, 1.9 * (y + 0.05)) - bend, -1.05, -0.9)
    tone = smoothstep(ridges + pores, -0.4, 0.5) * inside * rng.uniform(0.6, 1)
    return ((tone * 255).astype(np.uint8),)


DIES: tuple[Die, ...] = (
    round_die,
    box_die,
    cornered_die,
    name_seal,
    notice_die,
    postmark,
    finger_print,
    frame_die,
    word_die,
)
_WEIGHTS = (0.3, 0.16, 0.1, 0.06, 0.07, 0.04, 0.02, 0.14, 0.11)
