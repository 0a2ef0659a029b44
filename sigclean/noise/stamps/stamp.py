"""Stamps and seals on the page: one to three, anywhere, any size, any ink, any state of wear."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import chance, coverage, draw_material, resized, tint
from sigclean.noise.page import Layer, Mask, Material, Page
from sigclean.noise.stamps.dies import design
from sigclean.noise.stamps.wear import stamp_ink, worn

_FINEST = 640  # pixels; largest side of a die, so that a huge page does not take a huge time
_FROM_FOLDER = 0.25  # share of stamps from `material.stamps`, when there are any
_TRIES = 6  # most further stamps, while none has left a trace
_SEEN = 0.93  # a layer whose darkest value is above this shows nothing
_PENS_OWN = 0.07  # how often a stamp has the signature's own ink
_FACE = 0.35  # the least luminance of the ink of a mostly solid stamp

Ink = npt.NDArray[np.float32]


def stamp(rng: np.random.Generator, page: Page) -> Layer:
    """One stamp, sometimes two or three, in the signature's way or beside it."""
    layer = page.blank()
    for _ in range(int(rng.choice((1, 2, 3), p=(0.66, 0.24, 0.1)))):
        _strike(rng, page, layer)
    for _ in range(_TRIES):
        if layer.min() < _SEEN:
            break
        _strike(rng, page, layer)  # the others fell beside the page, or were worn to nothing
    return layer


def _strike(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """Print one stamp onto the layer, in place."""
    size = _size(rng, page)
    inks, masks = _impression(rng, int(np.clip(1.3 * size, 24, _FINEST)), page.material)
    if page.pen is not None and chance(rng, _PENS_OWN):
        inks = (np.asarray(page.pen, np.float32),) * len(masks)
    matrix = _placement(rng, page, masks[0].shape, size)
    for ink, mask in zip(inks, masks, strict=True):
        _print(layer, mask, matrix, _see_through(ink, mask))


def _see_through(ink: Ink, mask: Mask) -> Ink:
    """Keep a large inked face light enough that the signature on it can be seen."""
    luminance = float(ink @ np.array([0.299, 0.587, 0.114]))
    if float(mask.mean()) < 0.3 or luminance >= _FACE:
        return ink
    return np.asarray(1 - (1 - ink) * (1 - _FACE) / (1 - luminance), np.float32)


def _size(rng: np.random.Generator, page: Page) -> float:
    """The longer side in pixels: 15 to 110 % of a side of the page, or as large as the ink."""
    if chance(rng, 0.25):
        left, top, right, bottom = page.ink
        size = max(right - left, bottom - top) * rng.uniform(0.6, 1.4)
        return float(np.clip(size, 2, 1.5 * max(page.width, page.height)))
    side = page.height if chance(rng, 0.55) else page.width
    size = side * (0.15 + 0.95 * rng.beta(2, 1.8))
    return float(np.clip(size, 2, 1.1 * max(page.width, page.height)))


def _impression(
    rng: np.random.Generator, side: int, material: Material
) -> tuple[tuple[Ink, ...], tuple[Mask, ...]]:
    """The inks and worn masks of one stamp, about `side` pixels long."""
    severity = float(rng.beta(1.6, 1.4)) if chance(rng, 0.85) else 0.0
    picture = _folder_stamp(rng, side, material) if chance(rng, _FROM_FOLDER) else None
    if picture is not None:
        own, mask = picture
        ink = own if chance(rng, 0.35) else stamp_ink(rng)
        return (ink,), (worn(rng, mask, severity),)
    plates = design(rng, side, material)
    masks = [coverage(np.pad(plate, 3)) for plate in plates]
    first = stamp_ink(rng)
    inks = (first, *(stamp_ink(rng) if chance(rng, 0.8) else first for _ in masks[1:]))
    return inks, tuple(worn(rng, mask, severity) for mask in masks)


def _folder_stamp(
    rng: np.random.Generator, side: int, material: Material
) -> tuple[Ink, Mask] | None:
    """Own colour and coverage of a picture of a stamp on white or nothing; None when broken."""
    picture = draw_material(rng, material.stamps, _FINEST)
    if picture is None:
        return None
    scale = side / max(picture.shape[:2])
    wide, tall = scale * np.exp(rng.normal(0, 0.12, 2))  # so that its proportions cannot be learnt
    small = resized(coverage(picture), picture.shape[1] * wide, picture.shape[0] * tall)
    small = small[:, :: -1 if chance(rng, 0.2) else 1]
    darkness = 1 - small.min(axis=2)
    if float(darkness.max()) < 0.05:
        return None
    mask = np.clip(darkness / np.quantile(darkness, 0.995).clip(0.05, 1), 0, 1)
    weight = (mask**2)[:, :, None]
    colour = (small * weight).sum(axis=(0, 1)) / weight.sum()
    return colour.astype(np.float32), np.pad(mask.astype(np.float32), 3)


def _placement(
    rng: np.random.Generator, page: Page, shape: tuple[int, ...], size: float
) -> npt.NDArray[np.float64]:
    """The 2x3 matrix from the die to the page: turned, scaled, a little sheared, moved."""
    roll = rng.random()
    if roll < 0.5:
        angle = rng.normal(0, np.radians(7))
    elif roll < 0.8:
        angle = rng.uniform(-np.radians(45), np.radians(45))
    else:
        angle = rng.uniform(0, 2 * np.pi)
    scale, shear = size / max(shape), rng.normal(0, 0.03, (2, 2))
    spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = spin @ (np.eye(2) + shear) * scale
    middle = np.array([shape[1] / 2, shape[0] / 2])
    return np.column_stack([linear, _centre(rng, page, size) - linear @ middle])


def _centre(rng: np.random.Generator, page: Page, size: float) -> npt.NDArray[np.float64]:
    """The place of the stamp's middle: mostly on the signature, else anywhere, also outside."""
    left, top, right, bottom = page.ink
    if chance(rng, 0.65):
        return np.array([rng.uniform(left, right), rng.uniform(top, bottom)])
    out = 0.35 * size
    return np.array([rng.uniform(-out, page.width + out), rng.uniform(-out, page.height + out)])


def _print(layer: Layer, mask: Mask, matrix: npt.NDArray[np.float64], ink: Ink) -> None:
    """Warp a mask onto the layer, touching only the part of the page that it covers."""
    height, width = mask.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) @ matrix[:, :2].T
    corners += matrix[:, 2]
    low = np.floor(corners.min(axis=0)).astype(int).clip(0)
    high = np.ceil(corners.max(axis=0)).astype(int).clip(None, (layer.shape[1], layer.shape[0]))
    if (high <= low).any():
        return
    moved = matrix.copy()
    moved[:, 2] -= low
    x, y = (int(v) for v in low)
    size = (int(high[0]) - x, int(high[1]) - y)
    warped = np.clip(cv2.warpAffine(mask, moved, size, flags=cv2.INTER_LINEAR), 0, 1)
    layer[y : y + size[1], x : x + size[0]] *= tint(np.asarray(warped, np.float32), ink)
