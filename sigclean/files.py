"""Writes files whole or not at all."""

from __future__ import annotations

import errno
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sigclean.errors import SigcleanError, UnwritableError, reason

OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # nothing else can be written


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give the block a draft beside `path`, whose folder is made if need be. The draft replaces the
    file when the block ends, and is removed when the block fails.

    Raises SigcleanError if the file cannot be written: UnwritableError if that is not for the whole
    disk, which may be full, read-only or broken.
    """
    draft = path.with_name(f"{_prefix()}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        if path.exists() and not path.is_file():  # a rename would replace even a device
            raise UnwritableError(f"{path} cannot be written: it is not a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as error:
        raise UnwritableError(f"{path} cannot be written: {path.parent} is not a folder") from error
    except OSError as error:
        kind = SigcleanError if error.errno in OF_THE_DISK else UnwritableError
        raise kind(f"{path} cannot be written: {reason(error)}") from error


def check_writable(folder: Path) -> None:
    """Raise UnwritableError if files cannot be put into a folder, which need not exist yet; nothing
    is made."""
    there = folder.absolute()
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        raise UnwritableError(f"{folder} cannot be written to: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UnwritableError(f"{folder} cannot be written to: {there} is read-only")


def atomic_write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all. Raises SigcleanError."""
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8")


def remove_stale_drafts(folder: Path) -> None:
    """Remove the drafts that killed processes of this machine left in a folder; other users' drafts
    stay, which a sticky folder such as /tmp does not let us remove."""
    if os.name != "posix":  # elsewhere `os.kill(process, 0)` ends the process
        return
    for draft in folder.glob(f"{_prefix()}.*.tmp"):
        process = draft.name.split(".")[-3]
        if process.isdecimal() and not _lives(int(process)):
            with suppress(FileNotFoundError, PermissionError):
                draft.unlink()


def _prefix() -> str:
    """The start of the names of this machine's drafts: on a shared disk, another machine has
    processes of the same numbers."""
    return f".sigclean.{platform.node().partition('.')[0]}"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return process != os.getpid()  # a draft with our number is of an earlier process, now dead


def sync_file(path: Path) -> None:
    """Wait until a file's content is on the disk; a rename may get there first. Raises OSError."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, on POSIX systems. Raises OSError."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network drives refuse it
            raise
    finally:
        os.close(handle)
