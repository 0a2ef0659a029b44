"""The kinds of documents that `adapting.py` teaches: drawn here, by other means than the noise of
training, with signatures of the project's own writer or real ones.

Each is hard for the packaged model and readable for a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Layer = npt.NDArray[np.float32]
"""HxWx3 in [0, 1]."""
Rng = np.random.Generator
Pair = tuple[Image.Image, Image.Image]
"""A noisy picture and its truth, RGB of one size."""

WIDTHS, HEIGHTS = (520, 720), (200, 320)  # pixels of a picture
PENS = ((25, 35, 110), (30, 30, 36), (50, 60, 150), (60, 60, 66))  # RGB
SQUARE = np.ones((3, 3), np.uint8)
HAIRLINE = 0.12  # share of a stroke's darkness that a rim of a pixel leaves of thin ones
WORDS = "authorised signature of drawer date account payee only branch code amount void not valid"


def make(kind: str, rng: Rng, clean: Image.Image) -> Pair:
    """Put a signature on a document of one of the `KINDS`; `rng` decides everything else."""
    height, width = (int(rng.integers(*sides)) for sides in (HEIGHTS, WIDTHS))
    ink = _signature(rng, clean, height, width)
    return KINDS[kind](rng, ink)


def guilloche(rng: Rng, ink: Layer) -> Pair:
    """A cheque under waves and rosettes whose lines are as wide and nearly as dark as a pen's."""
    page = np.ones_like(ink)
    for _ in range(2):
        page *= _printed(_waves(rng, *ink.shape[:2]), _colour(rng, 0.28, 0.55))
    for _ in range(int(rng.integers(1, 3))):
        page *= _printed(_rosette(rng, *ink.shape[:2]), _colour(rng, 0.28, 0.55))
    page *= _printed(_captions(rng, *ink.shape[:2], 2), _colour(rng, 0.1, 0.4))
    return _scanned(rng, ink * page), _picture(ink)


def box_grid(rng: Rng, ink: Layer) -> Pair:
    """A form in colour, full of small boxes with letters, ticks and crosses in them."""
    height, width = ink.shape[:2]
    paper, frame = _colour(rng, 0.8, 0.95), _colour(rng, 0.22, 0.5)
    page, thick = np.ones_like(ink) * paper, int(rng.integers(1, 4))
    side, gap = int(rng.integers(20, 36)), int(rng.integers(4, 18))
    print_, top = np.zeros((height, width), np.uint8), int(rng.integers(-side, side))
    while top < height:
        left = int(rng.integers(-side, side))
        while left < width:
            corners = (left, top), (left + side, top + side)
            cv2.rectangle(page, *corners, (0.99, 0.99, 0.99), -1)
            cv2.rectangle(print_, *corners, 255, thick)
            _fill_box(rng, print_, left, top, side, thick)
            left += side + (int(rng.integers(side)) if rng.random() < 0.1 else 0)
        top += side + gap
    page *= _printed(print_ / np.float32(255), frame)
    return _scanned(rng, ink * page), _picture(ink)


def photocopy(rng: Rng, ink: Layer) -> Pair:
    """A copy of a copy: no grey, dots of toner, dark and light streaks of the drum, faint strokes.

    The truth is the signature in grey, as it was before it was copied.
    """
    height, width = ink.shape[:2]
    grey = np.repeat(ink.mean(axis=2, keepdims=True), 3, axis=2)
    page = grey * _printed(_captions(rng, height, width, 6), np.full(3, 0.1, np.float32))
    level = page[..., 0]
    for _ in range(int(rng.integers(8, 18))):
        level = level - rng.uniform(0.45, 0.9) * _streak(rng, height, width, rng.uniform(1, 4))
    for _ in range(int(rng.integers(1, 4))):
        faded = _streak(rng, height, width, rng.uniform(4, 12))
        level = level + rng.uniform(0.2, 0.5) * (1 - level) * faded
    toner = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), rng.uniform(0.7, 1.3))
    level = cv2.GaussianBlur(level, (0, 0), 0.8) + toner / toner.std() * rng.uniform(0.1, 0.16)
    copied = np.clip((level - rng.uniform(0.5, 0.65)) * rng.uniform(5, 9) + 0.5, 0, 1)
    return _picture(np.repeat(copied[..., None], 3, axis=2)), _picture(grey)


KINDS: Mapping[str, Callable[[Rng, Layer], Pair]] = {
    "guilloche": guilloche,
    "box grid": box_grid,
    "photocopy": photocopy,
}


