"""`sigclean clean` for files, shards and data sets: the share of this process."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tqdm import tqdm

from sigclean.bulk.bulk import Bulk, Tally
from sigclean.bulk.jobs import Job, plan
from sigclean.bulk.manifest import Manifest
from sigclean.bulk.shards import Shard
from sigclean.bulk.workshop import Look, choose_workers, workshop
from sigclean.cleaner import SignatureCleaner
from sigclean.errors import SigcleanError
from sigclean.processes.ranks import Process

Work = Job | Shard


def clean_share(args: argparse.Namespace, process: Process) -> bool:
    """Clean what falls to this process; returns whether some of it could not be cleaned."""
    chosen_look(args).check()
    works = _plan(args, process)
    done = [one for one in works if args.skip_existing and _is_done(one, args.svg)]
    there = {id(one) for one in done}
    todo = [one for one in works if id(one) not in there]
    if done and process.speaks:
        print(f"sigclean: skipped {len(done)} of {len(works)}: done", file=sys.stderr)
    with _manifest(args, todo, process) as manifest:
        if manifest:
            for one in done:
                manifest.skipped(one.name, str(one.target))
        tally = _clean(todo, args, process, manifest) if todo else Tally()
    total = tally.done + tally.failed
    if tally.failed and total > 1 and process.speaks:
        what = "pictures" if all(isinstance(one, Job) for one in todo) else "pictures and shards"
        print(f"sigclean: {tally.failed} of {total} {what} could not be cleaned", file=sys.stderr)
    return bool(tally.failed)


def load(args: argparse.Namespace, workers: int = 1) -> SignatureCleaner:
    """The model that the options name, for so many threads."""
    return SignatureCleaner.from_pretrained(
        args.weights,
        revision=args.revision,
        device=args.device,
        runtime=args.runtime,
        workers=workers,
    )


def chosen_look(args: argparse.Namespace) -> Look:
    """What the options say of results."""
    how = (args.window, args.pen, args.invert)
    return Look(args.transparent, args.crop, args.raw, args.ink, args.svg, *how)


def _plan(args: argparse.Namespace, process: Process) -> list[Work]:
    """Pictures and shards are shared out apart: a shard takes as long as thousands of pictures."""
    jobs = [] if args.dataset else plan(args.inputs, args.output, args.recursive)
    if args.svg and (args.dataset or any(job.is_shard for job in jobs)):
        raise SigcleanError("--svg is for pictures that are files: shards have no place for SVG")
    if args.dataset:
        from sigclean.bulk.shards.dataset import dataset_shards

        shards = dataset_shards(args.dataset, args.split, Path(args.output), args.column)
        return list(process.share(shards))
    pictures = process.share([job for job in jobs if not job.is_shard])
    files = process.share([job for job in jobs if job.is_shard])
    return [*pictures, *(_shard(job, args.column) for job in files)]


def _is_done(work: Work, svg: bool) -> bool:
    there = work.target.exists()
    return there and (not svg or not isinstance(work, Job) or work.traced.exists())


def _shard(job: Job, column: str) -> Shard:
    if job.source.suffix.lower() == ".tar":
        from sigclean.bulk.shards.tar import TarShard

        return TarShard(job.source, job.target, column)
    from sigclean.bulk.shards.parquet import ParquetShard

    return ParquetShard(job.source, job.target, column)


def _manifest(
    args: argparse.Namespace, todo: Sequence[Work], process: Process
) -> AbstractContextManager[Manifest | None]:
    if args.manifest is None:
        return nullcontext()
    names = {one.name for one in todo}

    def again(source: str) -> bool:
        return source in names or source.rpartition("#")[0] in names

    return Manifest(args.manifest, again, process)


def _clean(
    todo: Sequence[Work], args: argparse.Namespace, process: Process, manifest: Manifest | None
) -> Tally:
    pictures = [one for one in todo if isinstance(one, Job)]
    count = len(pictures) if len(pictures) == len(todo) else None  # of shards it is not known
    workers = choose_workers(args.workers, count, process.local_count)
    cleaner = load(args, workers)
    hidden = not (process.speaks and sys.stderr.isatty())
    tally = Tally()
    with (
        workshop(cleaner, chosen_look(args), workers, args.batch_size) as shared,
        tqdm(total=count, unit="picture", disable=hidden) as progress,
    ):
        bulk = Bulk(shared, manifest, progress)
        if pictures:
            tally += bulk.files(pictures)
        for one in todo:
            if not isinstance(one, Job):
                tally += bulk.shard(one)
    return tally
