"""A worker process ends with its parent, however the parent ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

INTERVAL = 0.5  # seconds between checks that the parent still lives


def end_with_parent(parent: int, told_to_end: Callable[[float], object]) -> None:
    """End this process, from a thread, when its parent is gone or `told_to_end` returns true.

    A parent that was killed cannot stop its workers, which would wait for work for ever. Ctrl-C
    reaches all processes of a terminal and is left to the parent.

    Args:
        parent: process id.
        told_to_end: waits for a message of the parent, for at most so many seconds.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent, told_to_end), daemon=True).start()


def _watch(parent: int, told_to_end: Callable[[float], object]) -> None:
    while os.getppid() == parent:
        if told_to_end(INTERVAL):
            os._exit(0)
    os._exit(1)