def _signature(rng: Rng, clean: Image.Image, height: int, width: int) -> Layer:
    """The signature somewhere on a white page, in the ink of a common pen."""
    cover = 1 - np.asarray(clean.convert("RGB"), np.float32).min(axis=2) / 255
    rows, columns = np.flatnonzero(cover.max(1) > 0.1), np.flatnonzero(cover.max(0) > 0.1)
    cover = cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(width / cover.shape[1], height / cover.shape[0]) * rng.uniform(0.5, 0.85)
    size = max(int(cover.shape[1] * scale), 8), max(int(cover.shape[0] * scale), 8)
    cover = cv2.resize(cover, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    cover = np.clip(cover / max(float(np.percentile(cover[cover > 0.1], 80)), 0.2), 0, 1)
    if cv2.erode(cover, SQUARE).sum() < HAIRLINE * cover.sum():
        cover = cv2.dilate(cover, SQUARE[:2, :2])  # a person must be able to follow it
    top, left = (int(rng.integers(0, whole - part + 1))
                 for whole, part in zip((height, width), cover.shape, strict=True))  # fmt: skip
    page = np.ones((height, width, 3), np.float32)
    pen = np.asarray(PENS[int(rng.integers(len(PENS)))], np.float32) / 255
    page[top : top + cover.shape[0], left : left + cover.shape[1]] = _printed(cover, pen)
    return page


def _printed(cover: Layer, colour: npt.NDArray[np.float32]) -> Layer:
    """What `cover` (HxW in [0, 1]) of an ink lets through: HxWx3."""
    return (1 - cover[..., None] * (1 - colour)).astype(np.float32)


def _colour(rng: Rng, darkest: float, lightest: float) -> npt.NDArray[np.float32]:
    """A muted colour of some brightness: RGB in [0, 1]."""
    bright = rng.uniform(darkest, lightest)
    return np.clip(bright + rng.uniform(-0.14, 0.14, 3), 0, 1).astype(np.float32)


def _waves(rng: Rng, height: int, width: int) -> Layer:
    """Coverage of parallel lines that wave and swell: HxW."""
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    pitch, slant = rng.uniform(10, 20), rng.uniform(-0.25, 0.25)
    bend = sum(
        rng.uniform(0.3, 1.5) * pitch * np.sin(2 * np.pi * x / period + rng.uniform(0, 6.3))
        * np.cos(y / rng.uniform(40, 160) + rng.uniform(0, 6.3))
        for period in rng.uniform(50, 260, 3)
    )  # fmt: skip
    return _lines((y + slant * x + bend) / pitch, pitch, rng.uniform(1.3, 2.6))


def _rosette(rng: Rng, height: int, width: int) -> Layer:
    """Coverage of a ring of petals about a point of the page: HxW."""
    x = np.arange(width, dtype=np.float32) - rng.uniform(0.1, 0.9) * width
    y = np.arange(height, dtype=np.float32)[:, None] - rng.uniform(0.1, 0.9) * height
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    size, pitch = rng.uniform(0.3, 0.7) * height, rng.uniform(8, 15)
    petals = 1 + rng.uniform(0.1, 0.35) * np.cos(int(rng.integers(5, 14)) * angle)
    cover = _lines(radius / petals / pitch, pitch, rng.uniform(1.2, 2.4))
    return cover * (radius / petals < size)


def _lines(phase: npt.NDArray[np.floating], pitch: float, width: float) -> Layer:
    """Anti-aliased lines where `phase` is whole, of about this width in pixels."""
    rows, columns = np.gradient(phase)
    slope = np.clip(np.hypot(rows, columns), 0.25 / pitch, None)  # phases a pixel
    distance = np.abs((phase + 0.5) % 1 - 0.5) / slope
    return np.clip(width / 2 - distance + 0.5, 0, 1).astype(np.float32)


def _streak(rng: Rng, height: int, width: int, thick: float) -> Layer:
    """Coverage of an upright streak that wavers and is broken here and there: HxW."""
    steps = np.cumsum(rng.normal(0, 0.35, height)) + np.arange(height) * rng.normal(0, 0.15)
    middle = (rng.uniform(0, width) + steps)[:, None]
    cover = np.clip(thick / 2 + 0.5 - np.abs(np.arange(width) - middle), 0, 1)
    there = np.repeat(rng.random(height // 12 + 1) < 0.8, 12)[:height, None]
    return (cover * there * rng.uniform(0.6, 1, cover.shape)).astype(np.float32)


def _captions(rng: Rng, height: int, width: int, count: int) -> Layer:
    """Coverage of lines of small print and a rule: HxW."""
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    words = WORDS.split()
    for _ in range(count):
        font = ImageFont.load_default(int(rng.integers(11, 22)))
        text = " ".join(words[int(i)] for i in rng.integers(len(words), size=5))
        spot = int(rng.integers(-30, width // 2)), int(rng.integers(0, height - 10))
        draw.text(spot, text.upper() if rng.random() < 0.5 else text.capitalize(), 255, font)
    rule = int(height * rng.uniform(0.6, 0.9))
    draw.line((0, rule, width, rule), 255, int(rng.integers(1, 3)))
    return np.asarray(canvas, np.float32) / 255


def _fill_box(rng: Rng, print_: npt.NDArray[np.uint8], left: int, top: int, side: int,
              thick: int) -> None:  # fmt: skip
    """Print a letter, a cross, a tick, a circle or nothing into a box, in place."""
    near, far, kind = 4, side - 4, rng.random()
    if kind < 0.25:
        letter = "0123456789ABCDEFGHX"[int(rng.integers(19))]
        at = (left + near, top + far)
        cv2.putText(print_, letter, at, int(rng.integers(0, 5)), side / 36, 255, 1, cv2.LINE_AA)
    elif kind < 0.4:
        for ends in (((near, near), (far, far)), ((far, near), (near, far))):
            start, stop = ((left + x, top + y) for x, y in ends)
            cv2.line(print_, start, stop, 255, thick, cv2.LINE_AA)
    elif kind < 0.5:
        tick = np.array([(near, side // 2), (side // 2, far), (far, near)], np.int32)
        cv2.polylines(
            print_, [tick + np.array([left, top], np.int32)], False, 255, thick, cv2.LINE_AA
        )
    elif kind < 0.6:
        middle = left + side // 2, top + side // 2
        cv2.circle(print_, middle, max(side // 2 - 4, 2), 255, thick, cv2.LINE_AA)


def _scanned(rng: Rng, page: Layer) -> Image.Image:
    """The page a little soft, with a sensor's noise."""
    soft = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.4, 0.7))
    return _picture(soft + rng.normal(0, 0.015, soft.shape))


def _picture(page: npt.NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(page, 0, 1) * 255).astype(np.uint8))
