"""The inputs that a worker reads pictures from: files, pages of documents, and bytes of cells."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Protocol

from PIL import Image

from sigclean.bulk.jobs import Job, page_target
from sigclean.documents.page import DPI, Document, Page
from sigclean.documents.pages import is_document, open_document
from sigclean.errors import ImageError, SigcleanError
from sigclean.images import Source, describe, picture_size, read_image

PIPE = 24_000_000  # pixels that a pipe is assumed to hold, which can be read only once


@dataclass(frozen=True)
class InputOptions:
    """How inputs are read.

    Attributes:
        password: opens encrypted PDFs.
        dpi: dots per inch at which PDFs are drawn, and which pictures have whatever their files
            say; None for 300, and for what the files say.
    """

    password: str | None = None
    dpi: int | None = None

    def open(self, source: Source) -> Document:
        """Open a document. Raises ImageError if it cannot be read, or not be drawn at `dpi`."""
        try:
            return open_document(source, password=self.password, dpi=self.dpi or DPI)
        except ImageError:
            raise
        except SigcleanError as error:
            raise ImageError(f"{describe(source)}: {error}") from None

    def only_page(self, source: Source) -> Page:
        """Read a picture, or a document of one page. Raises ImageError if it cannot be read, or has
        more pages."""
        with self.open(source) as document:
            if len(document) > 1:
                raise ImageError(
                    f"{document.name} has {len(document)} pages, and a pipe, standard input or "
                    "standard output takes one: give file names, and a folder by -o"
                )
            page = document.read(1)
            return replace(page, picture=self.fitting(page))

    def fitting(self, page: Page) -> Image.Image:
        """Return a page's picture; one that was not drawn gets the resolution asked for."""
        return page.image if page.points else self.with_dpi(page.image)

    def with_dpi(self, image: Image.Image) -> Image.Image:
        """Give a picture the resolution that was asked for; a PDF's page has it already."""
        if self.dpi is None:
            return image
        image = image.copy()
        image.info["dpi"] = (self.dpi, self.dpi)
        return image


class Input(Protocol):
    """A picture that a worker can read."""

    def pixels(self) -> int:
        """Return the approximate number of its pixels; 0 if it is broken."""

    def read(self) -> Image.Image:
        """Return it as `images.read_image` does. Raises ImageError if it is broken."""


@dataclass(frozen=True)
class FileInput:
    """A picture file."""

    path: Path
    options: InputOptions

    def pixels(self) -> int:
        return PIPE if is_pipe(self.path) else _pixels(self.path)

    def read(self) -> Image.Image:
        return self.page().image

    def page(self) -> Page:
        """Read it as a page; of a pipe also a PDF's only one. Raises ImageError."""
        if is_pipe(self.path):
            return self.options.only_page(self.path)
        return Page(1, self.options.with_dpi(read_image(self.path)))


@dataclass(frozen=True)
class CellInput:
    """The bytes of a picture file, with a name for messages."""

    content: bytes
    name: str
    options: InputOptions

    def pixels(self) -> int:
        return _pixels(self.content)

    def read(self) -> Image.Image:
        return self.options.with_dpi(read_image(_NamedBytes(self.content, self.name)))


def cell_input(content: Path | bytes, name: str, options: InputOptions) -> Input:
    """Return the input of a cell that holds a picture's bytes, or the path of its file."""
    if isinstance(content, Path):
        return FileInput(content, options)
    return CellInput(content, name, options)


def named(content: Path | bytes, name: str) -> Path | BinaryIO:
    """Return the file of a cell, or its bytes as a file that has the cell's name."""
    return content if isinstance(content, Path) else _NamedBytes(content, name)


class OpenDocuments:
    """Documents that several threads read; each is open from its first page to its last.

    Args:
        jobs: all pages that will be read.
    """

    def __init__(self, jobs: Sequence[Job], options: InputOptions) -> None:
        self._options, self._lock = options, Lock()
        self._left = Counter(job.source for job in jobs if job.page)
        self._open: dict[Path, Document] = {}

    def input(self, job: Job) -> Input:
        """Return what a job's picture is read from."""
        return PageInput(self, job) if job.page else FileInput(job.source, self._options)

    def get(self, path: Path) -> Document:
        """Return the open document. Raises ImageError if it cannot be read."""
        with self._lock:
            if path not in self._open:
                self._open[path] = self._options.open(path)
            return self._open[path]

    def done(self, job: Job) -> None:
        """Count a job as finished, however it went; closes a document after its last page."""
        with self._lock:
            self._left[job.source] -= 1
            last = self._left[job.source] == 0
            document = self._open.pop(job.source, None) if last else None
        if document:
            document.close()

    def page(self, job: Job) -> Page:
        """Read a page, or a picture as one. Raises ImageError if it is broken."""
        if job.page:
            page = self.get(job.source).read(job.page)
            return replace(page, picture=self._options.fitting(page))
        return FileInput(job.source, self._options).page()


@dataclass(frozen=True)
class PageInput:
    """A page of a document."""

    documents: OpenDocuments
    job: Job

    def pixels(self) -> int:
        try:
            width, height = self.documents.get(self.job.source).size(self.job.page)
        except ImageError:
            return 0  # reading it will say what is wrong
        return width * height

    def read(self) -> Image.Image:
        return self.documents.page(self.job).image


def pages_of(job: Job, options: InputOptions) -> list[Job]:
    """Return a job for each page of a document, and a picture's own job for any other file."""
    if not is_document(job.source):
        return [job]
    try:
        with options.open(job.source) as document:
            count = len(document)
    except ImageError:
        count = 1  # the worker will say what is wrong
    return numbered(job, count)


def numbered(job: Job, count: int) -> list[Job]:
    """Return a job for each of a document's pages."""
    if count == 1:
        return [replace(job, page=1)]
    return [
        replace(job, target=page_target(job.target, number), page=number, pages=count)
        for number in range(1, count + 1)
    ]


class _NamedBytes(io.BytesIO):
    """A file in memory with a name for messages."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def is_pipe(path: Path) -> bool:
    """Tell whether a file can be read only once, as a pipe can."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _pixels(content: Path | bytes) -> int:
    """Return the number of pixels that a file's header states; for a broken file 0."""
    try:
        width, height = picture_size(content)
    except ImageError:
        return 0  # reading it will say what is wrong
    return width * height
