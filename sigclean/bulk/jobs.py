"""Plan a bulk cleaning: which pictures and shards, and where their results go."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigclean.errors import DataError, SigcleanError
from sigclean.images import PICTURE_SUFFIXES, find_images

RESULT = ".clean"  # part of a result's name before the suffix, if it lies beside its input
SHARD_SUFFIXES = (".parquet", ".tar")  # files of many pictures, whose results have the same suffix
_COMPRESSED = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")


@dataclass(frozen=True)
class Job:
    """A picture and the PNG file of its result, or a shard and the shard of its results."""

    source: Path
    target: Path

    @property
    def name(self) -> str:
        """The name of the source in messages and manifests."""
        return str(self.source)

    @property
    def traced(self) -> Path:
        """The SVG file of a traced result."""
        return self.target.with_suffix(".svg")

    @property
    def is_shard(self) -> bool:
        """True if the source holds many pictures."""
        return _is_shard(self.source)


@dataclass(frozen=True)
class _Found:
    """A picture or shard, and the sub-folder of the output folder that its result goes to."""

    path: Path
    below: Path = Path()


def plan(inputs: Sequence[str], output: str | None = None, recursive: bool = False) -> list[Job]:
    """Return the jobs for inputs and an output; nothing is read or written yet.

    Args:
        inputs: files, folders and globs. A missing file gets a job, too, and is reported like a
            broken one when it is read. A folder stands for its pictures, or for its shards if it
            has no pictures.
        output: a folder; or a file for a single input file; None for `<stem>.clean.png` (or
            .parquet, .tar) beside each input; such files of earlier runs are then not cleaned.
        recursive: look into sub-folders, and keep them in the output.

    Raises:
        DataError: a folder has no pictures, or a glob no files.
        SigcleanError: two results would be written to one file, a result would replace an input, or
            the output does not fit the inputs.
    """
    if "" in (*inputs, output):  # an unset variable of a shell, not the current folder
        raise SigcleanError("the name of an input or of the output is empty")
    paths = [path for name in inputs for path in _expand(name)]
    found = [item for path in paths for item in _look_into(path, recursive, output)]
    found = list(dict.fromkeys(found))  # an input that is named twice is cleaned once
    if output is None:
        jobs = [Job(item.path, _beside(item.path)) for item in _without_results(found)]
    elif _is_file_name(output):
        source = _only(found, paths, output)
        jobs = [Job(source, _fitting(output, source))]
    else:
        folder = _folder(output)
        jobs = [Job(item.path, _within(folder, item)) for item in found]
    _refuse_conflicts(jobs)
    return jobs


def _expand(name: str) -> list[Path]:
    """Return the files of a glob; a name that exists, or has no wildcard, stands for itself."""
    if not glob.has_magic(name) or Path(name).exists():
        return [Path(name)]
    matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 (Path.glob: relative only)
    if not matches:
        raise DataError(f"no file matches {name}")
    return [Path(match) for match in matches]


def _look_into(path: Path, recursive: bool, output: str | None) -> list[_Found]:
    if not path.is_dir():
        _refuse_compressed(path)
        return [_Found(path)]
    pictures = find_images(path, recursive) or find_shards(path, recursive)
    if output is not None and Path(output).resolve() != path.resolve():
        results = os.path.realpath(output)  # which may lie in the input folder
        places = _RealPaths()
        pictures = [one for one in pictures if not places.is_below(one, results)]
    if not pictures:
        hint = "" if recursive else " (-r looks into its sub-folders)"
        raise DataError(f"{path} holds no pictures{hint}")
    return [_Found(picture, picture.parent.relative_to(path)) for picture in pictures]


def find_shards(folder: Path, recursive: bool = True) -> list[Path]:
    """List the files of a folder that are shards by their suffix, sorted; hidden ones are not."""
    found = folder.rglob("*") if recursive else folder.glob("*")
    return sorted(
        path
        for path in found
        if _is_shard(path)
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _without_results(found: list[_Found]) -> list[_Found]:
    """Leave out results of earlier runs, unless there is nothing else: then they are meant."""
    inputs = [item for item in found if not _is_result(item.path)]
    return inputs or found


def _is_result(path: Path) -> bool:
    return path.stem.endswith(RESULT) and path.suffix in (".png", *SHARD_SUFFIXES)


def _beside(path: Path) -> Path:
    return path.with_name(path.stem + RESULT + _result_suffix(path))


def _within(folder: Path, item: _Found) -> Path:
    return folder / item.below / (item.path.stem + _result_suffix(item.path))


def _is_shard(path: Path) -> bool:
    return path.suffix.lower() in SHARD_SUFFIXES


def _result_suffix(source: Path) -> str:
    return source.suffix if _is_shard(source) else ".png"


def _refuse_compressed(path: Path) -> None:
    if path.name.lower().endswith(_COMPRESSED):
        raise SigcleanError(f"{path} is compressed: shards are read as .tar files, unpack it first")


def _is_file_name(output: str) -> bool:
    path = Path(output)
    is_file = path.suffix.lower() in PICTURE_SUFFIXES or _is_shard(path)
    return is_file and not path.is_dir()


def _only(found: list[_Found], paths: Iterable[Path], output: str) -> Path:
    if len(found) > 1 or any(path.is_dir() for path in paths):
        raise SigcleanError(f"{output} is a file name: results of several pictures need a folder")
    return found[0].path


def _folder(output: str) -> Path:
    path = Path(output)
    if path.exists() and not path.is_dir():
        raise SigcleanError(f"{output} is neither a folder nor named as a .png file")
    return path


def _fitting(output: str, source: Path) -> Path:
    path, suffix = Path(output), _result_suffix(source).lower()
    if path.suffix.lower() != suffix:
        kind = "PNG" if suffix == ".png" else suffix
        better = path.with_suffix(suffix)
        raise SigcleanError(f"results are {kind} files: write to {better} instead of {output}")
    return path


class _RealPaths:
    """Paths without links; each folder is looked up once for all its files."""

    def __init__(self) -> None:
        self._folders: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Return the path without links."""
        name = path.name
        if name in ("", "..") or path.is_symlink():
            return os.path.realpath(path)
        return f"{self._real(path.parent).rstrip(os.sep)}{os.sep}{name}"

    def is_below(self, path: Path, folder: str) -> bool:
        """Tell whether the path lies in a folder (given without links), at any depth."""
        return self.of(path).startswith(folder.rstrip(os.sep) + os.sep)

    def _real(self, folder: Path) -> str:
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return self._folders[folder]


def _refuse_conflicts(jobs: Iterable[Job]) -> None:
    places = _RealPaths()
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
