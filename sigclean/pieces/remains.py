"""Finds what a keep map keeps of print, stamps and lines: pieces that are no signature's.

The network decides pixel by pixel, and leaves crumbs of what it erases. What a crumb is shows on
the whole of it: how surely it was kept, its colour, its size, how far it lies from the signature.
`benchmarks/fit_pieces.py` fitted the judge to drawn and to real pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sigclean.arrays import Float, Mask
from sigclean.pieces.components import find_components, spread
from sigclean.pieces.logistic import read_judge
from sigclean.pieces.measures import Pieces, measure_pieces

FILE = Path(__file__).with_name("judge.json")
LEAST = 0.35  # score from which a piece is the signature's
EDGE = 2  # pixels: how far the soft edge of a piece goes
LARGEST = 0.3  # share of the kept ink from which a piece always is


def find_remains(shown: Mask, kept: Float, dark: Float, cut: bool = False) -> Mask | None:
    """Find the kept pieces that are no signature's.

    Args:
        shown: HxW, the pixels that are kept and have ink.
        kept: the keep map of these pixels in reading order, P in [0, 1].
        dark: their darkness relative to the paper, Px3 in [0, 1].
        cut: true for a window of a page, whose border cuts strokes: pieces at it stay.

    Returns:
        HxW, true on these pieces and on their soft edges; None without any.
    """
    found = find_components(shown)
    if len(found.areas) < 2:
        return None
    pieces = measure_pieces(found, kept, dark)
    scores = read_judge(FILE).scores(pieces.measures)
    remains = (scores < LEAST) & (pieces.amounts < LARGEST * pieces.amounts.sum())
    if cut:
        remains &= ~pieces.at_border
    if not remains.any():
        return None
    gone = np.append(remains, False)[pieces.found.labels]
    return _wider(gone, EDGE) & ~_wider(shown & ~gone, 1)


def _wider(mask: Mask, reach: int) -> Mask:
    return spread(spread(mask, reach, 0), reach, 1)


def pieces_of(shown: Mask, kept: Float, dark: Float) -> Pieces | None:
    """Return the kept pieces with their measures; None without any. See `find_remains`."""
    if not shown.any():
        return None
    return measure_pieces(find_components(shown), kept, dark)
