"""A pipeline of threads, each of which does whole pictures, in bounded memory.

Decoding, the network, encoding and the disk overlap because the threads are at different steps of
their pictures. (A thread for each step was measured as well: no faster, and no simpler.)
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

AHEAD = 3  # items for each thread that are begun before the oldest result is there
GRACE = 2.0  # seconds that threads have to finish their pictures after an error or Ctrl-C


class StoppedError(Exception):
    """The run ends early: pictures that were begun are abandoned."""


class PixelBudget:
    """A limit to the pixels that are in memory at once; who wants more waits in line.

    A picture that is larger than the whole budget gets all of it.
    """

    def __init__(self, pixels: int) -> None:
        self._all = self._free = pixels
        self._line: deque[object] = deque()
        self._changed = Condition()

    @property
    def waiting(self) -> int:
        """The number of threads in line."""
        return len(self._line)

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until so many pixels are free, and hold them while the block runs."""
        share = min(pixels, self._all)
        place = object()
        with self._changed:
            self._line.append(place)
            self._changed.wait_for(lambda: self._line[0] is place and self._free >= share)
            self._line.popleft()
            self._free -= share
            self._changed.notify_all()  # the next in line may fit as well
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()


def in_order(
    work: Callable[[Item, Event], Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """Yield the result of `work` for each item, in the items' order, computed by several threads.

    Items are taken when they are needed, in the calling thread.

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
    """A pool of daemon threads. Those of the standard library's pools keep the process alive even
    if one hangs in a pipe, or on a network drive that is gone."""

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
        """Wait for the threads, at most so many seconds."""
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
            del task, future, item  # a waiting thread keeps no picture in memory
