"""Jobs in several processes, which end with their parent and never show a pool's traceback."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import TypeVar

from sigclean.errors import SigcleanError
from sigclean.processes.parent_watch import end_with_parent

Result = TypeVar("Result")


def run_jobs(jobs: Sequence[Callable[[], Result]], workers: int) -> Iterator[Result]:
    """Yield the results of all jobs: in order with one worker, as they come with several.

    An interruption, or an error of one job, cancels the others, also those that have begun; so a
    job must write whole files or none.

    Raises SigcleanError if a worker process was killed.
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
                "run it again to resume, with fewer --workers"
            ) from None
        except BaseException:
            stop.set()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _kill_others(before: Sequence[BaseProcess]) -> None:
    """Kill the workers that are left after one was killed.

    The pool sends them SIGTERM only, but they may wait for ever for a lock that the killed one
    held, and handle that signal as the command line does.
    """
    for process in multiprocessing.active_children():
        if process not in before:
            process.kill()


def _begin(parent: int, stop: Event) -> None:
    end_with_parent(parent, stop.wait)
