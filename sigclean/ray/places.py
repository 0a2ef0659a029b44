"""Files by path, or by the URL of a filesystem that fsspec knows, such as s3:// and hf://."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from sigclean.errors import SigcleanError, first_line

OBJECT_STORES = ("s3", "gcs", "gs", "abfs", "az", "oss", "hf")  # protocols of fsspec
_URL = re.compile(r"[a-z][a-z0-9+.-]*://")


def is_url(name: str) -> bool:
    """Tell a URL from a path; `file://` is a path of the machine."""
    return bool(_URL.match(name)) and not name.startswith("file://")


def as_path(name: str) -> str:
    """Return the path of a `file://` URL, and any other name as it is."""
    return name.removeprefix("file://")


def parent(name: str) -> str:
    """Return the folder of a path or URL."""
    return name.rpartition("/")[0] if is_url(name) else os.path.dirname(name)  # noqa: PTH120


def join(folder: str, name: str) -> str:
    """Return the path or URL of a file in a folder."""
    return f"{folder.rstrip('/')}/{name}" if folder else name


def filesystem(url: str) -> tuple[Any, str]:
    """Return fsspec's filesystem for a path or URL, and its own name for the place.

    Raises SigcleanError if there is no such filesystem, or its package is not installed.
    """
    import fsspec  # type: ignore[import-untyped]

    try:
        found, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise SigcleanError(f"{url} cannot be reached: {first_line(error)}") from error
    found.invalidate_cache()
    return found, path


@contextmanager
def reaching(url: str, doing: str) -> Iterator[None]:
    """Raise what a filesystem says of a URL as a SigcleanError; `doing` is what cannot be done."""
    try:
        yield
    except SigcleanError:
        raise
    except FileNotFoundError as error:
        raise SigcleanError(f"{url} cannot be {doing}: it does not exist") from error
    except PermissionError as error:
        raise SigcleanError(f"{url} cannot be {doing}: no rights ({first_line(error)})") from error
    except Exception as error:  # what the libraries of object stores raise has no common base
        raise SigcleanError(f"{url} cannot be {doing}: {first_line(error)}") from error


def make_folder(found: Any, place: str) -> None:
    """Make a folder; nothing is done on object stores, where s3fs would make a bucket."""
    protocol = found.protocol if isinstance(found.protocol, str) else found.protocol[0]
    if protocol not in OBJECT_STORES:
        found.makedirs(place, exist_ok=True)


def fetch(url: str, path: Path) -> None:
    """Download a file. Raises SigcleanError."""
    with reaching(url, "read"):
        found, place = filesystem(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        found.get_file(place, str(path))


def send(path: Path, url: str) -> None:
    """Upload a file; object stores show it whole or not at all. Raises SigcleanError."""
    with reaching(url, "written"):
        found, place = filesystem(url)
        make_folder(found, parent(place))
        found.put_file(str(path), place)


def remove(url: str) -> bool:
    """Remove a result and its drawing; returns False if there is no such file. Raises
    SigcleanError."""
    with reaching(url, "removed"):
        found, place = filesystem(url)
        if not found.isfile(place):
            return False
        found.rm_file(place)
        drawing = f"{place.rpartition('.')[0]}.svg"
        if found.isfile(drawing):
            found.rm_file(drawing)
    return True


def open_file(url: str) -> BinaryIO:
    """Open a file that is read here and there, not as a whole. Raises SigcleanError."""
    with reaching(url, "read"):
        found, place = filesystem(url)
        opened: BinaryIO = found.open(place, "rb")
        return opened


def list_files(url: str, recursive: bool) -> tuple[str, list[str]]:
    """List the files of a folder or glob, or a file alone.

    Returns:
        the folder, and the files relative to it, sorted, with `/` between folders.

    Raises SigcleanError if nothing is there, or it cannot be listed.
    """
    with reaching(url, "read"):
        found, path = filesystem(url)
        if any(sign in path for sign in "*?["):
            files = [one for one in found.glob(path) if not found.isdir(one)]
            folder = path[: min(path.index(sign) for sign in "*?[" if sign in path)]
            folder = folder.rpartition("/")[0]
        elif found.isfile(path):
            files, folder = [path], parent(path) if "/" in path else ""
        else:
            folder = path.rstrip("/")
            files = found.find(folder, maxdepth=None if recursive else 1)
        if not files:
            raise FileNotFoundError(url)
    root = url[: len(url) - len(path)] if url.endswith(path) else f"{url.partition('://')[0]}://"
    below = sorted(one[len(folder) :].lstrip("/") for one in files)
    return root + folder, [one for one in below if not _is_hidden(one)]


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)
