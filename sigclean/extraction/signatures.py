"""Signatures of documents: where they are, and what they look like when they are clean."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from PIL import Image

from sigclean.compositing.results import LITTLE_INK, ink_share
from sigclean.documents.page import Page
from sigclean.letterbox import Box
from sigclean.regions import KeepMaps, suggest_regions, upright
from sigclean.views.view import read_picture

Clean = Callable[..., Image.Image]  # takes a picture, and `invert`


@dataclass(frozen=True)
class Signature:
    """A signature of a document.

    Attributes:
        page: the page that it is on, 1 for the first.
        number: its place among those of the page, 1 for the one that is most likely a signature.
        box: left, top, right and bottom on the page in pixels, with a margin.
        points: the same on a PDF's page in points, as PDF counts them: left, bottom, right and top,
            from the page's lower left corner; None for other documents.
        score: from 0 to 1, how likely it is a signature.
        inverted: the page had bright ink on dark paper, and `image` is the inverse of that.
        image: the part of the page in the box, turned so that it can be read; clean, if `extract`
            has made it.
        turned: degrees, counter-clockwise, by which `image` is turned against the page: 0, or 90 or
            270 if the page lies on its side.
    """

    page: int
    number: int
    box: Box
    points: tuple[float, float, float, float] | None
    score: float
    inverted: bool
    image: Image.Image
    turned: int = 0


def clean_signatures(
    page: Page, finder: KeepMaps, clean: Clean, invert: str
) -> Iterator[tuple[Signature, Image.Image, float]]:
    """Find and clean the signatures of a page. What has next to no ink when it is clean was print,
    and no signature.

    Args:
        clean: cleans a picture on white.
        invert: whether bright ink is inverted, see `SignatureCleaner.__call__`.

    Yields:
        Each signature as it is on the page, its clean picture, and the milliseconds of cleaning it.

    Raises ImageError if the page is broken.
    """
    number = 0
    for found in find_signatures(page, finder, invert):
        begun = time.perf_counter()
        result = clean(found.image, invert="never" if found.inverted else invert)
        milliseconds = 1000 * (time.perf_counter() - begun)
        if found.inverted:
            result.info["inverted"] = True
        if ink_share(result) >= LITTLE_INK:
            number += 1
            yield replace(found, number=number), result, milliseconds


def find_signatures(page: Page, finder: KeepMaps, invert: str = "auto") -> Iterator[Signature]:
    """Yield the signatures of a page as they are, the likeliest first.

    Args:
        invert: whether bright ink is inverted, see `SignatureCleaner.__call__`.

    Raises ImageError if the page is broken.
    """
    picture, reading = read_picture(page.image, invert)
    left, top = reading.box[:2]
    for number, one in enumerate(suggest_regions(picture, finder), 1):
        box = (one.left + left, one.top + top, one.right + left, one.bottom + top)
        cut, points = upright(picture, one), _points(box, page)
        yield Signature(
            page.number, number, box, points, one.score, reading.inverted, cut, one.turned
        )


def _points(box: Box, page: Page) -> tuple[float, float, float, float] | None:
    if page.points is None:
        return None
    across, down = page.points[0] / page.image.width, page.points[1] / page.image.height
    left, top, right, bottom = box
    sides = (left * across, page.points[1] - bottom * down, right * across)
    return (*sides, page.points[1] - top * down)
