"""The pages of print that `signed_pages` signs, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from sigclean.images import find_images, read_image
from sigclean.noise import wording
from sigclean.noise.lettering import system_fonts
from sigclean.noise.page import Material, Page
from sigclean.noise.typesetting import choose_setting, print_block

Box = tuple[int, int, int, int]
Rng = np.random.Generator

INCHES = 11.0  # the longest side of a page
SIDES = {1650: 0.45, 2200: 0.4, 3300: 0.15}  # pixels of it (150 to 300 dots per inch), and shares
INK = 60  # darkness from which a pixel of a signature is ink
CONTRAST, SEEN = 20, 0.4  # darker than what is about it: levels, and share of the ink, at least
DARKEST = 110  # mean darkness of a place: on darker ones nobody would see what is written


@dataclass(frozen=True)
class Sources:
    """Files that pages are made of; what a list lacks is drawn.

    Attributes:
        fonts: files of fonts; the system's without any.
        scanned: share of the pages that are one of `documents`, if there are any.
        sides: pixels of a page's longest side, and the share of the pages that have it.
        read: reads a picture of these files, RGB.
    """

    documents: Sequence[Path] = ()
    clean: Sequence[Path] = ()
    words: Sequence[Path] = ()
    stamps: Sequence[Path] = ()
    papers: Sequence[Path] = ()
    cheques: Sequence[Path] = ()
    fonts: Sequence[Path] = ()
    scanned: float = 0.85
    sides: Mapping[int, float] = field(default_factory=lambda: SIDES)
    read: Callable[[Path], Image.Image] = read_image


@dataclass
class Sheet:
    """A page in the making.

    Attributes:
        picture: RGB.
        inch: pixels of an inch.
        signatures: an L picture of the page's size for each signature: the darkness of its ink.
        answers, stamps: boxes of other handwriting and of stamps.
        taken: boxes that nothing else may cover.
    """

    picture: Image.Image
    inch: float
    signatures: list[Image.Image] = field(default_factory=list)
    answers: list[Box] = field(default_factory=list)
    stamps: list[Box] = field(default_factory=list)
    taken: list[Box] = field(default_factory=list)

    def put(self, ink: Image.Image, left: int, top: int, signature: bool) -> None:
        """Write ink, RGB on white, onto the page."""
        box = left, top, left + ink.width, top + ink.height
        below = self.picture.crop(box)
        self.picture.paste(ImageChops.multiply(below, ink), (left, top))
        self.taken.append(box)
        if signature:
            dark = ImageChops.invert(darkest_of(ink))
            truth = Image.new("L", self.picture.size)
            truth.paste(dark, (left, top))
            self.signatures.append(truth)


def find_sources(
    documents: Path | None = None,
    clean: Sequence[Path] = (),
    words: Sequence[Path] = (),
    stamps: Path | None = None,
    papers: Path | None = None,
    cheques: Path | None = None,
) -> Sources:
    """List the pictures of the folders given, and of the folders in them."""

    def listed(*folders: Path | None) -> list[Path]:
        return [path for folder in folders if folder for path in _pictures(folder)]

    return Sources(
        listed(documents), listed(*clean), listed(*words), listed(stamps), listed(papers),
        listed(cheques),
    )  # fmt: skip


def _pictures(folder: Path) -> list[Path]:
    """The pictures of a folder, and of its folders."""
    return sorted(
        path
        for one in [folder, *(sub for sub in sorted(folder.rglob("*")) if sub.is_dir())]
        for path in find_images(one)
    )


def ink_box(truth: Image.Image) -> Box | None:
    """Find the box of a signature's ink; None if next to nothing of it is on the page."""
    return truth.point([0] * INK + [255] * (256 - INK)).getbbox()


def is_seen(page: Image.Image, truth: Image.Image) -> bool:
    """Tell whether a signature can be seen: pale ink is lost in a fax, dark ink on dark print."""
    box = ink_box(truth)
    if box is None:
        return False
    room = 8
    around = (box[0] - room, box[1] - room, box[2] + room, box[3] + room)
    grey = np.asarray(page.convert("L").crop(around), np.int64)
    dark = np.asarray(truth.crop(around))
    own, other = grey[dark >= INK], grey[dark < 8]
    return not len(other) or bool((own < np.median(other) - CONTRAST).mean() >= SEEN)


def fonts_of(sources: Sources) -> tuple[Path, ...]:
    """The fonts to print with."""
    return tuple(sources.fonts) or system_fonts()


def material_of(sources: Sources) -> Material:
    return Material(
        fonts=fonts_of(sources),
        documents=tuple(sources.documents),
        papers=tuple(sources.papers),
        stamps=tuple(sources.stamps),
    )


def pick_file(rng: Rng, files: Sequence[Path]) -> Path:
    return files[int(rng.integers(len(files)))]


def to_picture(layer: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(layer, 0, 1) * 255).astype(np.uint8))


