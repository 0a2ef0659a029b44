"""Tells whether two paths are those of one file."""

from __future__ import annotations

import os
from pathlib import Path


class RealPaths:
    """Paths without links; each folder is looked up once for all its files."""

    def __init__(self) -> None:
        self._folders: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Return the path without links."""
        name = path.name
        if name in ("", "..") or path.is_symlink():
            return os.path.realpath(path)
        return f"{self._real(path.parent).rstrip(os.sep)}{os.sep}{name}"

    def is_below(self, path: Path, folder: str) -> bool:
        """Tell whether the path lies in a folder (given without links), at any depth."""
        return self.of(path).startswith(folder.rstrip(os.sep) + os.sep)

    def _real(self, folder: Path) -> str:
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return self._folders[folder]
