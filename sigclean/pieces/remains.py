"""Finds what a keep map keeps of print, stamps and lines: pieces that are no signature's.

The network decides pixel by pixel, and leaves crumbs of what it erases. What a crumb is shows on
the whole of it: how surely it was kept, its colour, its size, how far it lies from the signature.
`benchmarks/fit_pieces.py` fitted the judge to drawn and to real pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sigclean.arrays import Float, Mask, brightest_channel, darkest_channel
from sigclean.pieces.components import Components, find_components, grow
from sigclean.pieces.logistic import read_judge

FILE = Path(__file__).with_name("judge.json")
LEAST = 0.35  # score from which a piece is the signature's
EDGE = 2  # pixels: how far the soft edge of a piece goes
LARGEST = 0.3  # share of the kept ink from which a piece always stays, whatever its score
MAIN = 0.1  # share of the kept ink from which a piece is a main stroke; distances are from these
MAIN_OF_LARGEST = 0.5  # or share of the largest piece's ink, if that is less
BORDER = 2  # pixels: a piece so near the picture's border may be cut by it
Sums = npt.NDArray[np.float64]

NAMES = (  # of the measures of a piece
    "area", "share", "kept", "most kept", "kept, deviation", "dark", "dark, to the mean",
    "colour, from the mean", "saturation", "saturation, to the mean", "width", "height", "aspect",
    "fill", "length, to the signature's", "distance", "distance, to its length", "right of",
    "below", "above or below", "left or right", "at the border", "pieces", "all kept", "inked",
)  # fmt: skip


@dataclass(frozen=True)
class Pieces:
    """The connected pieces of kept ink, on a picture at the network's scale.

    Attributes:
        found: the pieces; their labels are of the picture's pixels, HxW.
        amounts: N, the sum of the darkness of a piece's pixels.
        measures: NxM, see `NAMES`.
    """

    found: Components
    amounts: Sums
    measures: Float

    @property
    def at_border(self) -> Mask:
        """N, true for pieces that the picture's border may cut."""
        return self.measures[:, NAMES.index("at the border")] > 0


def find_remains(shown: Mask, kept: Float, dark: Float, cut: bool = False) -> Mask | None:
    """Find the kept pieces that are no signature's.

    Args:
        shown: HxW, true on pixels with kept ink.
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
    return grow(gone, EDGE) & ~grow(shown & ~gone, 1)


def measure_pieces(found: Components, kept: Float, dark: Float) -> Pieces:
    """Measure pieces.

    Args:
        found: the pieces, at least one.
        kept: the keep map of their pixels in reading order, P in [0, 1].
        dark: the darkness of these pixels relative to their paper, Px3 in [0, 1].
    """
    inked = found.labels >= 0
    labels = found.labels[inked]
    count, areas = len(found.areas), found.areas.astype(np.float64)

    def sums(values: Float) -> Sums:
        return np.bincount(labels, values, minlength=count).astype(np.float64)

    deepest = brightest_channel(dark)
    amounts = np.maximum(sums(deepest), 1e-6)
    total = float(amounts.sum())
    mean = sums(kept) / areas
    most = np.zeros(count, np.float32)
    np.maximum.at(most, labels, kept)
    deviation = np.sqrt(np.maximum(sums(kept * kept) / areas - mean**2, 0))
    depth = amounts / areas
    colours = np.stack([sums(dark[:, channel]) for channel in range(3)], axis=1) / amounts[:, None]
    common = amounts @ colours / total
    saturation = 1 - sums(darkest_channel(dark)) / amounts
    values = [
        _log(areas) / 2,
        _log(amounts / total),
        mean,
        most,
        deviation,
        depth,
        _log(depth * total / (amounts @ depth)),
        np.abs(colours - common).max(axis=1),
        saturation,
        saturation - amounts @ saturation / total,
        *_places(found, amounts, inked),
        np.full(count, np.log(count)),
        np.full(count, amounts @ mean / total),
        np.full(count, areas.sum() / inked.size),
    ]
    return Pieces(found, amounts, np.stack(values, axis=1).astype(np.float32))


def _places(found: Components, amounts: Sums, inked: Mask) -> list[Sums]:
    """Measure the pieces' own boxes, and where they lie relative to the main strokes."""
    height, width = inked.shape
    boxes = found.boxes.astype(np.float64)
    left, top, right, bottom = boxes.T
    across, down = right - left, bottom - top
    longest = np.maximum(across, down)
    main = boxes[amounts >= min(MAIN * amounts.sum(), MAIN_OF_LARGEST * amounts.max())]
    low, high = main[:, :2].min(axis=0), main[:, 2:].max(axis=0)
    size = high - low
    x, y = (left + right) / 2, (top + bottom) / 2
    beside = np.maximum(left[:, None] - main[:, 2], main[:, 0] - right[:, None])
    apart = np.maximum(top[:, None] - main[:, 3], main[:, 1] - bottom[:, None])
    gap = np.hypot(np.maximum(beside, 0), np.maximum(apart, 0)).min(axis=1)
    edge = np.minimum.reduce([left, top, width - right, height - bottom])
    return [
        np.log(across),
        np.log(down),
        np.log(across / down),
        found.areas / (across * down),
        _log(longest / size.max()),
        np.log(gap + 1),
        _log((gap + 1) / longest),
        (x - low[0]) / size[0] - 0.5,
        (y - low[1]) / size[1] - 0.5,
        np.maximum(np.maximum(low[1] - y, y - high[1]), 0) / size[1],
        np.maximum(np.maximum(low[0] - x, x - high[0]), 0) / size[0],
        (edge < BORDER).astype(np.float64),
    ]


def _log(values: Sums) -> Sums:
    return np.log(np.maximum(values, 1e-3))
