"""Recognises bright ink on dark paper, such as a signature on a dark screen, and black pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from sigclean.arrays import UInt8, brightest_channel
from sigclean.errors import SigcleanError
from sigclean.letterbox import Letterbox

INVERT = ("auto", "always", "never")
DARK_PAPER = 96  # level of the brightest channel up to which paper is dark
BLACK = 24  # level of the brightest channel up to which no ink can be seen on paper
DUST = 0.03  # share of a black picture that is not even dark, at most
SAMPLES = 64  # samples across and down that tell whether the paper is dark
CONTRAST = 70  # levels by which bright ink is above its paper, at least
EVEN = 24  # levels between the quartiles of the paper, at most
LEAST_INK, MOST_INK = 0.002, 0.3  # share of the picture that is ink
WIDEST = 21  # pixels of the network's square, odd: a bright area that is wider is no stroke
WIDE = 0.02  # share of the bright pixels that may be the middle of such areas
DARKER = 0.25  # share of the paper's level below which ink is dark


def check_invert(invert: str) -> None:
    """Check a choice of inversion. Raises SigcleanError unless it is one of `INVERT`."""
    if invert not in INVERT:
        raise SigcleanError(f"invert is one of {', '.join(INVERT)}, not {invert!r}")


def is_inverted(image: Image.Image) -> bool:
    """Tell whether an RGB picture certainly shows thin bright strokes on even, dark paper."""
    if not is_dark(image):
        return False
    levels = _brightest(Letterbox().shrink(image)[0])
    low, paper, high = np.quantile(levels, (0.25, 0.5, 0.75))
    bright = levels > paper + CONTRAST
    share = float(bright.mean())
    if paper > DARK_PAPER or high - low > EVEN or not LEAST_INK < share < MOST_INK:
        return False
    middle = Image.fromarray(bright).convert("L").filter(ImageFilter.MinFilter(WIDEST))
    wide = np.asarray(middle).astype(bool).mean() > WIDE * share
    limit = min(DARKER * paper, paper - EVEN)
    dark = float((levels < limit).mean())  # the ink of a picture that is merely too dark
    return not wide and dark < share


def is_dark(image: Image.Image) -> bool:
    """Tell whether most of an RGB picture is dark."""
    return bool(np.median(_samples(image)) <= DARK_PAPER)


def is_black(image: Image.Image) -> bool:
    """Tell whether an RGB picture is black, up to dust and noise: it shows no ink."""
    levels = _samples(image)
    return bool(np.median(levels) <= BLACK and (levels > DARK_PAPER).mean() <= DUST)


def _samples(image: Image.Image) -> UInt8:
    """The brightest channel of some pixels."""
    size = (min(image.width, SAMPLES), min(image.height, SAMPLES))
    return _brightest(image.resize(size, Image.Resampling.NEAREST))


def _brightest(image: Image.Image) -> UInt8:
    return brightest_channel(np.asarray(image))
