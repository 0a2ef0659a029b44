"""The progress of a run over many pictures: a bar on a terminal, messages alone elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Messages:
    """Takes the place of a bar where there is no terminal: writes messages, and counts nothing."""

    def update(self, pictures: int = 1) -> None:
        """Count nothing."""

    def write(self, text: str, file: Any) -> None:
        """Write a line."""
        print(text, file=file, flush=True)


class Silent(Messages):
    """Takes the place of a bar on a Ray worker: the command has the only one."""

    def write(self, text: str, file: Any) -> None:
        """Write nothing."""


@contextmanager
def progress_bar(total: int | None, unit: str) -> Iterator[Any]:
    """Yield a tqdm bar on standard error if that is a terminal, else `Messages`.

    Args:
        total: the number of units; None if it is not known.
        unit: the name of what is counted.
    """
    if not sys.stderr.isatty():
        yield Messages()
        return
    from tqdm import tqdm  # 15 ms of a start that nobody waits for in a pipe

    with tqdm(total=total, unit=unit) as bar:
        yield bar
