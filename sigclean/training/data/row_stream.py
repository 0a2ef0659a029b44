"""Rows that are read while training, from data sets that may be larger than the disk.

Every process and each of its workers goes along the same rows and opens only those whose turn is
its own: so a stream depends on the seed alone, as files do. What that costs is reading, not
decoding.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from inspect import signature
from itertools import count, islice
from typing import Any

import numpy as np

from sigclean.errors import DataError
from sigclean.hub.datasets import first_line
from sigclean.training.data.folders import Found
from sigclean.training.data.tables import Row, Table, found_examples, no_pictures
from sigclean.training.options import TrainConfig

SHUFFLED = 256  # rows in the buffer that a row is drawn from; whole files are shuffled besides
RECENT = 64  # rows of which one lends its clean picture to domain A
FIRST = 8  # rows that are looked at before training


@dataclass(frozen=True)
class Side:
    """The rows of a table that train, or those that are held out."""

    table: Table
    config: TrainConfig
    phase: str

    def examples(self, rows: Any) -> Iterator[Any]:
        """Of rows in any order. Raises DataError if reading fails.

        By batches of one: rows one by one would be divided among the processes that read.
        """
        try:
            for batch in rows.iter(1):
                row = {name: values[0] for name, values in batch.items()}
                if self._has(row):
                    yield self.table.example(row, _place(row, self.table))
        except Exception as error:  # the library and what it calls raise every kind there is
            reason = first_line(error)
            raise DataError(f"--dataset {self.table.name} cannot be read: {reason}") from error

    def _has(self, row: Row) -> bool:
        if not self.table.divided:
            return True
        return self.table.is_held_out(row, self.config) == (self.phase != "train")


@dataclass(frozen=True)
class RowStream:
    """Training rows in epochs, in the order of the table or shuffled anew in each.

    Attributes:
        length: of an epoch, where that is known exactly.
        pictures: of an epoch, or what is to be expected of it; None if nothing is known.
    """

    side: Side
    seed: int
    shuffled: bool
    length: int | None
    pictures: int | None

    def epoch(self, number: int, skip: int = 0) -> Iterator[Any]:
        """The examples of an epoch but the first few. Raises DataError if reading fails."""
        rows = self.side.table.rows
        if self.shuffled:
            state = np.random.SeedSequence((self.seed, number)).generate_state(1)
            rows = rows.shuffle(seed=int(state[0]), buffer_size=SHUFFLED, **_one_file(rows))
        if self.length:  # all rows count
            return self.side.examples(rows.skip(skip) if skip else rows)
        return islice(self.side.examples(rows), skip, None)


class Walk:
    """A way along a stream, from a position on; every epoch follows the one before.

    Attributes:
        recent: the examples up to this position, of this epoch, the newest last.
    """

    def __init__(self, stream: RowStream, start: int) -> None:
        self.recent: deque[Any] = deque(maxlen=RECENT)
        self._coming: deque[tuple[int, int, Any]] = deque()
        self._steps = _positions(stream, start)

    def advance(self, position: int) -> None:
        """Go on to a position that was not passed yet."""
        reached = -1
        while reached < position:
            reached, offset, example = self._coming.popleft() if self._coming else next(self._steps)
            if offset == 0:
                self.recent.clear()
            self.recent.append(example)

    def ahead(self) -> Iterator[Any]:
        """The example of this position, then those that come next."""
        yield self.recent[-1]
        for place in count():
            if place == len(self._coming):
                self._coming.append(next(self._steps))
            yield self._coming[place][2]

    def drawn(self, rng: np.random.Generator) -> Iterator[Any]:
        """One of the recent examples; if that is broken, those that come next."""
        yield self.recent[int(rng.integers(len(self.recent)))]
        yield from self.ahead()


def find_stream(config: TrainConfig, phase: str, table: Table) -> Found:
    """Training rows as they come; of the test side, the first few.

    Raises DataError if there are no rows, or if they cannot be read.
    """
    if config.max_dataset_size:
        table = replace(table, rows=table.rows.take(config.max_dataset_size))
    side = Side(table, config, phase)
    training = phase == "train"
    first = list(islice(side.examples(table.rows), FIRST if training else _shown(config)))
    if not training:
        return found_examples(config, phase, first)
    if not first:
        raise no_pictures(table)
    stream = RowStream(side, config.seed, not config.serial_batches, *_lengths(config, table))
    return replace(found_examples(config, phase, first), stream=stream)


def _one_file(rows: Any) -> dict[str, int]:
    """Fill the buffer from one file at a time.

    By default `datasets` 5 reads ten in threads, whose end it waits for: 5 seconds an epoch.
    """
    name = "max_buffer_input_shards"
    return {name: 1} if name in signature(rows.shuffle).parameters else {}


def _shown(config: TrainConfig) -> int:
    """Pairs that a validation measures on or shows."""
    return max(config.num_validation_images, FIRST)


def _lengths(config: TrainConfig, table: Table) -> tuple[int | None, int | None]:
    """Rows in an epoch, if that is known exactly, and as far as it can be expected."""
    info = (table.rows.info.splits or {}).get(config.dataset_split)
    if info is None or not info.num_examples:
        return None, None
    most = config.max_dataset_size or info.num_examples
    if table.divided:
        return None, min(most, round(info.num_examples * (1 - config.test_fraction)))
    return (min(most, info.num_examples),) * 2


def _place(row: Row, table: Table) -> str:
    """What tells a row from others: shuffled rows have no number."""
    picture = row[table.columns.clean] or {}
    digest = hashlib.sha256(picture.get("bytes") or b"").hexdigest()
    return picture.get("path") or f"the row of sha256 {digest[:12]}"


def _positions(stream: RowStream, start: int) -> Iterator[tuple[int, int, Any]]:
    """Position, offset in its epoch, example: from a little before `start` on, without end.

    Where it is not known how long an epoch is, the first one is walked to find it.
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
            said = f"was to hold {length} rows" if length else "holds no pictures"
            raise DataError(
                f"--dataset {stream.side.table.name} {said}, but {offset} were streamed"
            )
        length = offset
        if position < start:
            position, epoch, skip = _jump(start, length)
        else:
            epoch, skip = epoch + 1, 0


def _jump(start: int, length: int) -> tuple[int, int, int]:
    """Position, epoch and offset at which to begin, so that `recent` is full at `start`."""
    epoch, offset = divmod(start, length)
    before = min(offset, RECENT - 1)
    return start - before, epoch, offset - before
