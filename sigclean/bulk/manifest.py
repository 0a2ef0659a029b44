"""A record of a bulk cleaning, one JSON object a line: what became of each picture.

Lines are added as pictures are done, each just before its result takes its place: a result that is
there has its line, however the run ended. The next run with the same manifest goes on in it, and
every picture has one line in the end. Of several processes each writes a part beside it, see
`manifest_parts`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

from PIL import Image

from sigclean.bulk import manifest_parts
from sigclean.bulk.manifest_parts import Again
from sigclean.compositing.compose import INK_LEVEL
from sigclean.errors import SigcleanError, one_line
from sigclean.processes.locks import can_lock, locked, try_lock
from sigclean.processes.ranks import Process
from sigclean.views.inversion import is_dark

CLEANED, SKIPPED, FAILED = "cleaned", "skipped", "failed"
SMALL = 96  # pixels: a longer side below it has too little of a signature to tell it from print
LARGE = 3000  # and above it is more likely a page than a crop
LITTLE_INK = 0.0005  # share of a result's pixels: a dot, or remains of print, but no signature
MUCH_INK = 1 / 3  # share of a result's pixels: no signature covers as much


class Manifest:
    """A file that lines are added to, by several threads if need be; a context manager.

    Lines of earlier runs stay, but for those of pictures that are now cleaned again. A last line
    that a killed run left torn goes.

    Args:
        path: made, with its folder, if it is not there.
        again: tells by a picture's name whether its line goes, since this run makes it anew.
        process: of several that write this manifest together, the last to end merges their parts.

    Raises:
        SigcleanError: it cannot be read or written, or is something else than a manifest.
    """

    def __init__(
        self, path: Path, again: Again = lambda source: False, process: Process | None = None
    ) -> None:
        self._path, self._several = path, process is not None and process.count > 1
        if self._several and not can_lock:
            raise SigcleanError("a manifest of several processes needs Linux or macOS")
        self._adding = Lock()
        with manifest_parts.as_one_sentence(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._several or bool(manifest_parts.find(path))
        with self._merging() if beside else nullcontext():
            manifest_parts.merge(path, self._dead())
            # together, lines of before are replaced when those that take their place are there
            self._known = manifest_parts.rewrite(path, None if self._several else again)
            place = manifest_parts.new(path, process.rank) if process and self._several else path
            with manifest_parts.as_one_sentence(place):
                self._file = place.open("ab", buffering=0)
            if self._several:  # before others may look for parts that have no process
                try_lock(self._file)

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._adding:
            self._file.close()
        if self._several:
            with suppress(SigcleanError) if error else nullcontext():  # what is wrong is known
                self._end()

    def _end(self) -> None:
        """Of several processes the last one merges the parts of all."""
        with self._merging():
            dead = self._dead()
            if len(dead) == len(manifest_parts.find(self._path)):
                manifest_parts.merge(self._path, dead)

    def cleaned(
        self,
        source: str,
        target: str,
        image: Image.Image,
        result: Image.Image,
        milliseconds: float,
    ) -> None:
        """A picture was cleaned, and its result is about to be in its place.

        Args:
            milliseconds: that cleaning took, without reading and writing.
        """
        share = ink_share(result)
        figures = {
            "width": image.width,
            "height": image.height,
            "milliseconds": round(milliseconds, 1),
            "ink": round(share, 5),
            "warnings": list(_warnings(image, share, bool(result.info.get("inverted")))),
        }
        self._add(source, target, CLEANED, figures)

    def failed(self, source: str, target: str, error: Exception) -> None:
        """A picture could not be read."""
        self._add(source, target, FAILED, {"error": one_line(error)})

    def empty(self, source: str, target: str) -> None:
        """A cell of a shard holds no picture."""
        self._add(source, target, SKIPPED, {"warnings": ["there is no picture"]})

    def skipped(self, source: str, target: str) -> None:
        """A result was there already; what an earlier run said of it, or its cells, stays."""
        if source not in self._known and source not in self._known_shards:
            self._add(source, target, SKIPPED, {})

    @cached_property
    def _known_shards(self) -> set[str]:
        return {source.rpartition("#")[0] for source in self._known}

    def _add(self, source: str, target: str, status: str, figures: dict[str, Any]) -> None:
        entry = {"source": source, "target": target, "status": status, **figures}
        line = json.dumps(entry).encode() + b"\n"
        with self._adding, manifest_parts.as_one_sentence(self._path):
            if self._file.closed:  # the run has ended, and this thread comes too late
                return
            written = self._file.write(line)  # all at once: a kill leaves it whole
            if written != len(line):
                raise SigcleanError(f"{self._path} cannot be written: the disk is full")

    def _merging(self) -> AbstractContextManager[None]:
        lock = self._path.with_name(f".{self._path.name}.lock")
        return locked(lock) if can_lock else nullcontext()

    def _dead(self) -> list[Path]:
        """The parts whose processes have ended, in whatever way."""
        return [part for part in manifest_parts.find(self._path) if _is_dead(part)]


def _is_dead(part: Path) -> bool:
    with part.open("ab") as file:
        return not can_lock or try_lock(file)


def ink_share(result: Image.Image) -> float:
    """The share of a result's pixels that are ink; of a transparent one, that are not clear."""
    if result.mode == "RGBA":
        counts = result.getchannel("A").histogram()
        return sum(counts[256 - INK_LEVEL :]) / sum(counts)
    counts = result.convert("L").histogram()
    return sum(counts[:INK_LEVEL]) / sum(counts)


def _warnings(image: Image.Image, share: float, inverted: bool) -> Iterator[str]:
    longest = max(image.size)
    if inverted:
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
    if longest > LARGE:
        yield f"the longer side has {longest} pixels: crop pages to the signature first"
