"""Data sets of the `datasets` library, from the Hub or a folder, streamed into Parquet files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigclean.bulk.shards import Cell, Clean, Content
from sigclean.bulk.shards.parquet import ROWS_AT_ONCE, picture_column, rewrite_rows, row_cells
from sigclean.errors import DataError, ImageError, SigcleanError, first_line
from sigclean.hub.datasets import fetch, library

ROWS_OF_A_SAVED_SHARD = 1000  # rows; `save_to_disk` leaves the division to the reader


@dataclass(frozen=True)
class DatasetShard:
    """One of the parts that a split is stored in. See `Shard`."""

    rows: Any  # a `datasets.IterableDataset` of the whole split, its pictures not decoded
    schema: Any  # the Arrow schema of the rows
    name: str
    target: Path
    column: str  # the column of pictures; empty to find it
    number: int  # of `count` parts of the split, from 0
    count: int

    def cells(self) -> Iterator[Cell]:
        """See `Shard`."""
        column = picture_column(self.schema, self.column, self.name)
        return row_cells(self, column, self._batches(), _find)

    def rewrite(self, draft: Path, clean: Clean) -> None:
        """See `Shard`. The picture of a row that cannot be read becomes null."""
        column = picture_column(self.schema, self.column, self.name)
        rewrite_rows(self, draft, self.schema, column, self._batches(), _find, clean)

    def _batches(self) -> Iterator[Any]:
        with _as_data_error(self.name):
            rows = self.rows.shard(num_shards=self.count, index=self.number, contiguous=True)
            for table in rows.with_format("arrow").iter(ROWS_AT_ONCE):
                yield from table.cast(self.schema).combine_chunks().to_batches()


def dataset_shards(dataset: str, split: str, output: Path, column: str = "") -> list[DatasetShard]:
    """List the parts of a data set, in a fixed order.

    Args:
        dataset: a repository of the Hub or a folder.
        split: one of its splits; empty for all of them.
        output: the folder of the results.
        column: see `DatasetShard`.

    Raises:
        DataError: it cannot be loaded, or has no such split.
        SigcleanError: the library is not installed.
    """
    datasets = library("shards")
    with _as_data_error(f"--dataset {dataset}"):
        splits = _saved(datasets, dataset) or _stored(datasets, dataset, split)
        if split and split not in splits:
            raise DataError(f"--dataset {dataset} has no split {split}, but {', '.join(splits)}")
        chosen = {split: splits[split]} if split else splits
        return [
            shard
            for name, rows in chosen.items()
            for shard in _shards(f"{dataset}/{name}", name, rows, output, column)
        ]


def _saved(datasets: Any, dataset: str) -> dict[str, Any]:
    """Return the splits of a folder that the library's `save_to_disk` wrote; {} for another one.

    A data set without splits becomes train, as in the library.
    """
    folder = Path(dataset)
    if not any((folder / name).is_file() for name in ("dataset_dict.json", "state.json")):
        return {}
    loaded = datasets.load_from_disk(dataset)
    splits = loaded if isinstance(loaded, dict) else {"train": loaded}
    return {
        name: rows.to_iterable_dataset(num_shards=max(1, len(rows) // ROWS_OF_A_SAVED_SHARD))
        for name, rows in splits.items()
    }


def _stored(datasets: Any, dataset: str, split: str) -> dict[str, Any]:
    names = datasets.get_dataset_split_names(dataset)
    wanted = [split] if split in names else [] if split else names
    found = {name: datasets.load_dataset(dataset, split=name, streaming=True) for name in wanted}
    return found or dict.fromkeys(names)


def _shards(name: str, split: str, rows: Any, output: Path, column: str) -> Iterator[DatasetShard]:
    if rows.features is None:
        raise DataError(f"--dataset {name}: its columns are not known before it is read")
    schema, count = rows.features.arrow_schema, rows.num_shards
    undecoded = rows.decode(False)
    for number in range(count):
        place = f"-{number:05}-of-{count:05}"
        target = output / f"{split}{place}.parquet"
        yield DatasetShard(undecoded, schema, name + place, target, column, number, count)


def _find(path: str, name: str) -> Content:
    if "://" not in path:
        return Path(path)
    try:
        return fetch(path)
    except Exception as error:  # the library and what it calls raise every kind
        raise ImageError(f"{name} cannot be fetched: {first_line(error)}") from error


@contextmanager
def _as_data_error(name: str) -> Iterator[None]:
    try:
        yield
    except SigcleanError:
        raise
    except Exception as error:  # the library and what it calls raise every kind
        raise DataError(f"{name} cannot be read: {first_line(error)}") from error
