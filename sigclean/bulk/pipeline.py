"""A pool of threads that clean many pictures in bounded memory, one picture per thread at a time.

Decoding, the network, encoding and writing overlap, since different threads are at different steps.
(A thread for each step was measured as well: it was no faster, and no simpler.)
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Condition, Event, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 3  # items per thread that are queued, at most, while the oldest result is awaited
GRACE = 2.0  # seconds that threads have to finish their pictures after an error or Ctrl-C


class StoppedError(Exception):
    """The run ends early, and this picture is abandoned."""


class PixelBudget:
    """A limit to the number of pixels in memory; threads that would exceed it wait their turn.

    A picture larger than the whole budget waits until it has all of it.
    """

    def __init__(self, pixels: int) -> None:
        self._all = self._free = pixels
        self._queue: deque[object] = deque()
        self._changed = Condition()

    @property
    def waiting(self) -> int:
        """The number of threads that wait."""
        return len(self._queue)

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until this many pixels are free, and reserve them while the block runs."""
        share = min(pixels, self._all)
        place = object()
        with self._changed:
            self._queue.append(place)
            self._changed.wait_for(lambda: self._queue[0] is place and self._free >= share)
            self._queue.popleft()
            self._free -= share
            self._changed.notify_all()  # the next thread may fit as well
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()


def in_order(
    work: Callable[[Item, Event], Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """Call `work` for each item in several threads; yield the results in the order of the items.

    The iterable is read in the calling thread, only a few items ahead.

    Args:
        work: takes an item and an event. The event is set when everything is to end soon: after an
            error of another item, on Ctrl-C, or when the caller closes the generator.
        workers: the number of threads.
    """
    stop = Event()
    pool: _DaemonPool[Item, Result] = _DaemonPool(lambda item: work(item, stop), workers)
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(item))
            while begun and (begun[0].done() or len(begun) >= AHEAD * workers):
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    except BaseException:
        stop.set()
        for future in begun:
            future.cancel()
        pool.end(GRACE)
        raise
    pool.end(None)


class _DaemonPool(Generic[Item, Result]):
    """A pool of daemon threads, which do not keep the process alive.

    Threads of `concurrent.futures` do, even if one hangs in a pipe or on a lost network drive.
    """

    def __init__(self, work: Callable[[Item], Result], count: int) -> None:
        self._work = work
        self._tasks: SimpleQueue[tuple[Future[Result], Item] | None] = SimpleQueue()
        self._threads = [Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, item: Item) -> Future[Result]:
        future: Future[Result] = Future()
        self._tasks.put((future, item))
        return future

    def end(self, seconds: float | None) -> None:
        """Wait until the threads have ended, at most this many seconds; without a limit if None."""
        for _ in self._threads:
            self._tasks.put(None)
        deadline = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while task := self._tasks.get():
            future, item = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._work(item))
            except BaseException as error:
                future.set_exception(error)
            del task, future, item  # an idle thread must not keep a picture in memory
