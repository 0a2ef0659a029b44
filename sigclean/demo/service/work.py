"""The work behind `/api`, a picture or page at a time; it runs in threads, and knows no HTTP."""

import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from sigclean.bulk.manifest import Manifest
from sigclean.bulk.picture_worker import OutputStyle
from sigclean.demo.models import Model
from sigclean.demo.settings import MEGA, Settings
from sigclean.demo.uploads import read_upload
from sigclean.documents.page import DPI, Document, Page
from sigclean.documents.pages import is_document, open_document
from sigclean.encoding import encode
from sigclean.errors import ImageError
from sigclean.extraction.signatures import Signature
from sigclean.tracing import trace_svg


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


def clean_file(
    model: Model, reader: Reader, path: Path, number: int | None, style: OutputStyle, kind: str
) -> bytes:
    """Clean a picture; returns the bytes of the result's file. For errors see `read_picture`.

    Args:
        kind: png, webp, jpeg or svg.
    """
    return written(model.render(read_picture(reader, path, number), style), kind)


def written(result: Image.Image, kind: str) -> bytes:
    """The bytes of a result's file."""
    return trace_svg(result).encode() if kind == "svg" else encode(result, f".{kind}")


class Extraction:
    """An extraction from a document, a page at a time.

    Args:
        name: the document's name for the manifest and the names of files.
        archive: the zip to write; None to find the signatures without cleaning them.
    """

    def __init__(
        self, model: Model, style: OutputStyle, kind: str, name: str, archive: Path | None
    ) -> None:
        self.model, self.style, self.kind = model, style, kind
        self.name, self.archive = name, archive
        self.facts: dict[str, Any] = {"source": name, "pages": [], "signatures": []}
        self._zip = zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) if archive else None
        self._lines = archive.with_name("manifest.jsonl") if archive else None
        self._manifest = Manifest(self._lines) if self._lines else None

    def add(self, reader: Reader, path: Path, document: Document | None, number: int) -> None:
        """Find and clean the signatures of a page; a broken page is recorded, and left out."""
        source = f"{self.name}#page={number}"
        facts: dict[str, Any] = {"page": number}
        self.facts["pages"].append(facts)
        try:
            page = reader.page(path, document, number)
            found = self.model.find(page, self.style.invert)
        except ImageError as error:
            facts["error"] = f"{error}."
            if self._manifest:
                self._manifest.failed(source, "", error)
            if document is None:
                raise
            return
        facts |= {"width": page.image.width, "height": page.image.height, "signatures": len(found)}
        if not found and self._manifest:
            self._manifest.unsigned(source, number, page.image.size)
        for signature in found:
            self.facts["signatures"].append(facts_of(signature))
            if self._zip:
                self._write(source, signature)

    def close(self) -> None:
        """Finish the zip."""
        if self._manifest and self._zip and self._lines:
            self._manifest.__exit__(None, None, None)
            self._zip.write(self._lines, self._lines.name)
            self._zip.close()

    def _write(self, source: str, signature: Signature) -> None:
        style = replace(self.style, invert="never") if signature.inverted else self.style
        begun = time.perf_counter()
        result = self.model.render(signature.image, style)
        milliseconds = 1000 * (time.perf_counter() - begun)
        if signature.inverted:
            result.info["inverted"] = True
        stem = Path(self.name).stem
        target = f"{stem}.p{signature.page}.{signature.number}.{self.kind}"
        assert self._zip is not None and self._manifest is not None
        self._zip.writestr(target, written(result, self.kind))
        more = facts_of(signature)
        source = f"{source}&signature={signature.number}"
        self._manifest.cleaned(source, target, signature.image, result, milliseconds, more)


def facts_of(signature: Signature) -> dict[str, Any]:
    """What is known of a signature, for JSON: page, number on it, box in pixels, score, and the box
    in points on a PDF's page."""
    facts: dict[str, Any] = {
        "page": signature.page,
        "signature": signature.number,
        "box": [int(side) for side in signature.box],
        "score": round(float(signature.score), 3),
        "inverted": bool(signature.inverted),
    }
    if signature.points:
        facts["points"] = [round(float(side), 2) for side in signature.points]
    return facts


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the upload's name into messages, in place of its path on the server."""
    try:
        yield
    except ImageError as error:
        raise ImageError(str(error).replace(str(path), path.name)) from None
