"""Extract the signatures of many pages; broken pages are named and left out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

from PIL import Image

from sigclean.bulk.inputs import InputOptions, OpenDocuments
from sigclean.bulk.jobs import RESULT, Job, page_target
from sigclean.bulk.manifest import UNSIGNED, Records
from sigclean.bulk.manifest_lines import read_lines
from sigclean.bulk.outputs import writable_jobs
from sigclean.bulk.picture_worker import OutputStyle
from sigclean.bulk.pipeline import PixelBudget, StoppedError, in_order
from sigclean.cleaner import SignatureCleaner
from sigclean.encoding import encode
from sigclean.errors import ImageError, SigcleanError, UnwritableError, one_line
from sigclean.extraction.signatures import Signature, clean_signatures
from sigclean.files import atomic_write, atomic_write_text
from sigclean.tracing import trace_svg

_NUMBER = "&signature="  # part of a signature's name in manifests


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


def page_name(job: Job) -> str:
    """Name a page in manifests, also the only one of a picture."""
    return f"{job.source}#page={max(job.page, 1)}"


def page_of(name: str) -> str:
    """Return the name of the page of a signature, or of a page."""
    return name.rpartition(_NUMBER)[0] or name


def signature_target(job: Job, number: int) -> Path:
    """Name the result of a signature: `<stem>.p<page>.<number>.png`."""
    page = job.target if job.pages > 1 else page_target(job.target, 1)
    mark = RESULT if page.stem.endswith(RESULT) else ""
    return page.with_name(f"{page.stem.removesuffix(RESULT)}.{number}{mark}{page.suffix}")


def finished_pages(manifest: Path) -> dict[str, str]:
    """Return the pages that a manifest knows as finished, by name, with the result of the first
    signature, which is written last; an empty text for a page without one."""
    return {
        page_of(line["source"]): line["target"]
        for line in read_lines(manifest)
        if line["status"] == UNSIGNED or line["source"].endswith(f"{_NUMBER}1")
    }


def is_finished(job: Job, finished: Mapping[str, str]) -> bool:
    """Tell whether a page is among the finished ones, and its results are where and what this run
    would write."""
    target = finished.get(page_name(job))
    if not target:
        return target is not None
    return Path(target) == signature_target(job, 1) and Path(target).exists()


@dataclass(frozen=True)
class Extraction:
    """An extraction from many pages.

    Attributes:
        style: the appearance of results; each is a crop, so it has no windows.
        workers: the number of threads.
        progress: a tqdm bar.
    """

    cleaner: SignatureCleaner
    style: OutputStyle
    workers: int
    budget: PixelBudget
    manifest: Records
    progress: Any
    options: InputOptions

    def files(self, jobs: Sequence[Job]) -> Found:
        """Extract from pages. Raises SigcleanError if the disk takes no more results."""
        todo = writable_jobs(jobs, self.progress, self._refuse)
        total = Found(failed=len(jobs) - len(todo))
        work = partial(self._page, OpenDocuments(todo, self.options))
        with closing(in_order(work, todo, self.workers)) as outcomes:
            for outcome in outcomes:
                self.progress.update()
                if isinstance(outcome, SigcleanError):
                    self.progress.write(f"sigclean: {one_line(outcome)}", file=sys.stderr)
                    outcome = Found(failed=1)
                total += outcome
        return total

    def _page(self, documents: OpenDocuments, job: Job, stop: Event) -> Found | SigcleanError:
        """Extract from one page, in a thread; return its error if it cannot be read, or a result
        not be written."""
        try:
            with self.budget.hold(documents.input(job).pixels()):
                _check(stop)
                page = documents.page(job)
                clean = partial(self.cleaner, pen=self.style.pen)
                found = list(clean_signatures(page, self.cleaner, clean, self.style.invert))
                for one in reversed(found):  # so that the first one tells that all are there
                    _check(stop)
                    self._write(job, *one)
                if not found:
                    self.manifest.unsigned(page_name(job), max(job.page, 1), page.image.size)
                _remove_older(job, len(found))
        except (ImageError, UnwritableError) as error:
            self._refuse(job, error)
            return error
        finally:
            documents.done(job)
        return Found(len(found), bool(found), 1)

    def _refuse(self, job: Job, error: Exception) -> None:
        self.manifest.failed(page_name(job), "", error)

    def _write(
        self, job: Job, signature: Signature, clean: Image.Image, milliseconds: float
    ) -> None:
        target = signature_target(job, signature.number)
        result = self.style.dress(clean)
        if self.style.svg:
            atomic_write_text(target.with_suffix(".svg"), trace_svg(result))
        name = f"{page_name(job)}{_NUMBER}{signature.number}"
        with atomic_write(target) as draft:
            draft.write_bytes(encode(result, target.suffix.lower()))
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
    return figures


def _remove_older(job: Job, found: int) -> None:
    """Remove the results of an earlier run that found more signatures on a page."""
    for number in count(found + 1):
        target = signature_target(job, number)
        if not target.is_file():
            return
        target.unlink()
        target.with_suffix(".svg").unlink(missing_ok=True)


def _check(stop: Event) -> None:
    if stop.is_set():
        raise StoppedError


def report_rows(
    lines: Iterable[Mapping[str, Any]],
) -> Iterator[tuple[str, int, int | str, float | str, str]]:
    """Yield file, page, number of signatures, best score and error of each page that a manifest's
    lines know; of a broken page the numbers are empty."""
    pages: dict[str, list[Mapping[str, Any]]] = {}
    for line in {line["source"]: line for line in lines}.values():
        pages.setdefault(page_of(line["source"]), []).append(line)
    for name, lines in pages.items():
        file, _, page = name.rpartition("#page=")
        scores = [line["score"] for line in lines if "score" in line]
        errors = [line["error"] for line in lines if "error" in line]
        if errors:
            yield file, int(page), "", "", errors[0]
        else:
            yield file, int(page), len(scores), max(scores, default=""), ""
