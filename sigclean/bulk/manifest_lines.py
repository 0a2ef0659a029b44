"""The lines of a manifest, of which each picture has one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sigclean.errors import SigcleanError, reason
from sigclean.files import atomic_write

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
    """Yield the source and the text of each complete line."""
    if not manifest.exists():
        return
    with as_one_sentence(manifest), manifest.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if line.endswith("\n"):  # a killed run may leave the last one incomplete
                yield _source(manifest, number, line), line


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
