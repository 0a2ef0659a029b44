"""Extract the signatures of many pages; broken pages are named and left out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

from PIL import Image

from sigclean.bulk.inputs import InputOptions, OpenDocuments, named, numbered
from sigclean.bulk.jobs import Job, document_target, page_target
from sigclean.bulk.known_pages import is_finished, page_name, signature_name
from sigclean.bulk.manifest import Records
from sigclean.bulk.outputs import writable_jobs
from sigclean.bulk.picture_worker import OutputStyle
from sigclean.bulk.pipeline import PixelBudget, StoppedError, in_order
from sigclean.bulk.shards import Cell, Shard
from sigclean.bulk.signature_places import CellNames, signature_target
from sigclean.cleaner import SignatureCleaner
from sigclean.documents.page import Document, Page
from sigclean.encoding import encode
from sigclean.errors import (
    DataError,
    ImageError,
    SigcleanError,
    TooLargeError,
    UnwritableError,
    one_line,
    reason,
    with_name,
)
from sigclean.extraction.signatures import Signature, clean_signatures
from sigclean.files import atomic_write, atomic_write_text
from sigclean.tracing import trace_svg


@dataclass(frozen=True)
class Found:
    """Counts of what was found."""

    signatures: int = 0
    signed: int = 0  # pages with a signature
    pages: int = 0
    failed: int = 0  # pages that cannot be read, or whose results cannot be written

    def __add__(self, other: Found) -> Found:
        return Found(
            self.signatures + other.signatures,
            self.signed + other.signed,
            self.pages + other.pages,
            self.failed + other.failed,
        )


def remove_result(target: Path) -> bool:
    """Remove a result and its drawing; returns False if there is no such file.

    Raises UnwritableError if that is not allowed.
    """
    if not target.is_file():
        return False
    try:
        target.unlink()
        target.with_suffix(".svg").unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableError(f"{target} cannot be removed: {reason(error)}") from error
    return True


@dataclass(frozen=True)
class Extraction:
    """An extraction from many pages.

    Attributes:
        style: the appearance of results; each is a crop, so it has no windows.
        workers: the number of threads.
        progress: see `progress.progress_bar`.
        remove: removes a result of an earlier run; returns False if it does not exist.
        earlier: see `known_pages`; no other results are removed. None if that is not known.
    """

    cleaner: SignatureCleaner
    style: OutputStyle
    workers: int
    budget: PixelBudget
    manifest: Records
    progress: Any
    options: InputOptions
    remove: Callable[[Path], bool] = remove_result
    earlier: Mapping[str, Collection[str]] | None = None

    def files(self, jobs: Sequence[Job]) -> Found:
        """Extract from pages. Raises SigcleanError if the disk takes no more results."""
        todo = writable_jobs(jobs, self.progress, self._refuse)
        total = Found(failed=len(jobs) - len(todo))
        work = partial(self._page, OpenDocuments(todo, self.options))
        with closing(in_order(work, todo, self.workers)) as outcomes:
            for outcome in outcomes:
                total += self._note(outcome)
        return total

    def _page(self, documents: OpenDocuments, job: Job, stop: Event) -> Found | SigcleanError:
        """Extract from one page of a file, in a thread. Returns as `_extract` does."""
        try:
            pixels = documents.input(job).pixels()
            return self._extract(job, pixels, partial(documents.page, job), stop)
        finally:
            documents.done(job)

    def shard(self, shard: Shard, target: Path, finished: Mapping[str, str]) -> Found:
        """Extract from all pictures and documents of a shard.

        Args:
            target: names the folder of the results, by its name without suffix, and their suffix.
            finished: pages that are left out, see `finished_pages`.

        Raises SigcleanError if the disk takes no more results.
        """
        total, names = Found(), CellNames(shard, target)
        work = partial(self._cell, finished)
        try:
            cells = ((cell, names.of(cell)) for cell in shard.cells())
            with closing(in_order(work, cells, self.workers)) as outcomes:
                for outcome in outcomes:
                    for one in outcome:
                        total += self._note(one)
        except DataError as error:
            self.manifest.failed(shard.name, "", error)
            total += self._note(error)
        return total

    def _note(self, outcome: Found | SigcleanError) -> Found:
        self.progress.update()
        if isinstance(outcome, Found):
            return outcome
        self.progress.write(f"sigclean: {one_line(outcome)}", file=sys.stderr)
        return Found(failed=1)

    def _cell(
        self, finished: Mapping[str, str], item: tuple[Cell, Path], stop: Event
    ) -> list[Found | SigcleanError]:
        """Extract from the pages of one cell, in a thread. Returns what `_extract` does of each."""
        cell, target = item
        only = Job(Path(cell.name), target)
        try:
            content = cell.read()
            if content is None:
                return []
            document = self.options.open(named(content, cell.name))
        except ImageError as error:
            self._refuse(only, error)
            return [error]
        with document:
            jobs = numbered(only, len(document))
            todo = [job for job in jobs if not is_finished(job, finished, self.style.svg)]
            return [self._page_of(document, job, stop) for job in todo]

    def _page_of(self, document: Document, job: Job, stop: Event) -> Found | SigcleanError:
        def read() -> Page:
            page = document.read(job.page)
            return replace(page, picture=self.options.fitting(page))

        try:
            width, height = document.size(job.page)
        except ImageError:
            width = height = 0  # reading it will say what is wrong
        return self._extract(job, width * height, read, stop)

    def _extract(
        self, job: Job, pixels: int, read: Callable[[], Page], stop: Event
    ) -> Found | SigcleanError:
        """Extract from one page; return its error if it cannot be read, or a result not be
        written."""
        try:
            with self.budget.hold(pixels):
                _check(stop)
                page = read()
                clean = partial(self.cleaner, pen=self.style.pen)
                found = list(clean_signatures(page, self.cleaner, clean, self.style.invert))
                self._remove_older(job, len(found))
                self._write_all(job, found, stop)
                if not found:
                    self.manifest.unsigned(page_name(job), max(job.page, 1), page.image.size)
        except (ImageError, UnwritableError) as error:
            refused = with_name(error, page_name(job))
            self._refuse(job, refused)
            return refused
        return Found(len(found), bool(found), 1)

    def _write_all(
        self, job: Job, found: Sequence[tuple[Signature, Image.Image, float]], stop: Event
    ) -> None:
        """Write the results of a page. Raises TooLargeError if one has too many pixels, when the
        others are written."""
        refused: TooLargeError | None = None
        for one in reversed(found):  # so that the first one tells that all are there
            _check(stop)
            try:
                self._write(job, *one)
            except TooLargeError as error:
                refused = error
        if refused:
            raise refused

    def _remove_older(self, job: Job, found: int) -> None:
        """Remove the results of an earlier run that found more signatures on a page, or more pages
        in its document."""
        self._remove_from(job, found + 1)
        if max(job.page, 1) < job.pages:
            return
        for page in count(job.pages + 1):
            target = page_target(document_target(job), page)
            lost = replace(job, target=target, page=page, pages=page)
            if page_name(lost) not in (self.earlier or {}):
                return
            self._remove_from(lost, 1)

    def _remove_from(self, job: Job, first: int) -> None:
        """Remove the results of an earlier run from a page's signature of this number on."""
        for number in count(first):
            target = signature_target(job, number)
            known = self.earlier is None or str(target) in self.earlier.get(page_name(job), ())
            if not known or not self.remove(target):
                return

    def _refuse(self, job: Job, error: Exception) -> None:
        self.manifest.failed(page_name(job), "", error)

    def _write(
        self, job: Job, signature: Signature, clean: Image.Image, milliseconds: float
    ) -> None:
        target = signature_target(job, signature.number)
        result = self.style.dress(clean)
        content = encode(result, target.suffix.lower())
        if self.style.svg:
            atomic_write_text(target.with_suffix(".svg"), trace_svg(result))
        name = signature_name(job, signature.number)
        with atomic_write(target) as draft:
            draft.write_bytes(content)
            more = _figures(signature)
            self.manifest.cleaned(name, str(target), signature.image, result, milliseconds, more)


def _figures(signature: Signature) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "page": signature.page,
        "signature": signature.number,
        "box": signature.box,
        "score": round(signature.score, 3),
    }
    if signature.points:
        figures["points"] = [round(side, 2) for side in signature.points]
    if signature.turned:
        figures["turned"] = signature.turned
    return figures


def _check(stop: Event) -> None:
    if stop.is_set():
        raise StoppedError
