"""Measures the ink of a result, and makes its paper transparent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageChops

from sigclean.arrays import WHITE, brightest_channel
from sigclean.letterbox import Box

TILE_SIDE = 384  # pixels: the side of tiles that are composed one by one, to keep memory flat
INK_LEVEL = 225  # level: a pixel that is darker in any channel is ink when cropping
LITTLE_INK = 0.0005  # share of a result's pixels: a dot, or remains of print, but no signature
MARGIN = 0.05  # margin around the ink when cropping, as a share of its longer side


def transparent_ink(image: Image.Image) -> Image.Image:
    """Make the paper transparent: RGBA whose alpha is the ink's darkness. On white it looks like
    `image`, up to rounding."""
    result = Image.new("RGBA", image.size)
    result.info = image.info.copy()
    for box in tile_boxes(image.size):
        part = image.crop(box)
        dark = WHITE - np.asarray(part).reshape(-1, 3)
        if not dark.any():
            continue
        alpha = brightest_channel(dark)
        where = np.flatnonzero(alpha)
        alpha = alpha.take(where)
        share = dark.take(where, axis=0) / alpha[:, None].astype(np.float32)
        ink = np.zeros((part.width * part.height, 4), np.uint8)
        ink[where] = np.column_stack([np.rint(WHITE * (1 - share)), alpha])
        result.paste(Image.fromarray(ink.reshape(part.height, part.width, 4)), box)
    return result


def ink_box(image: Image.Image, margin: float = MARGIN) -> Box:
    """Find the box of the ink, with a margin as a share of its longer side, inside the picture;
    without ink it is the whole picture."""
    bounds = ink_bounds(image)
    if bounds is None:
        return 0, 0, image.width, image.height
    left, top, right, bottom = bounds
    around = 1 + round(margin * max(right - left, bottom - top))
    return (
        max(left - around, 0),
        max(top - around, 0),
        min(right + around, image.width),
        min(bottom + around, image.height),
    )


def ink_bounds(image: Image.Image) -> Box | None:
    """Find the smallest box that holds all ink of an RGB picture; None without ink."""
    darkest = np.full((image.width, 3), WHITE, np.uint8)  # of each column
    rows = []
    for top in range(0, image.height, TILE_SIDE):
        box = (0, top, image.width, min(top + TILE_SIDE, image.height))
        pixels = np.asarray(image.crop(box))
        np.minimum(darkest, pixels.min(axis=0), out=darkest)
        rows.append(pixels.reshape(len(pixels), -1).min(axis=1))
    inked = np.flatnonzero(darkest.min(axis=1) < INK_LEVEL)
    if not inked.size:
        return None
    left, right = int(inked[0]), int(inked[-1]) + 1
    inked = np.flatnonzero(np.concatenate(rows) < INK_LEVEL)
    return left, int(inked[0]), right, int(inked[-1]) + 1


def ink_share(result: Image.Image) -> float:
    """Return the share of a result's pixels that are ink, in [0, 1]: those that are darker than
    `INK_LEVEL` in any channel, on white. It is the same for RGB and for `transparent_ink` of it,
    whose alpha is that darkness."""
    if result.mode == "RGBA":
        counts = result.getchannel("A").histogram()
        return sum(counts[256 - INK_LEVEL :]) / sum(counts)
    red, green, blue = result.split()
    counts = ImageChops.darker(ImageChops.darker(red, green), blue).histogram()
    return sum(counts[:INK_LEVEL]) / sum(counts)


def tile_boxes(size: tuple[int, int]) -> Iterator[Box]:
    """Cover a picture with square tiles."""
    for top in range(0, size[1], TILE_SIDE):
        for left in range(0, size[0], TILE_SIDE):
            yield left, top, min(left + TILE_SIDE, size[0]), min(top + TILE_SIDE, size[1])
