"""Text laid on a stamp: along an oval's rim, along a straight side, or in a box."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import resized
from sigclean.noise.page import Mask
from sigclean.noise.stamps.shapes import Plate

_STEPS = 512  # entries in the table of arc length over the angle


@dataclass(frozen=True)
class Rim:
    """The position of each pixel of a plate relative to an ellipse that fills it.

    Attributes:
        depth: HxW, pixels inwards from the ellipse (first order; exact on a circle).
        arc: HxW in [0, 1), place round the ellipse by arc length, clockwise from its right end.
        length: the ellipse's circumference in pixels.
        half: the ellipse's half axes in pixels, x and y.
    """

    depth: npt.NDArray[np.float32]
    arc: npt.NDArray[np.float32]
    length: float
    half: tuple[float, float]


def rim(height: int, width: int) -> Rim:
    """The rim of the ellipse in the middle of a plate of this size."""
    half = width / 2 - 1, height / 2 - 1
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = (x - width / 2 + 0.5) / half[0], (y - height / 2 + 0.5) / half[1]
    radius, angle = cv2.cartToPolar(u, v)
    slope, _ = cv2.cartToPolar(u / half[0], v / half[1])
    depth = (1 - radius) * radius / np.maximum(slope, 1e-6)
    table, length = _arc_table(half)
    return Rim(depth, table[(angle * (_STEPS / (2 * np.pi))).astype(np.int32)], length, half)


def _arc_table(half: tuple[float, float]) -> tuple[npt.NDArray[np.float32], float]:
    angles = np.linspace(0, 2 * np.pi, _STEPS + 1)
    steps = np.hypot(np.diff(half[0] * np.cos(angles)), np.diff(half[1] * np.sin(angles)))
    length = np.concatenate([[0], np.cumsum(steps)])
    return np.append(length / length[-1], 1).astype(np.float32), float(length[-1])


def rim_text(
    plate: Plate, rim: Rim, line: Mask, band: tuple[float, float], middle: float, share: float,
    inward: bool,
) -> None:  # fmt: skip
    """Write a line round the rim, between two depths.

    Args:
        line: the written line, any size.
        band: depth of the letters' outer and inner end, pixels.
        middle: the place (as Rim.arc) of the line's middle; 0.75 is the top.
        share: the share of the circumference it may take.
        inward: whether the letters' feet point to the centre (so at the top), or outwards.
    """
    tall = max(band[1] - band[0], 1.0)
    around = rim.length * max(1 - 0.5 * (band[0] + band[1]) / min(rim.half), 0.1)
    natural = line.shape[1] * tall / line.shape[0]
    wide = float(np.clip(natural, 0.45 * share * around, share * around))
    letters = np.pad(resized(line, wide, tall), 1)
    offset = ((rim.arc - np.float32(middle) + 0.5) % 1 - 0.5) * np.float32(around)
    if inward:
        column, row = offset + np.float32(wide / 2), rim.depth - np.float32(band[0])
    else:
        column, row = np.float32(wide / 2) - offset, np.float32(band[1]) - rim.depth
    bent = cv2.remap(letters, column + 0.5, row + 0.5, cv2.INTER_LINEAR)
    np.maximum(plate, (bent * 255).astype(np.uint8), out=plate)


def rim_ticks(plate: Plate, rim: Rim, band: tuple[float, float], count: int, share: float) -> None:
    """Fill the band between two depths with `count` radial ticks; `share` of each step is ink."""
    inside = (rim.depth > band[0]) & (rim.depth < band[1])
    plate[inside & ((rim.arc * np.float32(count)) % 1 < share)] = 255


def box_text(
    plate: Plate, line: Mask, centre: tuple[float, float], box: tuple[float, float], stretch: float
) -> None:
    """Write a line in a box of this width and height, pixels, as large as it fits.

    `stretch` above 1 lets the letters grow that much taller than natural to fill the box.
    """
    scale = min(box[0] / line.shape[1], box[1] / line.shape[0])
    width = line.shape[1] * scale
    height = min(line.shape[0] * scale * stretch, box[1])
    letters = resized(line, width, height)
    paste(plate, letters, round(centre[0] - width / 2), round(centre[1] - height / 2))


def side_text(
    plate: Plate, line: Mask, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64],
    tall: float, fill: float = 0.8,
) -> None:  # fmt: skip
    """Write a line from one point towards another (pixels), letters `tall` pixels high.

    The line is centred between the points, its letters stand on the left of the way (in a picture
    whose y points down: above a way to the right), and it takes at most `fill` of it.
    """
    along = end - start
    length = float(np.hypot(*along)) or 1.0
    along = along / length
    up = np.array([along[1], -along[0]])
    scale = min(tall / line.shape[0], fill * length / line.shape[1])
    middle = (start + end) / 2 - along * line.shape[1] * scale / 2 + up * line.shape[0] * scale
    matrix = np.stack([along * scale, -up * scale, middle], axis=1)
    letters = cv2.warpAffine(line, matrix, plate.shape[::-1], flags=cv2.INTER_AREA)
    np.maximum(plate, (letters * 255).astype(np.uint8), out=plate)


def paste(plate: Plate, mask: Mask, left: int, top: int) -> None:
    """Put a mask on the plate by maximum; parts outside the plate are cut off."""
    height, width = plate.shape
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    if x0 < x1 and y0 < y1:
        part = (mask[y0 - top : y1 - top, x0 - left : x1 - left] * 255).astype(np.uint8)
        np.maximum(plate[y0:y1, x0:x1], part, out=plate[y0:y1, x0:x1])
