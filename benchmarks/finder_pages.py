"""Pages to train the finder's network on: those of `signed_pages`, with more variety and noise.

All are made at the size that the network sees. What a scanner or a camera adds is left to
`finder_batches`, except for what JPEG does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from finder_sources import Real
from page_captures import photographed
from page_ink import add_answers, make_signature, place_ink, sign, sized, written_word
from page_pictures import add_pictures, strike
from page_sheets import (
    INK,
    Box,
    Rng,
    Sheet,
    Sources,
    find_room,
    pick_file,
)
from PIL import Image
from signed_pages import KINDS

from sigclean.drawn.pens import pick_pen
from sigclean.finding.sheet import MAP

MOST = 24  # objects of a page that are learned from
OFTEN = {
    "plain": 2.0, "initials": 1.0, "small": 1.6, "touching": 1.6, "stamp": 1.8, "beside": 1.0,
    "cheque": 1.0, "card": 0.8, "angle": 1.3, "form": 1.6, "crop": 0.8, "unsigned": 2.0,
    "blank": 1.0, "real": 0.7,
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A page to learn from.

    Attributes:
        picture: HxWx3, its longest side is `MAP`.
        ink: HxW, 255 where a signature's ink is.
        boxes: Nx4, left, top, right and bottom in pixels.
        classes: N: 0 for a signature, 1 for an answer, 2 for a stamp.
    """

    picture: np.ndarray
    ink: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray


def make_example(rng: Rng, sources: Sources, real: Real) -> Example:
    """Make a page of any kind."""
    names = [name for name in OFTEN if name != "real" or real.noisy]
    shares = np.array([OFTEN[name] for name in names])
    kind = str(rng.choice(names, p=shares / shares.sum()))
    if kind == "real":
        sheet = _real(rng, sources, real)
    elif kind == "blank":
        sheet = _blank(rng, sources)
    else:
        sheet = KINDS[kind](rng, sources)
    if kind not in ("crop", "real"):
        _add_more(rng, sheet, sources)
    example = _example(sheet)
    if kind not in ("crop", "real", "cheque") and rng.random() < 0.3:
        example = _part(rng, example)
    if kind not in ("crop", "real") and rng.random() < (1.0 if kind == "angle" else 0.08):
        example = _in_perspective(rng, example)
    return _compressed(rng, _shrunk(example))


def _add_more(rng: Rng, sheet: Sheet, sources: Sources) -> None:
    """Add at times what the page's kind does not have."""
    if rng.random() < 0.15:
        add_answers(rng, sheet, sources, int(rng.integers(1, 7)))
    if rng.random() < 0.12:
        strike(rng, sheet, sources, None)
    if rng.random() < 0.1:
        _add_notes(rng, sheet, sources)
    if rng.random() < 0.08:
        sign(rng, sheet, sources, rng.uniform(0.5, 2.6))


def _add_notes(rng: Rng, sheet: Sheet, sources: Sources) -> None:
    """One to four lines of handwriting by one hand: a note, a date, a paragraph of a letter."""
    inch, pen, own = sheet.inch, pick_pen(rng), bool(sources.words) and rng.random() < 0.4
    tall, count = round(rng.uniform(0.15, 0.4) * inch), int(rng.integers(1, 5))
    lines = []
    for _ in range(count):
        words = [
            written_word(rng, sources, own, False, pen) for _ in range(int(rng.integers(1, 5)))
        ]
        scales = [tall / max(word.height, 3) * rng.uniform(0.7, 1.1) for word in words]
        lines.append(
            [
                word.resize((max(round(word.width * scale), 2), max(round(word.height * scale), 2)))
                for word, scale in zip(words, scales, strict=True)
            ]
        )
    gap, pitch = round(0.3 * tall), round(tall * rng.uniform(1.2, 1.9))
    wide = max(sum(word.width + gap for word in line) for line in lines)
    if wide > 0.8 * sheet.picture.width:
        return
    left, top = find_room(rng, sheet, (wide, pitch * count), 0.06)
    for number, line in enumerate(lines):
        x, y = left, top + number * pitch
        for word in line:
            sheet.put(word, x, y + tall - min(word.height, tall), signature=False)
            x += word.width + gap
        sheet.answers.append((left, y, x - gap, y + tall))


def _blank(rng: Rng, sources: Sources) -> Sheet:
    """A signature, answers, or both, on blank or ruled paper."""
    files = [*sources.papers, *sources.cheques]
    longest = int(rng.choice(list(sources.sides), p=list(sources.sides.values())))
    if files and rng.random() < 0.8:
        picture = sources.read(pick_file(rng, files))
        scale = longest / max(picture.size)
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    else:
        size = longest, round(longest * rng.uniform(0.4, 1.0))
        picture = Image.new("RGB", size if rng.random() < 0.5 else size[::-1], "white")
    sheet = Sheet(picture, longest / rng.uniform(3, 11))
    if rng.random() < 0.2:
        add_pictures(rng, sheet, sources)
    for _ in range(int(rng.choice([0, 1, 1, 2, 3]))):
        ink = sized(make_signature(rng, sources), rng.uniform(0.6, 3), 1.4, sheet.inch)
        place_ink(rng, sheet, ink)
    return sheet


