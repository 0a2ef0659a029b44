"""Thicker and thinner strokes: a drawing of the signature, no longer the strokes as written."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageChops, ImageOps

from sigclean.arrays import WHITE, Float, UInt8, darkest_channel
from sigclean.letterbox import row_blocks

LIGHTEST, HEAVIEST = -0.5, 1.0  # change of the strokes' width, as a share of it
MOST_STEPS = 40  # pixels by which an edge moves, at most
HAIR = 0.25  # darkness of 1 of a thinner stroke from which on it counts as drawn


def reweight(clean: Image.Image, share: float) -> Image.Image:
    """Make the strokes of a clean picture, RGB on white, thicker or thinner; edges stay soft.

    Strokes that are finer than what is taken away stay as they are.

    Args:
        share: the change of the strokes' mean width, from -0.5 to 1; 0 changes nothing.
    """
    inked = ImageChops.invert(clean).getbbox()
    if inked is None or share == 0:
        return clean
    radius = min(abs(share) * stroke_width(clean.crop(inked)) / 2, MOST_STEPS)
    room = math.ceil(radius) + 2
    box = (
        max(inked[0] - room, 0),
        max(inked[1] - room, 0),
        min(inked[2] + room, clean.width),
        min(inked[3] + room, clean.height),
    )
    pixels = np.asarray(clean.crop(box))
    changed = _grown(pixels, radius) if share > 0 else _thinned(pixels, radius)
    result = clean.copy()
    result.paste(Image.fromarray(changed), box[:2])
    return result


def stroke_width(clean: Image.Image) -> float:
    """Measure the mean width in pixels of the strokes of an RGB picture on white, 0 without any:
    twice their area over the length of their edges."""
    clean = ImageOps.expand(clean, 1, "white")  # the picture's end is an edge, too
    area = edges = 0.0
    for top, bottom in row_blocks(*clean.size):
        rows = (0, top, clean.width, min(bottom + 1, clean.height))
        dark = _darkness(np.asarray(clean.crop(rows)))
        down = np.diff(dark, axis=0, append=dark[-1:])
        across = np.diff(dark, axis=1, append=dark[:, -1:])
        area += float(dark[: bottom - top].sum())
        edges += float(np.hypot(down, across)[: bottom - top].sum())
    return 2 * area / edges if edges else 0.0


def _thinned(pixels: UInt8, radius: float) -> UInt8:
    """Take `radius` pixels off the edges of strokes, but keep those that would vanish."""
    thin = WHITE - _grown(WHITE - pixels, radius)
    drawn = _darkness(_grown(thin, radius + 1))  # covers all strokes but those that vanished
    lost = 1 - np.clip(drawn / HAIR, 0, 1)
    hair = WHITE - (WHITE - pixels) * lost[..., None]
    return np.minimum(thin, np.rint(hair).astype(np.uint8))


def _grown(pixels: UInt8, radius: float) -> UInt8:
    """Let dark areas of HxWx3 pixels grow by `radius` pixels, about as a disc does."""
    for step in range(math.floor(radius)):
        pixels = _darkest_near(pixels, square=step % 2 == 1)
    if rest := radius % 1:
        more = _darkest_near(pixels, square=math.floor(radius) % 2 == 1)
        mixed = pixels * np.float32(1 - rest) + more * np.float32(rest)
        pixels = np.rint(mixed).astype(np.uint8)
    return pixels


def _darkest_near(pixels: UInt8, *, square: bool) -> UInt8:
    """The darkest of each pixel's neighbours: of all eight, or of the four that share a side."""
    result = pixels.copy()
    np.minimum(result[1:], pixels[:-1], out=result[1:])
    np.minimum(result[:-1], pixels[1:], out=result[:-1])
    beside = result.copy() if square else pixels
    np.minimum(result[:, 1:], beside[:, :-1], out=result[:, 1:])
    np.minimum(result[:, :-1], beside[:, 1:], out=result[:, :-1])
    return result


def _darkness(pixels: UInt8) -> Float:
    """The darkness of HxWx3 pixels, HxW in [0, 1]."""
    return np.divide(WHITE - darkest_channel(pixels), WHITE, dtype=np.float32)
