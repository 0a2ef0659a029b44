"""Shards, files of many pictures: each is read as a stream and rewritten with clean pictures.

The pictures of a shard are its cells. A shard is handed the function that cleans: it takes cells as
it needs them, and yields as many results in their order.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

Content = Path | bytes | None


@dataclass(frozen=True)
class Cell:
    """One picture of a shard.

    Attributes:
        name: the cell's name in messages and manifests.
        target: the name of the same cell in the result.
        read: reads the picture, in the thread that cleans it; None if the cell is empty. Raises
            ImageError.
    """

    name: str
    target: str
    read: Callable[[], Content]


Clean = Callable[[Iterable[Cell]], Generator["bytes | None", None, None]]
"""A function from cells to PNG files; None for an empty cell or a picture that cannot be read."""


class Shard(Protocol):
    """A shard and the place of its result."""

    @property
    def name(self) -> str:
        """The shard's name in messages and manifests, see also `cell_name`."""

    @property
    def target(self) -> Path:
        """The file of the result."""

    def cells(self) -> Iterator[Cell]:
        """Yield the pictures. Raises DataError if the shard cannot be read."""

    def rewrite(self, draft: Path, clean: Clean) -> None:
        """Write the result to `draft`. Raises DataError if the shard cannot be read."""


def cell_name(shard: str | Path, place: str | int) -> str:
    """Return the name of the cell in a row, or of a member, of a shard."""
    return f"{shard}#{place}"


def possible_shards(cell: str) -> Iterator[str]:
    """Yield what may be the shard's name in a cell's name; names of files and members may hold a
    `#`, too."""
    for place, character in enumerate(cell):
        if character == "#":
            yield cell[:place]


def without_suffix(member: str) -> str:
    """Return a member's name without its suffix, and else as it is, also a `./` at its start."""
    return member.removesuffix(PurePosixPath(member).suffix)