def _real(rng: Rng, sources: Sources, real: Real) -> Sheet:
    """A real picture of one signature: the group with most of the ink, others are remains."""
    number = int(rng.integers(len(real.noisy)))
    picture, truth = (sources.read(files[number]) for files in (real.noisy, real.truths))
    sheet = Sheet(picture.copy(), max(picture.size) / 3)
    dark = 255 - np.asarray(truth.convert("L").resize(picture.size))
    reach = max(round(0.04 * max(picture.size)), 3)
    joined = cv2.dilate((dark >= INK).astype(np.uint8), np.ones((reach, reach), np.uint8))
    count, labels = cv2.connectedComponents(joined)
    if count > 1:
        amounts = np.bincount(labels[dark >= INK], minlength=count)
        amounts[0] = 0
        dark = np.where(labels == amounts.argmax(), dark, np.uint8(0))
    sheet.signatures.append(Image.fromarray(dark))
    return sheet


def _example(sheet: Sheet) -> Example:
    picture = np.asarray(sheet.picture)
    ink = np.zeros(picture.shape[:2], np.uint8)
    boxes: list[Box] = []
    classes: list[int] = []
    for truth in sheet.signatures:
        mask = np.asarray(truth) >= INK
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(rows):
            boxes.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
            classes.append(0)
            ink[mask] = min(len(boxes), 250)
    for number, others in enumerate((sheet.answers, sheet.stamps), start=1):
        boxes += others
        classes += [number] * len(others)
    return Example(
        picture, ink, np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64)
    )


def _part(rng: Rng, one: Example) -> Example:
    """A part of a page, so that what is on it looks larger; signatures are in it or outside."""
    height, width = one.ink.shape
    share = rng.uniform(0.35, 0.95, 2)
    size = np.round(share * (width, height)).astype(int)
    corner = rng.uniform(0, 1, 2) * ((width, height) - size)
    if len(one.boxes) and rng.random() < 0.8:  # round one of its objects
        box = one.boxes[int(rng.integers(len(one.boxes)))]
        low, high = np.maximum(box[2:] - size, 0), np.minimum(box[:2], (width, height) - size)
        if (low <= high).all():
            corner = rng.uniform(low, high)
    left, top = (int(value) for value in corner)
    right, bottom = left + int(size[0]), top + int(size[1])
    window = np.array([left, top, right, bottom], np.float32)
    clipped = np.concatenate(
        [np.maximum(one.boxes[:, :2], window[:2]), np.minimum(one.boxes[:, 2:], window[2:])], axis=1
    )
    sides, old = clipped[:, 2:] - clipped[:, :2], one.boxes[:, 2:] - one.boxes[:, :2]
    visible = np.maximum(sides, 0).prod(axis=1) / np.maximum(old.prod(axis=1), 1)
    kept = visible > 0.6
    numbers = np.zeros(256, np.uint8)
    own = np.flatnonzero(kept & (one.classes == 0))
    numbers[own + 1] = np.arange(1, len(own) + 1)
    ink = numbers[one.ink[top:bottom, left:right]]
    return Example(
        one.picture[top:bottom, left:right],
        ink,
        clipped[kept] - [left, top, left, top],
        one.classes[kept],
    )


def _in_perspective(rng: Rng, one: Example) -> Example:
    """The page on a desk, seen by a camera; boxes are found again from the ink of each."""
    sheet = Sheet(Image.fromarray(one.picture), 1.0)
    for name, number in (("answers", 1), ("stamps", 2)):
        boxes = one.boxes[one.classes == number].astype(int).tolist()
        setattr(sheet, name, [tuple(box) for box in boxes])
    numbers = np.flatnonzero(one.classes == 0)
    for number in numbers:
        own = one.ink == number + 1
        sheet.signatures.append(Image.fromarray(np.where(own, np.uint8(255), np.uint8(0))))
    return _example(photographed(rng, sheet))


def _shrunk(one: Example) -> Example:
    """The page at the size that the network sees."""
    height, width = one.ink.shape
    scale = MAP / max(height, width)
    size = max(round(width * scale), 8), max(round(height * scale), 8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(one.picture, size, interpolation=how)
    ink = (one.ink > 0).astype(np.uint8) * np.uint8(255)
    ink = cv2.resize(ink, size, interpolation=how)
    return Example(picture, ink, one.boxes * np.float32(scale), one.classes)


def _compressed(rng: Rng, one: Example) -> Example:
    """What JPEG leaves of it, and low resolution."""
    picture = one.picture
    height, width = picture.shape[:2]
    if rng.random() < 0.3:
        scale = rng.uniform(0.3, 0.9)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 92))]
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
    return replace(one, picture=picture)
