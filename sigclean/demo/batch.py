"""Clean many uploads into one zip that holds the results and a manifest."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sigclean.demo.appearance import Appearance, Clean
from sigclean.demo.archive import Archive, unique_name
from sigclean.demo.settings import Settings
from sigclean.demo.uploads import read_upload
from sigclean.encoding import encode
from sigclean.errors import ImageError, one_line

Progress = Callable[[float], None]
"""Called with the share of the files that are done."""

Turn = Callable[[], AbstractContextManager[None]]
"""Makes a context in which one picture is worked on."""


@dataclass(frozen=True)
class Batch:
    """A finished zip."""

    path: Path
    cleaned: int  # the number of pictures in it
    failures: tuple[str, ...]  # a sentence for each file that could not be read

    def summary(self) -> str:
        """The outcome in Markdown."""
        pictures = "picture" if self.cleaned == 1 else "pictures"
        lines = [f"{self.cleaned} {pictures} cleaned."]
        lines += [f"- Left out: {_plain(failure)}" for failure in self.failures]
        return "\n".join(lines)


def clean_files(
    files: Sequence[Path],
    clean: Clean,
    appearance: Appearance,
    target: Path,
    settings: Settings,
    progress: Progress = lambda share: None,
    turn: Turn = nullcontext,
) -> Batch:
    """Clean one file after the other into the zip `target`.

    Its `manifest.jsonl` has the lines of `sigclean clean --manifest`, also for files that cannot be
    read; those have no picture in the zip.

    Args:
        turn: makes a context in which one picture is worked on.
    """
    failures: list[str] = []
    names: set[str] = set()
    with Archive(target) as archive:
        for number, file in enumerate(files):
            progress(number / len(files))
            name = unique_name(file.stem, ".clean.png", names)
            with turn():
                try:
                    picture, result, milliseconds = _clean_file(file, clean, appearance, settings)
                except ImageError as error:
                    failures.append(f"{one_line(error)}.")
                    archive.manifest.failed(file.name, name, error)
                    continue
                archive.add(name, encode(result))
                archive.manifest.cleaned(file.name, name, picture, result, milliseconds)
    return Batch(target, len(files) - len(failures), tuple(failures))


def _clean_file(
    file: Path, clean: Clean, appearance: Appearance, settings: Settings
) -> tuple[Image.Image, Image.Image, float]:
    """The upload, its result, and the milliseconds that cleaning took."""
    picture = read_upload(file, settings)
    begun = time.perf_counter()
    result = clean(picture)
    milliseconds = 1000 * (time.perf_counter() - begun)
    return picture, appearance.apply(result), milliseconds


def _plain(text: str) -> str:
    """Escape Markdown in names that visitors gave to their files."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-!|~&" else c for c in text)
