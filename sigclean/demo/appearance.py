"""The appearance of results on the web page: paper, size, ink, height, margin and weight."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from sigclean.compositing.cutting import check_pixels
from sigclean.compositing.results import ink_box, transparent_ink
from sigclean.compositing.weight import HEAVIEST, LIGHTEST, reweight
from sigclean.encoding import known_dpi
from sigclean.errors import SigcleanError
from sigclean.ink import parse_colour, recolour
from sigclean.letterbox import Box, stretch

Clean = Callable[[Image.Image], Image.Image]
"""Takes an RGB picture, returns the signature in RGB on white, of the same size."""

PAPERS = ("transparent", "white")
SIZES = ("original", "cropped")
INKS = ("as is", "black", "blue")
MAX_HEIGHT = 7_000  # pixels of a result that is asked for in a height of its own
MAX_SIDE = 7_000  # pixels of its width, as of `cutting.Cut`
MAX_MARGIN = 2.0  # margin around cropped ink, as a share of its longer side


@dataclass(frozen=True)
class Appearance:
    """The paper, size and ink of a result.

    Attributes:
        paper: one of `PAPERS`.
        size: one of `SIZES`.
        ink: one of `INKS`, or `#rrggbb`.
        height: pixels of the result, None for its own.
        margin: around cropped ink, as a share of its longer side; None for the usual one, which
            ends at the picture's edge.
        weight: the change of the strokes' width, as a share of it, see `compositing.weight`.
    """

    paper: str = PAPERS[0]
    size: str = SIZES[0]
    ink: str = INKS[0]
    height: int | None = None
    margin: float | None = None
    weight: float = 0.0

    def weighed(self, clean: Image.Image) -> Image.Image:
        """RGB on white in the weight that was asked for, which the other functions take."""
        return reweight(clean, self.weight)

    def apply(self, clean: Image.Image) -> Image.Image:
        """Turn RGB on white into the picture that was asked for, RGBA or RGB on white."""
        clean = self.on_white(clean)
        return transparent_ink(clean) if self.paper == "transparent" else clean

    def on_white(self, clean: Image.Image) -> Image.Image:
        """The picture that was asked for, but for its paper: RGB on white."""
        if self.size == "cropped":
            clean = cut(clean, self.box(clean))
        if self.height is not None and self.height != clean.height:
            clean = _scaled(clean, self.height)
        return clean if self.ink == "as is" else recolour(clean, self.ink)

    def box(self, clean: Image.Image) -> Box:
        """Left, top, right and bottom of the result in pixels of the clean picture; with a margin
        of its own they may lie outside it.

        Raises TooLargeError if a margin makes more pixels than a picture may have.
        """
        if self.size != "cropped":
            return 0, 0, clean.width, clean.height
        if self.margin is None:
            return ink_box(clean)
        left, top, right, bottom = ink_box(clean, margin=0)
        margin = round(self.margin * max(right - left, bottom - top))
        box = (left - margin, top - margin, right + margin, bottom + margin)
        check_pixels(box)
        return box

    def suffix(self) -> str:
        """The end of a result's name, which says its look: `transparent`, `white-blue-cropped`."""
        ink = "" if self.ink == "as is" else f"-{self.ink.lstrip('#')}"
        size = "-cropped" if self.size == "cropped" else ""
        height = "" if self.height is None else f"-{self.height}px"
        more = "thicker" if self.weight > 0 else "thinner"
        weight = f"-{round(100 * abs(self.weight))}-{more}" if self.weight else ""
        return f"{self.paper}{ink}{size}{height}{weight}"


def read_appearance(value: Any) -> Appearance:
    """Parse the choices that a browser sent. Raises SigcleanError if they make no sense."""
    given = value if isinstance(value, Mapping) else {}
    paper, size, ink = (
        str(given.get(name, known[0]))
        for name, known in (("paper", PAPERS), ("size", SIZES), ("ink", INKS))
    )
    if paper not in PAPERS:
        raise SigcleanError(f"unknown paper {paper!r}: choose {' or '.join(PAPERS)}")
    if size not in SIZES:
        raise SigcleanError(f"unknown size {size!r}: choose {' or '.join(SIZES)}")
    if ink != "as is":
        parse_colour(ink)
    height, margin, weight = (given.get(name) for name in ("height", "margin", "weight"))
    return Appearance(
        paper,
        size,
        ink,
        None if height is None else round(_number("height", height, 1, MAX_HEIGHT)),
        None if margin is None else _number("margin", margin, 0, MAX_MARGIN),
        0.0 if weight is None else _number("weight", weight, LIGHTEST, HEAVIEST),
    )


def cut(image: Image.Image, box: Box) -> Image.Image:
    """Cut a box out of an RGB picture; it is white beyond the picture."""
    if box[0] >= 0 and box[1] >= 0 and box[2] <= image.width and box[3] <= image.height:
        return image.crop(box)
    sheet = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), "white")
    sheet.paste(image, (-box[0], -box[1]))
    sheet.info = dict(image.info)
    return sheet


def _scaled(clean: Image.Image, height: int) -> Image.Image:
    """Resample to a height; the resolution goes along, so that the printed size stays."""
    scale = height / clean.height
    width = max(1, round(clean.width * scale))
    if width > MAX_SIDE:
        raise SigcleanError(f"a height of {height} pixels makes it wider than {MAX_SIDE} pixels")
    scaled = stretch(clean, (width, height))  # no pixel gets darker
    if dpi := known_dpi(clean):
        scaled.info["dpi"] = (dpi[0] * scale, dpi[1] * scale)
    return scaled


def _number(name: str, value: Any, least: float, most: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not least <= number <= most:
        raise SigcleanError(f"the {name} must be a number from {least:g} to {most:g}")
    return number
