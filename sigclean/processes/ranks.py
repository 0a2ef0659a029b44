"""The place of this process among those that `torchrun` or `accelerate launch` started.

Nothing is sent between the processes: each takes its share of a list that all of them know.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, TypeVar

from sigclean.errors import SigcleanError

if TYPE_CHECKING:
    from filelock import FileLock

Item = TypeVar("Item")

POLL_INTERVAL = 0.1  # seconds between looks whether a sibling has started
START_TIMEOUT = 60.0  # seconds that siblings have to start, since they are started together


@dataclass(frozen=True)
class Process:
    """The rank of a process among all processes, and among those of its machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def is_main(self) -> bool:
        """True for the one process that reports what concerns all of them."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return this process's share of items that all processes have in the same order."""
        return items[self.rank :: self.count]


def this_process() -> Process:
    """Read RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE.

    Raises SigcleanError if they contradict each other.
    """
    count = _number("WORLD_SIZE", 1)
    rank = _number("RANK", 0)
    if count > 1 and "RANK" not in os.environ:
        raise SigcleanError(f"WORLD_SIZE is {count}, but RANK is not set")
    if not 0 <= rank < max(count, 1):
        raise SigcleanError(f"RANK is {rank}, and must be less than WORLD_SIZE, which is {count}")
    return Process(rank, count, _number("LOCAL_RANK", 0), _number("LOCAL_WORLD_SIZE", 1))


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if text and not text.isdecimal():
        raise SigcleanError(f"the variable {name} must be a number, not {text!r}")
    return int(text) if text else default


@contextmanager
def siblings(process: Process) -> Iterator[Callable[[], None]]:
    """Tell the other processes of this machine that this one works, while the block runs.

    Yields:
        A function that waits until no sibling works any more. A process that failed calls it before
        it ends, since the launcher ends all others when one ends with an error.
    """
    if process.local_count < 2:
        yield lambda: None
        return
    from filelock import FileLock

    user = os.getuid() if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir()) / f"sigclean-{user}-{os.getppid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    locks = [
        FileLock(folder / str(rank), preserve_lock_file=True) for rank in range(process.local_count)
    ]
    own = locks[process.local_rank]

    def wait() -> None:
        own.release()  # siblings that failed as well wait for this process
        with suppress(FileNotFoundError):  # the last sibling has ended, and removed the folder
            for lock in locks:
                if _exists_soon(Path(lock.lock_file)):
                    lock.acquire().lock.release()

    own.acquire()
    try:
        yield wait
    finally:
        own.release()
        _remove_unless_in_use(folder, locks)


def _remove_unless_in_use(folder: Path, locks: Sequence[FileLock]) -> None:
    """Remove the folder of the locks, if this is the last process to end."""
    with suppress(OSError):
        for lock in locks:
            Path(lock.lock_file).stat()  # fails if the sibling has not started yet
            lock.acquire(blocking=False).lock.release()  # fails if it works
        rmtree(folder)


def _exists_soon(path: Path) -> bool:
    deadline = time.monotonic() + START_TIMEOUT
    while not path.exists() and time.monotonic() < deadline and path.parent.exists():
        time.sleep(POLL_INTERVAL)
    return path.exists()