def darkest_of(ink: Image.Image) -> Image.Image:
    red, green, blue = ink.split()
    return ImageChops.darker(ImageChops.darker(red, green), blue)


def white_page(size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size, "white")


def printed_page(rng: Rng, sources: Sources) -> Sheet:
    """A page of print from the documents, or a drawn one."""
    longest = int(rng.choice(list(sources.sides), p=list(sources.sides.values())))
    if sources.documents and rng.random() < sources.scanned:
        picture = sources.read(pick_file(rng, sources.documents))
        scale = longest / max(picture.size)
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
        return Sheet(picture, longest / INCHES)
    return drawn_letter(rng, longest, fonts_of(sources))


def drawn_letter(rng: Rng, longest: int, fonts: tuple[Path, ...]) -> Sheet:
    """A drawn letter: a heading, paragraphs, at times a table, and rules to sign on."""
    width, inch = round(longest / 1.414), longest / INCHES
    page = Page(width, longest, (0, 0, width, longest), Material(fonts=fonts))
    layer = page.blank()
    y, left = rng.uniform(0.6, 1.6) * inch, rng.uniform(0.6, 1.1) * inch
    setting = choose_setting(rng, page, rng.uniform(0.11, 0.19) * inch)
    while y < rng.uniform(0.5, 0.9) * longest:
        share = max(8, int(5.5 * inch / setting.size / 3))
        lines = [" ".join(wording.words(rng, share)) for _ in range(int(rng.integers(1, 7)))]
        print_block(rng, layer, lines, setting, (left, y))
        y += setting.pitch * (len(lines) + rng.uniform(0.6, 2))
    sheet = Sheet(to_picture(layer), inch)
    if rng.random() < 0.3:
        _table(rng, sheet)
    for _ in range(int(rng.integers(0, 3))):
        size = round(rng.uniform(1.8, 3) * inch), round(0.6 * inch)
        rule_below(rng, sheet, (*find_room(rng, sheet, size, 0.1), *size))
    return sheet


def _table(rng: Rng, sheet: Sheet) -> None:
    draw, inch = ImageDraw.Draw(sheet.picture), sheet.inch
    rows, pitch = int(rng.integers(3, 9)), rng.uniform(0.2, 0.45) * inch
    left, top = 0.8 * inch, rng.uniform(0.3, 0.8) * sheet.picture.height
    right = sheet.picture.width - left
    for row in range(rows + 1):
        draw.line((left, top + row * pitch, right, top + row * pitch), "black", round(inch / 80))
    for x in np.linspace(left, right, int(rng.integers(2, 6))):
        draw.line((x, top, x, top + rows * pitch), "black", round(inch / 80))


def rule_below(rng: Rng, sheet: Sheet, place: Box) -> None:
    """Print a rule under a place (left, top, width, height), and a name or a caption below it."""
    left, top, width, height = place
    draw, inch = ImageDraw.Draw(sheet.picture), sheet.inch
    y = top + height * rng.uniform(0.7, 1.05)
    start, stop = left - rng.uniform(0, 0.5) * inch, left + width + rng.uniform(0, 0.6) * inch
    if rng.random() < 0.8:
        draw.line((start, y, stop, y), (40, 40, 40), max(1, round(inch / rng.uniform(60, 160))))
    if rng.random() < 0.8:
        words = wording.name(rng) if rng.random() < 0.6 else wording.one_of(rng, wording.CAPTIONS)
        font = ImageFont.load_default(round(rng.uniform(0.1, 0.17) * inch))
        draw.text((start, y + 0.05 * inch), words, (30, 30, 30), font=font)


def find_room(
    rng: Rng,
    sheet: Sheet,
    size: tuple[int, int],
    apart: float,
    heights: tuple[float, float] = (0.05, 0.96),
) -> tuple[int, int]:
    """Choose left and top: mostly, of several places, the one with the least print; `apart` inches
    from what is there."""
    width, height = sheet.picture.size
    distance = apart * sheet.inch
    small = sheet.picture.convert("L").reduce(8)
    grey = np.asarray(small)
    places = []
    for attempt in range(30):
        left = round(rng.uniform(0.04, 0.96) * max(width - size[0], 0))
        top = round(rng.uniform(*heights) * max(height - size[1], 0))
        box = (left - distance, top - distance, left + size[0] + distance, top + size[1] + distance)
        clash = any(
            box[0] < one[2] and one[0] < box[2] and box[1] < one[3] and one[1] < box[3]
            for one in sheet.taken
        )
        part = grey[top // 8 : (top + size[1]) // 8 + 1, left // 8 : (left + size[0]) // 8 + 1]
        dark = 255 - float(part.mean())
        places.append((clash or dark > DARKEST, dark, left, top))
        if attempt >= 9 and not min(places)[0]:
            break
    if rng.random() < 0.2:  # somewhere, over print
        free = [place for place in places if not place[0]]
        return (free or places)[0][2:]
    return min(places)[2:]
