"""Runs units on a Ray cluster, and records every picture in a manifest of parts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sigclean.bulk.manifest import FAILED
from sigclean.bulk.progress import progress_bar
from sigclean.errors import SigcleanError, first_line, one_line
from sigclean.ray.cluster import connect
from sigclean.ray.manifest import Entry, PartedManifest, from_table
from sigclean.ray.units import Unit
from sigclean.ray.worker import STOPPED, Task, UnitWorker

MOST_AT_ONCE = 64  # units of one call: what a lost worker has to do again
CALLS_PER_WORKER = 4  # at least, so that all workers end at about the same time


@dataclass(frozen=True)
class Cluster:
    """The part of a cluster that a run uses.

    Attributes:
        address: see `cluster.connect`.
        concurrency: the most workers; None for one for each core, or for each share of a GPU.
        gpus: the GPUs of each worker, which may be a share such as 0.5.
    """

    address: str | None = None
    concurrency: int | None = None
    gpus: float = 0.0


def run_units(
    units: Sequence[Unit], task: Task, cluster: Cluster, manifest: PartedManifest
) -> Iterator[Entry]:
    """Clean units, and yield the entries of the manifest, which are recorded.

    Raises SigcleanError if the cluster cannot be joined, or the run cannot go on.
    """
    if not units:
        return
    connect(cluster.address)
    import ray

    with manifest, progress_bar(len(units), "file") as progress:
        try:
            for table in _tables(units, task, cluster):
                entries = from_table(table)
                stopped = [one for one in entries if one["status"] == STOPPED]
                manifest.add([one for one in entries if one["status"] != STOPPED])
                if stopped:
                    raise SigcleanError(stopped[0]["error"])
                progress.update(len({one["input"] for one in entries}))
                for entry in entries:
                    if entry["status"] == FAILED:
                        progress.write(f"sigclean: {one_line(entry['error'])}", file=sys.stderr)
                yield from entries
        except ray.exceptions.RayError as error:
            raise SigcleanError(f"Ray gave up: {_cause(error)}") from error


def _tables(units: Sequence[Unit], task: Task, cluster: Cluster) -> Iterator[Any]:
    """Yield tables of entries as they come."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import ray

    most = cluster.concurrency or _places(cluster.gpus)
    most = max(1, min(most, len(units)))
    size = max(1, min(MOST_AT_ONCE, len(units) // (CALLS_PER_WORKER * most)))
    blocks = [
        pa.Table.from_pylist([asdict(unit) for unit in units[first : first + size]])
        for first in range(0, len(units), size)
    ]
    entries = ray.data.from_arrow(blocks).map_batches(
        UnitWorker,
        fn_constructor_args=(task,),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
        num_cpus=task.threads,
        num_gpus=cluster.gpus or None,
    )
    yield from entries.iter_batches(batch_size=None, batch_format="pyarrow")


def _places(gpus: float) -> int:
    """Return how many workers the cluster has room for."""
    import ray

    resources = ray.cluster_resources()
    return int(resources.get("GPU", 0) / gpus) if gpus else int(resources.get("CPU", 1))


def _cause(error: BaseException) -> str:
    """Return the last sentence of Ray's report, which names the first error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else first_line(error)
