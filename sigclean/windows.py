"""Whole pages: a keep map in overlapping windows at the scale the network was trained at, no seams.

The network knows signatures that fill a picture whose longest side became 512 pixels. On a page
shrunk to that a signature would be as small as print.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil, pi

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.arrays import Float
from sigclean.errors import SigcleanError
from sigclean.letterbox import SIZE, resize

OVERLAP = 0.5  # the least share of a window that the next one sees again
AT_ONCE = 8  # windows that go through the network together
NARROWEST = 256  # pixels of the narrowest window: a narrower one would be enlarged too much
WINDOW_MM = 75  # mm: wide enough for most signatures, and narrow enough to show them large
MM_PER_INCH = 25.4
FORMATS_MM = (  # sheets in mm: A5, B5, letter, A4, a scanner's bed, legal, tabloid, A3
    (148, 210), (176, 250), (216, 279), (210, 297), (216, 297), (216, 356), (279, 432), (297, 420),
)  # fmt: skip
FORMAT_SLACK = 0.05  # the share by which the sides of a scan may differ from those of its sheet
LEAST_DPI = 90  # dots per inch: files that say less, such as 72, were never measured

PDF_PAGE_MM = 180  # mm of the longest side, at least, of what is a page if a PDF says so
LARGEST_MM = {"scan": 450, "drawn": 1250}
"""mm of that side at most: a scan's size may be made up by the tool that wrote the PDF; a drawn
poster has the size that it says, up to A0."""

# The guess that a picture without a resolution is a page:
PAGE_PIXELS = 1600  # pixels of the longest side, at least: A4 at 140 dots per inch
PAGE_ASPECTS = (1.2, 1.8)  # height over width, least and most
PAGE_MM = 290  # mm of the height, between letter and A4

Window = int | str | None  # pixels of the picture, "auto", or None for the whole picture


def choose_window(image: Image.Image, window: Window) -> int | None:
    """Choose the side of the windows in pixels; None cleans the whole picture at once.

    Args:
        image: any picture, with its resolution in `info["dpi"]` if that is known.
        window: the side asked for; "auto" for windows on pages alone, see `page_window`; or None.

    Raises:
        SigcleanError: `window` is none of these.
    """
    check_window(window)
    chosen = page_window(image) if isinstance(window, str) else window
    return chosen if chosen is not None and chosen < max(image.size) else None


def check_window(window: Window) -> None:
    """Check a choice of windows. Raises SigcleanError unless it is "auto", None, or a whole number
    of at least `NARROWEST` pixels."""
    whole = isinstance(window, int) and not isinstance(window, bool)
    if not (window is None or window == "auto" or (whole and int(window) >= NARROWEST)):
        raise SigcleanError(f"a window is auto, or {NARROWEST} pixels or more, not {window!r}")


def page_window(image: Image.Image) -> int | None:
    """Return `WINDOW_MM` in pixels if the picture is a page; None if it is not, or may not be.

    A page has the size of a usual sheet at the file's own resolution; a PDF's page, which
    `info["page"]` marks, that of any sheet or poster, however wide. If the file has no usable
    resolution, a large upright picture with a page's proportions counts as one.
    """
    longest, dpi = max(image.size), _dpi(image)
    if dpi is not None:  # a fax has twice as many dots across as down
        inches = sorted((image.width / dpi[0], image.height / dpi[1]))
        if _is_format(*inches) or _is_pdf_page(image, inches[1]):
            return max(NARROWEST, round(sum(dpi) / 2 * WINDOW_MM / MM_PER_INCH))
    upright = PAGE_ASPECTS[0] <= image.height / image.width <= PAGE_ASPECTS[1]
    if dpi is None and upright and longest >= PAGE_PIXELS:
        return round(longest * WINDOW_MM / PAGE_MM)
    return None


def keep_map(
    page: Image.Image,
    keep: Callable[[list[Image.Image]], Sequence[Image.Image]],
    window: int,
    size: int = SIZE,
    overlap: float = OVERLAP,
) -> Image.Image:
    """Blend the keep maps of overlapping windows into that of the page, where `window` pixels of
    the page are `size` pixels of the map.

    Windows are read and blended row by row, so that memory does not grow with their number.

    Args:
        page: an RGB picture.
        keep: makes the keep maps of at most `AT_ONCE` RGB pictures of at most `size` x `size`: one
            L picture of the same size for each.
        window: the side of a window in pixels of the page.
        overlap: the least share of a window that its neighbours see, too, in [0, 1).

    Returns:
        An L picture of `scaled_size(page.size, window, size)`, 255 where ink is kept.
    """
    width, height = scaled_size(page.size, window, size)
    lefts, tops = window_starts(width, size, overlap), window_starts(height, size, overlap)
    across, down = blend_weights(width, lefts, size), blend_weights(height, tops, size)
    result = Image.new("L", (width, height))
    pending = np.zeros((min(size, height), width), np.float32)  # rows that more windows will cover
    for top, until, weight in zip(tops, [*tops[1:], height], down, strict=True):
        band = resize(page, (width, height), (0, top, width, top + len(pending)))
        for left, shares, kept in _kept(band, lefts, across, keep, size):
            pending[:, left : left + len(shares)] += kept * (weight[:, None] * shares)
        done = until - top
        result.paste(Image.fromarray(np.rint(pending[:done]).astype(np.uint8)), (0, top))
        pending = np.concatenate([pending[done:], np.zeros_like(pending[:done])])
    return result


def scaled_size(page: tuple[int, int], window: int, size: int = SIZE) -> tuple[int, int]:
    """Scale width and height of a page so that `window` of its pixels become `size`."""
    width, height = (max(1, round(side * size / window)) for side in page)
    return width, height


def window_starts(length: int, size: int, overlap: float) -> list[int]:
    """Spread windows evenly along an axis and return where they start; the last one ends at
    `length`, or is cut there."""
    if length <= size:
        return [0]
    count = 1 + ceil((length - size) / max(1, int(size * (1 - overlap))))
    return [round(place * (length - size) / (count - 1)) for place in range(count)]


def blend_weights(length: int, starts: Sequence[int], size: int) -> list[Float]:
    """Weigh each window along one axis by a raised cosine; the weights sum to one everywhere.

    The first and the last window count fully up to the page's border.
    """
    size = min(size, length)
    bump = np.sin(pi * (np.arange(size) + 0.5) / size) ** 2
    total = np.zeros(length)
    for start in starts:
        total[start : start + size] += bump
    return [(bump / total[start : start + size]).astype(np.float32) for start in starts]


def _kept(
    band: Image.Image,
    lefts: Sequence[int],
    weights: Sequence[Float],
    keep: Callable[[list[Image.Image]], Sequence[Image.Image]],
    size: int,
) -> Iterator[tuple[int, Float, npt.NDArray[np.uint8]]]:
    """Yield for each window of a row its left side, its weights across, and its keep map."""
    width = min(size, band.width)
    for first in range(0, len(lefts), AT_ONCE):
        some = lefts[first : first + AT_ONCE]
        kept = keep([band.crop((left, 0, left + width, band.height)) for left in some])
        for left, shares, one in zip(some, weights[first : first + AT_ONCE], kept, strict=True):
            yield left, shares, np.asarray(one)


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """The picture's dots per inch across and down; None without plausible ones."""
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    plausible = min(across, down) >= LEAST_DPI and max(across, down) < 1e4
    return (across, down) if plausible else None


def _is_pdf_page(image: Image.Image, longest: float) -> bool:
    """Tell whether a picture is a PDF's page of the size of a sheet; its longest side in inches."""
    most = LARGEST_MM.get(image.info.get("page", ""), 0)
    return PDF_PAGE_MM <= longest * MM_PER_INCH <= most


def _is_format(shortest: float, longest: float) -> bool:
    """Tell whether sides in inches are those of a usual sheet."""
    return any(
        abs(shortest * MM_PER_INCH / narrow - 1) < FORMAT_SLACK
        and abs(longest * MM_PER_INCH / long - 1) < FORMAT_SLACK
        for narrow, long in FORMATS_MM
    )
