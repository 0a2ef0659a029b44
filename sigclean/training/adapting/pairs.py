"""Pairs for adapting: clean signatures written on the backdrops that scans left."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sigclean.arrays import UInt8
from sigclean.corpus.placing import ink_of
from sigclean.training.adapting.backdrops import Backdrop
from sigclean.training.adapting.rendering import rendered

AT_THE_PLACE = 0.7  # chance of the place of the scan's own signature; drawn apart, of its size
SIZES = (0.6, 1.4)  # width relative to that of the scan's own, of those of about its size
FREE_SIZES = (0.3, 0.9)  # width relative to the scan, of the others
SCANS_PEN = 0.6  # share of signatures in the colour of a pen of the scans
PEN_SPREAD = 14.0  # levels, standard deviation by which that colour varies
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
    ink = _clean_ink(rng, backdrop, clean, pen)
    top, left = _place(rng, backdrop, ink)
    return _on(backdrop, ink, top, left)


def _on(backdrop: Backdrop, ink: UInt8, top: int, left: int) -> tuple[Image.Image, Image.Image]:
    """Both pictures of ink on a backdrop."""
    truth = np.full_like(backdrop.picture, 255)
    truth[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    noisy = np.rint(truth.astype(np.float32) * backdrop.picture / 255).astype(np.uint8)
    return Image.fromarray(noisy), Image.fromarray(truth)


def _clean_ink(
    rng: np.random.Generator,
    backdrop: Backdrop,
    clean: Image.Image,
    pen: tuple[int, int, int] | None,
) -> UInt8:
    """A clean signature in a pen of the scans, with the look of this one's ink."""
    height, width = backdrop.picture.shape[:2]
    colour = None
    if pen is not None and rng.random() < SCANS_PEN:
        colour = tuple(np.clip(np.asarray(pen) + rng.normal(0, PEN_SPREAD, 3), 0, 200))
    ink = ink_of(rng, clean, _wanted_width(rng, backdrop), height, width, colour)
    return rendered(rng, ink, backdrop.look)


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
