"""Clean a region of a picture, and write the files that the web page shows; without Gradio."""

import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sigclean.compositing.compose import ink_box
from sigclean.demo.appearance import PNG_LEVEL, Appearance, Clean
from sigclean.ink import removed_overlay
from sigclean.regions import crop_region

MAX_SHOWN = 2000  # pixels: longest side of a picture in the browser; downloads keep their size
JPEG_QUALITY = 92  # enough for pictures that are only looked at
TURNS = (None, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90)
"""Transpositions by the number of clockwise quarter turns."""


@dataclass(frozen=True)
class Area:
    """The part of a page to clean: a box, in fractions of the turned page's sides."""

    turns: int = 0  # clockwise quarter turns of the page, applied first
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)  # left, top, right, bottom
    angle: float = 0.0  # clockwise degrees by which the box is turned about its centre

    def cut(self, page: Image.Image) -> Image.Image:
        """Cut the area out of a page, upright and at the page's own resolution."""
        turn = TURNS[self.turns % 4]
        page = page if turn is None else page.transpose(turn)
        whole = self.box == (0.0, 0.0, 1.0, 1.0) and self.angle == 0
        return page if whole else crop_region(page, self.box, self.angle)


@dataclass(frozen=True)
class CleanedArea:
    """The files of an area before and after cleaning, and its measurements."""

    noisy: Path  # a JPEG, which is only shown
    clean: Path  # a PNG on white
    stem: str  # the upload's name without its suffix
    width: int  # pixels
    height: int  # pixels
    milliseconds: float
    has_ink: bool

    def note(self) -> str:
        """The line below the result."""
        if not self.has_ink:
            return "No signature was found here: the result is blank."
        return f"{self.width} × {self.height} pixels, cleaned in {self.milliseconds:.0f} ms"


def clean_area(clean: Clean, page: Image.Image, area: Area, stem: str, cache: Path) -> CleanedArea:
    """Clean a part of a page; the pictures before and after become files in `cache`."""
    noisy = area.cut(page)
    begun = time.perf_counter()
    result = clean(noisy)
    milliseconds = (time.perf_counter() - begun) * 1000
    folder = new_folder(cache)
    return CleanedArea(
        noisy=save(noisy, folder / "noisy.jpg"),
        clean=save(result, folder / f"{stem}.clean.png"),
        stem=stem,
        width=noisy.width,
        height=noisy.height,
        milliseconds=milliseconds,
        has_ink=result.getextrema() != ((255, 255),) * 3,
    )


@dataclass(frozen=True)
class ResultFiles:
    """The files of a result: `result` to download, the others, of one size, to look at."""

    result: Path
    before: Path
    after: Path
    removed: Path


def write_result(cleaned: CleanedArea, appearance: Appearance, cache: Path) -> ResultFiles:
    """Write the result, and pictures that show it before, after, and with the removed ink in
    red."""
    noisy, clean = (Image.open(path).convert("RGB") for path in (cleaned.noisy, cleaned.clean))
    folder = new_folder(cache)
    result = appearance.apply(clean)
    download = save(result, folder / f"{cleaned.stem}.{appearance.suffix()}.png")
    if appearance.size == "cropped":
        box = ink_box(clean)
        noisy, clean = noisy.crop(box), clean.crop(box)
    noisy, clean = shrink(noisy), shrink(clean)
    return ResultFiles(
        result=download,
        before=save(noisy, folder / "before.jpg"),
        after=download
        if max(result.size) <= MAX_SHOWN
        else save(shrink(result), folder / "after.png"),
        removed=save(removed_overlay(noisy, clean), folder / "removed.jpg"),
    )


def shrink(picture: Image.Image, longest: int = MAX_SHOWN) -> Image.Image:
    """Resize a picture so that its longer side has at most `longest` pixels."""
    if max(picture.size) <= longest:
        return picture
    scale = longest / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def new_folder(cache: Path) -> Path:
    """Make a folder with a name that cannot be guessed in the cache, which is swept."""
    folder = cache / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder


def save(image: Image.Image, path: Path) -> Path:
    """Write a PNG or a JPEG, depending on the suffix; returns `path`."""
    if path.suffix == ".jpg":
        image.save(path, quality=JPEG_QUALITY, subsampling=0)
    else:
        image.save(path, compress_level=PNG_LEVEL)
    return path
