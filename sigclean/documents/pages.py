"""Opens documents of every kind, and yields their pages one by one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from sigclean.documents.page import DPI, Document, Page
from sigclean.documents.pictures import PictureDocument, SinglePicture
from sigclean.errors import ImageError, SigcleanError, reason
from sigclean.images import PDF_WITHIN, Source, describe, is_pdf, open_file, read_image

LEAST_DPI, MOST_DPI = 50, 2400  # dots per inch at which a PDF may be drawn


def read_pages(source: Source, *, password: str | None = None, dpi: int = DPI) -> Iterator[Page]:
    """Yield the pages of a document one after another; only one is in memory at a time.

    A PDF's page is drawn at `dpi`, or at the resolution of the scan that it consists of, and in no
    more than `images.MAX_PIXELS`. TIFF and HEIC files have a page for each of their pictures; every
    other picture, animated ones included, is one page.

    Args:
        source: what `images.read_image` takes, or a PDF in the same way.
        password: opens an encrypted PDF.
        dpi: dots per inch of a PDF's pages, from 50 to 2400.

    Raises:
        ImageError: the document cannot be read. A broken page raises it only when its `image` is
            asked for, so that the others can be read.
        SigcleanError: it is a PDF, and `dpi` is out of range.
    """
    with open_document(source, password=password, dpi=dpi) as document:
        for number in range(1, len(document) + 1):
            try:
                page = document.read(number)
            except ImageError as error:
                page = Page(number, error)
            yield page
            del page  # the caller alone decides how long a page stays in memory


def open_document(source: Source, *, password: str | None = None, dpi: int = DPI) -> Document:
    """Open a document, and count its pages. For arguments and errors see `read_pages`."""
    name = describe(source)
    if isinstance(source, np.ndarray | Image.Image):
        return SinglePicture(read_image(source), name)
    if isinstance(source, bytes | bytearray | memoryview):
        return _open(io.BytesIO(source), name, None, password, dpi)
    if isinstance(source, str | Path):
        path = Path(source)
        file = open_file(path)
        try:
            return _open(file, name, path, password, dpi)
        except BaseException:
            file.close()
            raise
    if hasattr(source, "read"):
        return _open(source, name, None, password, dpi)
    raise ImageError(f"expected a path, bytes, a file, a picture or an array, got {name}")


def is_document(path: Path) -> bool:
    """Tell by its first bytes whether a file may have several pages; False if it is not a file, or
    cannot be read."""
    with suppress(OSError, ValueError):
        if path.is_file():
            with path.open("rb") as file:
                start = file.read(PDF_WITHIN)
            tiff = start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
            named = path.suffix.lower() == ".pdf"
            return is_pdf(start) or tiff or start[4:8] == b"ftyp" or named
    return False


def _open(file: BinaryIO, name: str, path: Path | None, password: str | None, dpi: int) -> Document:
    try:
        if not getattr(file, "seekable", lambda: False)():
            pipe, file = file, io.BytesIO(file.read())
            if path is not None:
                pipe.close()
                path = None
        file.seek(0)
        start = file.read(PDF_WITHIN)
        file.seek(0)
    except OSError as error:
        raise ImageError(f"{name} cannot be read: {reason(error)}") from None
    if is_pdf(start):
        from sigclean.documents.pdf import PdfPages

        if not LEAST_DPI <= dpi <= MOST_DPI:
            raise SigcleanError(f"a resolution is {LEAST_DPI} to {MOST_DPI} dpi, not {dpi}")
        content = file.read() if path is None else path
        if path is not None:
            file.close()
        return PdfPages(content, name, password, dpi)
    try:
        return PictureDocument(file, name, owned=path is not None)
    except ImageError:
        if start and name.lower().endswith(".pdf"):
            raise ImageError(f"{name} is not a PDF, whatever its name says") from None
        raise
