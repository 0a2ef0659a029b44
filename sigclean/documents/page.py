"""A page, and what all documents have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from PIL import Image

from sigclean.errors import ImageError

DPI = 300  # dots per inch at which pages without pixels of their own are drawn


@dataclass(frozen=True)
class Page:
    """A page of a document.

    Attributes:
        number: 1 for the first page.
        picture: the page as `images.read_image` returns pictures, RGB and upright, with its
            resolution in `info["dpi"]` if that is known, and in PDFs `info["page"]`: "scan" for a
            page that is nothing but a scan, else "drawn". Or the error that names a broken page.
        points: width and height of a PDF's page in points, 1/72 inch; None for other documents.
    """

    number: int
    picture: Image.Image | ImageError
    points: tuple[float, float] | None = None

    @property
    def image(self) -> Image.Image:
        """The picture. Raises ImageError if the page is broken."""
        if isinstance(self.picture, ImageError):
            raise self.picture
        return self.picture

    @property
    def dpi(self) -> tuple[float, float] | None:
        """Dots per inch, across and down; None if the document does not state them."""
        return self.image.info.get("dpi")


class Document(ABC):
    """An open document; several threads may read its pages. It is a context manager."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def __len__(self) -> int:
        """The number of pages, at least one."""

    @abstractmethod
    def size(self, number: int) -> tuple[int, int]:
        """Return the approximate width and height of a page in pixels, without reading it.

        Raises ImageError if the page is broken.
        """

    @abstractmethod
    def read(self, number: int) -> Page:
        """Read a page. Raises ImageError, which names it, if it is broken."""

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def page_name(self, number: int) -> str:
        """Name a page for messages; the only page of a document has the document's name."""
        return f"page {number} of {self.name}" if len(self) > 1 else self.name

    def __enter__(self) -> Document:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
