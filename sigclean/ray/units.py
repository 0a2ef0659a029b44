"""The units of a run on a cluster: each is cleaned whole by one worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from sigclean.bulk.jobs import PNG, Found, name_apart, plan, within
from sigclean.bulk.listing import NO_PICTURES, SHARDS, PassedOver, is_shard, kind_of
from sigclean.errors import DataError, SigcleanError
from sigclean.images import PICTURE_SUFFIXES
from sigclean.ray.places import as_path, is_url, join, list_files, open_file

NONE = -1  # in place of a number that a unit does not have


@dataclass(frozen=True)
class Unit:
    """A file, a row group of a Parquet file, or a stored part of a data set.

    Attributes:
        source, target: the paths or URLs of the input and of its result.
        group: the row group, from 0; NONE for a whole file.
        part: the number of the part of the data set; NONE for a file.
    """

    source: str
    target: str
    group: int = NONE
    part: int = NONE

    @property
    def name(self) -> str:
        """The name by which a manifest knows the unit."""
        return self.source if self.group == NONE else f"{self.source}#group={self.group}"

    @property
    def is_shard(self) -> bool:
        """True if the unit holds many pictures."""
        return self.part != NONE or is_shard(PurePosixPath(self.source))


def plan_files(
    names: Sequence[str],
    output: str,
    recursive: bool,
    passed_over: PassedOver,
    suffix: str | None,
    in_one_place: bool = False,
) -> list[Unit]:
    """Return the units of files, folders and globs, given by paths or URLs. See `bulk.jobs.plan`.

    Args:
        in_one_place: all row groups of a Parquet file have the same target, which is a folder of
            many results; by default each has a file of its own.

    Raises:
        DataError: a folder has no pictures.
        SigcleanError: a place cannot be reached, or the output does not fit the inputs.
    """
    names, output = [as_path(name) for name in names], as_path(output)
    if any(map(is_url, (*names, output))):
        files = _plan_urls(names, output, recursive, passed_over, suffix or PNG)
    else:
        jobs = plan(names, output, recursive, passed_over, suffix)
        files = [(str(job.source), str(job.target)) for job in jobs]
    return [unit for source, target in files for unit in _divided(source, target, in_one_place)]


def plan_dataset(dataset: str, split: str, output: str, column: str) -> list[Unit]:
    """Return the units of a data set. Raises SigcleanError, see `dataset_shards`."""
    from sigclean.bulk.shards.dataset import dataset_shards

    output = as_path(output)
    shards = dataset_shards(dataset, split, Path("out"), column)
    return [
        Unit(shard.name, join(output, shard.target.name), part=number)
        for number, shard in enumerate(shards)
    ]


def _plan_urls(
    names: Sequence[str], output: str, recursive: bool, passed_over: PassedOver, suffix: str
) -> list[tuple[str, str]]:
    if PurePosixPath(output).suffix.lower() in PICTURE_SUFFIXES:
        raise SigcleanError(f"{output} is a file name: with --engine ray, -o names a folder")
    found: dict[Found, str] = {}
    for name in names:
        folder, files = list_files(name, recursive)
        kinds: tuple[list[str], list[str], list[str]] = ([], [], [])
        for file in files:
            kinds[kind_of(PurePosixPath(file))].append(file)
        pictures, shards, others = kinds
        if not pictures and not shards:
            raise DataError(f"{name} holds no pictures")
        passed_over.add(SHARDS, *(Path(one) for one in (shards if pictures else ())))
        passed_over.add(NO_PICTURES, *map(Path, others))
        for file in pictures or shards:
            place = Found(Path(join(folder, file)), Path(file).parent)
            found.setdefault(place, join(folder, file))
    jobs = name_apart(list(found), partial(within, Path(), suffix))
    targets = [join(output, job.target.as_posix()) for job in jobs]
    pairs = list(zip(found.values(), targets, strict=True))
    if clash := next((target for source, target in pairs if source == target), None):
        raise SigcleanError(f"the result {clash} would replace the input of this name")
    return pairs


def _divided(source: str, target: str, in_one_place: bool) -> list[Unit]:
    """Return a unit for each row group of a Parquet file, so that several workers share it."""
    if PurePosixPath(source).suffix.lower() != ".parquet":
        return [Unit(source, target)]
    from sigclean.bulk.shards.parquet import count_row_groups

    file = open_file(source) if is_url(source) else Path(source)
    try:
        count = count_row_groups(file, source)
    except DataError:
        count = 1  # the worker will say what is wrong
    if count <= 1:
        return [Unit(source, target)]
    if in_one_place:
        return [Unit(source, target, group) for group in range(count)]
    stem = target.removesuffix(PurePosixPath(target).suffix)
    return [
        Unit(source, f"{stem}-{group:05}-of-{count:05}.parquet", group) for group in range(count)
    ]
