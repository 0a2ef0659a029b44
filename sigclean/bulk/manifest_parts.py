"""A manifest's lines, and the parts of it that several processes write side by side.

A part's process holds its lock as long as it lives, on whatever machine. So parts of killed
processes are told from those of others, and the next to start, or the last to end, merges them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sigclean.errors import SigcleanError, reason
from sigclean.files import atomic_write

Again = Callable[[str], bool]


def find(manifest: Path) -> list[Path]:
    """The parts beside a manifest, the oldest first."""
    start = f".{manifest.name}."
    beside = manifest.parent.iterdir() if manifest.parent.is_dir() else iter(())
    return sorted(path for path in beside if path.name.startswith(start) and path.suffix == ".part")


def new(manifest: Path, rank: int) -> Path:
    """The name of a part that is begun now."""
    return manifest.with_name(f".{manifest.name}.{time.time_ns():020}-{rank:05}.part")


def merge(manifest: Path, parts: Sequence[Path]) -> None:
    """Put parts' lines into the manifest, in place of earlier ones of the same pictures."""
    if not parts:
        return
    _write(manifest, [manifest, *parts], None)
    for part in parts:
        part.unlink(missing_ok=True)


def rewrite(manifest: Path, again: Again | None) -> set[str]:
    """The pictures that a manifest has lines of.

    Args:
        again: those whose lines are removed, with a last line that is torn; None leaves all as it
            is.
    """
    if again is None:
        return {source for source, _ in _lines(manifest)}
    return _write(manifest, [manifest], again)


def _write(manifest: Path, files: Sequence[Path], again: Again | None) -> set[str]:
    """The last line of each picture in these files becomes the manifest; returns the pictures."""
    last: dict[str, int] = {}
    for number, source in enumerate(source for file in files for source, _ in _lines(file)):
        last[source] = number
    number = 0
    with atomic_write(manifest) as draft, draft.open("w", encoding="utf-8") as out:
        for file in files:
            for source, line in _lines(file):
                if last[source] != number:
                    pass
                elif again is not None and again(source):
                    del last[source]
                else:
                    out.write(line)
                number += 1
    return set(last)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Of each whole line the picture and the line itself; none if the file is not there."""
    if not path.exists():
        return
    with as_one_sentence(path), path.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if line.endswith("\n"):  # the last may be torn
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
    """What the system says of a file, as SigcleanError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise SigcleanError(f"{path} is not a manifest: it is left alone") from error
    except OSError as error:
        raise SigcleanError(f"{path} cannot be written: {reason(error)}") from error
