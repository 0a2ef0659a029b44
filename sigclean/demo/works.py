"""Uploads and results of visitors: each is a folder of the cache, whose name cannot be guessed."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from sigclean.demo.cleaning import new_folder
from sigclean.demo.service.reading import Reader, read_picture
from sigclean.demo.service.received import safe_name
from sigclean.demo.settings import Settings
from sigclean.encoding import known_dpi
from sigclean.errors import SigcleanError

MAX_SHOWN = 2000  # pixels: longest side of a picture in the browser; downloads keep their size
JPEG_QUALITY = 92  # enough for pictures that are only looked at
KEY = re.compile(r"[0-9a-f]{32}")

_UPLOAD, _FACTS, _NOISY, _KEEP = "upload", "facts.json", "noisy.png", "keep.png"


class GoneError(SigcleanError):
    """An upload or a result was deleted, as all are after a while."""


@dataclass(frozen=True)
class Result:
    """A cleaned part of a page, from which pictures of every appearance are made.

    Attributes:
        key: names its folder.
        stem: the upload's name without its suffix, with the page's number if there are several.
        model: the model's name.
        window: the side in pixels of the windows that a whole page was cleaned in; None for none.
        invert: whether bright ink was inverted, see `SignatureCleaner.__call__`.
        milliseconds: the time that cleaning took.
        width, height: pixels.
    """

    key: str
    stem: str
    model: str
    window: int | None
    invert: str
    milliseconds: float
    width: int
    height: int


@dataclass(frozen=True)
class Works:
    """The folder that holds them all; old files in it are swept, see `privacy.swept`."""

    cache: Path
    settings: Settings

    def new_upload(self, name: str) -> tuple[str, Path]:
        """Make room for an upload; returns its key and the path to write it to."""
        folder = new_folder(self.cache)
        (folder / _UPLOAD).mkdir()
        return folder.name, folder / _UPLOAD / safe_name(name)

    def upload(self, key: object) -> Path:
        """The path of an upload. Raises GoneError if it was deleted."""
        found = next(iter(self._folder(key, _UPLOAD).iterdir()), None)
        if found is None:
            raise gone()
        return found

    def pages(self, key: object, reader: Reader) -> int:
        """Count the pages of an upload. Raises ImageError if it cannot be read."""
        path = self.upload(key)
        with reader.pages(path) as document:
            return 1 if document is None else len(document)

    def page(self, key: object, number: object, reader: Reader) -> Image.Image:
        """Read a page, 1 for the first: RGB and upright. Raises ImageError if it cannot be read."""
        path = self.upload(key)
        if not isinstance(number, int) or number < 1:
            raise SigcleanError("a page has a number from 1 up")
        return read_picture(reader, path, number)

    def write(self, result: Result, noisy: Image.Image, keep: Image.Image) -> None:
        """Keep a result: its facts, the picture before cleaning, and its keep map."""
        folder = self.cache / result.key
        folder.mkdir(parents=True)
        noisy.save(folder / _NOISY, compress_level=1, dpi=known_dpi(noisy))
        keep.save(folder / _KEEP)
        (folder / _FACTS).write_text(json.dumps(asdict(result)), encoding="utf-8")

    def result(self, key: object) -> tuple[Result, Image.Image, Image.Image]:
        """A result with the picture before cleaning, RGB, and its keep map, L.

        Raises GoneError if it was deleted.
        """
        folder = self._folder(key)
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            return Result(**facts), _opened(folder / _NOISY), _opened(folder / _KEEP)
        except FileNotFoundError:
            raise gone() from None

    def new_file(self, name: str) -> Path:
        """Make room for a file that a visitor may fetch; returns its path."""
        return new_folder(self.cache) / name

    def file(self, key: object, name: str) -> Path:
        """A file that a visitor may fetch. Raises GoneError if it is not there."""
        path = self._folder(key) / Path(name).name
        if not path.is_file() or path.name == _FACTS:
            raise gone()
        return path

    def forget(self, key: object) -> None:
        """Delete an upload, a result or a file now; it is no error if it is gone."""
        with suppress(GoneError):
            shutil.rmtree(self._folder(key), ignore_errors=True)

    def _folder(self, key: object, inner: str = "") -> Path:
        folder = self.cache / str(key) / inner
        if not KEY.fullmatch(str(key)) or not folder.is_dir():
            raise gone()
        return folder


def shrink(picture: Image.Image, longest: int = MAX_SHOWN) -> Image.Image:
    """Resize a picture so that its longer side has at most `longest` pixels."""
    if max(picture.size) <= longest:
        return picture
    scale = longest / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def save_jpeg(image: Image.Image, path: Path) -> Path:
    """Write a JPEG that is only looked at; returns `path`."""
    image.save(path, quality=JPEG_QUALITY, subsampling=0)
    return path


def gone() -> GoneError:
    """The error for what was deleted."""
    return GoneError("the picture was deleted, as all are after a while: open it again")


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image
