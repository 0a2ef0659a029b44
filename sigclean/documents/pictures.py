"""Picture files as documents: TIFF and HEIC may hold several pictures, each of them a page."""

from __future__ import annotations

from threading import Lock
from typing import BinaryIO

from PIL import Image

from sigclean.documents.page import Document, Page
from sigclean.errors import ImageError
from sigclean.images import check_size, open_picture, upright_rgb

_SUBFILE = 254  # the TIFF tag that tells pages from their thumbnails and masks
_NO_PAGE = 1 | 4  # bits of the tag: a reduced copy, a mask
_UNREADABLE = "is truncated or broken, and cannot be read"


class SinglePicture(Document):
    """A picture in memory, as a document of one page."""

    def __init__(self, image: Image.Image, name: str) -> None:
        super().__init__(name)
        self._image = image

    def __len__(self) -> int:
        return 1

    def size(self, number: int) -> tuple[int, int]:
        return self._image.size

    def read(self, number: int) -> Page:
        return Page(number, self._image)

    def close(self) -> None:
        pass


class PictureDocument(Document):
    """A picture file. Animated pictures have one page, their first.

    Args:
        file: seekable, at its start.
        owned: `close` closes the file.

    Raises:
        ImageError: the file is not a picture.
    """

    def __init__(self, file: BinaryIO, name: str, owned: bool) -> None:
        super().__init__(name)
        self._file, self._owned, self._lock = file, owned, Lock()
        self._image = open_picture(file, name)
        self._frames, self._is_cut = [self._image.tell()], False
        if self._image.format == "TIFF":
            self._frames, self._is_cut = _tiff_pages(self._image)
        elif self._image.format == "HEIF":
            self._frames = list(range(getattr(self._image, "n_frames", 1)))

    def __len__(self) -> int:
        return len(self._frames)

    def size(self, number: int) -> tuple[int, int]:
        with self._lock:
            return self._seek(number).size

    def read(self, number: int) -> Page:
        with self._lock:
            if self._image.format == "HEIF":  # an open one keeps all pictures that it has decoded
                self._file.seek(0)
                self._image = open_picture(self._file, self.name)
            image = self._seek(number)
            name = self.page_name(number)
            check_size(image.size, name)
            return Page(number, upright_rgb(image, name))

    def close(self) -> None:
        if self._owned:
            self._file.close()

    def _seek(self, number: int) -> Image.Image:
        frame = self._frames[number - 1]
        try:
            if self._image.tell() != frame:
                self._image.info.clear()  # a page without a resolution has not the last one's
                self._image.seek(frame)
        except Exception as error:  # broken in any of a hundred ways
            last = self._is_cut and number == len(self)
            problem = f"{_UNREADABLE}, nor can pages after it" if last else _UNREADABLE
            raise ImageError(f"{self.page_name(number)} {problem}") from error
        return self._image


def _tiff_pages(image: Image.Image) -> tuple[list[int], bool]:
    """Find the pages of a TIFF.

    Returns:
        The numbers of their pictures, from 0; and True if the chain of pictures is broken: then the
        last number is that of the first one that cannot be found.
    """
    frames, frame, broken = [], 0, False
    try:
        while True:
            image.seek(frame)
            if not _subfile(image) & _NO_PAGE:
                frames.append(frame)
            frame += 1
    except EOFError:
        pass
    except Exception:  # broken in any of a hundred ways
        frames.append(frame)
        broken = True
    frames = frames or [0]
    if not broken:
        image.seek(frames[0])
    return frames, broken


def _subfile(image: Image.Image) -> int:
    value = getattr(image, "tag_v2", {}).get(_SUBFILE, 0)
    return value if isinstance(value, int) else 0
