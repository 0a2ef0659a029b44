"""The division of clean pictures into a training side and a test side, by their content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sigclean.corpus.signatures import held_out
from sigclean.errors import ImageError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Split:
    """A seeded division that copies of one picture never straddle."""

    seed: int
    test_fraction: float  # share that is held out for the test side, 0 to below 1
    limit: int | None  # number of pictures that are used of each domain; None for all

    def holds_out(self, content: bytes) -> bool:
        """Return whether a picture with this content belongs to the test side."""
        return held_out(content, self.seed, self.test_fraction)

    def divide(
        self, items: Sequence[Item], content: Callable[[Item], bytes]
    ) -> tuple[list[Item], list[Item]]:
        """The training side and the test side of the first `limit` items, in order.

        If chance would leave nothing to train on, nothing is held out. An item whose content
        cannot be read is for training, where its error is reported in its turn.

        Args:
            content: returns the bytes that decide; may raise ImageError.
        """
        items = items[: self.limit]
        held = [self._is_held_out(item, content) for item in items]
        if all(held):
            return list(items), []
        sides: tuple[list[Item], list[Item]] = ([], [])
        for item, out in zip(items, held, strict=True):
            sides[out].append(item)
        return sides

    def _is_held_out(self, item: Item, content: Callable[[Item], bytes]) -> bool:
        try:
            return self.test_fraction > 0 and self.holds_out(content(item))
        except ImageError:
            return False
