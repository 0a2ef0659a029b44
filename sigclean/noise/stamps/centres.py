"""The middle of a stamp: lines, a band across, an emblem, a form to fill in."""

from __future__ import annotations

import cv2
import numpy as np

from sigclean.noise.fields import chance
from sigclean.noise.page import Mask
from sigclean.noise.stamps.emblems import emblem
from sigclean.noise.stamps.shapes import Plate, segments
from sigclean.noise.stamps.text import box_text
from sigclean.noise.stamps.words import LABELS, NOTICES, Scribe, date, digits, pick


def middle_of(plate: Plate) -> tuple[float, float]:
    """The plate's centre, x and y in pixels."""
    return plate.shape[1] / 2, plate.shape[0] / 2


def fill_centre(
    rng: np.random.Generator, plate: Plate, half: tuple[float, float], hand: Scribe
) -> None:
    """Fill the oval in the middle (half axes in pixels): emblem, lines, a band, or nothing."""
    roll, centre = rng.random(), middle_of(plate)
    if roll < 0.34:
        emblem(rng, plate, centre, min(half) * rng.uniform(0.5, 0.95))
    elif roll < 0.62:
        stack_lines(rng, plate, centre, (half[0] * 1.6, half[1] * rng.uniform(0.7, 1.2)), hand)
    elif roll < 0.8:
        _band_across(rng, plate, half, hand)
    elif roll < 0.94:
        lift = half[1] * 0.3
        emblem(rng, plate, (centre[0], centre[1] - lift), min(half) * rng.uniform(0.35, 0.6))
        stack_lines(rng, plate, (centre[0], centre[1] + lift), (half[0] * 1.3, half[1] * 0.5), hand)


def _band_across(
    rng: np.random.Generator, plate: Plate, half: tuple[float, float], hand: Scribe
) -> None:
    """A straight band with a date or name, often from rim to rim, hatched above and below."""
    tall, centre = half[1] * rng.uniform(0.15, 0.4), middle_of(plate)
    reach = half[0] * (1 if chance(rng, 0.6) else plate.shape[1] / (2 * half[0]))
    if chance(rng, 0.35):
        _sunburst(rng, plate, half, tall)
    top, bottom, left = round(centre[1] - tall), round(centre[1] + tall), round(centre[0] - reach)
    right, line = round(centre[0] + reach), max(1, round(half[1] * rng.uniform(0.01, 0.06)))
    if chance(rng, 0.7):
        cv2.rectangle(plate, (left, top), (right, bottom), 0, -1)
        for y in (top, bottom):
            cv2.line(plate, (left, y), (right, y), 255, line)
    stack_lines(rng, plate, centre, (1.8 * reach * 0.92, 1.7 * tall), hand, most=2)


def _sunburst(
    rng: np.random.Generator, plate: Plate, half: tuple[float, float], clear: float
) -> None:
    """Rays in the caps above and below a band of `clear` pixels to either side of the middle."""
    angles = np.linspace(0.35, np.pi - 0.35, int(rng.integers(8, 60)))
    for flip in (1, -1):
        way = np.stack([np.cos(angles), flip * np.sin(angles)], 1) * half
        inner = way * rng.uniform(0.6, 0.9)
        inner[:, 1] = np.where(np.abs(inner[:, 1]) < clear, flip * clear, inner[:, 1])
        segments(plate, inner, way, middle_of(plate), 1)


def stack_lines(
    rng: np.random.Generator, plate: Plate, centre: tuple[float, float], box: tuple[float, float],
    hand: Scribe, most: int = 4,
) -> None:  # fmt: skip
    """Stack 1 to `most` lines of words, dates or numbers in a box (width, height) in pixels."""
    count = int(rng.integers(1, most + 1))
    shares = rng.uniform(0.5, 1.5, count)
    heights, top = box[1] * shares / shares.sum(), centre[1] - box[1] / 2
    gap, stretch = rng.uniform(0.62, 0.92), rng.uniform(1, 2.2)
    for tall in heights:
        middle = centre[0], top + tall / 2
        box_text(plate, written(rng, hand), middle, (box[0], tall * gap), stretch)
        top += tall


def written(rng: np.random.Generator, hand: Scribe) -> Mask:
    """A line as coverage: a phrase, a date, a number or a notice."""
    roll = rng.random()
    if roll < 0.45:
        return hand.phrase(rng, int(rng.integers(1, 4)))
    if roll < 0.7:
        return hand.write(rng, date(rng))
    if roll < 0.85:
        return hand.write(rng, digits(rng))
    if hand.script == "latin":
        return hand.write(rng, pick(rng, NOTICES))
    return hand.phrase(rng, 1)


def fill_form(
    rng: np.random.Generator, plate: Plate, box: tuple[float, float], hand: Scribe
) -> None:
    """A header over rows of caption and rule, sometimes filled in, sometimes in cells."""
    rows, centre = int(rng.integers(2, 7)), middle_of(plate)
    left, top = centre[0] - box[0] / 2, centre[1] - box[1] / 2
    row, line = box[1] / rows, max(1, round(box[1] * 0.008))
    box_text(plate, written(rng, hand), (centre[0], top + row / 2), (box[0], row * 0.8), 2)
    cells, split = chance(rng, 0.4), left + box[0] * rng.uniform(0.25, 0.6)
    for k in range(1, rows):
        base = top + (k + 0.82) * row
        caption = hand.write(rng, pick(rng, LABELS))
        width = min((split - left) * 0.9, caption.shape[1] * row * 0.5 / caption.shape[0])
        box_text(plate, caption, (left + width / 2, base - row * 0.3), (width, row * 0.55), 1)
        start = left if cells else left + width * 1.08
        cv2.line(plate, (round(start), round(base)), (round(left + box[0]), round(base)), 255, line)
        if chance(rng, 0.4):
            rest = left + box[0] - split
            middle = split + rest / 2, base - row * 0.35
            box_text(plate, written(rng, hand), middle, (rest * 0.9, row * 0.6), 1)
    if cells:
        x = round(split)
        cv2.line(plate, (x, round(top + row)), (x, round(top + box[1])), 255, line)
