"""The log of a run: a line of JSON a record, each step once, however often the run was killed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sigclean.files import atomic_write_text

Record = dict[str, Any]

LOG_FILE = "log.jsonl"  # losses, learning rates, figures: the same however often a run is resumed
SPEED_FILE = "speed.jsonl"  # seconds and pictures a second: never the same twice


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add a record as a line at the end of a log."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def read(path: Path) -> list[Record]:
    """The records of a log, without lines that are incomplete; none if there is no log."""
    if not path.is_file():
        return []
    records = map(_parse, path.read_text(encoding="utf-8", errors="replace").splitlines())
    return [record for record in records if record is not None]


def cut(path: Path, step: int) -> None:
    """Remove the records after `step`, and incomplete lines: a resumed run writes them again.

    Raises SigcleanError if the log cannot be written.
    """
    if not path.is_file():
        return
    before = path.read_text(encoding="utf-8", errors="replace")
    kept = [json.dumps(record) + "\n" for record in read(path) if record["step"] <= step]
    if (after := "".join(kept)) != before:
        atomic_write_text(path, after)


def _parse(line: str) -> Record | None:
    """A line's record; None if the line is incomplete."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else None
