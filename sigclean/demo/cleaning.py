"""The part of a page to clean, and folders for files; without Gradio."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from sigclean.errors import SigcleanError
from sigclean.regions import crop_region, quarter_turned

WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Area:
    """The part of a page to clean: a box, in fractions of the turned page's sides."""

    turns: int = 0  # clockwise quarter turns of the page, applied first
    box: tuple[float, float, float, float] = WHOLE  # left, top, right, bottom
    angle: float = 0.0  # clockwise degrees by which the box is turned about its centre

    @property
    def is_whole(self) -> bool:
        """True for the whole page."""
        return self.box == WHOLE and self.angle == 0

    def turned(self, page: Image.Image) -> Image.Image:
        """Turn a page by the quarter turns."""
        return quarter_turned(page, -self.turns)

    def cut(self, page: Image.Image) -> Image.Image:
        """Cut the area out of a page, upright and at the page's own resolution."""
        page = self.turned(page)
        return page if self.is_whole else crop_region(page, self.box, self.angle)


def read_area(value: Any) -> Area:
    """Parse the region that a browser sent, which may be anything.

    Raises SigcleanError if it is not a region on the page.
    """
    if not value:
        return Area()
    try:
        if not isinstance(value, Mapping):
            raise TypeError
        turns = int(value["turns"]) % 4
        left, top, right, bottom = (float(side) for side in value["box"])
        angle = float(value["angle"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise SigcleanError("the region cannot be read: draw it again") from None
    inside = 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    if not inside or not math.isfinite(angle):
        raise SigcleanError("the region is not on the page: draw it again")
    return Area(turns, (left, top, right, bottom), angle)


def new_folder(cache: Path) -> Path:
    """Make a folder with a name that cannot be guessed in the cache, which is swept."""
    folder = cache / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder
