"""Jobs over several processes that end with their parent and never show a traceback of a pool."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from sigclean.errors import SigcleanError

Result = TypeVar("Result")

PATIENCE = 0.5  # seconds between a worker's looks whether its parent still lives


def run_jobs(jobs: Sequence[Callable[[], Result]], workers: int) -> Iterator[Result]:
    """The results of all jobs: in order with one worker, as they come with several.

    An interruption, or an error of one job, cancels those that have not begun.

    Raises:
        SigcleanError: a worker process was killed.
    """
    if workers <= 1 or len(jobs) <= 1:
        yield from (job() for job in jobs)
        return
    with ProcessPoolExecutor(min(workers, len(jobs)), None, _begin, (os.getpid(),)) as pool:
        try:
            for future in as_completed([pool.submit(job) for job in jobs]):
                yield future.result()
        except BrokenProcessPool:
            raise SigcleanError(
                "a worker process was killed, perhaps for want of memory: "
                "run it again to go on, with fewer --workers"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(parent: int) -> None:
    """Ctrl-C is the parent's to handle: it reaches all processes of a terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A parent that was killed cannot stop its workers, who would wait for jobs for ever."""
    while os.getppid() == parent:
        time.sleep(PATIENCE)
    os._exit(1)
