"""Many files in, one zip out: the results, and a manifest that says what became of each file."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from sigclean.demo.cleaning import Clean, Look
from sigclean.demo.settings import Settings
from sigclean.demo.uploads import read_upload
from sigclean.errors import ImageError, one_line

Progress = Callable[[float], None]
"""Told the share of the files that are done."""

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Batch:
    """A zip that was written; how many pictures are in it; a sentence for each that is not."""

    path: Path
    cleaned: int
    failures: tuple[str, ...]

    def summary(self) -> str:
        """What the page says, in Markdown."""
        pictures = "picture" if self.cleaned == 1 else "pictures"
        lines = [f"{self.cleaned} {pictures} cleaned."]
        lines += [f"- Left out: {_plain(failure)}" for failure in self.failures]
        return "\n".join(lines)


def clean_files(
    files: Sequence[Path],
    clean: Clean,
    look: Look,
    target: Path,
    settings: Settings,
    progress: Progress = lambda share: None,
) -> Batch:
    """Clean one file after the other into the zip `target`; those that cannot be read are left
    out, and named in its `manifest.jsonl`, which has the lines of `sigclean clean --manifest`."""
    names = _names(files)
    entries: list[dict[str, Any]] = []
    failures: list[str] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # PNGs are compressed
        for number, (file, name) in enumerate(zip(files, names, strict=True)):
            progress(number / len(files))
            entry: dict[str, Any] = {"source": file.name, "target": name}
            try:
                result, figures = _clean_file(file, clean, look, settings)
                with archive.open(name, "w") as png:
                    result.save(png, "PNG", compress_level=4)
                entries.append({**entry, "status": "cleaned", **figures})
            except ImageError as error:
                failures.append(f"{one_line(error)}.")
                entries.append({**entry, "status": "failed", "error": one_line(error)})
        archive.writestr(MANIFEST, "".join(json.dumps(entry) + "\n" for entry in entries))
    return Batch(target, len(files) - len(failures), tuple(failures))


def _clean_file(
    file: Path, clean: Clean, look: Look, settings: Settings
) -> tuple[Image.Image, dict[str, Any]]:
    picture = read_upload(file, settings)
    begin = time.perf_counter()
    result = clean(picture)
    milliseconds = round((time.perf_counter() - begin) * 1000, 1)
    figures = {"width": picture.width, "height": picture.height, "milliseconds": milliseconds}
    return look.apply(result), figures


def _names(files: Sequence[Path]) -> list[str]:
    """A name in the zip for each file. Of files with one name the second gets the number 2."""
    names: list[str] = []
    for file in files:
        name, number = f"{file.stem}.clean.png", 1
        while name in names:
            number += 1
            name = f"{file.stem}-{number}.clean.png"
        names.append(name)
    return names


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: names of files come from anyone."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-!|~&" else c for c in text)
