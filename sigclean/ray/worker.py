"""The actor that cleans units: it brings them to its disk, cleans them as one machine does, and
sends the results where they belong."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from sigclean.bulk.bulk import Bulk
from sigclean.bulk.extraction import Extraction, remove_result
from sigclean.bulk.inputs import InputOptions, pages_of
from sigclean.bulk.jobs import Job
from sigclean.bulk.manifest import Records
from sigclean.bulk.picture_worker import PIXELS, PIXELS_PER_WORKER, OutputStyle, picture_worker
from sigclean.bulk.pipeline import PixelBudget
from sigclean.bulk.progress import Silent
from sigclean.bulk.shards import Shard
from sigclean.bulk.shards.files import file_shard
from sigclean.cleaner import SignatureCleaner
from sigclean.errors import SigcleanError, WeightsError, one_line
from sigclean.ray.manifest import Entry, to_table
from sigclean.ray.places import fetch, is_url, join, open_file, parent, remove, send
from sigclean.ray.units import NONE, Unit

STOPPED = "stopped"  # the status of an entry that ends the run
AT_ONCE = 16  # files that are fetched or sent at the same time


@dataclass(frozen=True)
class Task:
    """The work that is done with every unit.

    Attributes:
        extract: find signatures on pages, in place of cleaning whole pictures.
        model: options of `SignatureCleaner.from_pretrained`.
        folder: the working folder of the command, from which paths start.
        threads: the pictures that an actor cleans at once.
        batch_size: the pictures of a network call on a GPU.
        suffix: that of extracted signatures.
        column, dataset, split: see `commands.inputs.Inputs`.
    """

    extract: bool
    style: OutputStyle
    inputs: InputOptions
    model: dict[str, Any]
    folder: str
    threads: int = 1
    batch_size: int = 8
    suffix: str = ".png"
    column: str = ""
    dataset: str = ""
    split: str = ""


class UnitWorker:
    """A callable for `map_batches`: a table of units in, a table of entries out."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __call__(self, table: Any) -> Any:
        """Clean units; an error that ends the run is an entry as well, with the status STOPPED."""
        units = [Unit(**row) for row in table.to_pylist()]
        try:
            return to_table(list(self._entries(units)))
        except SigcleanError as error:
            stopped = {"source": units[0].source, "input": units[0].name, "status": STOPPED}
            return to_table([{**stopped, "target": "", "error": one_line(error)}])

    def _entries(self, units: Sequence[Unit]) -> Iterator[Entry]:
        with TemporaryDirectory(prefix="sigclean-") as scratch:
            staged = [
                _Staged(unit, Path(self._task.folder), Path(scratch) / str(number))
                for number, unit in enumerate(units)
            ]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                errors = list(pool.map(_Staged.fetch, staged))
            here = []
            for one, error in zip(staged, errors, strict=True):
                if error is None:
                    here.append(one)
                else:
                    one.records.failed(str(one.source), str(one.target), error)
            self._clean_files([one for one in here if not one.unit.is_shard])
            for one in here:
                if one.unit.is_shard:
                    self._clean_shard(one)
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(_Staged.send, staged))
            for one in staged:
                yield from one.entries()

    def _clean_files(self, staged: Sequence[_Staged]) -> None:
        if not staged:
            return
        options, threads = self._task.inputs, self._task.threads
        jobs = [Job(one.source, one.target) for one in staged]
        pages = [page for job in jobs for page in pages_of(job, options)]
        records = _Sorted({str(one.source): one.records for one in staged})
        if self._task.extract:
            self._extraction(records, staged).files(pages)
            return
        with picture_worker(
            self._cleaner, self._task.style, threads, self._task.batch_size
        ) as worker:
            Bulk(worker, records, Silent(), options).files(pages)

    def _clean_shard(self, one: _Staged) -> None:
        shard, task = self._shard(one), self._task
        if task.extract:
            self._extraction(one.records, [one]).shard(
                shard, one.target.with_suffix(task.suffix), {}
            )
            return
        with picture_worker(self._cleaner, task.style, task.threads, task.batch_size) as worker:
            Bulk(worker, one.records, Silent(), task.inputs).shard(shard)

    def _extraction(self, records: Records, staged: Sequence[_Staged]) -> Extraction:
        task = self._task
        budget = PixelBudget(PIXELS + task.threads * PIXELS_PER_WORKER)
        options = (task.style, task.threads, budget, records, Silent(), task.inputs)
        return Extraction(self._cleaner, *options, partial(_remove, staged))

    def _shard(self, one: _Staged) -> Shard:
        if one.unit.part != NONE:
            return replace(self._dataset[one.unit.part], target=one.target)
        group = None if one.unit.group == NONE else one.unit.group
        remote = is_url(one.unit.source) and not one.source.exists()
        file = open_file(one.unit.source) if remote else None
        return file_shard(one.source, one.target, self._task.column, group, file)

    @cached_property
    def _dataset(self) -> list[Any]:
        from sigclean.bulk.shards.dataset import dataset_shards

        task = self._task
        return dataset_shards(task.dataset, task.split, Path(), task.column)

    @cached_property
    def _cleaner(self) -> SignatureCleaner:
        try:
            return SignatureCleaner.from_pretrained(**self._task.model, workers=self._task.threads)
        except WeightsError as error:
            raise WeightsError(f"on the node {socket.gethostname()}: {error}") from error


