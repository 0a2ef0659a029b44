"""Finds the flat dark strips beside a picture: padding of phone tools, a scanner's dark border.

They reach the picture's edge and are no part of the paper. A stroke that touches the edge is not as
long as the edge, and dark paper is as dark inside as at its edge: neither is taken for a strip.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from sigclean.arrays import Mask, UInt8, brightest_channel
from sigclean.letterbox import Box

DARKEST = 64  # level of the brightest channel up to which the median of a strip's line is dark
FLAT = 28  # levels by which the pixels of a line may differ from its median: noise, JPEG
OUTLIERS = 0.002  # share of a line's pixels that may differ by more
BRIGHTER = 40  # levels by which the picture's median is above that of its strips, at least
SHORTEST = 16  # pixels of the shortest line that is judged: a stroke can be as long as shorter ones
LINES = 64  # lines that are judged at once
BLUR = 8  # lines between strip and picture that may be blurred, at most
BLURRED = 0.25  # share of the step from picture to strip by which a blurred line is darker
SAMPLES = 128  # rows and columns that tell how bright the picture is


def picture_box(image: Image.Image) -> Box:
    """Find the part of an RGB picture that lies inside flat dark strips at its edges.

    Returns:
        The whole picture if there are no strips, or if all of it is flat and dark.
    """
    width, height = image.size
    whole = (0, 0, width, height)
    edges = [(0, 0, 1, height), (0, 0, width, 1)]
    edges += [(width - 1, 0, width, height), (0, height - 1, width, height)]
    outermost = [_brightest(image.crop(edge)).reshape(1, -1) for edge in edges]
    if not any(_are_dark(line)[0] for line in outermost):
        return whole
    levels = _brightest(image)
    box = _inside(levels)
    if box == whole or box[0] >= box[2] or box[1] >= box[3]:
        return whole
    inside = levels[box[1] : box[3], box[0] : box[2]]
    moved = [side for side in range(4) if box[side] != whole[side]]
    strip = float(np.median(outermost[moved[0]]))
    if _median(inside) < strip + BRIGHTER:
        return whole  # dark paper
    for side in moved:
        box = _narrowed(box, side, _blurred(_lines(inside, side), strip))
    return box


def _brightest(image: Image.Image) -> UInt8:
    return brightest_channel(np.asarray(image))


def _median(levels: UInt8) -> float:
    rows, columns = (-(-side // SAMPLES) for side in levels.shape)
    return float(np.median(levels[::rows, ::columns]))


def _inside(levels: UInt8) -> Box:
    """Cut flat dark lines off all sides, again and again: one strip may hide the ends of others."""
    box: Box = (0, 0, levels.shape[1], levels.shape[0])
    while True:
        before = box
        for side in range(4):
            left, top, right, bottom = box
            box = _narrowed(box, side, _dark_lines(_lines(levels[top:bottom, left:right], side)))
        if box == before or box[0] >= box[2] or box[1] >= box[3]:
            return box


def _narrowed(box: Box, side: int, lines: int) -> Box:
    """Move one side of a box inwards: 0 is left, 1 top, 2 right, 3 bottom."""
    sides = list(box)
    sides[side] += lines if side < 2 else -lines
    return sides[0], sides[1], sides[2], sides[3]


def _lines(levels: UInt8, side: int) -> UInt8:
    """The columns or rows of a picture in the order in which they follow each other from a side."""
    across = levels if side % 2 else levels.T
    return across if side < 2 else across[::-1]


def _dark_lines(lines: UInt8) -> int:
    """The number of flat dark lines before the first other one."""
    for start in range(0, len(lines), LINES):
        others = np.flatnonzero(~_are_dark(lines[start : start + LINES]))
        if others.size:
            return start + int(others[0])
    return len(lines)


def _are_dark(lines: UInt8) -> Mask:
    """Tell for each line whether it is flat and dark."""
    if lines.shape[1] < SHORTEST:
        return np.zeros(len(lines), np.bool_)
    middle = np.median(lines, axis=1)
    others = np.abs(lines - middle[:, None]) > FLAT
    return (middle <= DARKEST) & (others.mean(axis=1) <= OUTLIERS)


def _blurred(lines: UInt8, strips: float) -> int:
    """The number of lines beside a strip that are blurred with it."""
    middles = np.median(lines[: 2 * BLUR], axis=1)
    picture = float(np.median(middles[BLUR:])) if len(middles) > BLUR else 255.0
    clear = np.flatnonzero(middles[:BLUR] >= picture - BLURRED * (picture - strips))
    return int(clear[0]) if clear.size else 0
