"""The lines of a manifest, of which each picture has one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sigclean.errors import SigcleanError, reason
from sigclean.files import atomic_write

KEYS = ("source", "target", "status")  # texts that every line begins with
IsRedone = Callable[[str], bool]
"""True for the source of a picture that is cleaned again in this run: its old line is dropped."""


def rewrite(manifest: Path, is_redone: IsRedone) -> set[str]:
    """Drop lines of pictures cleaned again, and an incomplete last line; return the other sources.

    Of several lines of a picture the last one stays. Sources are the names of pictures.
    """
    last = {source: number for number, (source, _) in enumerate(_lines(manifest))}
    with atomic_write(manifest) as draft, draft.open("w", encoding="utf-8") as out:
        for number, (source, line) in enumerate(_lines(manifest)):
            if last[source] == number and not is_redone(source):
                out.write(line)
    return {source for source in last if not is_redone(source)}


def read_lines(manifest: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a manifest; none if it does not exist."""
    for _, line in _lines(manifest):
        yield json.loads(line)


def _lines(manifest: Path) -> Iterator[tuple[str, str]]:
    """Yield the source and the text of each complete line; a killed run may leave the last one
    incomplete.

    Raises SigcleanError if the file cannot be read, or is no manifest.
    """
    if not manifest.exists():
        return
    with as_one_sentence(manifest), manifest.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if line.endswith("\n"):
                yield _source(manifest, number, line), line
            elif number == 1 and not _is_begun(line):
                raise _not_a_manifests(manifest, number)


def _is_begun(line: str) -> bool:
    """Tell whether a line without an end may be one that a killed run left incomplete."""
    start = f'{{"{KEYS[0]}": "'
    return line.startswith(start) or start.startswith(line)


def _source(path: Path, number: int, line: str) -> str:
    try:
        entry = json.loads(line)
        if all(isinstance(entry[key], str) for key in KEYS):
            return str(entry["source"])
    except (ValueError, TypeError, KeyError) as error:
        raise _not_a_manifests(path, number) from error
    raise _not_a_manifests(path, number)


def _not_a_manifests(path: Path, number: int) -> SigcleanError:
    return SigcleanError(f"line {number} of {path} is not a manifest's: it is left alone")


@contextmanager
def as_one_sentence(path: Path) -> Iterator[None]:
    """Raise what the system says of a file as SigcleanError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise SigcleanError(f"{path} is not a manifest: it is left alone") from error
    except OSError as error:
        raise SigcleanError(f"{path} cannot be written: {reason(error)}") from error
