"""Which of several processes this one is, as `accelerate launch` and `torchrun` tell it.

Nothing is sent between them: each takes its share of a list that all of them know.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import IO, TypeVar

from sigclean.errors import SigcleanError
from sigclean.processes.locks import can_lock, try_lock, wait_for_lock

Item = TypeVar("Item")

PATIENCE = 0.1  # seconds between looks whether a sibling has started
STARTING = 60.0  # seconds that siblings have to start: they are started together


@dataclass(frozen=True)
class Process:
    """Its place among all processes, and among those of its machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def speaks(self) -> bool:
        """Whether it tells what concerns all of them."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Its part of what all processes have in the same order."""
        return items[self.rank :: self.count]


def this_process() -> Process:
    """From RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE.

    Raises SigcleanError if they contradict each other.
    """
    count = _number("WORLD_SIZE", 1)
    rank = _number("RANK", 0)
    if count > 1 and "RANK" not in os.environ:
        raise SigcleanError(f"WORLD_SIZE is {count}, but RANK is not set")
    if not 0 <= rank < max(count, 1):
        raise SigcleanError(f"RANK is {rank}, and must be less than WORLD_SIZE, which is {count}")
    return Process(rank, count, _number("LOCAL_RANK", 0), _number("LOCAL_WORLD_SIZE", 1))


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name, "")
    if text and not text.isdecimal():
        raise SigcleanError(f"the variable {name} must be a number, not {text!r}")
    return int(text) if text else otherwise


class Siblings:
    """The processes that one launcher started on this machine.

    Args:
        files: one for each of them, which it holds the lock of while it works.
        own: the place of this process's.
    """

    def __init__(self, files: Sequence[Path], own: int) -> None:
        self._files = files
        self._own: IO[bytes] = files[own].open("ab")
        wait_for_lock(self._own)

    def wait(self) -> None:
        """Until none works any more: a launcher ends all others when one fails."""
        opened = [_when_it_is_there(path) for path in self._files]
        self.leave()
        for file in opened:
            if file:
                wait_for_lock(file)
                file.close()

    def leave(self) -> None:
        """Say that this process works no more; the last one sweeps up."""
        self._own.close()
        with suppress(OSError):
            if all(_is_free(path) for path in self._files):
                rmtree(self._files[0].parent)


@contextmanager
def siblings(process: Process) -> Iterator[Siblings | None]:
    """Those of this process, while it works; None if it is alone on its machine."""
    if process.local_count < 2 or not can_lock:
        yield None
        return
    folder = Path(tempfile.gettempdir()) / f"sigclean-{os.getuid()}-{os.getppid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = Siblings([folder / str(one) for one in range(process.local_count)], process.local_rank)
    try:
        yield found
    finally:
        found.leave()


def _when_it_is_there(path: Path) -> IO[bytes] | None:
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            return path.open("rb")
        time.sleep(PATIENCE)
    return None


def _is_free(path: Path) -> bool:
    with path.open("rb") as file:
        return try_lock(file)
