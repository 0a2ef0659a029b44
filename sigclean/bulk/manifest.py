"""A manifest: the record of a bulk cleaning, one JSON object a line for each picture.

A line is added just before the picture's result takes its place: every result has its line, however
the run ended. The next run with the same manifest continues it, and in the end every picture has
one line.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from PIL import Image

from sigclean.bulk.manifest_lines import IsRedone, as_one_sentence, rewrite
from sigclean.bulk.shards import possible_shards
from sigclean.compositing.results import LITTLE_INK, ink_share
from sigclean.errors import SigcleanError, one_line
from sigclean.views.inversion import is_dark

CLEANED, SKIPPED, FAILED, UNSIGNED = "cleaned", "skipped", "failed", "unsigned"
SMALL = 96  # pixels; a shorter longest side shows too little to tell a signature from print
LARGE = 3000  # pixels; a longer longest side is more likely that of a page than of a crop
MUCH_INK = 1 / 3  # share of a result's pixels: no signature covers as much


class Records(ABC):
    """The record of a bulk cleaning: an entry for each picture, with its status."""

    def cleaned(
        self,
        source: str,
        target: str,
        image: Image.Image,
        result: Image.Image,
        milliseconds: float,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Record a cleaned picture, just before its result is put in its place.

        Args:
            more: other facts for the line, such as the page.
            milliseconds: the time that cleaning took, without reading and writing.
        """
        share = ink_share(result)
        window = result.info.get("window")
        figures = {
            **(more or {}),
            "width": image.width,
            "height": image.height,
            **({"window": window} if window else {}),
            "milliseconds": round(milliseconds, 1),
            "ink": round(share, 5),
            "warnings": list(_warnings(image, result, share)),
        }
        self._add(source, target, CLEANED, figures)

    def failed(self, source: str, target: str, error: Exception) -> None:
        """Record a picture that cannot be read, or whose result cannot be written."""
        self._add(source, target, FAILED, {"error": one_line(error)})

    def unsigned(self, source: str, page: int, size: tuple[int, int]) -> None:
        """Record a page, of a width and height in pixels, on which no signature was found."""
        self._add(source, "", UNSIGNED, {"page": page, "width": size[0], "height": size[1]})

    def empty(self, source: str, target: str) -> None:
        """Record a cell of a shard that holds no picture."""
        self._add(source, target, SKIPPED, {"warnings": ["there is no picture"]})

    def _add(self, source: str, target: str, status: str, figures: dict[str, Any]) -> None:
        self.add({"source": source, "target": target, "status": status, **figures})

    @abstractmethod
    def add(self, entry: dict[str, Any]) -> None:
        """Take an entry; several threads may call it."""


class Manifest(Records):
    """A context manager that adds records as lines to a file; several threads may use it.

    Lines of earlier runs stay, except those of pictures that are cleaned again. An incomplete last
    line of a killed run is removed.

    Args:
        path: created, with its folder, if it is new.
        is_redone: true for the sources of pictures cleaned again in this run, whose old lines are
            dropped.

    Raises SigcleanError if the file cannot be read or written, or is not a manifest.
    """

    def __init__(self, path: Path, is_redone: IsRedone = lambda source: False) -> None:
        self._path, self._adding = path, Lock()
        with as_one_sentence(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._known = rewrite(path, is_redone)
        with as_one_sentence(path):
            self._file = path.open("ab", buffering=0)

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        with self._adding:
            self._file.close()

    def skipped(self, source: str, target: str) -> None:
        """Record an existing result, unless an earlier run recorded it, or the shard's cells."""
        if source not in self._known and source not in self._known_shards:
            self._add(source, target, SKIPPED, {})

    @cached_property
    def _known_shards(self) -> set[str]:
        return {shard for source in self._known for shard in possible_shards(source)}

    def add(self, entry: dict[str, Any]) -> None:
        """Write a line. Raises SigcleanError if that fails."""
        line = json.dumps(entry).encode() + b"\n"
        with self._adding, as_one_sentence(self._path):
            if self._file.closed:  # the run has ended, and this thread comes too late
                return
            written = self._file.write(line)  # in one call, which a kill cannot split
            if written != len(line):
                raise SigcleanError(f"{self._path} cannot be written: the disk is full")


def _warnings(image: Image.Image, result: Image.Image, share: float) -> Iterator[str]:
    longest = max(image.size)
    if result.info.get("inverted"):
        yield "the picture was inverted: its ink is brighter than its paper"
    elif is_dark(image):
        yield "most of the picture is dark"
    if share == 0:
        yield "no ink was kept"
    elif share < LITTLE_INK:
        yield "next to no ink was kept"
    if share > MUCH_INK:
        yield "more than a third of the result is ink"
    if longest < SMALL:
        yield f"the longer side has {longest} pixels only"
    if longest > LARGE and not result.info.get("window"):
        yield f"the longer side has {longest} pixels: crop pages to the signature first"
