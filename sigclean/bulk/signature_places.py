"""Where the results of an extraction go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import chain, count
from pathlib import Path, PurePosixPath

from sigclean.bulk.jobs import RESULT, Job, page_target
from sigclean.bulk.real_paths import RealPaths
from sigclean.bulk.shards import Cell, Shard, without_suffix
from sigclean.errors import SigcleanError

_SIGNATURE = re.compile(r"\.p[0-9]+\.[0-9]+(?=(\.clean)?\.[a-z]+$)")  # of a result's name


def signature_target(job: Job, number: int) -> Path:
    """Name the result of a signature: `<stem>.p<page>.<number>.png`."""
    page = job.target if job.pages > 1 else page_target(job.target, 1)
    mark = RESULT if page.stem.endswith(RESULT) else ""
    return page.with_name(f"{page.stem.removesuffix(RESULT)}.{number}{mark}{page.suffix}")


def signature_folders(files: Iterable[Path], shards: Iterable[Path]) -> dict[Path, Path]:
    """Return the folder of the signatures of each shard, by the shard's target: `a` of `a.tar`, or
    `a-tar` if `a` is that of others, too.

    Args:
        files, shards: the targets of all files and of all shards.
    """
    stems = {shard: shard.with_suffix("") for shard in shards}
    count = Counter(stems.values())
    others = {folder for file in files for folder in file.parents}
    return {
        shard: shard.with_name(f"{shard.stem}-{shard.suffix[1:]}")
        if count[stem] > 1 or stem in others
        else stem
        for shard, stem in stems.items()
    }


class CellNames:
    """The places of the results of a shard's cells: rows by number, members by name.

    Members of one name are told apart by their suffixes, or if those are equal by numbers in the
    members' order.
    """

    def __init__(self, shard: Shard, target: Path) -> None:
        self._start = f"{shard.name}#"
        self._folder, self._suffix = target.with_suffix(""), target.suffix
        self._taken: set[str] = set()

    def of(self, cell: Cell) -> Path:
        """Return the path that the names of a cell's results begin with."""
        name = cell.name.removeprefix(self._start)
        place = f"{int(name):06}" if name.isdecimal() else self._free(name)
        return self._folder / f"{place}{self._suffix}"

    def _free(self, member: str) -> str:
        parts = (part for part in PurePosixPath(member).parts if part not in ("/", ".."))
        whole = "/".join(parts)
        numbered = (f"{whole}.{number}" for number in count(2))
        names = chain((without_suffix(whole), whole), numbered)
        free = next(name for name in names if name not in self._taken)
        self._taken.add(free)
        return free


def refuse_signature_conflicts(jobs: Collection[Job]) -> None:
    """Raise SigcleanError if a signature's result may replace an input: how many signatures there
    are is not known before."""
    places = RealPaths()
    files = {job.target: job.source for job in jobs if not job.is_shard}
    shards = {job.target: job.source for job in jobs if job.is_shard}
    folders = {places.of(at): shards[one] for one, at in signature_folders(files, shards).items()}
    results = {places.of(target): source for target, source in files.items()}
    for job in jobs:
        place = places.of(job.source)
        if not _SIGNATURE.search(place):
            continue
        above = (str(folder) for folder in Path(place).parents)
        writers = (results.get(_SIGNATURE.sub("", place)), *map(folders.get, above))
        for writer in filter(None, writers):
            raise SigcleanError(
                f"a signature of {writer} might replace the input {job.source}: write to another "
                "folder"
            )
