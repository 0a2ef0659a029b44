"""Reads masks that correct a result by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.arrays import to_uint8
from sigclean.errors import ImageError, SigcleanError
from sigclean.images import without_depth

MaskSource = Image.Image | npt.NDArray[Any]
"""A picture, or an array HxW of bool, uint8, uint16, or float in [0, 1]."""


def read_mask(mask: MaskSource | None, size: tuple[int, int], name: str) -> Image.Image | None:
    """Turn a mask into an L picture, 255 where it is set; None for None and for an empty mask.

    Args:
        mask: a picture of any mode, whose brightness counts and not its alpha, or an array.
        size: the width and height that it must have.
        name: what the mask does, for messages.

    Raises SigcleanError for a mask of another size or kind.
    """
    if mask is None:
        return None
    try:
        grey = _from_picture(mask) if isinstance(mask, Image.Image) else _from_array(mask)
    except ImageError as error:
        raise SigcleanError(f"the mask `{name}` cannot be read: {error}") from None
    if grey.size != size:
        raise SigcleanError(
            f"the mask `{name}` has {grey.width}x{grey.height} pixels, "
            f"the picture {size[0]}x{size[1]}"
        )
    return grey if grey.getbbox() else None


def _from_picture(mask: Image.Image) -> Image.Image:
    return without_depth(mask).convert("L")


def _from_array(mask: npt.NDArray[Any]) -> Image.Image:
    if not isinstance(mask, np.ndarray) or mask.ndim != 2 or 0 in mask.shape:
        said = f"shape {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ImageError(f"expected a picture or an array HxW, got {said}")
    return Image.fromarray(np.ascontiguousarray(to_uint8(mask)))
