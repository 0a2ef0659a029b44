"""The work behind `/api`, a picture or page at a time; it runs in threads, and knows no HTTP."""

from pathlib import Path
from typing import Any

from PIL import Image

from sigclean.bulk.picture_worker import OutputStyle
from sigclean.demo.archive import Archive
from sigclean.demo.models import Model
from sigclean.demo.service.reading import Reader, read_picture
from sigclean.documents.page import Document
from sigclean.encoding import encode
from sigclean.errors import ImageError
from sigclean.extraction.signatures import Signature
from sigclean.tracing import trace_svg


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
        archive: the zip to write; None for the facts alone.
    """

    def __init__(
        self, model: Model, style: OutputStyle, kind: str, name: str, archive: Path | None
    ) -> None:
        self.model, self.style, self.kind = model, style, kind
        self.name = name
        self.facts: dict[str, Any] = {"source": name, "pages": [], "signatures": []}
        self._archive = Archive(archive) if archive else None

    def add(self, reader: Reader, path: Path, document: Document | None, number: int) -> None:
        """Find and clean the signatures of a page; a broken page is recorded, and left out."""
        if self._archive:
            self._archive.renew()
        source = f"{self.name}#page={number}"
        facts: dict[str, Any] = {"page": number}
        self.facts["pages"].append(facts)
        try:
            page = reader.page(path, document, number)
            found = self.model.find(page, self.style.invert, self.style.pen)
        except ImageError as error:
            facts["error"] = f"{error}."
            if self._archive:
                self._archive.manifest.failed(source, "", error)
            if document is None:
                raise
            return
        facts |= {"width": page.image.width, "height": page.image.height, "signatures": len(found)}
        if not found and self._archive:
            self._archive.manifest.unsigned(source, number, page.image.size)
        for signature, clean, milliseconds in found:
            self.facts["signatures"].append(facts_of(signature))
            if self._archive:
                self._write(self._archive, source, signature, clean, milliseconds)

    def close(self) -> None:
        """Finish the zip."""
        if self._archive:
            self._archive.__exit__(None, None, None)

    def _write(
        self, archive: Archive, source: str, signature: Signature, clean: Image.Image,
        milliseconds: float,
    ) -> None:  # fmt: skip
        result = self.style.dress(clean)
        stem = Path(self.name).stem
        target = f"{stem}.p{signature.page}.{signature.number}.{self.kind}"
        archive.add(target, written(result, self.kind))
        more = facts_of(signature)
        source = f"{source}&signature={signature.number}"
        archive.manifest.cleaned(source, target, signature.image, result, milliseconds, more)


def facts_of(signature: Signature) -> dict[str, Any]:
    """The facts of a signature for JSON: page, number on it, box in pixels, score, and the box
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
    if signature.turned:
        facts["turned"] = int(signature.turned)
    return facts
