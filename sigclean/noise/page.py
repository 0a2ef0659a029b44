"""The page and the material that noise families take, and the layers of print that they return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Layer = npt.NDArray[np.float32]
"""HxWx3 in [0, 1], 1 = untouched paper. Layers are multiplied, so that ink shows through print."""

Mask = npt.NDArray[np.float32]
"""HxW in [0, 1], the share of each pixel that ink covers."""


@dataclass(frozen=True)
class Material:
    """Files that families draw from. Everything is optional: families draw their own without."""

    fonts: tuple[Path, ...] = ()
    documents: tuple[Path, ...] = ()
    papers: tuple[Path, ...] = ()
    stamps: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Page:
    """The picture of a signature, on which families print.

    Attributes:
        width, height: pixels.
        ink: left, top, right, bottom (exclusive) of the signature; the whole page when it is empty.
        material: files to draw from.
        pen: the signature's ink as RGB in [0, 1]; None where there is none.
    """

    width: int
    height: int
    ink: tuple[int, int, int, int]
    material: Material = field(default_factory=Material)
    pen: tuple[float, float, float] | None = None

    def blank(self) -> Layer:
        """An untouched layer of this page's size."""
        return np.ones((self.height, self.width, 3), np.float32)


Overlay = Callable[[np.random.Generator, Page], Layer]
"""A family that prints on the page: rules, text, stamps, papers."""

Capture = Callable[[np.random.Generator, Layer], Layer]
"""A family that takes a picture of the finished page: scanner, fax, phone. Same size out."""


def ink_on(
    layer: Layer, mask: Mask, left: int, top: int, colour: tuple[float, float, float]
) -> None:
    """Print `mask` in `colour` (RGB in [0, 1]) onto `layer` in place, by multiplication.

    The mask may extend beyond the layer on every side; that part is cut off.
    """
    height, width = layer.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    part = mask[y0 - top : y1 - top, x0 - left : x1 - left, None]
    layer[y0:y1, x0:x1] *= 1 - part * (1 - np.asarray(colour, np.float32))
