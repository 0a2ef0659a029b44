"""Pairs for adapting: clean signatures written on the backdrops that scans left."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sigclean.arrays import UInt8
from sigclean.corpus.placing import ink_of
from sigclean.training.adapting.backdrops import Backdrop

AT_THE_PLACE = 0.7  # share of signatures that are written where the scan had its own
SIZES = (0.6, 1.4)  # their width relative to that of the scan's own
FREE_SIZES = (0.3, 0.9)  # width relative to the scan, of those that are written elsewhere
SCANS_PEN = 0.6  # share of signatures in the colour of a pen of the scans
PEN_SPREAD = 14.0  # levels, standard deviation by which that colour varies
THRESHOLD = 170  # level at which a scan of black and white alone parts ink from paper
STEEPNESS = 5.0  # contrast of its soft edges
SLIP = 0.15  # standard deviation of the place, relative to the signature's size


def write_on(
    rng: np.random.Generator,
    backdrop: Backdrop,
    clean: Image.Image,
    pen: tuple[int, int, int] | None = None,
) -> tuple[Image.Image, Image.Image]:
    """Write a clean signature on a backdrop: the noisy picture and its truth, RGB of one size.

    Args:
        rng: decides size, place, stroke width and colour.
        pen: RGB of the ink of another scan, which the signature may take.
    """
    height, width = backdrop.picture.shape[:2]
    colour = None
    if pen is not None and rng.random() < SCANS_PEN:
        colour = tuple(np.clip(np.asarray(pen) + rng.normal(0, PEN_SPREAD, 3), 0, 200))
    ink = ink_of(rng, clean, _wanted_width(rng, backdrop), height, width, colour)
    ink = _as_scanned(ink, backdrop)
    truth = np.full((height, width, 3), 255, np.uint8)
    top, left = _place(rng, backdrop, ink)
    truth[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    noisy = np.rint(truth.astype(np.float32) * backdrop.picture / 255).astype(np.uint8)
    return Image.fromarray(noisy), Image.fromarray(truth)


def _as_scanned(ink: UInt8, backdrop: Backdrop) -> UInt8:
    """The ink as the scan shows strokes: without its colour, or without soft edges."""
    if not backdrop.is_coloured:
        ink = np.repeat(ink.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    if backdrop.is_hard:
        steep = (ink.astype(np.float32) - THRESHOLD) * STEEPNESS + THRESHOLD
        ink = np.clip(steep, 0, 255).astype(np.uint8)
    return ink


def _wanted_width(rng: np.random.Generator, backdrop: Backdrop) -> int:
    width = backdrop.picture.shape[1]
    if backdrop.box is None or rng.random() >= AT_THE_PLACE:
        return round(width * rng.uniform(*FREE_SIZES))
    return round((backdrop.box[2] - backdrop.box[0]) * rng.uniform(*SIZES))


def _place(rng: np.random.Generator, backdrop: Backdrop, ink: UInt8) -> tuple[int, int]:
    """Top and left: near the place of the scan's own signature, or anywhere."""
    free = [
        max(whole - part, 0)
        for whole, part in zip(backdrop.picture.shape[:2], ink.shape[:2], strict=True)
    ]
    anywhere = [int(rng.integers(0, room + 1)) for room in free]
    if backdrop.box is None or rng.random() >= AT_THE_PLACE:
        return anywhere[0], anywhere[1]
    left, top, right, bottom = backdrop.box
    middle = (top + bottom) / 2, (left + right) / 2
    wanted = [
        round(centre - part / 2 + rng.normal(0, SLIP * part))
        for centre, part in zip(middle, ink.shape[:2], strict=True)
    ]
    first, second = np.clip(wanted, 0, free).tolist()
    return first, second
