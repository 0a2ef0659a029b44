"""`--engine ray`: `sigclean clean` and `sigclean extract` on a Ray cluster."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigclean.bulk.inputs import InputOptions, pages_of
from sigclean.bulk.jobs import PNG, Job, is_page_name, refuse_conflicts
from sigclean.bulk.listing import PassedOver
from sigclean.bulk.manifest import CLEANED, FAILED
from sigclean.bulk.picture_worker import OutputStyle
from sigclean.commands.extract_many import Request, say_found, write_report
from sigclean.commands.inputs import Inputs
from sigclean.errors import SigcleanError, one_line
from sigclean.extras import require

if TYPE_CHECKING:
    from sigclean.bulk.extraction import Found
    from sigclean.ray.units import Unit
    from sigclean.ray.worker import Task

Entries = Iterable[dict[str, Any]]


def clean_on_ray(inputs: Inputs, style: OutputStyle, args: argparse.Namespace) -> bool:
    """Clean on a cluster; return whether a picture could not be cleaned."""
    _check(style)
    if inputs.output is None:
        raise SigcleanError("--engine ray needs a folder or URL for its results: -o OUT")
    passed_over = PassedOver()
    units = _units(inputs, passed_over)
    shards = any(unit.is_shard for unit in units)
    if shards and style.svg:
        raise SigcleanError("--svg is for pictures that are files: shards have no place for SVG")
    if shards and inputs.suffix not in (None, PNG):
        raise SigcleanError("--format is for pictures that are files: shards get PNG")
    files = [Job(Path(unit.source), Path(unit.target)) for unit in units if not unit.is_shard]
    style.check_files(job.target for job in files)
    if any(is_page_name(job.source) for job in files):  # else no page can have an input's name
        reading = InputOptions(args.password, args.dpi)
        refuse_conflicts([page for job in files for page in pages_of(job, reading)])
    task = replace(_task(inputs, style, args), batch_size=args.batch_size)
    manifest = str(args.manifest or _within(inputs.output, "manifest.jsonl"))
    count: Counter[str] = Counter(
        entry["status"] for entry in _run(units, task, args, manifest, args.skip_existing)
    )
    if count[FAILED] and count.total() > 1:
        what = "pictures and shards" if shards else "pictures"
        print(
            f"sigclean: {count[FAILED]} of {count[FAILED] + count[CLEANED]} {what} could not be "
            "cleaned",
            file=sys.stderr,
        )
    _say(passed_over)
    return bool(count[FAILED])


def extract_on_ray(request: Request, style: OutputStyle, args: argparse.Namespace) -> bool:
    """Extract on a cluster; return whether a page could not be read."""
    from sigclean.ray.manifest import PartedManifest

    _check(style)
    passed_over = PassedOver()
    inputs = request.inputs
    units = _units(inputs, passed_over, in_one_place=True)
    manifest = str(args.manifest or _within(inputs.output or "", "signatures.jsonl"))
    task = replace(_task(inputs, style, args), extract=True, suffix=inputs.suffix or PNG)
    found = _found(_run(units, task, args, manifest, request.skip_existing))
    if request.report:
        write_report(PartedManifest(manifest).entries(), request.report)
    say_found(found, passed_over)
    return bool(found.failed)


def _units(inputs: Inputs, passed_over: PassedOver, in_one_place: bool = False) -> list[Unit]:
    """List the units of a run. For `in_one_place` see `plan_files`."""
    from sigclean.ray.units import plan_dataset, plan_files

    output = inputs.output or ""
    if inputs.dataset:
        return plan_dataset(inputs.dataset, inputs.split, output, inputs.column)
    names = (inputs.names, output, inputs.recursive)
    return plan_files(*names, passed_over, inputs.suffix, in_one_place)


def _check(style: OutputStyle) -> None:
    require("ray", "pyarrow", "fsspec", extra="ray", purpose="--engine ray")
    style.check()


def _task(inputs: Inputs, style: OutputStyle, args: argparse.Namespace) -> Task:
    from sigclean.ray.worker import Task

    weights = args.weights
    if weights and Path(weights).exists():
        weights = str(Path(weights).absolute())
    model = {
        "source": weights,
        "revision": args.revision,
        "device": args.device,
        "runtime": args.runtime,
    }
    return Task(
        extract=False,
        style=style,
        inputs=InputOptions(args.password, args.dpi),
        model=model,
        folder=os.getcwd(),  # noqa: PTH109
        threads=max(args.workers, 1),
        column=inputs.column,
        dataset=inputs.dataset or "",
        split=inputs.split,
    )


def _run(
    units: Sequence[Unit], task: Task, args: argparse.Namespace, folder: str, skip: bool
) -> Iterator[dict[str, Any]]:
    """Run what is to be done, and yield its entries."""
    from sigclean.ray.engine import Cluster, run_units
    from sigclean.ray.manifest import PartedManifest

    manifest = PartedManifest(folder)
    finished = manifest.finished() if skip else set()
    todo = [unit for unit in units if unit.name not in finished]
    if len(todo) < len(units):
        print(f"sigclean: skipped {len(units) - len(todo)} of {len(units)}: done", file=sys.stderr)
    manifest.forget({unit.name for unit in todo})
    cluster = Cluster(args.ray_address, args.concurrency, args.num_gpus)
    yield from run_units(todo, task, cluster, manifest)


def _found(entries: Entries) -> Found:
    """Count pages and signatures."""
    from sigclean.bulk.extraction import Found
    from sigclean.bulk.known_pages import page_of

    signatures, failed = 0, 0
    pages: dict[str, bool] = {}
    for entry in entries:
        if entry["status"] == FAILED:
            failed += 1
            continue
        signed = entry["status"] == CLEANED
        signatures += signed
        pages[page_of(entry["source"])] = signed
    return Found(signatures, sum(pages.values()), len(pages), failed)


def _within(output: str, name: str) -> str:
    return f"{output.rstrip('/')}/{name}"


def _say(passed_over: PassedOver) -> None:
    for sentence in passed_over.sentences():
        print(f"sigclean: {one_line(sentence)}", file=sys.stderr)
