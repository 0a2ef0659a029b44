"""Locks that end with the process that holds them, however it ends, also over shared disks.

POSIX only: a file system that has none says so in one sentence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from sigclean.errors import SigcleanError, reason

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

can_lock = fcntl is not None


def try_lock(file: IO[Any]) -> bool:
    """Take the lock of an open file, or say that another process has it."""
    return _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def wait_for_lock(file: IO[Any]) -> None:
    """Take the lock of an open file when it is free; signals are heard meanwhile."""
    _lock(file, fcntl.LOCK_EX)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file of no content, which is made, and removed afterwards."""
    file = _locked_file(path)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        file.close()


def _locked_file(path: Path) -> IO[bytes]:
    """A file that was removed while it was waited for is of no use: others see a new one."""
    while True:
        try:
            file = path.open("ab")
        except OSError as error:
            raise SigcleanError(f"{path} cannot be written: {reason(error)}") from error
        wait_for_lock(file)
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        file.close()


def _lock(file: IO[Any], how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    except OSError as error:
        raise SigcleanError(
            f"{file.name} cannot be locked ({reason(error)}), as several processes need "
            "it: put it on another disk"
        ) from error
    return True
