"""Reads uploads, pictures and documents, with the page's limits; in threads, without HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sigclean.demo.settings import MEGA, Settings
from sigclean.demo.uploads import read_upload
from sigclean.documents.page import DPI, Document, Page
from sigclean.documents.pages import is_document, open_document
from sigclean.documents.pdf import BY_OPTION
from sigclean.errors import ImageError, PasswordError


@dataclass(frozen=True)
class Reader:
    """Reads uploads, with the page's limits.

    Attributes:
        password, dpi: see `documents.read_pages`.
    """

    settings: Settings
    password: str | None = None
    dpi: int = DPI

    @contextmanager
    def pages(self, path: Path) -> Iterator[Document | None]:
        """An open document; None for a picture, which is one page."""
        if not is_document(path):
            yield None
            return
        with _named(path):
            document = open_document(path, password=self.password, dpi=self.dpi)
        with document:
            yield document

    def page(self, path: Path, document: Document | None, number: int) -> Page:
        """Read a page. Raises ImageError if it is broken or too large, with the upload's name."""
        if document is None:
            return Page(1, read_upload(path, self.settings))
        with _named(path):
            width, height = document.size(number)
            if width * height > self.settings.max_megapixels * MEGA:
                raise ImageError(
                    f"page {number} of {path} has more than "
                    f"{self.settings.max_megapixels} megapixels ({width}x{height})"
                )
            page = document.read(number)
            page.image  # noqa: B018 - a broken page raises its error
            return page


def read_picture(reader: Reader, path: Path, number: int | None) -> Image.Image:
    """Read a picture, or the page of a document. Raises ImageError, also if there is no such page,
    or there are several and none was asked for."""
    with reader.pages(path) as document:
        pages = 1 if document is None else len(document)
        if pages > 1 and number is None:
            raise ImageError(f"{path.name} has {pages} pages: say which by page=1, or extract them")
        if (number or 1) > pages:
            raise ImageError(f"{path.name} has no page {number}, but {pages}")
        return reader.page(path, document, number or 1).image


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the upload's name into messages, in place of its path on the server."""
    try:
        yield
    except ImageError as error:
        message = str(error).replace(str(path), path.name).removesuffix(BY_OPTION)
        kind = PasswordError if isinstance(error, PasswordError) else ImageError
        raise kind(message) from None
