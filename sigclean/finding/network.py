"""The network that sees a page as a whole: where signatures may be, and their ink.

`benchmarks/fit_finder.py` trained it on drawn pages, `benchmarks/finder_export.py` wrote its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sigclean.arrays import Float
from sigclean.extras import require
from sigclean.finding.boxes import overlaps
from sigclean.letterbox import Box
from sigclean.processes.hardware import network_threads

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FILE = Path(__file__).with_name("finder.onnx")
MULTIPLE = 32  # pixels; the network takes pages whose sides are multiples of it
STRIDE = 4  # pixels of the map for one cell of the network's output
UNIT = 8.0  # pixels of the map: a distance whose logarithm is 0
CLASSES = 3  # signature, answer, stamp
LEAST, MOST = 0.03, 40  # least score of a place, and places of a page, that are looked at
ALIKE = 0.5  # intersection over union above which only the likelier place counts

_loading = Lock()


@dataclass(frozen=True)
class Sight:
    """What the network sees on a map of HxW pixels; a cell is `STRIDE` pixels wide and high.

    Attributes:
        boxes: Nx4, left, top, right and bottom in pixels: places that may be signatures.
        scores: N in [0, 1], the largest first. They are small: 0.25 is a likely signature.
        heats: 3xhxw in [0, 1]: whether the centre of a signature, of other handwriting, or of a
            stamp is in the cell.
        ink: hxw in [0, 1]: whether a signature's ink is in the cell.
    """

    boxes: Float
    scores: Float
    heats: Float
    ink: Float

    def place_of(self, box: Box, least: float) -> Box | None:
        """Return the place that overlaps most with a box; None without one that overlaps by more
        than the least."""
        if not len(self.boxes):
            return None
        shares = overlaps(self.boxes, np.array(box, np.float32))
        best = int(shares.argmax())
        if shares[best] <= least:
            return None
        left, top, right, bottom = np.rint(self.boxes[best]).astype(int).tolist()
        return left, top, right, bottom


def look(small: Image.Image, threads: int | None = None) -> Sight:
    """Look at an RGB page at the map's size.

    Args:
        threads: CPU threads; None for as many as this process may use.
    """
    page = np.asarray(small, np.float32) / np.float32(255)
    height, width = page.shape[:2]
    padding = (0, -height % MULTIPLE), (0, -width % MULTIPLE), (0, 0)
    page = np.pad(page, padding, constant_values=1)  # white, as in training
    network = _network(threads or network_threads())
    (found,) = network.run(None, {"page": page.transpose(2, 0, 1)[None]})
    rows, columns = -(-height // STRIDE), -(-width // STRIDE)
    return decode(found[0, :, :rows, :columns])


def decode(found: Float) -> Sight:
    """Convert the network's output, 8xhxw, to what it sees."""
    heats, ink = _share(found[:CLASSES]), _share(found[-1])
    own = heats[0]
    padded = np.pad(own, 1)
    near = [padded[y : y + own.shape[0], x : x + own.shape[1]] for y in range(3) for x in range(3)]
    peaks = (own == np.max(near, axis=0)) & (own > LEAST)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-own[rows, columns], kind="stable")[:MOST]
    rows, columns = rows[order], columns[order]
    sides = np.exp(np.clip(found[CLASSES : CLASSES + 4, rows, columns], -4, 6)) * np.float32(UNIT)
    centres = np.stack([columns, rows]) * np.float32(STRIDE) + np.float32(STRIDE / 2)
    boxes = np.concatenate([centres - sides[:2], centres + sides[2:]]).T
    kept = _distinct(boxes)
    return Sight(boxes[kept], own[rows, columns][kept], heats, ink)


def _distinct(boxes: Float) -> list[int]:
    """The boxes that overlap with none of those before them that are kept."""
    kept: list[int] = []
    for number, box in enumerate(boxes):
        if not kept or overlaps(boxes[kept], box).max() < ALIKE:
            kept.append(number)
    return kept


def _share(logits: Float) -> Float:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float32)


def _network(threads: int) -> InferenceSession:
    with _loading:  # threads that ask at once would load it once each
        return _load(threads)


@cache
def _load(threads: int) -> InferenceSession:
    """Start the network, once for all calls; on the CPU, where one page takes 0.3 s."""
    require("onnxruntime", extra="onnx", purpose="finding signatures")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only, which are raised as well
    return onnxruntime.InferenceSession(
        FILE.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
