"""Clean thousands of pictures on a Ray cluster of two nodes, one of which is killed.

    python benchmarks/on_ray.py                      # 300 pictures
    python benchmarks/on_ray.py --count 5000
    python benchmarks/on_ray.py --count 20000 --skip-kills --skip-parquet

Three nodes on one machine: one without cores that keeps the cluster's state, and two of one core.
In one run: threads alone, then the cluster, from a folder and from Parquet files, and again from a
folder while one of the two nodes is killed. Prints pictures a second, the time until the first
result, and the most memory. Exits with 1 if a manifest lacks a picture or has it twice, or if a
result differs in a single byte.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from bulk import make_pictures

from sigclean.ray.manifest import PartedManifest

EVERY = 0.5  # seconds between two samples of the memory
ROWS = 250  # rows of a Parquet file's row group


@dataclass(frozen=True)
class Run:
    """A measured run.

    Attributes:
        seconds: of the whole command.
        first: seconds until the first result.
        megabytes: the most memory of the command and of Ray's processes.
    """

    name: str
    seconds: float
    first: float
    megabytes: float


def main() -> int:
    """Make, clean, kill, compare. Returns the exit status."""
    args = parse_args()
    with tempfile.TemporaryDirectory(prefix="sigclean-") as scratch, two_nodes() as cluster:
        folder = Path(scratch)
        make_pictures(folder / "in", args.count, args.seed)
        pictures = sorted(path for path in (folder / "in").rglob("*") if path.is_file())
        alone = measure("threads alone", command(folder / "in", folder / "alone"), folder / "alone")
        on_ray = ("--engine", "ray", "--ray-address", cluster.address)
        words = command(folder / "in", folder / "ray", *on_ray)
        runs = [alone, measure("Ray, folder", words, folder / "ray")]
        wrong = differences(folder / "alone", folder / "ray", pictures)
        if not args.skip_parquet:
            write_parquet(pictures, folder / "shards")
            words = command(folder / "shards", folder / "rows", *on_ray)
            runs.append(measure("Ray, Parquet", words, folder / "rows"))
            wrong += different_rows(folder / "alone", folder / "rows", folder / "in", len(pictures))
        if not args.skip_kills:
            words = command(folder / "in", folder / "killed", *on_ray)
            with killed_node(cluster, folder / "killed", args.count // 3):
                runs.append(measure("Ray, one node killed", words, folder / "killed"))
            wrong += differences(folder / "alone", folder / "killed", pictures)
    report(runs, args.count)
    for sentence in wrong:
        print(sentence)
    return 1 if wrong else 0


def command(source: Path, out: Path, *more: str) -> list[str]:
    """The command that cleans a folder."""
    words = [sys.executable, "-m", "sigclean", "clean", str(source), "-r", "-o", str(out)]
    return [*words, *more]


@contextmanager
def two_nodes() -> Iterator[Any]:
    """A cluster of two nodes of one core each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        cluster.shutdown()


@contextmanager
def killed_node(cluster: Any, out: Path, after: int) -> Iterator[None]:
    """Kill one of the nodes after so many results."""
    victim = next(iter(cluster.worker_nodes))

    def kill() -> None:
        while sum(1 for _ in out.rglob("*.png")) < after:
            time.sleep(EVERY)
        cluster.remove_node(victim, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    yield
    killer.join()


def measure(name: str, words: Sequence[str], out: Path) -> Run:
    """Run a command to its end."""
    begun, first, most = time.perf_counter(), 0.0, 0.0
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        time.sleep(EVERY)
        most = max(most, megabytes(process.pid, with_ray="ray" in words))
        if not first and any(out.rglob("*.png")):
            first = time.perf_counter() - begun
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed: {process.communicate()[1]}")
    return Run(name, seconds, first, most)


def megabytes(pid: int, with_ray: bool) -> float:
    """The memory of a command, and of Ray's workers, without pages that they share."""
    total = 0
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        with suppress(psutil.Error):
            words = " ".join(process.info["cmdline"] or ())
            if process.info["pid"] == pid or (with_ray and "ray::" in words):
                total += process.memory_full_info().uss
    return total / 1e6


def write_parquet(pictures: Sequence[Path], folder: Path) -> None:
    """Write the pictures into two Parquet files of several row groups."""
    folder.mkdir()
    for number in range(2):
        mine = pictures[number::2]
        rows = [{"bytes": path.read_bytes(), "path": str(path)} for path in mine]
        pq.write_table(pa.table({"image": rows}), folder / f"{number}.parquet", row_group_size=ROWS)


def differences(alone: Path, out: Path, pictures: Sequence[Path]) -> list[str]:
    """Say what differs between the results of two runs, and of their manifest."""
    wrong = []
    expected = {path.relative_to(alone): path for path in alone.rglob("*.png")}
    for name, path in expected.items():
        if not (out / name).exists() or path.read_bytes() != (out / name).read_bytes():
            wrong.append(f"{out.name}: {name} differs")
    sources = [one["source"] for one in PartedManifest(str(out / "manifest.jsonl")).entries()]
    if sorted(sources) != sorted(map(str, pictures)):
        wrong.append(f"{out.name}: {len(sources)} entries, {len(set(sources))} different ones")
    return wrong


def different_rows(alone: Path, out: Path, source: Path, count: int) -> list[str]:
    """Say what differs between files and the rows of Parquet files."""
    wrong, seen = [], 0
    for part in sorted(out.glob("*.parquet")):
        for row in pq.read_table(part).column("image").to_pylist():
            seen += 1
            name = Path(row["path"]).relative_to(source).with_suffix(".png")
            if row["bytes"] != (alone / name).read_bytes():
                wrong.append(f"{part.name}: {name} differs")
    return wrong if seen == count else [*wrong, f"Parquet: {seen} rows"]


def report(runs: Sequence[Run], count: int) -> None:
    """Print a table, with ratios to the first run."""
    print(f"{count} pictures\n")
    print("| run | seconds | pictures a second | ratio | first result, s | most memory, MB |")
    print("|---|---|---|---|---|---|")
    for run in runs:
        print(
            f"| {run.name} | {run.seconds:.0f} | {count / run.seconds:.1f} "
            f"| {runs[0].seconds / run.seconds:.2f} | {run.first:.1f} | {run.megabytes:.0f} |"
        )
    threads, ray = runs[0], runs[1]
    extra = (ray.seconds - ray.first) - (threads.seconds - threads.first)
    print(f"\nRay's overhead after the first result: {1000 * extra / count:.1f} ms a picture")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=300, help="pictures (default: 300)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-kills", action="store_true")
    parser.add_argument("--skip-parquet", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
