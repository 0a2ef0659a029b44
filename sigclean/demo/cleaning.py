"""From a picture and a region of it to files that the page shows and offers. Knows no Gradio."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sigclean.compositing.compose import ink_box, transparent_ink
from sigclean.ink import recolour, removed_overlay
from sigclean.regions import crop_region

Clean = Callable[[Image.Image], Image.Image]
"""RGB in, RGB on white of the same size out."""

PAPERS = ("transparent", "white")
SIZES = ("original", "cropped")
INKS = ("as is", "black", "blue")

SHOWN = 2000  # pixels: longer sides are shown smaller; what is downloaded is whole
QUALITY = 92  # of JPEGs, which only the eye compares
PNG_LEVEL = 4  # of 0 to 9: half the bytes of level 1 for half as much time again
TURNS = (None, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90)


@dataclass(frozen=True)
class Area:
    """The part of a page to clean.

    Attributes:
        turns: quarter turns clockwise of the page, before anything else.
        box: left, top, right, bottom as fractions of the page's sides, so turned.
        angle: degrees clockwise by which the box is turned about its middle.
    """

    turns: int = 0
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    angle: float = 0.0

    def cut(self, page: Image.Image) -> Image.Image:
        """The area, upright, at the page's own resolution."""
        turn = TURNS[self.turns % 4]
        page = page if turn is None else page.transpose(turn)
        whole = self.box == (0.0, 0.0, 1.0, 1.0) and self.angle == 0
        return page if whole else crop_region(page, self.box, self.angle)


@dataclass(frozen=True)
class Look:
    """How a result is to look."""

    paper: str = PAPERS[0]
    size: str = SIZES[0]
    ink: str = INKS[0]

    def apply(self, clean: Image.Image) -> Image.Image:
        """RGBA, or RGB on white, from RGB on white."""
        if self.size == "cropped":
            clean = clean.crop(ink_box(clean))
        if self.paper == "transparent":
            clean = transparent_ink(clean)
        return clean if self.ink == "as is" else recolour(clean, self.ink)


@dataclass(frozen=True)
class Cleaned:
    """Files of a picture that was cleaned, and what was measured. `noisy` is only looked at."""

    noisy: Path
    clean: Path
    stem: str
    width: int
    height: int
    milliseconds: float
    has_ink: bool

    def note(self) -> str:
        """One line for the page."""
        if not self.has_ink:
            return "No signature was found here: the result is blank."
        return f"{self.width} × {self.height} pixels, cleaned in {self.milliseconds:.0f} ms"


def clean_area(clean: Clean, page: Image.Image, area: Area, stem: str, cache: Path) -> Cleaned:
    """Clean a part of a page, and keep what went in and what came out as files in `cache`."""
    noisy = area.cut(page)
    begin = time.perf_counter()
    result = clean(noisy)
    milliseconds = (time.perf_counter() - begin) * 1000
    folder = new_folder(cache)
    return Cleaned(
        noisy=save(noisy, folder / "noisy.jpg"),
        clean=save(result, folder / f"{stem}.clean.png"),
        stem=stem,
        width=noisy.width,
        height=noisy.height,
        milliseconds=milliseconds,
        has_ink=result.getextrema() != ((255, 255),) * 3,
    )


@dataclass(frozen=True)
class Shown:
    """Files of a result in the look that was asked for: to download, and to look at."""

    result: Path
    before: Path
    after: Path
    removed: Path


def show(cleaned: Cleaned, look: Look, cache: Path) -> Shown:
    """Make the result, and pictures of one size that show it before, after, and what went."""
    noisy, clean = (Image.open(path).convert("RGB") for path in (cleaned.noisy, cleaned.clean))
    folder = new_folder(cache)
    result = look.apply(clean)
    download = save(result, folder / f"{cleaned.stem}.{'-'.join(_suffixes(look))}.png")
    if look.size == "cropped":
        box = ink_box(clean)
        noisy, clean = noisy.crop(box), clean.crop(box)
    noisy, clean = shrink(noisy), shrink(clean)
    return Shown(
        result=download,
        before=save(noisy, folder / "before.jpg"),
        after=download if max(result.size) <= SHOWN else save(shrink(result), folder / "after.png"),
        removed=save(removed_overlay(noisy, clean), folder / "removed.jpg"),
    )


def shrink(picture: Image.Image, longest: int = SHOWN) -> Image.Image:
    """The picture itself, or a smaller one whose longer side has `longest` pixels."""
    if max(picture.size) <= longest:
        return picture
    scale = longest / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def new_folder(cache: Path) -> Path:
    """A folder whose name nobody guesses, in the page's own, which is swept."""
    folder = cache / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder


def save(image: Image.Image, path: Path) -> Path:
    """Write a PNG or a JPEG, as the suffix says; returns `path`."""
    if path.suffix == ".jpg":
        image.save(path, quality=QUALITY, subsampling=0)
    else:
        image.save(path, compress_level=PNG_LEVEL)
    return path


def _suffixes(look: Look) -> list[str]:
    colour = [] if look.ink == "as is" else [look.ink]
    return ["transparent" if look.paper == "transparent" else "clean", *colour]
