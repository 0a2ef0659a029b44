"""The array types that modules hand to each other, and small functions of arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sigclean.errors import ImageError

Float = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

WHITE = 255  # the level of white paper in pictures of 8 bits


def across_channels(function: np.ufunc, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Reduce the channels of a ...x3 array by np.minimum or np.maximum; 16 to 20 times as fast as
    `min(axis=-1)`."""
    return function(function(pixels[..., 0], pixels[..., 1]), pixels[..., 2])


def darkest_channel(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The lowest of the three channels of a ...x3 array: ink of any colour is dark in it."""
    return across_channels(np.minimum, pixels)


def brightest_channel(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The highest of the three channels of a ...x3 array."""
    return across_channels(np.maximum, pixels)


def level_counts(levels: UInt8) -> npt.NDArray[np.intp]:
    """Count the pixels of each of the 256 levels; medians and shares of 8-bit pictures follow from
    it several times as fast as from sorting."""
    return np.bincount(levels.ravel(), minlength=256)


def level_at(counts: npt.NDArray[np.intp], share: float) -> float:
    """The level below which a share of the counted pixels lies, as np.quantile interpolates it.

    Args:
        counts: of 256 levels, at least one above 0.
        share: in [0, 1]; 0.5 gives the median.
    """
    upto = np.cumsum(counts)
    place = share * (int(upto[-1]) - 1)
    below, above = np.searchsorted(upto, (math.floor(place), math.ceil(place)), "right")
    return float(below + (above - below) * (place % 1))


def smoothstep(values: Float, low: float, high: float) -> Float:
    """Rise from 0 at `low` to 1 at `high`, with a level tangent at both."""
    t: Float = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def to_uint8(array: npt.NDArray[Any]) -> UInt8:
    """Convert the levels of an array of uint8, uint16, bool, or float in [0, 1] to 8 bits.

    Raises ImageError for another type, and for floats outside [0, 1].
    """
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return (array.astype(np.float32) * (255 / 65535) + 0.5).astype(np.uint8)
    if array.dtype.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):  # false for NaN too
            raise ImageError("the array has float values outside [0, 1]")
        return (array.astype(np.float32) * 255 + 0.5).astype(np.uint8)
    raise ImageError(f"expected uint8, uint16, bool or float in [0, 1], got {array.dtype}")


def grey_of_8_bits(grey: npt.NDArray[Any], mode: str) -> UInt8:
    """Scale finite greys, of Pillow's mode `I;16`, `I` or `F`, to 8 bits."""
    full = 65535 if mode.startswith("I;16") else _white_level(float(grey.max()), mode)
    return np.clip(grey.astype(np.float32) * (255 / full) + 0.5, 0, 255).astype(np.uint8)


def _white_level(maximum: float, mode: str) -> float:
    """Guess the white level of 32-bit greys, which no file states: the lowest usual one that is not
    exceeded."""
    levels = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0, 2.0**31 - 1)
    return next((level for level in levels if maximum <= level), maximum)
