"""WebDataset shards: tar files whose members form samples, by their names up to the first dot."""

from __future__ import annotations

import tarfile
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from sigclean.bulk.listing import PAGED_SUFFIXES
from sigclean.bulk.shards import Cell, Clean, cell_name, without_suffix
from sigclean.errors import DataError
from sigclean.images import PICTURE_SUFFIXES

BLOCK = 512  # bytes; tar files consist of such blocks, and end with two empty ones


@dataclass(frozen=True)
class TarShard:
    """A tar file. See `Shard`."""

    source: Path
    target: Path
    part: str = ""  # extension of the pictures to clean (`jpg`, `scan.png`); empty for all

    @property
    def name(self) -> str:
        return str(self.source)

    def cells(self) -> Iterator[Cell]:
        """See `Shard`. Documents are yielded as well, since nothing is written."""
        with _reading(self.source) as source:
            suffixes = (*PICTURE_SUFFIXES, *PAGED_SUFFIXES)
            yield from self._cells(source, deque(maxlen=0), suffixes)

    def rewrite(self, draft: Path, clean: Clean) -> None:
        """See `Shard`. A picture that cannot be read is left out; all else is copied."""
        with _reading(self.source) as source:
            entries: deque[tarfile.TarInfo] = deque()  # members read and not yet written
            names = _Names(self.source)
            with tarfile.open(draft, "w") as result:
                with closing(clean(self._cells(source, entries))) as pngs:
                    for png in pngs:
                        self._copy(source, result, entries, names)
                        _add(result, entries.popleft(), png, names)
                self._copy(source, result, entries, names)

    def _cells(
        self,
        source: tarfile.TarFile,
        entries: deque[tarfile.TarInfo],
        suffixes: Collection[str] = PICTURE_SUFFIXES,
    ) -> Iterator[Cell]:
        while entry := _next(source, self.source):
            entries.append(entry)
            if self._is_picture(entry, suffixes):
                content = _read(source, entry, self.source)
                target = cell_name(self.target, f"{without_suffix(entry.name)}.png")
                yield Cell(cell_name(self.name, entry.name), target, partial(bytes, content))

    def _is_picture(
        self, entry: tarfile.TarInfo, suffixes: Collection[str] = PICTURE_SUFFIXES
    ) -> bool:
        path = PurePosixPath(entry.name)
        if not entry.isreg() or path.suffix.lower() not in suffixes:
            return False
        return not self.part or path.name.partition(".")[2].lower() == self.part.lower()

    def _copy(
        self,
        source: tarfile.TarFile,
        result: tarfile.TarFile,
        entries: deque[tarfile.TarInfo],
        names: _Names,
    ) -> None:
        """Copy the members before the next picture."""
        while entries and not self._is_picture(entries[0]):
            entry = entries.popleft()
            names.add(entry.name)
            _append(result, entry, source.extractfile(entry) if entry.isreg() else None)


class _Names:
    """The names of a result's members; two pictures of a sample might get the same one."""

    def __init__(self, shard: Path) -> None:
        self._shard = shard
        self._sample, self._names = "", dict[str, bool]()

    def add(self, name: str, renamed: bool = False) -> None:
        """Raise DataError if a picture's new name is that of another member of its sample."""
        folder, _, file = name.rpartition("/")
        sample = f"{folder}/{file.partition('.')[0]}"
        if sample != self._sample:
            self._sample, self._names = sample, {}
        if name in self._names and (renamed or self._names[name]):
            raise DataError(
                f"{self._shard}: two members would become {name}: say with --column which "
                "extension to clean"
            )
        self._names[name] = renamed


@contextmanager
def _reading(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar file. Raises DataError if it is not a complete one."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - 2 * BLOCK, 0))
            ended = size % BLOCK == 0 and not any(file.read())
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:") as source:
                if not ended:
                    raise DataError(f"{path} is cut off: it does not end as tar files do")
                yield source
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except tarfile.TarError as error:
        raise DataError(f"{path} is not a tar file, or broken") from error


def _next(source: tarfile.TarFile, path: Path) -> tarfile.TarInfo | None:
    try:
        entry = source.next()
    except (tarfile.TarError, OSError) as error:
        raise DataError(f"{path} is cut off or broken") from error
    source.members = []  # type: ignore[attr-defined]  # the list would grow without end
    if entry is None:  # the end, or a broken header in the middle
        assert source.fileobj is not None
        source.fileobj.seek(source.offset)
        if any(source.fileobj.read(BLOCK)):
            raise DataError(f"{path} is broken after {source.offset} bytes")
    return entry


def _read(source: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> bytes:
    try:
        file = source.extractfile(entry)
        return file.read() if file else b""
    except (tarfile.TarError, OSError) as error:
        raise DataError(f"{path} is cut off or broken at {entry.name}") from error


def _add(result: tarfile.TarFile, entry: tarfile.TarInfo, png: bytes | None, names: _Names) -> None:
    if png is None:
        return
    changed = copy(entry)
    changed.name, changed.size = f"{without_suffix(entry.name)}.png", len(png)
    changed.pax_headers = {
        key: value for key, value in entry.pax_headers.items() if key not in ("path", "size")
    }
    names.add(changed.name, renamed=changed.name != entry.name)
    _append(result, changed, BytesIO(png))


def _append(result: tarfile.TarFile, entry: tarfile.TarInfo, content: IO[bytes] | None) -> None:
    result.addfile(entry, content)
    result.members = []  # type: ignore[attr-defined]  # the list would grow without end
