"""A record of a bulk cleaning, one JSON object a line: what became of each picture.

Lines are added as pictures are done, so that a run that is killed loses at most its last one; the
next run with the same manifest goes on in it, and every picture has one line in the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from PIL import Image

from sigclean.compositing import INK_LEVEL
from sigclean.errors import SigcleanError, one_line
from sigclean.files import written_whole
from sigclean.jobs import Job

CLEANED, SKIPPED, FAILED = "cleaned", "skipped", "failed"
SMALL = 96  # pixels: a longer side below it has too little of a signature to tell it from print
LARGE = 3000  # and above it is more likely a page than a crop


class Manifest:
    """A file that lines are added to; a context manager.

    Lines of earlier runs stay, but for those of pictures that are now cleaned again. A last line
    that a killed run left torn goes.

    Args:
        path: made, with its folder, if it is not there.
        again: pictures whose lines go, since this run makes them anew.

    Raises:
        SigcleanError: it cannot be read or written, or is something else than a manifest.
    """

    def __init__(self, path: Path, again: Iterable[Job] = ()) -> None:
        self.path = path
        lines = _read(path)
        for job in again:
            lines.pop(str(job.source), None)
        with written_whole(path) as draft:
            draft.write_text("".join(line + "\n" for line in lines.values()), encoding="utf-8")
        self._known = set(lines)
        with _as_one_sentence(path):
            self._file: TextIO = path.open("a", encoding="utf-8")

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def cleaned(
        self, job: Job, image: Image.Image, result: Image.Image, milliseconds: float
    ) -> None:
        """A picture was cleaned and its result written.

        Args:
            milliseconds: that cleaning took, without reading and writing.
        """
        share = ink_share(result)
        self._add(
            job,
            CLEANED,
            width=image.width,
            height=image.height,
            milliseconds=round(milliseconds, 1),
            ink=round(share, 5),
            warnings=list(_warnings(image, share)),
        )

    def failed(self, job: Job, error: Exception) -> None:
        """A picture could not be read."""
        self._add(job, FAILED, error=one_line(error))

    def skipped(self, job: Job) -> None:
        """A result was there already; what an earlier run said of it stays."""
        if str(job.source) not in self._known:
            self._add(job, SKIPPED)

    def _add(self, job: Job, status: str, **figures: Any) -> None:
        entry = {"source": str(job.source), "target": str(job.target), "status": status}
        with _as_one_sentence(self.path):
            self._file.write(json.dumps(entry | figures) + "\n")
            self._file.flush()


def ink_share(result: Image.Image) -> float:
    """The share of a result's pixels that are ink; of a transparent one, that are not clear."""
    if result.mode == "RGBA":
        counts = result.getchannel("A").histogram()
        return sum(counts[256 - INK_LEVEL :]) / sum(counts)
    counts = result.convert("L").histogram()
    return sum(counts[:INK_LEVEL]) / sum(counts)


def _warnings(image: Image.Image, share: float) -> Iterator[str]:
    longest = max(image.size)
    if share == 0:
        yield "no ink was kept"
    if longest < SMALL:
        yield f"the longer side has {longest} pixels only"
    if longest > LARGE:
        yield f"the longer side has {longest} pixels: crop pages to the signature first"


def _read(path: Path) -> dict[str, str]:
    """The whole lines of a manifest by their source; none if it is not there."""
    with _as_one_sentence(path):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = text.split("\n")[:-1]  # what follows the last line break is torn, or nothing
    return {_source(path, number, line): line for number, line in enumerate(whole, 1)}


def _source(path: Path, number: int, line: str) -> str:
    try:
        return str(json.loads(line)["source"])
    except (ValueError, TypeError, KeyError) as error:
        raise SigcleanError(f"line {number} of {path} is not a manifest's: it is left alone") from (
            error
        )


@contextmanager
def _as_one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise SigcleanError(f"{path} is not a manifest: it is left alone") from error
    except OSError as error:
        raise SigcleanError(f"{path} cannot be written: {error.strerror or error}") from error
