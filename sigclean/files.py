"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigclean.errors import SigcleanError, reason


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A draft beside `path`, in a folder that is made if need be; it takes the file's place when
    the block ends, and is gone when the block fails.

    Raises:
        SigcleanError: it cannot be written there.
    """
    draft = path.with_name(f"{_prefix()}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        if path.exists() and not path.is_file():  # renaming would replace even a device
            raise SigcleanError(f"{path} cannot be written: it is not a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as error:
        raise SigcleanError(f"{path} cannot be written: {path.parent} is not a folder") from error
    except OSError as error:
        raise SigcleanError(f"{path} cannot be written: {reason(error)}") from error


def remove_stale_drafts(folder: Path) -> None:
    """Remove what processes of this machine that were killed left half-written in a folder."""
    if os.name != "posix":  # elsewhere asking whether a process lives may end it
        return
    for draft in folder.glob(f"{_prefix()}.*.tmp"):
        process = draft.name.split(".")[-3]
        if process.isdecimal() and not _lives(int(process)):
            draft.unlink(missing_ok=True)


def _prefix() -> str:
    """What drafts of this machine begin with: on a shared disk another has the same numbers."""
    return f".sigclean.{platform.node().partition('.')[0]}"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return process != os.getpid()  # whose number is ours has died, say in a container


def sync_file(path: Path) -> None:
    """Wait until the disk has a file's content: a rename may reach it before. Raises OSError."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder, where that can be asked. Raises OSError."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network drives cannot
            raise
    finally:
        os.close(handle)