class _Collected(Records):
    """Entries in memory."""

    def __init__(self) -> None:
        self.all: list[Entry] = []

    def add(self, entry: Entry) -> None:
        self.all.append(entry)


class _Sorted(Records):
    """Hands each entry to the records of its file, also those of the file's pages."""

    def __init__(self, records: dict[str, _Collected]) -> None:
        self._records = records

    def add(self, entry: Entry) -> None:
        source = entry["source"]
        if source not in self._records:
            source = source.rpartition("#")[0]
        self._records[source].add(entry)


@dataclass
class _Staged:
    """A unit and its files on this machine.

    Attributes:
        source, target: a URL's are in a scratch folder; others are where they belong.
    """

    unit: Unit
    folder: Path
    scratch: Path
    records: _Collected = field(default_factory=_Collected)

    @property
    def source(self) -> Path:
        if self.unit.part != NONE:
            return Path(self.unit.source)
        return self._local(self.unit.source, "in")

    @property
    def target(self) -> Path:
        return self._local(self.unit.target, "out")

    def _local(self, name: str, side: str) -> Path:
        if is_url(name):
            return self.scratch / side / PurePosixPath(name).name
        return self.folder / name

    def fetch(self) -> SigcleanError | None:
        """Bring the source here; a Parquet file is read from where it is. Returns the error."""
        if not is_url(self.unit.source) or self.unit.part != NONE:
            return None
        if self.source.suffix.lower() == ".parquet":
            return None
        try:
            fetch(self.unit.source, self.source)
        except SigcleanError as error:
            return error
        return None

    def send(self) -> None:
        """Bring all files of the result to where they belong. Raises SigcleanError."""
        if is_url(self.unit.target):
            folder = self.target.parent
            for path in sorted(one for one in folder.rglob("*") if one.is_file()):
                send(path, join(parent(self.unit.target), path.relative_to(folder).as_posix()))

    def entries(self) -> Iterator[Entry]:
        """Yield what was recorded, with the names by which the user knows the files."""
        places = (
            (str(self.source), self.unit.source),
            (str(self.target.parent), parent(self.unit.target)),
        )
        for entry in self.records.all:
            for key in ("source", "target", "error"):
                for here, named in places:
                    if key in entry:
                        entry[key] = _renamed(entry[key], here, named)
            yield {**entry, "input": self.unit.name}


def _renamed(text: str, here: str, named: str) -> str:
    if not named:  # a file of the working folder, which is named without it
        return text.replace(f"{here}/", "")
    return text.replace(here, named)


def _remove(staged: Sequence[_Staged], target: Path) -> bool:
    """Remove a result of an earlier run where it is kept, see `Extraction.remove`."""
    for one in staged:
        folder = one.target.parent
        if is_url(one.unit.target) and target.is_relative_to(folder):
            place = target.relative_to(folder).as_posix()
            return remove(join(parent(one.unit.target), place))
    return remove_result(target)
