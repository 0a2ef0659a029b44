"""Lists the pictures and shards of folders, and keeps account of the files that are passed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from sigclean.bulk.real_paths import RealPaths
from sigclean.images import PICTURE_SUFFIXES

SHARD_SUFFIXES = (".parquet", ".tar")  # files of many pictures, whose results have the same suffix
PAGED_SUFFIXES = (".heic", ".heif", ".hif", ".pdf", ".tif", ".tiff")  # files with several pages
SHOWN = 5  # files of one kind that are named

# Reasons, of one file and of several:
NO_PICTURES = ("not a picture", "not pictures")
RESULTS = ("the result of an earlier run", "results of an earlier run")
SHARDS = ("a shard beside pictures", "shards beside pictures")
Reason = tuple[str, str]


@dataclass(frozen=True)
class PassedOver:
    """The files of folders that are not cleaned, by reason.

    Attributes:
        own: files that this run writes itself, its manifest and its report; they are never noted.
    """

    files: dict[Reason, list[Path]] = field(default_factory=dict)
    own: tuple[Path | None, ...] = ()

    def add(self, reason: Reason, *paths: Path) -> None:
        """Note files with one of the reasons above, but not those of the run itself."""
        places = RealPaths()
        own = {places.of(path) for path in self.own if path}
        if noted := [path for path in paths if places.of(path) not in own]:
            self.files.setdefault(reason, []).extend(noted)

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each reason, which counts the files and names some."""
        for reason, paths in self.files.items():
            names = ", ".join(str(path) for path in paths[:SHOWN])
            more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
            one, several = reason
            said = f"1 file was {one}" if len(paths) == 1 else f"{len(paths)} files were {several}"
            yield f"{said}: {names}{more}"


def is_shard(path: PurePath) -> bool:
    """Tell by its suffix whether a file holds many pictures."""
    return path.suffix.lower() in SHARD_SUFFIXES


def list_folder(folder: Path, recursive: bool) -> tuple[list[Path], list[Path], list[Path]]:
    """List a folder's pictures and documents, its shards, and its other files, told by their
    suffixes and sorted by path; hidden files are left out."""
    found = folder.rglob("*") if recursive else folder.glob("*")
    kinds: tuple[list[Path], list[Path], list[Path]] = ([], [], [])
    for path in sorted(found):
        if path.is_file() and not _is_hidden(path, folder):
            kinds[kind_of(path)].append(path)
    return kinds


def kind_of(path: PurePath) -> int:
    """Tell by its suffix what a file is: 0: a picture or document, 1: a shard, 2: another one."""
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES or suffix in PAGED_SUFFIXES:
        return 0
    return 1 if is_shard(path) else 2


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
