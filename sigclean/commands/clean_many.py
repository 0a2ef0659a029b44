"""`sigclean clean` for files, shards and data sets."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from sigclean.bulk.bulk import Bulk, Tally
from sigclean.bulk.inputs import InputOptions, pages_of
from sigclean.bulk.jobs import PNG, Job, is_lost_page, refuse_conflicts
from sigclean.bulk.listing import PassedOver
from sigclean.bulk.manifest import Manifest
from sigclean.bulk.picture_worker import OutputStyle, choose_workers, picture_worker
from sigclean.bulk.progress import progress_bar
from sigclean.bulk.shards import possible_shards
from sigclean.commands.inputs import Inputs, Load, Work, divide
from sigclean.errors import SigcleanError, one_line


@dataclass(frozen=True)
class RunOptions:
    """The options of a run over many pictures.

    Attributes:
        skip_existing: leave results that exist.
        manifest: the file that records every picture.
        batch_size: the pictures of a network call on a GPU.
        workers: the threads; 0 for the usual number.
        inputs: how files are read.
    """

    skip_existing: bool
    manifest: Path | None
    batch_size: int
    workers: int
    inputs: InputOptions


def clean_all(inputs: Inputs, style: OutputStyle, load: Load, options: RunOptions) -> bool:
    """Clean; return whether a picture could not be cleaned."""
    style.check()
    passed_over = PassedOver(own=(options.manifest,))
    pictures, shards = divide(inputs.plan(passed_over))
    if style.svg and shards:
        raise SigcleanError("--svg is for pictures that are files: shards have no place for SVG")
    if inputs.suffix not in (None, PNG) and shards:
        raise SigcleanError("--format is for pictures that are files: shards get PNG")
    style.check_files(job.target for job in pictures)
    pages = [page for job in pictures for page in pages_of(job, options.inputs)]
    refuse_conflicts(pages)
    works: list[Work] = [*pages, *shards]
    done: list[Work] = []
    todo: list[Work] = []
    for one in works:
        (done if options.skip_existing and _is_done(one, style.svg) else todo).append(one)
    if done:
        print(f"sigclean: skipped {len(done)} of {len(works)}: done", file=sys.stderr)
    with _manifest(options.manifest, todo, pages) as manifest:
        if manifest:
            for one in done:
                manifest.skipped(one.name, str(one.target))
        tally = _clean(todo, style, load, options, manifest) if todo else Tally()
    total = tally.done + tally.failed
    if tally.failed and total > 1:
        what = "pictures and shards" if divide(todo)[1] else "pictures"
        print(f"sigclean: {tally.failed} of {total} {what} could not be cleaned", file=sys.stderr)
    for sentence in passed_over.sentences():
        print(f"sigclean: {one_line(sentence)}", file=sys.stderr)
    return bool(tally.failed)


def _is_done(work: Work, svg: bool) -> bool:
    exists = work.target.exists()
    return exists and (not svg or not isinstance(work, Job) or work.traced.exists())


def _manifest(
    path: Path | None, todo: Sequence[Work], pages: Sequence[Job]
) -> AbstractContextManager[Manifest | None]:
    """Open the manifest. Lines of earlier runs about `todo` go, and those of pages that a document
    no longer has; `pages` are all pages of this run, finished ones included."""
    if path is None:
        return nullcontext()
    names = {one.name for one in todo}
    redone = {str(one.source) for one in todo if isinstance(one, Job)}
    counts = {str(one.source): one.pages for one in pages}

    def is_redone(source: str) -> bool:
        if source in names or source in redone or is_lost_page(source, counts):
            return True
        return any(shard in names for shard in possible_shards(source))

    return Manifest(path, is_redone)


def _clean(
    todo: Sequence[Work],
    style: OutputStyle,
    load: Load,
    options: RunOptions,
    manifest: Manifest | None,
) -> Tally:
    pictures, shards = divide(todo)
    count = None if shards else len(pictures)  # how many pictures shards hold is not known
    workers = choose_workers(options.workers, count)
    cleaner = load(workers=workers)
    with (
        picture_worker(cleaner, style, workers, options.batch_size) as worker,
        progress_bar(count, "picture") as progress,
    ):
        bulk = Bulk(worker, manifest, progress, options.inputs)
        tally = bulk.files(pictures)
        for shard in shards:
            tally += bulk.shard(shard)
    return tally
