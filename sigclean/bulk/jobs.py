"""Plan a bulk cleaning: which pictures and shards, and where their results go."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sigclean.bulk.listing import (
    NO_PICTURES,
    PAGED_SUFFIXES,
    RESULTS,
    SHARD_SUFFIXES,
    SHARDS,
    PassedOver,
    is_shard,
    list_folder,
)
from sigclean.bulk.real_paths import RealPaths
from sigclean.encoding import ENCODERS
from sigclean.errors import DataError, SigcleanError
from sigclean.images import PICTURE_SUFFIXES

PNG = ".png"  # the suffix of results unless another one is asked for
RESULT = ".clean"  # part of a result's name before the suffix, if it lies beside its input
_PAGE = re.compile(r"\.p[0-9]+(?=(\.clean)?\.[a-z]+$)")  # a page's part of a result's name
_COMPRESSED = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")


@dataclass(frozen=True)
class Job:
    """A picture and the file of its result, or a shard and the shard of its results.

    Attributes:
        page: 1 for the first page of a document; 0 for a file that is no document.
        pages: the number of pages of the document.
    """

    source: Path
    target: Path
    page: int = 0
    pages: int = 1

    @property
    def name(self) -> str:
        """The name of the source in messages and manifests; a page's as in a PDF's address."""
        return f"{self.source}#page={self.page}" if self.pages > 1 else str(self.source)

    @property
    def facts(self) -> dict[str, int]:
        """The facts of a manifest's line about the source, beside its name."""
        return {"page": self.page} if self.pages > 1 else {}

    @property
    def traced(self) -> Path:
        """The SVG file of a traced result."""
        return self.target.with_suffix(".svg")

    @property
    def is_shard(self) -> bool:
        """True if the source holds many pictures."""
        return is_shard(self.source)


def page_target(target: Path, page: int) -> Path:
    """Name the result of one page of several: `scan.p2.png` for `scan.png`."""
    mark = RESULT if target.stem.endswith(RESULT) else ""
    stem = target.stem.removesuffix(RESULT)
    return target.with_name(f"{stem}.p{page}{mark}{target.suffix}")


def document_target(job: Job) -> Path:
    """Return the result's name that the names of a document's pages are made of."""
    name = _PAGE.sub("", job.target.name) if job.pages > 1 else job.target.name
    return job.target.with_name(name)


def is_page_name(path: Path) -> bool:
    """Tell whether a file is called as the result of a page of several is."""
    return _PAGE.search(path.name) is not None


def is_lost_page(name: str, counts: Mapping[str, int]) -> bool:
    """Tell whether a manifest's name is that of a page which its document no longer has.

    Args:
        counts: the numbers of pages of documents, by their names.
    """
    document, _, page = name.rpartition("#page=")
    return page.isdecimal() and int(page) > counts.get(document, int(page))


@dataclass(frozen=True)
class Found:
    """A picture or shard, and the sub-folder of the output folder that its result goes to."""

    path: Path
    below: Path = Path()


def refuse_conflicts(jobs: Collection[Job]) -> None:
    """Raise SigcleanError if a result would replace an input, or another one's result."""
    places = RealPaths()
    sources = {places.of(job.source): job.source for job in jobs}
    writers: dict[str, Path] = {}
    for job in jobs:
        place = places.of(job.target)
        if place in sources:
            raise SigcleanError(f"the result {job.target} would replace the input {sources[place]}")
        if place in writers:
            raise SigcleanError(
                f"{writers[place]} and {job.source} would both be written to {job.target}"
            )
        writers[place] = job.source


def plan(
    inputs: Sequence[str],
    output: str | None = None,
    recursive: bool = False,
    passed_over: PassedOver | None = None,
    suffix: str | None = None,
    check: Callable[[list[Job]], None] = refuse_conflicts,
    earlier: Collection[str] = (),
) -> list[Job]:
    """Return the jobs for inputs and an output; nothing is read or written yet.

    Args:
        inputs: files, folders and globs. A missing file gets a job, too, and is reported like a
            broken one when it is read. A folder stands for its pictures and documents, or for its
            shards if it has neither.
        output: a folder; or a file for a single input file; None for `<stem>.clean.png` (or
            .parquet, .tar) beside each input; such files of earlier runs are then not cleaned.
        recursive: look into sub-folders, and keep them in the output.
        passed_over: takes the files of folders that get no job.
        suffix: that of pictures' results, a key of `encoding.ENCODERS`; None for the output's own,
            or `.png`.
        check: raises SigcleanError if the results of the jobs conflict with inputs.
        earlier: results of earlier runs, as paths without links. They are left out, unless there is
            nothing else.

    Results of one name are told apart by the suffixes of their inputs (`scan.tif.png`,
    `scan.jpg.png`), or if those are equal by numbers in the inputs' order (`scan.jpg.2.png`).

    Raises:
        DataError: a folder has no pictures, or a glob no files.
        SigcleanError: a result would replace an input, or the output does not fit the inputs.
    """
    passed_over = passed_over or PassedOver()
    _refuse_empty(*inputs, output)
    paths = [path for name in inputs for path in expand(name)]
    found = [item for path in paths for item in _look_into(path, recursive, output, passed_over)]
    found = list(dict.fromkeys(found))  # an input that is named twice is cleaned once
    if earlier:
        places = RealPaths()
        found = _without(lambda path: places.of(path) in earlier, found, passed_over)
    if output is None:
        found = _without(_is_result, found, passed_over)
        jobs = name_apart(found, partial(_beside, suffix or PNG))
    elif _is_file_name(output):
        source = _only(found, paths, output)
        jobs = [Job(source, _fitting(output, source, suffix))]
    else:
        folder = _folder(output)
        jobs = name_apart(found, partial(within, folder, suffix or PNG))
    check(jobs)
    return jobs


