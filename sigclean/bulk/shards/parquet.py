"""Parquet files with a column of pictures, which are structs of bytes and path, or bytes alone."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from sigclean.bulk.shards import Cell, Clean, Content, Shard, cell_name
from sigclean.errors import DataError, ImageError
from sigclean.extras import require

require("pyarrow", extra="shards", purpose="a Parquet file or a data set")
import pyarrow as pa  # type: ignore[import-untyped]  # noqa: E402
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: E402

ROWS_AT_ONCE = 16  # rows read at once: their encoded pictures are in memory
GROUP_ROWS = 1000  # approximate rows of a row group of the result
GROUP_BYTES = 32 << 20  # approximate bytes of a row group of the result
BUFFER = 4 << 20  # bytes read at once; without it a column's whole row group is read

Find = Callable[[str, str], Content]


@dataclass(frozen=True)
class ParquetShard:
    """A Parquet file, or one of its row groups. See `Shard`.

    Attributes:
        column: the column of pictures; empty to find it.
        group: the only row group to clean, from 0; None for all.
        file: an open file of the source's content, if the source is not on a disk.
    """

    source: Path
    target: Path
    column: str = ""
    group: int | None = None
    file: BinaryIO | None = None

    @property
    def name(self) -> str:
        return str(self.source)

    def cells(self) -> Iterator[Cell]:
        """See `Shard`."""
        with closing(self._opened()) as file:
            column = picture_column(file.schema_arrow, self.column, self.name)
            first = self._first_row(file.metadata)
            yield from row_cells(self, column, self._batches(file), self._find, first)

    def rewrite(self, draft: Path, clean: Clean) -> None:
        """See `Shard`. The picture of a row that cannot be read becomes null."""
        with closing(self._opened()) as file:
            column = picture_column(file.schema_arrow, self.column, self.name)
            batches, first = self._batches(file), self._first_row(file.metadata)
            rewrite_rows(self, draft, file.schema_arrow, column, batches, self._find, clean, first)

    def _opened(self) -> Any:
        with _reading(self.source):
            return pq.ParquetFile(self.file or self.source, buffer_size=BUFFER, pre_buffer=False)

    def _batches(self, file: Any) -> Iterator[Any]:
        groups = None if self.group is None else [self.group]
        with _reading(self.source):
            yield from file.iter_batches(ROWS_AT_ONCE, row_groups=groups)

    def _first_row(self, metadata: Any) -> int:
        return sum(metadata.row_group(one).num_rows for one in range(self.group or 0))

    def _find(self, path: str, name: str) -> Path:
        file = self.source.parent / path
        if not file.is_file():
            raise ImageError(f"{name} has no bytes, and its file {file} does not exist")
        return file


def row_cells(
    shard: Shard,
    column: str,
    batches: Iterable[Any],
    find: Find,
    first: int = 0,
    read: deque[Any] | None = None,
) -> Iterator[Cell]:
    """Yield the pictures of rows.

    Args:
        read: takes each batch that has rows. For the others see `rewrite_rows`.
    """
    row, in_target = first, 0
    for batch in batches:
        if batch.num_rows:
            if read is not None:
                read.append(batch)
            for value in batch.column(column).to_pylist():
                name, target = cell_name(shard.name, row), cell_name(shard.target, in_target)
                yield Cell(name, target, partial(_content, value, name, find))
                row, in_target = row + 1, in_target + 1


def rewrite_rows(
    shard: Shard,
    draft: Path,
    schema: Any,
    column: str,
    batches: Iterable[Any],
    find: Find,
    clean: Clean,
    first: int = 0,
) -> None:
    """Write the rows of a shard to a Parquet file, with cleaned pictures in a column.

    Args:
        draft: the file to write.
        schema: the schema of the rows, which does not change.
        column: the column of pictures.
        batches: record batches.
        find: reads the picture of a row that holds only a path, given the path and the cell's name.
        clean: see `Clean`.
        first: the number of the first row, for the cells' names.
    """
    read: deque[Any] = deque()  # batches whose results are not all there

    cells = row_cells(shard, column, batches, find, first, read)
    with draft.open("wb") as file, pq.ParquetWriter(file, schema) as writer:
        group = _Group(writer, schema)
        results: list[bytes | None] = []
        with closing(clean(cells)) as pngs:
            for png in pngs:
                results.append(png)
                if len(results) == read[0].num_rows:
                    group.add(_replaced(read.popleft(), column, results))
                    results = []
        group.write()


def _content(value: dict[str, Any] | bytes | None, name: str, find: Find) -> Content:
    if value is None or isinstance(value, bytes):
        return value
    path = value.get("path")
    return find(path, name) if path and value["bytes"] is None else value["bytes"]


class _Group:
    """Batches that gather until they are large enough for a row group."""

    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer, self._schema = writer, schema
        self._batches: list[Any] = []

    def add(self, batch: Any) -> None:
        self._batches.append(batch)
        rows = sum(one.num_rows for one in self._batches)
        if rows >= GROUP_ROWS or sum(one.nbytes for one in self._batches) >= GROUP_BYTES:
            self.write()

    def write(self) -> None:
        if self._batches:
            self._writer.write_table(pa.Table.from_batches(self._batches, self._schema))
            self._batches = []


def _replaced(batch: Any, column: str, pngs: list[bytes | None]) -> Any:
    place = batch.schema.get_field_index(column)
    field = batch.schema.field(place)
    missing = None if field.nullable else b""
    values: list[Any] = [missing if png is None else png for png in pngs]
    if pa.types.is_struct(field.type):
        before = batch.column(place).to_pylist()
        values = [_struct(*pair) for pair in zip(before, pngs, strict=True)]
    return batch.set_column(place, field, pa.array(values, field.type))


def _struct(before: dict[str, Any] | None, png: bytes | None) -> dict[str, Any] | None:
    if before is None or png is None:
        return None
    path = before.get("path")
    named = {"path": str(PurePosixPath(path).with_suffix(".png")) if path else path}
    return {**before, "bytes": png, **(named if "path" in before else {})}


def count_row_groups(file: Path | BinaryIO, name: str | Path) -> int:
    """Return how many row groups a Parquet file has. Raises DataError if it cannot be read."""
    with _reading(name):
        return int(pq.ParquetFile(file).metadata.num_row_groups)


def picture_column(schema: Any, asked: str, name: str) -> str:
    """Return the column asked for, or the only one that may hold pictures.

    Raises DataError, which names the columns, if there is no such column or more than one.
    """
    structs = _declared(schema) or [field.name for field in schema if _holds_pictures(field.type)]
    plain = [field.name for field in schema if _is_binary(field.type)]
    there = ", ".join(schema.names)
    if asked:
        if asked in (*structs, *plain):
            return asked
        raise DataError(f"{name} has no column of pictures {asked}: its columns are {there}")
    for found in (structs, plain):
        if len(found) == 1:
            return str(found[0])
        if found:
            raise DataError(
                f"{name} has the columns {', '.join(found)}: say with --column which to clean"
            )
    raise DataError(f"{name} has no column of pictures: its columns are {there}")


def _declared(schema: Any) -> list[str]:
    """List the columns that the `datasets` library declares as pictures; sounds look the same."""
    try:
        said = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return [name for name, kind in said.items() if kind.get("_type") == "Image"]
    except (TypeError, KeyError, ValueError, AttributeError):
        return []


def _holds_pictures(kind: Any) -> bool:
    if not pa.types.is_struct(kind):
        return False
    fields = {field.name: field.type for field in kind}
    return "bytes" in fields and _is_binary(fields["bytes"]) and fields.keys() <= {"bytes", "path"}


def _is_binary(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


@contextmanager
def _reading(path: str | Path) -> Iterator[None]:
    """Raise DataError if reading fails because it is not a complete Parquet file."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is cut off, broken, or not a Parquet file") from error
