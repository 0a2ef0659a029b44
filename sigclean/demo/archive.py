"""A zip of results with a manifest."""

import zipfile
from pathlib import Path
from types import TracebackType

from sigclean.bulk.manifest import Manifest

MANIFEST = "manifest.jsonl"


def unique_name(stem: str, suffix: str, taken: set[str]) -> str:
    """Name a file in a zip, and add its name to those that are taken.

    The second file of one name gets the number 2, and so on.
    """
    name, number = f"{stem}{suffix}", 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}{suffix}"
    taken.add(name)
    return name


class Archive:
    """A context manager that writes a zip, whose last file is its manifest.

    Args:
        path: the zip; the manifest lies beside it meanwhile.

    Attributes:
        manifest: takes a line for each picture.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = path.with_name(MANIFEST)
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)  # pictures are compressed
        self.manifest = Manifest(self._lines)

    def add(self, name: str, content: bytes) -> None:
        """Add a file."""
        self._zip.writestr(name, content)

    def renew(self) -> None:
        """Make the files as young as new ones, so that they are not swept while they are open."""
        for path in (self.path, self._lines):
            path.touch()

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.manifest.__exit__(kind, error, trace)
        self._zip.write(self._lines, MANIFEST)
        self._zip.close()
        self._lines.unlink()
