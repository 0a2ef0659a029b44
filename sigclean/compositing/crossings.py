"""Finds where kept ink crosses other ink, and what colour the pen has there.

Where a blue stroke crosses black print, the page shows black: the stroke is there, but not its
colour. A person who cleans the picture draws it in the colour that it has on both sides.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from sigclean.arrays import Float, Mask, brightest_channel
from sigclean.compositing.ink_colour import PURE, SLACK, amounts, is_alike
from sigclean.letterbox import Box
from sigclean.pieces.components import find_components, grow

EXCESS = 0.1  # darkness in any channel beyond the pens' ink from which a pixel has other ink, too
MUCH = 0.2  # that darkness for a pixel whose colour is still like a pen's
STRONG = 0.9  # quantile of the darkness of a pen's pixels that is its ink's at full strength
LEAST = 4  # pixels of the network's picture: what is smaller is not seen
LONGEST = 72  # pixels of the network's picture: longer pieces are strokes of another pen
LARGEST = 0.3  # share of the pens' ink from which a piece is more than a crossing
EDGE = 2  # pixels: the soft edge of a crossing
AROUND = 8  # pixels around a crossing in which the pen's colour is measured
CORE = 0.8  # quantile of the amount of the pen's ink around a crossing that it has there
BESIDE = 3  # pixels around a crossing in which there is erased ink, too
ERASED = 0.3  # darkness from which erased pixels are ink
LEAST_ERASED = 0.05  # number of such pixels, as a share of the crossing's, at least
MOST_SPOTS = 0.08  # amount of dark spots, as a share of the pens' ink: with more the ink varies


def crossing_levels(
    shown: Mask, whole: Mask, stays: Mask, dark: Float, erased: Callable[[Box], Float], pens: Float
) -> Image.Image | None:
    """Map the pen's colour where kept ink crosses other ink.

    A crossing is a small piece of kept ink that touches the pen's and erased ink, and is darker
    than the pen's ink in some channel. Its colour is the pen's, as strong as around it. Ink that
    has many dark spots elsewhere keeps its own.

    Args:
        shown: HxW, true on pixels with kept ink, at the network's scale.
        whole: whether all ink of these pixels is kept, in reading order: P.
        stays: P, false for ink that is erased because it has another colour than the pens.
        dark: their darkness relative to the paper, Px3 in [0, 1].
        erased: measures in a part of the picture the darkness of the ink that is not kept, HxW in
            [0, 1].
        pens: the darkness of each pen in red, green and blue, the largest being 1: Kx3.

    Returns:
        An RGB picture, HxW, black but on crossings, where it has the pen's colour on white paper:
        no channel of the result should be darker. None without any crossing.
    """
    pure = is_alike(dark, pens)
    excess = _excess(dark, pens)
    other = stays & ((~pure & (excess > EXCESS)) | (excess > MUCH))
    pure &= ~other & whole & (brightest_channel(dark) > PURE)
    if not (pure.any() and other.any()):
        return None
    ink = np.zeros((*shown.shape, 3), np.float32)
    ink[shown] = dark
    pieces, own = (_among(shown, chosen) for chosen in (other, pure))
    found, spots = _crossings(ink, own, pieces, erased)
    if not found or spots > MOST_SPOTS * float(brightest_channel(ink[own]).sum()):
        return None
    levels = np.zeros((*shown.shape, 3), np.uint8)
    for rows, columns, edge in found:
        colour = _colour(ink[rows, columns][own[rows, columns]], pens)
        levels[rows, columns][edge] = np.rint(255 * (1 - np.minimum(colour, 1)))
    return Image.fromarray(levels)


def _crossings(
    ink: Float, own: Mask, pieces: Mask, erased: Callable[[Box], Float]
) -> tuple[list[tuple[slice, slice, Mask]], float]:
    """Find crossings.

    Args:
        ink: the darkness of kept ink, HxWx3.
        own, pieces: the pens' ink, and kept ink that has other ink in it, HxW.
        erased: see `crossing_levels`.

    Returns:
        The rows and columns around each crossing, and its pixels there; and the amount of ink in
        pieces that touch no erased ink: dark spots of the pen's own.
    """
    crossings, spots = [], 0.0
    most = LARGEST * float(brightest_channel(ink[own]).sum())
    height, width = own.shape
    found = find_components(pieces)
    for label, (left, top, right, bottom) in enumerate(found.boxes.tolist()):
        if found.areas[label] < LEAST:
            continue
        longest = max(right - left, bottom - top)
        left, top = max(left - AROUND, 0), max(top - AROUND, 0)
        right, bottom = min(right + AROUND, width), min(bottom + AROUND, height)
        rows, columns = slice(top, bottom), slice(left, right)
        piece = found.labels[rows, columns] == label
        edge, amount = grow(piece, EDGE), float(brightest_channel(ink[rows, columns][piece]).sum())
        if not (own[rows, columns] & edge).any():
            continue
        beside = (erased((left, top, right, bottom)) > ERASED) & grow(piece, BESIDE)
        if beside.sum() < LEAST_ERASED * piece.sum():
            spots += amount
        elif longest <= LONGEST and amount <= most:
            crossings.append((rows, columns, edge))
    return crossings, spots


def _colour(around: Float, pens: Float) -> Float:
    """The darkness that a pen's ink has among pixels of pens (Nx3): 3."""
    counts = [is_alike(around, pen[None]).sum() for pen in pens]
    pen = pens[int(np.argmax(counts))]
    return (float(np.quantile(amounts(around, pen), CORE)) - SLACK) * pen


def _excess(dark: Float, pens: Float) -> Float:
    """How much darker, in some channel, pixels (Nx3) are than the ink of every pen: N."""
    least = np.full(len(dark), 1, np.float32)
    for pen in pens:
        its = brightest_channel(dark[is_alike(dark, pen[None])])
        strength = float(np.quantile(its, STRONG)) if len(its) else 1.0
        least = np.minimum(least, brightest_channel(dark - strength * pen))
    return least


def _among(shown: Mask, chosen: Mask) -> Mask:
    """HxW, true on the chosen (P) of the pixels that a mask shows."""
    mask = np.zeros_like(shown)
    mask[shown] = chosen
    return mask
