"""`sigclean extract` for many files."""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigclean.bulk.extraction import Extraction, Found
from sigclean.bulk.inputs import InputOptions, pages_of
from sigclean.bulk.jobs import PNG, Job, is_lost_page
from sigclean.bulk.known_pages import (
    finished_pages,
    is_finished,
    known_pages,
    page_name,
    page_of,
    real_results,
    report_rows,
)
from sigclean.bulk.listing import PassedOver
from sigclean.bulk.manifest import Manifest
from sigclean.bulk.manifest_lines import read_lines
from sigclean.bulk.picture_worker import (
    PIXELS,
    PIXELS_PER_WORKER,
    OutputStyle,
    choose_workers,
)
from sigclean.bulk.pipeline import PixelBudget
from sigclean.bulk.progress import progress_bar
from sigclean.bulk.shards import Shard
from sigclean.bulk.signature_places import refuse_signature_conflicts, signature_folders
from sigclean.commands.inputs import Inputs, Load, divide
from sigclean.errors import SigcleanError, one_line
from sigclean.files import atomic_write
from sigclean.images import PICTURE_SUFFIXES

HEADER = ("file", "page", "signatures", "best score", "error")
_FIRST_LINE = ",".join(HEADER).encode()


@dataclass(frozen=True)
class Request:
    """The inputs of an extraction, and where its results go.

    Attributes:
        inputs: the output is a folder.
        skip_existing: leave out pages that the manifest knows as finished.
        manifest: the file that records every signature.
        report: the table of all pages.
        workers: the threads; 0 for the usual number.
        options: how files are read.
    """

    inputs: Inputs
    skip_existing: bool
    manifest: Path
    report: Path | None
    workers: int
    options: InputOptions

    def check(self) -> None:
        """Raise SigcleanError if the options contradict each other."""
        self.inputs.check()
        output = Path(self.inputs.output or "")
        if output.suffix.lower() in PICTURE_SUFFIXES and not output.is_dir():
            raise SigcleanError(f"{self.inputs.output} is a file name: signatures need a folder")
        if self.report and self.report.resolve() == self.manifest.resolve():
            raise SigcleanError(f"{self.report} is the manifest: give the report another name")
        if self.report and not _may_replace(self.report):
            raise SigcleanError(
                f"{self.report} is not the report of an earlier run: give the report another name"
            )


def extract_all(request: Request, style: OutputStyle, load: Load) -> bool:
    """Extract; return whether a page could not be read."""
    style.check()
    passed_over = PassedOver(own=(request.manifest, request.report))
    earlier = known_pages(request.manifest)
    results = real_results(earlier)
    files, shards = divide(request.inputs.plan(passed_over, refuse_signature_conflicts, results))
    pages = [page for job in files for page in pages_of(job, request.options)]
    finished = finished_pages(request.manifest) if request.skip_existing else {}
    todo = [job for job in pages if not is_finished(job, finished, style.svg)]
    if len(todo) < len(pages):
        skipped = len(pages) - len(todo)
        print(f"sigclean: skipped {skipped} of {len(pages)} pages: done", file=sys.stderr)
    placed = _placed(files, shards, request)
    counts = {str(job.source): job.pages for job in pages}
    found = _extract(todo, placed, counts, finished, earlier, request, style, load)
    if request.report:
        write_report(read_lines(request.manifest), request.report)
    say_found(found, passed_over)
    return bool(found.failed)


def _placed(
    files: Sequence[Job], shards: Sequence[Shard], request: Request
) -> list[tuple[Shard, Path]]:
    """Return each shard with what `Extraction.shard` takes as its target."""
    folders = signature_folders([job.target for job in files], [one.target for one in shards])
    suffix = request.inputs.suffix or PNG
    return [(one, Path(f"{folders[one.target]}{suffix}")) for one in shards]


def _extract(
    pages: Sequence[Job],
    shards: Sequence[tuple[Shard, Path]],
    counts: Mapping[str, int],
    finished: Mapping[str, str],
    earlier: Mapping[str, Collection[str]],
    request: Request,
    style: OutputStyle,
    load: Load,
) -> Found:
    names = {*map(page_name, pages), *(shard.name for shard, _ in shards)}
    starts = tuple(f"{shard.name}#" for shard, _ in shards)

    def is_redone(source: str) -> bool:
        page = page_of(source)
        if page in names or is_lost_page(page, counts):
            return True
        return page.startswith(starts) and page not in finished

    with Manifest(request.manifest, is_redone) as manifest:
        if not pages and not shards:
            return Found()
        count = None if shards else len(pages)  # how many pages shards hold is not known
        workers = choose_workers(request.workers, count)
        budget = PixelBudget(PIXELS + workers * PIXELS_PER_WORKER)
        with progress_bar(count, "page") as progress:
            work = Extraction(
                load(workers=workers),
                style,
                workers,
                budget,
                manifest,
                progress,
                request.options,
                earlier=earlier,
            )
            found = work.files(pages)
            for shard, target in shards:
                found += work.shard(shard, target, finished)
    return found


def _may_replace(report: Path) -> bool:
    """Tell whether there is no such file yet, or one that is empty or an earlier report."""
    try:
        with report.open("rb") as file:
            begin = file.read(len(_FIRST_LINE))
    except OSError:
        return True
    return begin in (b"", _FIRST_LINE)


def write_report(lines: Iterable[Mapping[str, Any]], report: Path) -> None:
    """Write the table of all pages that a manifest's lines know. Raises SigcleanError.

    What is no UTF-8 in a file's name is written as in messages.
    """
    rows = sorted(report_rows(lines), key=lambda row: (row[0], row[1] or 0))
    with (
        atomic_write(report) as draft,
        draft.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        table = csv.writer(file)
        table.writerow(HEADER)
        table.writerows(rows)


def say_found(found: Found, passed_over: PassedOver) -> None:
    """Say on standard error what was found, and what was left out."""
    many = "signature" if found.signatures == 1 else "signatures"
    sentences = [f"{found.signatures} {many} on {found.signed} of {found.pages} pages"]
    if found.failed:
        total = found.pages + found.failed
        sentences.append(f"{found.failed} of {total} pages could not be done")
    for sentence in (*sentences, *passed_over.sentences()):
        print(f"sigclean: {one_line(sentence)}", file=sys.stderr)
