"""Worker processes, which end with their parent: for jobs, and for the pictures of a DataLoader."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import TypeVar

from sigclean.errors import SigcleanError

INTERVAL = 0.5  # seconds between checks that the parent still lives

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
            with _signals_held_back():
                futures = [pool.submit(job) for job in jobs]
            for future in as_completed(futures):
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
            # Waits for the pool's thread: CPython's own clean-up at exit would race with its end.
            pool.shutdown(cancel_futures=True)


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block ends.

    An exception that a signal raises while the pool holds a lock leaves that lock taken, and the
    process then never ends.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {
        one: signal.signal(one, lambda number, _: came.append(number))
        for one in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler or signal.SIG_DFL)
    for number in came[:1]:
        signal.raise_signal(number)


def _kill_others(before: Sequence[BaseProcess]) -> None:
    """Kill the workers that are left after one was killed.

    The pool sends them SIGTERM only, but they may wait for ever for a lock that the killed one
    held, and handle that signal as the command line does.
    """
    for process in multiprocessing.active_children():
        if process not in before:
            process.kill()


def _begin(parent: int, stop: Event) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ctrl-C, it is left to the parent
    _end_with_parent(parent, stop.wait)


def before_forking() -> None:
    """End OpenCV's threads: a forked process would wait for ever for those of its parent."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)


def begin_reader(parent: int, _: int) -> None:
    """Prepare a worker; for `worker_init_fn`. PyTorch gives it one thread.

    A scheduler often sends SIGTERM to all processes of a job, but the parent still needs pictures
    until it has saved. So the worker ends on a SIGTERM of its parent only, or with its parent.
    """
    told_to_end: Callable[[float], object] = time.sleep
    if hasattr(signal, "sigtimedwait"):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        told_to_end = partial(_received_sigterm, parent)
    _end_with_parent(parent, told_to_end)


def _received_sigterm(parent: int, seconds: float) -> bool:
    """Wait up to `seconds` for a SIGTERM; return whether one came from the parent."""
    received = signal.sigtimedwait({signal.SIGTERM}, seconds)
    return received is not None and received.si_pid == parent


def _end_with_parent(parent: int, told_to_end: Callable[[float], object]) -> None:
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
