"""The manifest of a run on a cluster: a folder of parts, which is never merged.

Each part is written whole, as JSON lines or as a Parquet file, while results come in. An entry is
one of `bulk.manifest`, and has the name of its unit as `input`.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import Any

from sigclean.bulk.manifest import FAILED
from sigclean.errors import SigcleanError
from sigclean.extras import require
from sigclean.ray.places import filesystem, join, make_folder, reaching

require("pyarrow", extra="ray", purpose="--engine ray")
import pyarrow as pa  # type: ignore[import-untyped]  # noqa: E402
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: E402

Entry = dict[str, Any]

ENTRIES = 2000  # in a part
SECONDS = 5.0  # after which a smaller part is written: what a killed run loses
FORMATS = (".jsonl", ".parquet")  # suffixes of the folder
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("source", "target", "status", "input")),
        *((name, pa.int64()) for name in ("page", "signature", "width", "height", "window")),
        *((name, pa.float64()) for name in ("milliseconds", "ink", "score")),
        ("box", pa.list_(pa.int64())),
        ("points", pa.list_(pa.float64())),
        ("warnings", pa.list_(pa.string())),
        ("error", pa.string()),
    ]
)


def to_table(entries: list[Entry]) -> Any:
    """Return entries as a table of `SCHEMA`."""
    return pa.Table.from_pylist(entries, SCHEMA)


def from_table(table: Any) -> list[Entry]:
    """Return the entries of a table, without what is null."""
    return [
        {key: value for key, value in row.items() if value is not None} for row in table.to_pylist()
    ]


class PartedManifest:
    """A context manager that adds parts to a folder, given by its path or URL.

    Raises SigcleanError if the folder is a file, has another suffix than `FORMATS`, or cannot be
    read or written.
    """

    def __init__(self, folder: str) -> None:
        self._folder, self._suffix = folder, PurePosixPath(folder).suffix
        if self._suffix not in FORMATS:
            raise SigcleanError(
                f"the manifest {folder} is a folder of parts: end its name in .jsonl or .parquet"
            )
        self._files, self._place = filesystem(folder)
        with reaching(folder, "written"):
            if self._files.isfile(self._place):
                raise SigcleanError(
                    f"{folder} is a file, and with --engine ray the manifest is a folder: name "
                    "another one"
                )
            make_folder(self._files, self._place)
        self._start, self._number = time.strftime("%Y%m%dT%H%M%S", time.gmtime()), 0
        self._waiting: list[Entry] = []
        self._written = time.monotonic()

    def __enter__(self) -> PartedManifest:
        return self

    def __exit__(self, *_: object) -> None:
        self._write_waiting()

    def finished(self) -> set[str]:
        """Return the names of the units that are done, without one that failed."""
        done: set[str] = set()
        failed: set[str] = set()
        for entry in self.entries():
            (failed if entry["status"] == FAILED else done).add(entry["input"])
        return done - failed

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of all parts, the oldest first."""
        for part in self._parts():
            yield from self._read(part)

    def forget(self, names: Collection[str]) -> None:
        """Drop the entries of units that are done again."""
        for part in self._parts():
            entries = self._read(part)
            kept = [one for one in entries if one["input"] not in names]
            if not kept:
                with reaching(part, "removed"):
                    self._files.rm_file(part)
            elif len(kept) < len(entries):
                self._write(part, kept)

    def add(self, entries: list[Entry]) -> None:
        """Take entries, and write a part if enough wait, or have waited long enough."""
        self._waiting += entries
        if len(self._waiting) >= ENTRIES or time.monotonic() - self._written > SECONDS:
            self._write_waiting()

    def _write_waiting(self) -> None:
        if self._waiting:
            name = f"part-{self._start}-{self._number:06}{self._suffix}"
            self._write(join(self._place, name), self._waiting)
            self._number += 1
        self._waiting, self._written = [], time.monotonic()

    def _parts(self) -> list[str]:
        with reaching(self._folder, "read"):
            found = self._files.find(self._place, maxdepth=1)
        return sorted(one for one in found if PurePosixPath(one).suffix == self._suffix)

    def _read(self, part: str) -> list[Entry]:
        with reaching(part, "read"):
            content = self._files.cat_file(part)
            if self._suffix == ".parquet":
                return from_table(pq.read_table(io.BytesIO(content)))
            return [json.loads(line) for line in content.splitlines()]

    def _write(self, part: str, entries: list[Entry]) -> None:
        """Write a part under another name first: a disk shows a file that is half-written."""
        if self._suffix == ".parquet":
            buffer = io.BytesIO()
            pq.write_table(to_table(entries), buffer)
            content = buffer.getvalue()
        else:
            content = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
        with reaching(part, "written"):
            draft = f"{part}.draft"
            self._files.pipe_file(draft, content)
            self._files.mv(draft, part)