def piped_target(output: str, suffix: str | None = None) -> Path:
    """Return the file of the result of a picture without a name: in a folder it is called `stdin`.
    For arguments and errors see `plan`."""
    _refuse_empty(output)
    source = Path("stdin")
    if _is_file_name(output):
        return _fitting(output, source, suffix)
    return within(_folder(output), suffix or PNG, Found(source), source.name)


def _refuse_empty(*names: str | None) -> None:
    if "" in names:  # an unset variable of a shell, not the current folder
        raise SigcleanError("the name of an input or of the output is empty")


def expand(name: str) -> list[Path]:
    """Return the files of a glob; a name that exists, or has no wildcard, stands for itself.

    Raises DataError if there are none.
    """
    if not glob.has_magic(name) or Path(name).exists():
        return [Path(name)]
    matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 (Path.glob: relative only)
    if not matches:
        raise DataError(f"no file matches {name}")
    return [Path(match) for match in matches]


def _look_into(
    path: Path, recursive: bool, output: str | None, passed_over: PassedOver
) -> list[Found]:
    if not path.is_dir():
        _refuse_compressed(path)
        return [Found(path)]
    kinds: Sequence[list[Path]] = list_folder(path, recursive)
    if output is not None and Path(output).resolve() != path.resolve():
        results = os.path.realpath(output)  # which may lie in the input folder
        places = RealPaths()
        kinds = [[one for one in kind if not places.is_below(one, results)] for kind in kinds]
    pictures, shards, others = kinds
    if not pictures and not shards:
        hint = "" if recursive else " (-r looks into its sub-folders)"
        raise DataError(f"{path} holds no pictures{hint}")
    passed_over.add(SHARDS, *(shards if pictures else ()))
    passed_over.add(NO_PICTURES, *(one for one in others if not _is_result(one)))
    passed_over.add(RESULTS, *(one for one in others if _is_result(one)))
    return [Found(one, one.parent.relative_to(path)) for one in pictures or shards]


def _without(
    is_result: Callable[[Path], bool], found: list[Found], passed_over: PassedOver
) -> list[Found]:
    """Leave out results of earlier runs, unless there is nothing else: then they are meant."""
    inputs = [item for item in found if not is_result(item.path)]
    if inputs:
        passed_over.add(RESULTS, *(item.path for item in found if is_result(item.path)))
    return inputs or found


def _is_result(path: Path) -> bool:
    suffixes = (".svg", *ENCODERS, *SHARD_SUFFIXES)
    return path.stem.endswith(RESULT) and path.suffix.lower() in suffixes


def name_apart(found: list[Found], place: Callable[[Found, str], Path]) -> list[Job]:
    """Return the jobs, with results of different names.

    Args:
        place: makes a result's path out of an input and the first part of the result's name.
    """
    places = RealPaths()
    names = {item: item.path.stem for item in found}
    while clashing := _clashing({item: places.of(place(item, names[item])) for item in found}):
        longer = [item for item in clashing if names[item] == item.path.stem != item.path.name]
        for item in longer:
            names[item] = item.path.name
        if not longer:
            for number, item in enumerate(clashing, 1):
                names[item] = f"{names[item]}.{number}"
    return [Job(item.path, place(item, names[item])) for item in found]


def _clashing(targets: dict[Found, str]) -> list[Found]:
    """Return the inputs whose results have the name of another one's, or of one of its pages."""
    count = Counter(targets.values())
    paged = {
        target for item, target in targets.items() if item.path.suffix.lower() in PAGED_SUFFIXES
    }
    return [
        item
        for item, target in targets.items()
        if count[target] > 1 or (_PAGE.search(target) and _PAGE.sub("", target) in paged)
    ]


def _beside(suffix: str, item: Found, name: str) -> Path:
    return item.path.with_name(name + RESULT + _result_suffix(item.path, suffix))


def within(folder: Path, suffix: str, item: Found, name: str) -> Path:
    """Return the path of a result in an output folder."""
    return folder / item.below / (name + _result_suffix(item.path, suffix))


def _result_suffix(source: Path, suffix: str) -> str:
    return source.suffix if is_shard(source) else suffix


def _refuse_compressed(path: Path) -> None:
    if path.name.lower().endswith(_COMPRESSED):
        raise SigcleanError(f"{path} is compressed: shards are read as .tar files, unpack it first")


def _is_file_name(output: str) -> bool:
    path = Path(output)
    is_file = path.suffix.lower() in PICTURE_SUFFIXES or is_shard(path)
    return is_file and not path.is_dir()


def _only(found: list[Found], paths: Iterable[Path], output: str) -> Path:
    if len(found) > 1 or any(path.is_dir() for path in paths):
        raise SigcleanError(f"{output} is a file name: results of several pictures need a folder")
    return found[0].path


def _folder(output: str) -> Path:
    path = Path(output)
    if path.exists() and not path.is_dir():
        raise SigcleanError(f"{output} is neither a folder nor named as a .png file")
    return path


def _fitting(output: str, source: Path, asked: str | None) -> Path:
    path, suffix = Path(output), _result_suffix(source, asked or PNG).lower()
    kind = "PNG, WebP or JPEG"
    fitting: Collection[str] = ENCODERS
    if is_shard(source):
        kind, fitting = suffix, (suffix,)
    elif asked:
        kind = ENCODERS[asked]["format"]
        fitting = [one for one in ENCODERS if ENCODERS[one]["format"] == kind]
    if path.suffix.lower() not in fitting:
        better = path.with_suffix(suffix)
        raise SigcleanError(f"results are {kind} files: write to {better} instead of {output}")
    return path
