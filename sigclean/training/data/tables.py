"""Data sets of the Hub, or local ones of its library: rows with one picture or with two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from sigclean.corpus.signatures import Source, held_out
from sigclean.errors import DataError
from sigclean.hub.datasets import fetch, first_line, library
from sigclean.training.data.folders import Found, noise_on_the_fly, real_pictures
from sigclean.training.data.openers import open_both, open_one
from sigclean.training.options import TrainConfig

TEST_SPLIT = "test"
Row = dict[str, dict[str, Any] | None]


@dataclass(frozen=True)
class Columns:
    """The columns that are read; without a noisy one, noise is made on the fly."""

    clean: str
    noisy: str = ""

    @property
    def names(self) -> list[str]:
        """Those there are."""
        return [name for name in (self.clean, self.noisy) if name]


@dataclass(frozen=True)
class Table:
    """A split whose pictures are not decoded.

    Attributes:
        rows: a `datasets.Dataset`, or an `IterableDataset` that streams.
        divided: whether a share of it, rather than another split, is the test side.
        token: for files that are fetched one by one.
    """

    rows: Any
    columns: Columns
    name: str
    divided: bool
    token: str

    def example(self, row: Row, place: str) -> Any:
        """A clean picture's source, or those of the noisy and of the clean one."""
        sources = {column: self._source(row, column, place) for column in self.columns.names}
        clean = sources[self.columns.clean]
        return (sources[self.columns.noisy], clean) if self.columns.noisy else clean

    def is_held_out(self, row: Row, config: TrainConfig) -> bool:
        """Decided by the clean picture's content, or by its name where that is a file's."""
        picture = row[self.columns.clean] or {}
        name = PurePosixPath(picture.get("path") or "").name
        return held_out(picture.get("bytes") or name.encode(), config.seed, config.test_fraction)

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
    """Those of a table, of which only some rows count."""

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


def clean_part(example: Any) -> Source:
    """The clean picture of an example of either kind."""
    return example[1] if isinstance(example, tuple) else example


def find_table(config: TrainConfig, phase: str) -> Found:
    """The pictures of --dataset.

    Raises DataError if it cannot be loaded, or has no such split, columns or pictures.
    """
    table = load_table(config, phase)
    if config.streaming:
        from sigclean.training.data.row_stream import find_stream

        return find_stream(config, phase, table)
    places: Sequence[int] = range(len(table.rows))[: config.max_dataset_size or None]
    if table.divided:
        places = _places(table, places, config, phase)
    if not len(places) and phase == "train":
        raise no_pictures(table)
    return found_examples(config, phase, Examples(table, places))


def found_examples(config: TrainConfig, phase: str, examples: Sequence[Any]) -> Found:
    """Pairs as they are, or clean pictures alone, whose noise is made."""
    real = real_pictures(config, phase)
    if len(examples) and isinstance(examples[0], tuple):
        return Found(Truths(examples), open_one, examples, open_both, real)
    noise = noise_on_the_fly(config)
    return Found(examples, noise.clean, examples, noise.pair, real)


def no_pictures(table: Table) -> DataError:
    """What to say of an empty table."""
    return DataError(f"--dataset {table.name} holds no pictures")


def load_table(config: TrainConfig, phase: str) -> Table:
    """Raises DataError if it cannot be loaded, or has no such split or columns."""
    datasets = library("train")
    where = (config.dataset, config.dataset_config or None)
    token = config.hub_token or None
    try:
        splits = datasets.get_dataset_split_names(*where, token=token)
        apart = TEST_SPLIT in splits and config.dataset_split != TEST_SPLIT
        split = TEST_SPLIT if apart and phase != "train" else config.dataset_split
        rows = datasets.load_dataset(*where, split=split, streaming=config.streaming, token=token)
    except Exception as error:  # the library and what it calls raise every kind there is
        raise DataError(f"--dataset {config.dataset}: {first_line(error)}") from error
    columns = _columns(rows.features or {}, config)
    rows = _undecoded(rows, columns, config.streaming)
    name = f"{config.dataset} {split}"
    return Table(rows, columns, name, not apart and config.test_fraction > 0, config.hub_token)


def _undecoded(rows: Any, columns: Columns, streaming: bool) -> Any:
    """The columns that are read, of which the library gives the files rather than pictures."""
    from datasets import Image

    if streaming:  # casting alone would leave the pictures that it decodes ahead, in threads
        return rows.decode(False).select_columns(columns.names)
    rows = rows.select_columns(columns.names)
    for name in columns.names:
        rows = rows.cast_column(name, Image(decode=False))
    return rows


def _columns(features: Any, config: TrainConfig) -> Columns:
    """The columns named; else those called clean and noisy, or those that hold pictures.

    Raises DataError, naming the columns there are.
    """
    images = [name for name, kind in features.items() if type(kind).__name__ == "Image"]
    there = f"its columns are {', '.join(features)}" if features else "its columns are not known"
    if not images:
        raise DataError(f"--dataset {config.dataset} has no column of pictures: {there}")
    for option in ("clean_column", "noisy_column"):
        name = getattr(config, option)
        if name and name not in images:
            raise DataError(
                f"--{option} {name}: --dataset {config.dataset} has no such column of pictures, "
                f"but {', '.join(images)}"
            )
    clean = config.clean_column or _preferred("clean", images, config.noisy_column)
    noisy = config.noisy_column or _preferred("noisy", images, clean)
    if not clean or clean == noisy or (len(images) > 2 and not noisy):
        raise DataError(
            f"--dataset {config.dataset} has the columns {', '.join(images)}: say with "
            "--clean_column and --noisy_column which to take"
        )
    return Columns(clean, noisy)


def _preferred(name: str, images: list[str], taken: str) -> str:
    """The column of this name, or the first one if at most two are to choose from."""
    others = [image for image in images if image != taken]
    if name in others:
        return name
    return others[0] if others and len(images) <= 2 else ""


def _places(table: Table, places: Sequence[int], config: TrainConfig, phase: str) -> list[int]:
    """The rows of one side; if chance would leave nothing to train on, nothing is held out."""
    held = {place for place in places if table.is_held_out(table.rows[place], config)}
    if len(held) == len(places):
        held = set()
    return [place for place in places if (place in held) == (phase != "train")]
