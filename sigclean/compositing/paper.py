"""What the paper is beside the ink: its colour from place to place, and how rough it is.

NumPy and Pillow on pictures of 8 bits; no network, no weights.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.arrays import Float, UInt8, across_channels

WHITE = 255
FLOOR = 0.02  # darkness relative to the paper: up to here it is paper on the cleanest picture
ROUGHNESS_FACTOR = 3.0  # rough paper: its median darkness times this is paper as well ...
FLOOR_MAX = 0.12  # ... up to here, lest pencil goes
TILE = 16  # pixels of the network's picture: the paper's level is known per tile of this side
SAMPLES = 8  # per tile and axis
PAPER_QUANTILE = 0.8  # of the brightness in a tile: print and rules cover less than the rest
PAPER_KEEP = 0.1  # what the keep map says of pixels that may be paper is below this
KNOWN = 0.25  # share of such pixels that a tile needs to be believed
LOOKS = 160  # pixels across and down that tell how rough the paper is


def paper_levels(square: Image.Image, keep: Image.Image) -> Image.Image:
    """The paper's colour, an RGB picture of one pixel per tile; white where none can be seen.

    Ink that is kept is left out, pits of print are filled from around, gradients survive.
    """
    columns, rows = -(-square.width // TILE), -(-square.height // TILE)
    size = (columns * SAMPLES, rows * SAMPLES)
    colours = _tiles(np.asarray(square.resize(size, Image.Resampling.BOX)))
    kept = _tiles(
        np.asarray(keep.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))[..., None]
    )
    level, share = _tile_quantile(colours, kept < PAPER_KEEP * 255)
    level = _fill(level, share >= KNOWN)
    return Image.fromarray(np.rint(_close(level)).astype(np.uint8))


def paper_floor(image: Image.Image, paper: Image.Image, keep: Image.Image) -> float:
    """Up to which darkness relative to the paper a pixel is paper: fibres, sensor noise, JPEG."""
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


def _tiles(pixels: UInt8) -> UInt8:
    """(R*SAMPLES)x(C*SAMPLES)xK to (SAMPLES**2)xRxCxK."""
    rows, columns = pixels.shape[0] // SAMPLES, pixels.shape[1] // SAMPLES
    split = pixels.reshape(rows, SAMPLES, columns, SAMPLES, -1).transpose(1, 3, 0, 2, 4)
    return split.reshape(SAMPLES**2, rows, columns, -1)


def _tile_quantile(colours: UInt8, free: npt.NDArray[np.bool_]) -> tuple[Float, Float]:
    """Per tile the `PAPER_QUANTILE` of its free pixels (RxCx3) and their share (RxC).

    Args:
        colours: SxRxCx3.
        free: SxRxCx1.
    """
    total = len(free)
    count = free.sum(axis=0)
    among = colours * free  # in order of brightness the free ones come last
    index = total - count + np.floor(PAPER_QUANTILE * np.maximum(count - 1, 0)).astype(np.intp)
    level = _ranked(among, np.minimum(index, total - 1))
    return level.astype(np.float32), (count[..., 0] / total).astype(np.float32)


def _ranked(values: UInt8, index: npt.NDArray[np.intp]) -> UInt8:
    """What sorting along the first axis would leave at `index`, bit by bit: 10 times as fast."""
    level = np.zeros(values.shape[1:], np.uint8)
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        trial = level + np.uint8(bit)
        below = np.add.reduce((values < trial).view(np.uint8), axis=0, dtype=np.uint8)
        level = np.where(below <= index, trial, level)
    return level


def _fill(level: Float, known: npt.NDArray[np.bool_]) -> Float:
    """Give unknown tiles the mean of the known around them, ring by ring; white without any."""
    if not known.any():
        return np.full_like(level, WHITE)
    while not known.all():
        weight = _neighbours(known[..., None].astype(np.float32)).sum(axis=-1)
        mean = _neighbours(level * known[..., None]).sum(axis=-1) / np.maximum(weight, 1)
        level = np.where(known[..., None], level, mean)
        known = known | (weight[..., 0] > 0)
    return level


def _close(level: Float) -> Float:
    """Fill pits up to two tiles wide (bold print), leave gradients, smooth what noise is left."""
    filled = _neighbours(_neighbours(level, "edge").max(axis=-1), "edge").min(axis=-1)
    return _neighbours(filled, "edge").mean(axis=-1)


def _neighbours(grid: Float, pad: Literal["constant", "edge"] = "constant") -> Float:
    """RxCxK to RxCxKx9: each tile with the eight around it."""
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)), mode=pad)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return windows.reshape(*grid.shape, 9)
