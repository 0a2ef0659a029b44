"""The ink of a picture or result: its colour at a place, its share, and whether it is bright."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from sigclean.demo.cleaning import Area
from sigclean.errors import SigcleanError
from sigclean.views.inversion import check_invert
from sigclean.views.view import read_picture

REACH = 4  # pixels around a click in which the ink is looked for
AROUND = 40  # pixels around a click that hold some paper
LEAST_DARK = 0.2  # darkness of what counts as ink where it is clicked
FAINT = 0.0005  # share of a result's pixels below which its ink is next to nothing


def read_invert(asked: Mapping[str, Any]) -> str:
    """Return how bright ink is treated: auto, always or never. Raises SigcleanError for another
    choice."""
    invert = str(asked.get("invert") or "auto")
    check_invert(invert)
    return invert


def page_invert(page: Image.Image, area: Area, invert: str) -> str:
    """Return how bright ink is treated in an area of a page, as `extract` does it: all areas of a
    page of bright ink are inverted, also those that show too little to be sure by themselves. On
    other pages each area decides, since one may be a dark screen or label."""
    if invert != "auto" or area.is_whole:
        return invert
    return "always" if read_picture(page, invert)[1].inverted else invert


def with_dark_ink(noisy: Image.Image, invert: str) -> Image.Image:
    """The picture, inverted if the cleaner would invert it."""
    return ImageChops.invert(noisy) if read_picture(noisy, invert)[1].inverted else noisy


def ink_share(clean: Image.Image) -> float:
    """The share, 0 to 1, of a clean picture's pixels that are not white."""
    counts = clean.convert("L").histogram()
    return 1 - counts[255] / sum(counts)


def warnings_of(share: float, size: tuple[int, int]) -> list[str]:
    """Warn of a result that has next to no ink (see `ink_share`), or few pixels."""
    found = []
    if 0 < share < FAINT:
        found.append("Next to no ink was kept: look at it.")
    if max(size) < 100:
        found.append(f"The longer side has {max(size)} pixels only.")
    return found


def ink_at(noisy: Image.Image, x: float, y: float) -> str:
    """The colour of the darkest pixel near a place, relative to the paper there, as #rrggbb.

    Raises SigcleanError if there is only paper.
    """
    near, around = (
        np.asarray(
            noisy.crop(
                (
                    max(0, round(x) - reach),
                    max(0, round(y) - reach),
                    min(noisy.width, round(x) + reach + 1),
                    min(noisy.height, round(y) + reach + 1),
                )
            )
        ).reshape(-1, 3)
        for reach in (REACH, AROUND)
    )
    paper = np.maximum(np.quantile(around, 0.9, axis=0), 1)
    ink = np.minimum(near[near.astype(int).sum(axis=1).argmin()] / paper, 1)
    if 1 - ink.min() < LEAST_DARK:
        raise SigcleanError("there is no ink at this place: click on a stroke")
    return "#" + "".join(f"{round(float(level) * 255):02x}" for level in ink)
