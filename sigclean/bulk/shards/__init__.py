"""Files that hold many pictures: each is read as a stream, and written anew with clean ones.

A shard's pictures are its cells. How they are cleaned is handed to it: a function from cells to as
many results in their order, which takes cells as it needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Content = Path | bytes | None


@dataclass(frozen=True)
class Cell:
    """One picture of a shard.

    Attributes:
        name: for messages and manifests.
        target: the same in the result.
        read: gets it, in the thread that cleans it; None if the cell is empty. Raises ImageError.
    """

    name: str
    target: str
    read: Callable[[], Content]


Clean = Callable[[Iterable[Cell]], Generator["bytes | None", None, None]]
"""To PNG files; None for cells that are empty or whose picture cannot be read."""


class Shard(Protocol):
    """A shard and the place of its result."""

    @property
    def name(self) -> str:
        """For messages and manifests; its cells are called this, #, and what tells them apart."""
        ...

    @property
    def target(self) -> Path: ...

    def rewrite(self, draft: Path, clean: Clean) -> None:
        """Write the result to `draft`. Raises DataError if the shard cannot be read."""
        ...


def cell_name(shard: str | Path, place: str | int) -> str:
    """What a cell is called."""
    return f"{shard}#{place}"
