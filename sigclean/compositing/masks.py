"""Reads masks that correct a result by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.errors import SigcleanError

Mask = Image.Image | npt.NDArray[Any]
"""A picture, or an array HxW of bool, uint8, or float in [0, 1]."""


def read_mask(mask: Mask | None, size: tuple[int, int], name: str) -> Image.Image | None:
    """Turn a mask into an L picture, 255 where it is set; None for None and for an empty mask.

    Args:
        mask: a picture of any mode, whose brightness counts, or an array.
        size: the width and height that it must have.
        name: what the mask does, for messages.

    Raises SigcleanError for a mask of another size or kind.
    """
    if mask is None:
        return None
    grey = mask.convert("L") if isinstance(mask, Image.Image) else _from_array(mask, name)
    if grey.size != size:
        raise SigcleanError(
            f"the mask `{name}` has {grey.width}x{grey.height} pixels, "
            f"the picture {size[0]}x{size[1]}"
        )
    return grey if grey.getbbox() else None


def _from_array(mask: npt.NDArray[Any], name: str) -> Image.Image:
    if not isinstance(mask, np.ndarray) or mask.ndim != 2 or 0 in mask.shape:
        said = f"shape {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise SigcleanError(f"the mask `{name}` must be a picture or an array HxW, not {said}")
    if mask.dtype == np.bool_:
        return Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    if mask.dtype == np.uint8:
        return Image.fromarray(np.ascontiguousarray(mask))
    if mask.dtype.kind == "f":
        if not (mask.min() >= 0 and mask.max() <= 1):  # false for NaN too
            raise SigcleanError(f"the mask `{name}` has float values outside [0, 1]")
        return Image.fromarray(np.rint(mask * 255).astype(np.uint8))
    raise SigcleanError(f"the mask `{name}` must be bool, uint8 or float, not {mask.dtype}")
