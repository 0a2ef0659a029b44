"""Smooth random fields and pictures of materials, of which papers and worn ink are made."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.errors import ImageError
from sigclean.images import read_image
from sigclean.noise.page import Layer, Mask, Page


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Return True with this probability."""
    return bool(rng.random() < probability)


def unit(page: Page) -> float:
    """One percent of the page's mean side in pixels: patterns are sized in it."""
    return float(np.sqrt(page.width * page.height)) / 100


def clouds(rng: np.random.Generator, height: int, width: int, cells: float) -> Mask:
    """Smooth noise in [0, 1] with about `cells` hills along the longer side."""
    step = max(height, width) / max(cells, 1)
    rows, columns = int(height / step) + 2, int(width / step) + 2
    grid = rng.random((min(rows, height + 1), min(columns, width + 1)), np.float32)
    field = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(field, 0, 1), np.float32)


def turbulence(rng: np.random.Generator, height: int, width: int, cells: float) -> Mask:
    """Clouds with three octaves of detail, spread over [0, 1]."""
    field = sum(clouds(rng, height, width, cells * 2.1**k) * 0.55**k for k in range(3))
    field = np.asarray(field, np.float32) - np.min(field)
    return field / np.float32(max(float(field.max()), 1e-6))


def ramp(rng: np.random.Generator, height: int, width: int) -> Mask:
    """A straight gradient from 0 to 1 in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32) * np.float32(np.cos(angle))
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32) * np.float32(np.sin(angle))
    reach = abs(np.cos(angle)) + abs(np.sin(angle))
    return np.asarray((y[:, None] + x) / np.float32(reach) + np.float32(0.5), np.float32)


def grain(rng: np.random.Generator, height: int, width: int) -> Mask:
    """White noise in [0, 1], pixel by pixel."""
    noise = rng.integers(0, 256, (height, width), np.uint8)
    return noise.astype(np.float32) / np.float32(255)


def smoothstep(field: Mask, low: float, high: float) -> Mask:
    """0 below `low`, 1 above `high`, an S-curve between (scalar limits, low < high)."""
    t = np.clip((field - np.float32(low)) / np.float32(max(high - low, 1e-6)), 0, 1)
    return t * t * (3 - 2 * t)


def tint(coverage: Mask, colour: npt.ArrayLike) -> Layer:
    """The layer that `coverage` of an ink of this colour (RGB in [0, 1]) prints."""
    missing = 1 - np.asarray(colour, np.float32)
    # Plane by plane: numpy's broadcast over a last axis of 3 takes four times as long.
    planes = [1 - coverage * share for share in missing]
    return np.asarray(cv2.merge(planes), np.float32)


def hsv(hue: float, saturation: float, value: float) -> npt.NDArray[np.float32]:
    """RGB in [0, 1] of a hue in turns (any number), saturation and value in [0, 1]."""
    ramps = np.abs((hue + np.asarray((0, 2 / 3, 1 / 3))) % 1 * 6 - 3) - 1
    return (value * (1 - saturation * (1 - np.clip(ramps, 0, 1)))).astype(np.float32)


def soften(picture: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """Gaussian blur by `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.3)), np.float32)


def resized(mask: Mask, width: float, height: float) -> Mask:
    """The mask at another size, rounded to at least one pixel, every pixel counted."""
    size = max(round(width), 1), max(round(height), 1)
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.float32)


def coverage(plate: npt.NDArray[np.uint8]) -> Mask:
    """A drawing of 0 to 255 as a mask of 0 to 1."""
    return plate.astype(np.float32) / np.float32(255)


@lru_cache(maxsize=64)
def material_picture(path: Path, longest: int) -> npt.NDArray[np.uint8] | None:
    """The picture in `path` as HxWx3 uint8, shrunk to `longest` pixels; None when it is broken."""
    try:
        picture = read_image(path)
    except (ImageError, OSError):
        return None
    picture.thumbnail((longest, longest))
    return np.asarray(picture)


def draw_material(
    rng: np.random.Generator, paths: tuple[Path, ...], longest: int
) -> npt.NDArray[np.uint8] | None:
    """One of the pictures at random; None when there are none or the chosen one is broken."""
    return material_picture(paths[int(rng.integers(len(paths)))], longest) if paths else None
