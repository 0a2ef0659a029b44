"""Rows that are read while training, for data sets that may be larger than the disk."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature
from itertools import islice
from typing import Any

import numpy as np

from sigclean.errors import DataError, first_line
from sigclean.training.data.split import Split
from sigclean.training.data.tables import Row, Table

SHUFFLED = 256  # rows in the shuffle buffer; the order of whole files is shuffled besides


@dataclass(frozen=True)
class StreamedRows:
    """The rows of a table that train, or those that are held out."""

    table: Table
    split: Split | None  # divides the rows; None if all of them count
    held_out: bool = False

    def first(self, count: int) -> list[Any]:
        """The first few examples in the table's own order. Raises DataError if reading fails."""
        return list(islice(self._examples(self.table.rows), count))

    def epoch(self, seed: int | None, number: int, skip: int) -> Iterator[Any]:
        """The examples of an epoch without the first `skip`. Raises DataError if reading fails.

        Args:
            seed: decides, with the number, the order; None keeps the order of the table.
        """
        rows = self.table.rows
        if seed is not None:
            state = np.random.SeedSequence((seed, number)).generate_state(1)
            rows = rows.shuffle(seed=int(state[0]), buffer_size=SHUFFLED, **_one_file(rows))
        if skip and self.split is None:  # all rows count: the library can skip them unread
            return self._examples(rows.skip(skip))
        return islice(self._examples(rows), skip, None)

    def _examples(self, rows: Any) -> Iterator[Any]:
        try:
            for batch in rows.iter(1):  # plain iteration would divide rows among worker processes
                row = {name: values[0] for name, values in batch.items()}
                if self._has(row):
                    yield self.table.example(row, _place(row, self.table))
        except Exception as error:  # the library and what it calls raise every kind there is
            reason = first_line(error)
            raise DataError(f"--dataset {self.table.name} cannot be read: {reason}") from error

    def _has(self, row: Row) -> bool:
        if self.split is None:
            return True
        return self.split.holds_out(self.table.identity(row)) == self.held_out


def _one_file(rows: Any) -> dict[str, int]:
    """The argument of `shuffle` that fills the buffer from one file at a time.

    By default `datasets` 5 reads ten files in threads and waits for their end, which takes
    5 seconds an epoch.
    """
    name = "max_buffer_input_shards"
    return {name: 1} if name in signature(rows.shuffle).parameters else {}


def _place(row: Row, table: Table) -> str:
    """A name that tells a row from others; shuffled rows have no number."""
    picture = row[table.columns.clean] or {}
    digest = hashlib.sha256(picture.get("bytes") or b"").hexdigest()
    return picture.get("path") or f"the row of sha256 {digest[:12]}"
