"""The scans of a kind of document, looked at with the model that is to be adapted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from sigclean.arrays import Float, Mask, UInt8, darkest_channel
from sigclean.corpus.signatures import Source, open_picture, read_content, seeded
from sigclean.errors import ImageError
from sigclean.metrics import grey, ink_mask
from sigclean.training.adapting.backdrops import LEAST_INK, Backdrop, kept_ink, make_backdrop
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.watching.validation import spread
from sigclean.views.network import Network
from sigclean.windows import page_window

BATCH = 8  # scans that go through the network together
MOST = 600  # scans that become backdrops: more would take memory, and teach little more
WHITE = 245  # least median level of a white page
CLEAN = 0.97  # share of a white page's ink that is kept if there is nothing to erase
SHAPE = (24, 12)  # width and height of the blurred shape by which signatures are compared
BLUR = 4.0  # standard deviation, in quarters of its pixels


@dataclass(frozen=True, eq=False)
class Scan:
    """One scan, as the model sees it."""

    source: Source
    backdrop: Backdrop
    has_signature: bool  # the model keeps some ink
    is_clean: bool  # on white paper, with nothing that the model erases
    is_page: bool  # a whole page, of which the model would see windows
    shape: Float | None  # the signature's shape, of length 1 and mean 0; None without one


def look_at(sources: Sequence[Source], cleaner: Network, seed: int, bad: BadFiles) -> list[Scan]:
    """Look at up to `MOST` scans with a model. Raises SigcleanError if too many cannot be read.

    Args:
        cleaner: the model; it says which ink of a scan is the signature.
        seed: decides the texture that takes the signature's place.
    """
    chosen = [sources[place] for place in spread(len(sources), MOST)]
    found: list[Scan] = []
    for start in range(0, len(chosen), BATCH):  # all of them at once would not fit into memory
        part = _readable(chosen[start : start + BATCH], bad)
        views = [cleaner.prepare(picture) for _, picture in part]
        for (source, picture), view, keep in zip(part, views, cleaner.keep(views), strict=True):
            found.append(_scan(source, picture, np.asarray(view.inner), np.asarray(keep), seed))
    return found


def _readable(sources: Sequence[Source], bad: BadFiles) -> list[tuple[Source, Image.Image]]:
    found = []
    for source in sources:
        try:
            found.append((source, open_picture(source)))
        except ImageError as error:
            bad.note([str(error)])
    return found


def _scan(source: Source, picture: Image.Image, inner: UInt8, keep: UInt8, seed: int) -> Scan:
    kept = kept_ink(inner, keep)
    ink = ink_mask(grey(Image.fromarray(inner)))
    has_signature = bool(kept.sum() >= LEAST_INK)
    return Scan(
        source,
        make_backdrop(seeded(seed, read_content(source)), inner, keep),
        has_signature,
        bool(
            np.median(darkest_channel(inner)) >= WHITE
            and has_signature
            and (kept & ink).sum() >= CLEAN * ink.sum()
        ),
        page_window(picture) is not None,
        _shape(kept) if has_signature else None,
    )


def _shape(kept: Mask) -> Float:
    """A signature's shape whatever its size and place: its blurred ink, of length 1 and mean 0."""
    rows, columns = np.nonzero(kept)
    box = kept[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    fine = cv2.resize(
        box.astype(np.float32), (4 * SHAPE[0], 4 * SHAPE[1]), interpolation=cv2.INTER_AREA
    )
    coarse = cv2.resize(
        cv2.GaussianBlur(fine, (0, 0), BLUR), SHAPE, interpolation=cv2.INTER_AREA
    ).ravel()
    coarse = coarse - coarse.mean()
    return np.asarray(coarse / max(float(np.linalg.norm(coarse)), 1e-6), np.float32)
