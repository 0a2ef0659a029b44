"""The map of a page on which signatures are looked for: its ink, and what the cleaner keeps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from PIL import Image, ImageFilter

from sigclean.arrays import Float, Mask, brightest_channel, darkest_channel
from sigclean.finding.network import Sight, look
from sigclean.letterbox import Box, Letterbox, resize
from sigclean.pieces.components import Components, find_components, find_runs
from sigclean.windows import keep_map

MAP = 1280  # pixels of the longest side of the map; 2.5 windows of the cleaner's network
OVERLAP = 0.2  # share of a window that the next one sees, too: six windows for a letter or A4
DARK = 0.12  # share by which ink is darker than the paper about it, at least
PAPER = 20  # pixels: the side of the tiles in which the paper's level is taken
SURE = 0.5  # keep map above which ink is surely kept
SUBJECT = 0.45  # share of the longest side: a signature so long is the picture's subject
CELL = 16  # pixels: ink in neighbouring cells may be one signature's
LETTERS = (6, 60)  # pixels of the longest side of a letter, least and most
RULE = 80  # pixels of the shortest printed rule: 18 mm on a letter


class KeepMaps(Protocol):
    """The part of a `SignatureCleaner` that the finder needs."""

    @property
    def letterbox(self) -> Letterbox:
        """The square of the cleaner's network."""

    @property
    def threads(self) -> int | None:
        """CPU threads for one page; None for as many as this process may use."""

    def keep_map(self, picture: Image.Image) -> Image.Image:
        """Compute the keep map of a picture that is cleaned as a whole."""

    def keep_of_parts(self, parts: list[Image.Image]) -> list[Image.Image]:
        """Compute the keep maps of a page's windows."""


@dataclass(frozen=True)
class Candidate:
    """A group of ink that may be a signature.

    Attributes:
        box: left, top, right and bottom (exclusive) in pixels of the map.
        own: its ink, HxW of the box.
    """

    box: Box
    own: Mask

    @property
    def part(self) -> tuple[slice, slice]:
        """Its rows and columns in arrays of the map."""
        left, top, right, bottom = self.box
        return slice(top, bottom), slice(left, right)


@dataclass(frozen=True)
class Sheet:
    """A page as the finder sees it; all arrays are HxW, with a longest side of `MAP`.

    Attributes:
        ink: pixels that are darker than the paper about them; on bare paper a keep map is random.
        dark: by how much they are, as a share of the paper's level.
        chroma: the difference of the brightest and the darkest channel, in [0, 1].
        whole: the keep map of the page cleaned as a whole, in [0, 1].
        fine: the keep map in windows, in [0, 1]; `whole` again if the picture is small.
        sight: what the finder's network sees.
    """

    ink: Mask
    dark: Float
    chroma: Float
    whole: Float
    fine: Float
    sight: Sight

    @cached_property
    def keep(self) -> Float:
        """The mean of both keep maps."""
        return (self.whole + self.fine) / np.float32(2)

    @property
    def is_small(self) -> bool:
        """True for a picture that is no larger than the cleaner's square."""
        return self.fine is self.whole

    @cached_property
    def shows_little_else(self) -> bool:
        """True where a signature may be the picture's subject, so that it is no page."""
        return self.is_small or _longest(self.ink & (self.whole > SURE)) >= SUBJECT * MAP

    @cached_property
    def strokes(self) -> Components:
        """The connected ink, without printed rules."""
        return find_components(self.ink & ~self.rules)

    @cached_property
    def letters(self) -> float:
        """The median longest side in pixels of what may be the page's letters."""
        longest = (self.strokes.boxes[:, 2:] - self.strokes.boxes[:, :2]).max(axis=1)
        likely = longest[(longest >= LETTERS[0]) & (longest <= LETTERS[1])]
        return float(np.median(likely)) if len(likely) else float(LETTERS[0])

    @cached_property
    def rules(self) -> Mask:
        """Pixels of printed rules: long runs of ink in a row."""
        runs = find_runs(self.ink)
        long = runs.stops - runs.starts >= RULE
        found = np.zeros(self.ink.shape, np.bool_)
        for row, start, stop in zip(
            runs.rows[long], runs.starts[long], runs.stops[long], strict=True
        ):
            found[row, start:stop] = True
        return found

    def with_room(self, box: Box, across: int, down: int) -> Box:
        """Widen a box by so many pixels to the left and right, and up and down, on the map."""
        left, top, right, bottom = box
        height, width = self.ink.shape
        return (
            max(left - across, 0),
            max(top - down, 0),
            min(right + across, width),
            min(bottom + down, height),
        )


def read_sheet(page: Image.Image, cleaner: KeepMaps) -> Sheet | None:
    """Make the map of an RGB page; None if it has no ink, or is one pixel thin: no signature is."""
    scale = MAP / max(page.size)
    small = resize(page, (max(1, round(page.width * scale)), max(1, round(page.height * scale))))
    if min(small.size) < 2:
        return None
    dark = _darkness(small)
    ink = dark > DARK
    if not ink.any():
        return None
    pixels = np.asarray(small)
    chroma = (brightest_channel(pixels) - darkest_channel(pixels)) / np.float32(255)
    side = cleaner.letterbox.size
    whole = fractions(cleaner.keep_map(small))
    if max(page.size) <= side:
        return Sheet(ink, dark, chroma, whole, whole, look(small, cleaner.threads))
    fine = keep_map(small, cleaner.keep_of_parts, side, side, OVERLAP)
    return Sheet(ink, dark, chroma, whole, fractions(fine), look(small, cleaner.threads))


def inked_cells(kept: Mask, side: int) -> Mask:
    """Divide an HxW mask into square cells; true for those that hold a true pixel."""
    rows, columns = -(-kept.shape[0] // side), -(-kept.shape[1] // side)
    padded = np.zeros((rows * side, columns * side), np.bool_)
    padded[: kept.shape[0], : kept.shape[1]] = kept
    return np.asarray(padded.reshape(rows, side, columns, side).any(axis=(1, 3)))


def fractions(keep: Image.Image) -> Float:
    """Convert an L picture to an array in [0, 1]."""
    return np.divide(np.asarray(keep), 255, dtype=np.float32)


def _longest(kept: Mask) -> int:
    """The longest side in pixels of what may be one signature; 0 without any."""
    boxes = find_components(inked_cells(kept, CELL)).boxes
    return int((boxes[:, 2:] - boxes[:, :2]).max(initial=0)) * CELL


def _darkness(small: Image.Image) -> Float:
    """By which share the pixels are darker than the paper about them: HxW in [0, 1]."""
    grey = small.convert("L")
    tiles = (max(1, grey.width // PAPER), max(1, grey.height // PAPER))
    paper = grey.resize(tiles, Image.Resampling.BOX)
    paper = paper.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.BoxBlur(2))
    level = np.asarray(paper.resize(grey.size, Image.Resampling.BILINEAR), np.float32)
    return np.clip(1 - np.asarray(grey) / np.maximum(level, 1), 0, 1).astype(np.float32)
