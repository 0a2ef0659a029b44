"""Measures the paper beside the ink: its colour from place to place, and its roughness.

NumPy and Pillow on pictures of 8 bits; no network, no weights.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.arrays import WHITE, Float, UInt8, across_channels

FLOOR = 0.02  # darkness relative to the paper up to which a pixel is paper, at least
FLOOR_MAX = 0.08  # that darkness on the roughest paper: more would erase pencil
ROUGHNESS_FACTOR = 3.0  # that darkness as a multiple of the paper's median deviation
TILE = 16  # pixels of the network's picture: the side of the tiles in which paper is measured
SAMPLES = 8  # samples per tile and axis
PAPER_QUANTILE = 0.8  # quantile of a tile's brightness that is paper: ink covers less than the rest
PAPER_KEEP = 0.1  # keep map below which a pixel may be paper
KNOWN = 0.25  # share of such pixels in a tile, at least; else the tile is filled from around
LOOKS = 160  # samples across and down that measure the roughness


def paper_levels(inner: Image.Image, keep: Image.Image) -> Image.Image:
    """Measure the paper's colour: an RGB picture of one pixel per tile, white without any paper.

    Kept ink is left out, tiles covered by print are filled from around, gradients survive.

    Args:
        inner: the input at the network's scale, RGB.
        keep: the keep map, L, of any size.
    """
    columns, rows = -(-inner.width // TILE), -(-inner.height // TILE)
    size = (columns * SAMPLES, rows * SAMPLES)
    colours = _tiles(np.asarray(inner.resize(size, Image.Resampling.BOX)))
    kept = _tiles(
        np.asarray(keep.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))[..., None]
    )
    level, share = _tile_quantile(colours, kept < PAPER_KEEP * 255)
    level = _fill(level, share >= KNOWN)
    return Image.fromarray(np.rint(_close(level)).astype(np.uint8))


def paper_floor(image: Image.Image, paper: Image.Image, keep: Image.Image) -> float:
    """Measure the darkness, relative to the paper, up to which a pixel is paper: fibres, sensor
    noise and JPEG make paper rough."""
    size = (min(image.width, LOOKS), min(image.height, LOOKS))
    nearest = Image.Resampling.NEAREST
    free = np.flatnonzero(np.asarray(keep.resize(size, nearest)) < PAPER_KEEP * 255)
    if not free.size:
        return FLOOR
    pixels = np.asarray(image.resize(size, nearest)).reshape(-1, 3).take(free, axis=0)
    enlarged = paper.resize(size, Image.Resampling.BILINEAR)
    levels = np.asarray(enlarged).reshape(-1, 3).take(free, axis=0)
    rough = np.abs(1 - pixels / np.maximum(levels, 1).astype(np.float32))
    median = np.median(across_channels(np.maximum, rough))
    return float(np.clip(ROUGHNESS_FACTOR * median, FLOOR, FLOOR_MAX))


def relative_brightness(pixels: UInt8, paper: UInt8) -> Float:
    """The brightness of pixels (Nx3) relative to their paper (Nx3): Nx3 in [0, 1], 1 for paper."""
    return np.minimum(pixels / np.maximum(paper, 1).astype(np.float32), 1)


def _tiles(pixels: UInt8) -> UInt8:
    """Split (R*SAMPLES)x(C*SAMPLES)xK samples by tile: (SAMPLES**2)xRxCxK."""
    rows, columns = pixels.shape[0] // SAMPLES, pixels.shape[1] // SAMPLES
    split = pixels.reshape(rows, SAMPLES, columns, SAMPLES, -1).transpose(1, 3, 0, 2, 4)
    return split.reshape(SAMPLES**2, rows, columns, -1)


def _tile_quantile(colours: UInt8, free: npt.NDArray[np.bool_]) -> tuple[Float, Float]:
    """The `PAPER_QUANTILE` of each tile's free samples (RxCx3), and their share (RxC).

    Args:
        colours: S samples of each tile, SxRxCx3.
        free: true where a sample may be paper, SxRxCx1.
    """
    total = len(free)
    count = free.sum(axis=0)
    among = colours * free  # in order of brightness the free ones come last
    index = total - count + np.floor(PAPER_QUANTILE * np.maximum(count - 1, 0)).astype(np.intp)
    level = _ranked(among, np.minimum(index, total - 1))
    return level.astype(np.float32), (count[..., 0] / total).astype(np.float32)


def _ranked(values: UInt8, index: npt.NDArray[np.intp]) -> UInt8:
    """The value that sorting along the first axis would put at `index`, found bit by bit, which is
    10 times as fast."""
    level = np.zeros(values.shape[1:], np.uint8)
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        trial = level + np.uint8(bit)
        below = np.add.reduce((values < trial).view(np.uint8), axis=0, dtype=np.uint8)
        level = np.where(below <= index, trial, level)
    return level


def _fill(level: Float, known: npt.NDArray[np.bool_]) -> Float:
    """Give unknown tiles the mean of the known ones around them, ring by ring; white if none is
    known."""
    if not known.any():
        return np.full_like(level, WHITE)
    while not known.all():
        weight = _neighbours(known[..., None].astype(np.float32)).sum(axis=-1)
        mean = _neighbours(level * known[..., None]).sum(axis=-1) / np.maximum(weight, 1)
        level = np.where(known[..., None], level, mean)
        known = known | (weight[..., 0] > 0)
    return level


def _close(level: Float) -> Float:
    """Fill dark spots up to two tiles wide (bold print), keep gradients, smooth noise."""
    filled = _neighbours(_neighbours(level, "edge").max(axis=-1), "edge").min(axis=-1)
    return _neighbours(filled, "edge").mean(axis=-1)


def _neighbours(grid: Float, pad: Literal["constant", "edge"] = "constant") -> Float:
    """Collect for each tile of a grid (RxCxK) the tile and the eight around it: RxCxKx9."""
    rows, columns, channels = grid.shape
    padded = np.zeros((rows + 2, columns + 2, channels), grid.dtype)  # np.pad takes 5 times as long
    padded[1:-1, 1:-1] = grid
    if pad == "edge":
        padded[0, 1:-1], padded[-1, 1:-1] = grid[0], grid[-1]
        padded[:, 0], padded[:, -1] = padded[:, 1], padded[:, -2]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return windows.reshape(*grid.shape, 9)
