"""`sigclean clean` for files, shards and data sets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from sigclean.bulk.bulk import Bulk, Tally
from sigclean.bulk.inputs import InputOptions, pages_of
from sigclean.bulk.jobs import PNG, Job, plan
from sigclean.bulk.listing import PassedOver
from sigclean.bulk.manifest import Manifest
from sigclean.bulk.picture_worker import OutputStyle, choose_workers, picture_worker
from sigclean.bulk.shards import Shard
from sigclean.bulk.shards.files import file_shard
from sigclean.cleaner import SignatureCleaner
from sigclean.errors import SigcleanError, one_line

Work = Job | Shard
Load = Callable[..., SignatureCleaner]  # `from_pretrained`; what is left to say is `workers`


@dataclass(frozen=True)
class Inputs:
    """The pictures to clean, and where their results go.

    Attributes:
        names, output, recursive, suffix: see `bulk.jobs.plan`.
        dataset, split: a data set of the `datasets` library in place of names.
        column: the column of the pictures in shards, or their extension in tar files.
    """

    names: Sequence[str]
    output: str | None = None
    recursive: bool = False
    suffix: str | None = None
    dataset: str | None = None
    split: str = ""
    column: str = ""

    def check(self) -> None:
        """Raise SigcleanError if the options contradict each other."""
        if self.dataset and self.names:
            raise SigcleanError("--dataset takes the place of the inputs: give one or the other")
        if not self.dataset and not self.names:
            raise SigcleanError("there is nothing to clean: name files, folders or a --dataset")
        if self.dataset and self.output in (None, "-"):
            raise SigcleanError("--dataset needs a folder for its results: -o OUT")
        if self.split and not self.dataset:
            raise SigcleanError("--split is that of a --dataset")

    def plan(self, passed_over: PassedOver) -> list[Work]:
        """List all files and shards. Raises SigcleanError, see `bulk.jobs.plan`."""
        if self.dataset:
            from sigclean.bulk.shards.dataset import dataset_shards

            output = Path(self.output or "")
            return [*dataset_shards(self.dataset, self.split, output, self.column)]
        jobs = plan(self.names, self.output, self.recursive, passed_over, self.suffix)
        return [
            file_shard(job.source, job.target, self.column) if job.is_shard else job for job in jobs
        ]


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
    passed_over = PassedOver()
    pictures, shards = _divide(inputs.plan(passed_over))
    if style.svg and shards:
        raise SigcleanError("--svg is for pictures that are files: shards have no place for SVG")
    if inputs.suffix not in (None, PNG) and shards:
        raise SigcleanError("--format is for pictures that are files: shards get PNG")
    style.check_files(job.target for job in pictures)
    pages = [page for job in pictures for page in pages_of(job, options.inputs)]
    works: list[Work] = [*pages, *shards]
    done: list[Work] = []
    todo: list[Work] = []
    for one in works:
        (done if options.skip_existing and _is_done(one, style.svg) else todo).append(one)
    if done:
        print(f"sigclean: skipped {len(done)} of {len(works)}: done", file=sys.stderr)
    with _manifest(options.manifest, todo) as manifest:
        if manifest:
            for one in done:
                manifest.skipped(one.name, str(one.target))
        tally = _clean(todo, style, load, options, manifest) if todo else Tally()
    total = tally.done + tally.failed
    if tally.failed and total > 1:
        what = "pictures and shards" if _divide(todo)[1] else "pictures"
        print(f"sigclean: {tally.failed} of {total} {what} could not be cleaned", file=sys.stderr)
    for sentence in passed_over.sentences():
        print(f"sigclean: {one_line(sentence)}", file=sys.stderr)
    return bool(tally.failed)


def _divide(works: Sequence[Work]) -> tuple[list[Job], list[Shard]]:
    """Return the pictures and the shards."""
    pictures = [one for one in works if isinstance(one, Job)]
    return pictures, [one for one in works if not isinstance(one, Job)]


def _is_done(work: Work, svg: bool) -> bool:
    exists = work.target.exists()
    return exists and (not svg or not isinstance(work, Job) or work.traced.exists())


def _manifest(path: Path | None, todo: Sequence[Work]) -> AbstractContextManager[Manifest | None]:
    if path is None:
        return nullcontext()
    names = {one.name for one in todo}
    documents = {str(one.source) for one in todo if isinstance(one, Job)}

    def is_redone(source: str) -> bool:
        return source in names or source in documents or source.rpartition("#")[0] in names

    return Manifest(path, is_redone)


def _clean(
    todo: Sequence[Work],
    style: OutputStyle,
    load: Load,
    options: RunOptions,
    manifest: Manifest | None,
) -> Tally:
    pictures, shards = _divide(todo)
    count = None if shards else len(pictures)  # how many pictures shards hold is not known
    workers = choose_workers(options.workers, count)
    cleaner = load(workers=workers)
    hidden = not sys.stderr.isatty()
    with (
        picture_worker(cleaner, style, workers, options.batch_size) as worker,
        tqdm(total=count, unit="picture", disable=hidden) as progress,
    ):
        bulk = Bulk(worker, manifest, progress, options.inputs)
        tally = bulk.files(pictures)
        for shard in shards:
            tally += bulk.shard(shard)
    return tally
