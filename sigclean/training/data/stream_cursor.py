"""A moving position in an endless stream of examples: epochs of rows that can only be read in turn.

Every process and each of its workers reads the same rows in the same order and opens only those
at its own positions. So step N sees the same pictures on any number of processes, as with files.
The price is reading the other rows, not decoding them.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from sigclean.errors import DataError

RECENT = 64  # number of latest rows from which domain A draws a clean picture


@dataclass(frozen=True)
class EpochStream:
    """Examples in epochs.

    Attributes:
        name: the data set, for messages.
        length: number of examples in an epoch, if it is known exactly.
        pictures: number of examples to expect in an epoch; None if nothing is known.
        epoch: takes the number of an epoch and the number of examples to skip, returns the other
            examples; raises DataError if reading fails.
    """

    name: str
    length: int | None
    pictures: int | None
    epoch: Callable[[int, int], Iterator[Any]]


class StreamCursor:
    """Moves forward along a stream from position `start`; epochs follow each other.

    Attributes:
        recent: up to 64 examples of the current epoch up to this position, the newest last.
    """

    def __init__(self, stream: EpochStream, start: int) -> None:
        self.recent: deque[Any] = deque(maxlen=RECENT)
        self._buffered: deque[tuple[int, int, Any]] = deque()
        self._rows = _positions(stream, start)

    def advance(self, position: int) -> None:
        """Move on to a position, which must be greater than all before. Raises DataError if reading
        fails."""
        reached = -1
        while reached < position:
            reached, offset, example = (
                self._buffered.popleft() if self._buffered else next(self._rows)
            )
            if offset == 0:
                self.recent.clear()
            self.recent.append(example)

    def ahead(self) -> Iterator[Any]:
        """The example of this position, then the following ones, without moving."""
        yield self.recent[-1]
        for place in count():
            if place == len(self._buffered):
                self._buffered.append(next(self._rows))
            yield self._buffered[place][2]

    def drawn(self, rng: np.random.Generator) -> Iterator[Any]:
        """One of the recent examples at random, then those of `ahead` in case it is broken."""
        yield self.recent[int(rng.integers(len(self.recent)))]
        yield from self.ahead()


def _positions(stream: EpochStream, start: int) -> Iterator[tuple[int, int, Any]]:
    """Position, offset in its epoch and example, without end, from a little before `start`.

    If the length of an epoch is unknown, the whole first one is read to find it.
    """
    position, epoch, skip, length = 0, 0, 0, stream.length
    if length:
        position, epoch, skip = _jump(start, length)
    while True:
        offset = skip
        for example in stream.epoch(epoch, skip):
            yield position, offset, example
            position, offset = position + 1, offset + 1
        if not offset or (length and offset != length):
            promised = f"was to hold {length} rows" if length else "holds no pictures"
            raise DataError(f"--dataset {stream.name} {promised}, but {offset} were streamed")
        length = offset
        if position < start:
            position, epoch, skip = _jump(start, length)
        else:
            epoch, skip = epoch + 1, 0


def _jump(start: int, length: int) -> tuple[int, int, int]:
    """Position, epoch and offset to begin at, so that `recent` is full at `start`."""
    epoch, offset = divmod(start, length)
    before = min(offset, RECENT - 1)
    return start - before, epoch, offset - before
