"""The progress of a run over many pictures: a bar on a terminal, messages alone elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Messages:
    """In place of a bar, where nobody would see it: messages are written, nothing is counted."""

    def update(self, pictures: int = 1) -> None:
        """Count nothing."""

    def write(self, text: str, file: Any = None) -> None:
        """Write a line."""
        print(text, file=file or sys.stderr, flush=True)


class Silent(Messages):
    """In place of a bar, where another process has the only one: messages are dropped, too."""

    def write(self, text: str, file: Any = None) -> None:
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
