"""Clean many pictures, be they files or cells of shards; broken ones are named and left out."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from sigclean.bulk.inputs import InputOptions, OpenDocuments, cell_input
from sigclean.bulk.jobs import Job
from sigclean.bulk.manifest import Records
from sigclean.bulk.outputs import writable_jobs
from sigclean.bulk.picture_worker import Cleaned, PictureWorker
from sigclean.bulk.pipeline import in_order
from sigclean.bulk.shards import Cell, Shard
from sigclean.errors import (
    DataError,
    ImageError,
    SigcleanError,
    UnwritableError,
    one_line,
    with_name,
)
from sigclean.files import atomic_write, atomic_write_text, remove_stale_drafts


@dataclass(frozen=True)
class Tally:
    """Counts of pictures; a shard that cannot be read counts as one."""

    done: int = 0
    failed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.done + other.done, self.failed + other.failed)


@dataclass(frozen=True)
class Bulk:
    """A bulk cleaning."""

    worker: PictureWorker
    manifest: Records | None
    progress: Any  # see `progress.progress_bar`
    options: InputOptions = field(default_factory=InputOptions)

    def files(self, jobs: Sequence[Job]) -> Tally:
        """Clean files. Raises SigcleanError if the disk takes no more results."""
        todo = writable_jobs(jobs, self.progress, self._refuse)
        tally = Tally(failed=len(jobs) - len(todo))
        work = partial(self._file, OpenDocuments(todo, self.options))
        with closing(in_order(work, todo, self.worker.workers)) as outcomes:
            for error in outcomes:
                tally += self._note(error)
        return tally

    def shard(self, shard: Shard) -> Tally:
        """Clean a shard, whole or not at all. Raises SigcleanError if the disk takes no more
        results."""
        remove_stale_drafts(shard.target.parent)
        tally = Tally()

        def clean(cells: Iterable[Cell]) -> Generator[bytes | None, None, None]:
            nonlocal tally
            with closing(in_order(self._cell, cells, self.worker.workers)) as outcomes:
                for outcome in outcomes:
                    error = outcome if isinstance(outcome, ImageError) else None
                    tally += self._note(error)
                    yield None if isinstance(outcome, ImageError) else outcome

        try:
            with atomic_write(shard.target) as draft:
                shard.rewrite(draft, clean)
        except (DataError, UnwritableError) as error:
            self._record_failure(shard.name, shard.target, error)
            return Tally(0, tally.failed) + self._note(error, 0)
        return tally

    def _note(self, error: Exception | None, pictures: int = 1) -> Tally:
        self.progress.update(pictures)
        if error is None:
            return Tally(done=1)
        self.progress.write(f"sigclean: {one_line(error)}", file=sys.stderr)
        return Tally(failed=1)

    def _file(self, documents: OpenDocuments, job: Job, stop: Event) -> SigcleanError | None:
        """Clean one file, in a thread; return its error, if it cannot be read or written."""

        def write(cleaned: Cleaned) -> None:
            if cleaned.svg:
                atomic_write_text(job.traced, cleaned.svg)
            with atomic_write(job.target) as draft:
                draft.write_bytes(cleaned.content)
                self._record(job.name, job.target, cleaned, job.facts)

        try:
            self.worker.do(documents.input(job), stop, write, job.target.suffix.lower())
        except (ImageError, UnwritableError) as error:
            refused = with_name(error, job.name)
            self._refuse(job, refused)
            return refused
        finally:
            documents.done(job)
        return None

    def _cell(self, cell: Cell, stop: Event) -> bytes | ImageError | None:
        """Clean one cell, in a thread; return its PNG file or its error, None for an empty cell."""

        def take(cleaned: Cleaned) -> bytes:
            self._record(cell.name, cell.target, cleaned)
            return cleaned.content

        try:
            content = cell.read()
            if content is not None:
                return self.worker.do(cell_input(content, cell.name, self.options), stop, take)
        except ImageError as error:
            refused = with_name(error, cell.name)
            self._record_failure(cell.name, cell.target, refused)
            return refused
        if self.manifest:
            self.manifest.empty(cell.name, cell.target)
        return None

    def _record(
        self,
        source: str,
        target: str | Path,
        cleaned: Cleaned,
        more: dict[str, int] | None = None,
    ) -> None:
        if self.manifest:
            figures = (cleaned.image, cleaned.result, cleaned.milliseconds)
            self.manifest.cleaned(source, str(target), *figures, more)

    def _refuse(self, job: Job, error: Exception) -> None:
        self._record_failure(job.name, job.target, error)

    def _record_failure(self, source: str, target: str | Path, error: Exception) -> None:
        if self.manifest:
            self.manifest.failed(source, str(target), error)
