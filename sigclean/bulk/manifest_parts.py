"""The lines of a manifest, and the parts of it that several processes write side by side.

A process holds the lock of its part as long as it lives, on whatever machine. So a part whose lock
is free belongs to a process that has ended, however it ended; the next process to start, or the
last to end, merges it into the manifest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigclean.errors import SigcleanError, reason
from sigclean.files import atomic_write

if TYPE_CHECKING:
    from filelock import FileLock

IsRedone = Callable[[str], bool]
"""True for the source of a picture that is cleaned again in this run: its old line is dropped."""


def find(manifest: Path) -> list[Path]:
    """List the parts beside a manifest, the oldest first."""
    start = f".{manifest.name}."
    beside = manifest.parent.iterdir() if manifest.parent.is_dir() else iter(())
    return sorted(path for path in beside if path.name.startswith(start) and path.suffix == ".part")


def find_stale(manifest: Path) -> list[Path]:
    """List the parts whose processes have ended."""
    return [part for part in find(manifest) if _is_free(part)]


def begin(manifest: Path, rank: int) -> tuple[Path, FileLock]:
    """Name a new part; return it with its lock, which is held until it is released."""
    part = manifest.with_name(f".{manifest.name}.{time.time_ns():020}-{rank:05}.part")
    return part, _acquire(part, timeout=0)


@contextmanager
def merging(manifest: Path) -> Iterator[None]:
    """Hold the lock under which parts are found and merged; its file is removed afterwards."""
    lock = _acquire(manifest.with_name(f".{manifest.name}"))
    try:
        yield
    finally:
        with suppress(OSError):  # Windows cannot remove it yet, and does at the release
            Path(lock.lock_file).unlink()
        lock.release()


def merge(manifest: Path, parts: Sequence[Path]) -> None:
    """Put the lines of parts into the manifest, in place of older lines of the same pictures."""
    if not parts:
        return
    _write(manifest, [manifest, *parts])
    for part in parts:
        part.unlink(missing_ok=True)
        _lock_file(part).unlink(missing_ok=True)


def rewrite(manifest: Path, is_redone: IsRedone) -> set[str]:
    """Drop lines of pictures cleaned again, and an incomplete last line; return the other sources.

    Sources are the names of pictures.
    """
    return _write(manifest, [manifest], is_redone)


def read_sources(manifest: Path) -> set[str]:
    """Return the sources of all lines."""
    return {source for source, _ in _lines([manifest])}


def read_lines(manifest: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a manifest and of its parts, if there are any."""
    for _, line in _lines([manifest, *find(manifest)]):
        yield json.loads(line)


def _write(
    manifest: Path, files: Sequence[Path], is_redone: IsRedone = lambda source: False
) -> set[str]:
    """Write the last line of each picture in these files to the manifest; return the sources."""
    last = {source: number for number, (source, _) in enumerate(_lines(files))}
    with atomic_write(manifest) as draft, draft.open("w", encoding="utf-8") as out:
        for number, (source, line) in enumerate(_lines(files)):
            if last[source] == number and not is_redone(source):
                out.write(line)
    return {source for source in last if not is_redone(source)}


def _lines(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield the source and the text of each complete line; a missing file has none."""
    for path in files:
        if not path.exists():
            continue
        with as_one_sentence(path), path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, 1):
                if line.endswith("\n"):  # a killed process may leave the last one incomplete
                    yield _source(path, number, line), line


def _source(path: Path, number: int, line: str) -> str:
    try:
        return str(json.loads(line)["source"])
    except (ValueError, TypeError, KeyError) as error:
        raise SigcleanError(f"line {number} of {path} is not a manifest's: it is left alone") from (
            error
        )


@contextmanager
def as_one_sentence(path: Path) -> Iterator[None]:
    """Raise what the system says of a file as SigcleanError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise SigcleanError(f"{path} is not a manifest: it is left alone") from error
    except OSError as error:
        raise SigcleanError(f"{path} cannot be written: {reason(error)}") from error


def _is_free(part: Path) -> bool:
    from filelock import Timeout

    try:
        _acquire(part, timeout=0).release()
    except Timeout:
        return False
    return True


def _acquire(path: Path, timeout: float = -1) -> FileLock:
    """Take the lock of a file, waiting for it at most `timeout` seconds, or as long as need be.

    Raises Timeout, or SigcleanError if the disk has no locks.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(_lock_file(path), fallback_to_soft=False)  # a soft lock outlives its process
    try:
        lock.acquire(timeout)
    except Timeout:
        raise
    except OSError as error:
        raise SigcleanError(
            f"{lock.lock_file} cannot be locked ({reason(error)}), as several processes need it: "
            "put the manifest on another disk"
        ) from error
    return lock


def _lock_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
