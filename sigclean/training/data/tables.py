"""Data sets of the `datasets` library, from the Hub or local: rows with one picture or with two."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from sigclean.corpus.signatures import Source
from sigclean.errors import DataError, first_line
from sigclean.hub.datasets import fetch, library
from sigclean.training.data.domains import clean_part

TEST_SPLIT = "test"
Row = dict[str, dict[str, Any] | None]


@dataclass(frozen=True)
class TableOptions:
    """A data set as the options name it; an empty column is found by its name or place."""

    name: str  # `user/repo` on the Hub, or a local folder
    configuration: str = ""  # the data set's own; the default one if empty
    split: str = "train"  # the rows to train on
    clean_column: str = ""
    noisy_column: str = ""
    test_fraction: float = 0.0  # share of the rows that is the test side if there is no test split
    streaming: bool = False  # read rows while training instead of storing them first
    token: str = ""  # of the Hub, for private data sets


@dataclass(frozen=True)
class Columns:
    """The columns that are read; without a noisy one, noise is made on the fly."""

    clean: str
    noisy: str = ""

    @property
    def names(self) -> list[str]:
        """The names that are not empty."""
        return [name for name in (self.clean, self.noisy) if name]


@dataclass(frozen=True)
class Table:
    """The rows of a split, whose pictures are not decoded."""

    rows: Any  # a `datasets.Dataset`, or an `IterableDataset` that streams
    columns: Columns
    name: str  # the data set and its split, for messages
    divided: bool  # True if a share of the rows, rather than another split, is the test side
    token: str  # for files that are fetched one by one

    def example(self, row: Row, place: str) -> Any:
        """The source of a clean picture, or the sources of a noisy and of its clean picture.

        Args:
            place: names the row in messages.
        """
        sources = {column: self._source(row, column, place) for column in self.columns.names}
        clean = sources[self.columns.clean]
        return (sources[self.columns.noisy], clean) if self.columns.noisy else clean

    def identity(self, row: Row) -> bytes:
        """The content of a row's clean picture, or its file name where only that is known."""
        picture = row[self.columns.clean] or {}
        name = PurePosixPath(picture.get("path") or "").name
        return picture.get("bytes") or name.encode()

    def _source(self, row: Row, column: str, place: str) -> Source:
        picture = row[column] or {}
        path, content = picture.get("path"), picture.get("bytes")
        named = f"{self.name}, {place}" + (f" ({column})" if self.columns.noisy else "")
        if content is not None or not path:
            return Source(named, content or b"")
        if "://" in path:
            return Source(path, partial(fetch, path, self.token))
        return Source(path, Path(path))


@dataclass(frozen=True)
class Examples(Sequence[Any]):
    """The examples of some rows of a table, given by their numbers."""

    table: Table
    places: Sequence[int]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        place = int(self.places[index])
        return self.table.example(self.table.rows[place], f"row {place}")


@dataclass(frozen=True)
class Truths(Sequence[Source]):
    """The clean pictures of pairs."""

    pairs: Sequence[tuple[Source, Source]]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: Any) -> Any:
        return clean_part(self.pairs[index])


def load_table(options: TableOptions, *, test: bool = False) -> Table:
    """The split to train on, or the test split where there is one.

    Raises DataError if it cannot be loaded, or has no such split or columns.
    """
    datasets = library("train")
    where = (options.name, options.configuration or None)
    token = options.token or None
    try:
        splits = datasets.get_dataset_split_names(*where, token=token)
        apart = TEST_SPLIT in splits and options.split != TEST_SPLIT
        split = TEST_SPLIT if apart and test else options.split
        rows = datasets.load_dataset(*where, split=split, streaming=options.streaming, token=token)
    except Exception as error:  # the library and what it calls raise every kind there is
        raise DataError(f"--dataset {options.name}: {first_line(error)}") from error
    columns = _columns(rows.features or {}, options)
    rows = _undecoded(rows, columns, options.streaming)
    divided = not apart and options.test_fraction > 0
    return Table(rows, columns, f"{options.name} {split}", divided, options.token)


def _undecoded(rows: Any, columns: Columns, streaming: bool) -> Any:
    """The columns that are read, with files in place of decoded pictures."""
    from datasets import Image

    if streaming:  # a cast alone would leave decoding, which runs ahead in threads
        return rows.decode(False).select_columns(columns.names)
    rows = rows.select_columns(columns.names)
    for name in columns.names:
        rows = rows.cast_column(name, Image(decode=False))
    return rows


def _columns(features: Any, options: TableOptions) -> Columns:
    """The columns that the options name, else `clean` and `noisy`, else one or two of pictures.

    Raises DataError that names the existing columns if they do not fit.
    """
    images = [name for name, kind in features.items() if type(kind).__name__ == "Image"]
    known = f"its columns are {', '.join(features)}" if features else "its columns are not known"
    if not images:
        raise DataError(f"--dataset {options.name} has no column of pictures: {known}")
    for option in ("clean_column", "noisy_column"):
        name = getattr(options, option)
        if name and name not in images:
            raise DataError(
                f"--{option} {name}: --dataset {options.name} has no such column of pictures, "
                f"but {', '.join(images)}"
            )
    clean = options.clean_column or _preferred("clean", images, options.noisy_column)
    noisy = options.noisy_column or _preferred("noisy", images, clean)
    if not clean or clean == noisy or (len(images) > 2 and not noisy):
        raise DataError(
            f"--dataset {options.name} has the columns {', '.join(images)}: say with "
            "--clean_column and --noisy_column which to take"
        )
    return Columns(clean, noisy)


def _preferred(name: str, images: list[str], taken: str) -> str:
    """The column of this name, or the first one if at most two are to choose from."""
    others = [image for image in images if image != taken]
    if name in others:
        return name
    return others[0] if others and len(images) <= 2 else ""
