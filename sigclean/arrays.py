"""The array types that modules hand to each other, and small functions of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

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


def smoothstep(values: Float, low: float, high: float) -> Float:
    """Rise from 0 at `low` to 1 at `high`, with a level tangent at both."""
    t: Float = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
