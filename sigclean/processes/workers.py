"""Jobs over several processes that end with their parent and never show a traceback of a pool."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import TypeVar

from sigclean.errors import SigcleanError

Result = TypeVar("Result")

PATIENCE = 0.5  # seconds between a worker's looks whether its parent still lives


def run_jobs(jobs: Sequence[Callable[[], Result]], workers: int) -> Iterator[Result]:
    """The results of all jobs: in order with one worker, as they come with several.

    An interruption, or an error of one job, cancels the others, also those that have begun: jobs
    must leave nothing half-done.

    Raises:
        SigcleanError: a worker process was killed.
    """
    if workers <= 1 or len(jobs) <= 1:
        yield from (job() for job in jobs)
        return
    stop = multiprocessing.Event()
    before = multiprocessing.active_children()
    with ProcessPoolExecutor(min(workers, len(jobs)), None, _begin, (os.getpid(), stop)) as pool:
        try:
            for future in as_completed([pool.submit(job) for job in jobs]):
                yield future.result()
        except BrokenProcessPool:
            _kill_others(before)
            raise SigcleanError(
                "a worker process was killed, perhaps for want of memory: "
                "run it again to go on, with fewer --workers"
            ) from None
        except BaseException:
            stop.set()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _kill_others(before: Sequence[BaseProcess]) -> None:
    """After one worker was killed: the pool asks the others to end by SIGTERM, but they may wait
    for ever for a lock that died with the first, and take that signal as the command line does."""
    for process in multiprocessing.active_children():
        if process not in before:
            process.kill()


def _begin(parent: int, stop: Event) -> None:
    """Ctrl-C is the parent's to handle: it reaches all processes of a terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent, stop), daemon=True).start()


def _end_with(parent: int, stop: Event) -> None:
    """A parent that was killed cannot stop its workers, who would wait for jobs for ever."""
    while os.getppid() == parent and not stop.wait(PATIENCE):
        pass
    os._exit(1)
