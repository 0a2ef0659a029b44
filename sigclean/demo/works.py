"""Uploads and results of visitors: each is a folder of the cache, whose name cannot be guessed."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from sigclean.demo.settings import MEGA, Settings
from sigclean.demo.uploads import read_upload
from sigclean.documents import open_document
from sigclean.documents.pages import is_document
from sigclean.errors import ImageError, SigcleanError

MAX_SHOWN = 2000  # pixels: longest side of a picture in the browser; downloads keep their size
JPEG_QUALITY = 92  # enough for pictures that are only looked at
LONGEST_NAME = 80  # characters of a file's name that are kept
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
        paged: it is a whole page, which was cleaned in windows.
        milliseconds: the time that cleaning took.
        width, height: pixels.
    """

    key: str
    stem: str
    model: str
    paged: bool
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
        key = uuid.uuid4().hex
        folder = self.cache / key / _UPLOAD
        folder.mkdir(parents=True)
        return key, folder / safe_name(name)

    def upload(self, key: object) -> Path:
        """The path of an upload. Raises GoneError if it was deleted."""
        found = next(iter(self._folder(key, _UPLOAD).iterdir()), None)
        if found is None:
            raise _gone()
        return found

    def pages(self, key: object) -> int:
        """Count the pages of an upload. Raises ImageError if it cannot be read."""
        path = self.upload(key)
        if not is_document(path):
            return 1
        with _named(path), open_document(path) as document:
            return len(document)

    def page(self, key: object, number: object) -> Image.Image:
        """Read a page, 1 for the first: RGB and upright. Raises ImageError if it cannot be read."""
        path = self.upload(key)
        if not isinstance(number, int) or number < 1:
            raise SigcleanError("a page has a number from 1 up")
        if not is_document(path):
            if number > 1:
                raise SigcleanError(f"there is one page, and no page {number}")
            return read_upload(path, self.settings)
        with _named(path), open_document(path) as document:
            if number > len(document):
                raise SigcleanError(f"there are {len(document)} pages, and no page {number}")
            width, height = document.size(number)
            if width * height > self.settings.max_megapixels * MEGA:
                raise ImageError(
                    f"{document.page_name(number)} has more than "
                    f"{self.settings.max_megapixels} megapixels ({width}x{height})"
                )
            return document.read(number).image

    def write(self, result: Result, noisy: Image.Image, keep: Image.Image) -> None:
        """Keep a result: its facts, the picture before cleaning, and its keep map."""
        folder = self.cache / result.key
        folder.mkdir(parents=True)
        noisy.save(folder / _NOISY, compress_level=1, dpi=noisy.info.get("dpi"))
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
            raise _gone() from None

    def new_file(self, name: str) -> Path:
        """Make room for a file that a visitor may fetch; returns its path."""
        folder = self.cache / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return folder / name

    def file(self, key: object, name: str) -> Path:
        """A file that a visitor may fetch. Raises GoneError if it is not there."""
        path = self._folder(key) / Path(name).name
        if not path.is_file() or path.name == _FACTS:
            raise _gone()
        return path

    def forget(self, key: object) -> None:
        """Delete an upload, a result or a file now; it is no error if it is gone."""
        with suppress(GoneError):
            shutil.rmtree(self._folder(key), ignore_errors=True)

    def _folder(self, key: object, inner: str = "") -> Path:
        folder = self.cache / str(key) / inner
        if not KEY.fullmatch(str(key)) or not folder.is_dir():
            raise _gone()
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


def safe_name(name: str) -> str:
    """The last part of a file's name, without what file systems and headers cannot take."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(". ")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > 8:
        stem, dot, suffix = plain, "", ""
    return f"{stem[:LONGEST_NAME]}{dot}{suffix}" or "picture"


def _gone() -> GoneError:
    return GoneError("the picture was deleted, as all are after a while: open it again")


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the upload's name into the messages of errors in place of its path on the server."""
    try:
        yield
    except ImageError as error:
        raise ImageError(str(error).replace(str(path), path.name)) from None
