"""Work on many pictures at once: threads that each do a whole one, in bounded memory.

Decoding, the network, encoding and the disk overlap because the pictures that the threads are at
are at different steps. (A thread for each step was measured as well: no faster, and no simpler.)
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

AHEAD = 3  # items for each worker that are taken before the first of their results is
GRACE = 2.0  # seconds that workers have to finish what they are at when it all ends early


class StoppedError(Exception):
    """The work ends early: what is begun is not to be finished."""


class Budget:
    """So many pixels may be in memory at once; whoever wants more waits for its turn, in line.

    A picture that is larger than the whole budget has it all to itself.
    """

    def __init__(self, pixels: int) -> None:
        self._all = self._free = pixels
        self._line: deque[object] = deque()
        self._changed = Condition()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._line)

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Have so many of the pixels for the time of the block."""
        share = min(pixels, self._all)
        turn = object()
        with self._changed:
            self._line.append(turn)
            self._changed.wait_for(lambda: self._line[0] is turn and self._free >= share)
            self._line.popleft()
            self._free -= share
            self._changed.notify_all()  # what is next in line may fit as well
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()


def in_order(
    work: Callable[[Item, Event], Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """The results of `work` for all items, in the items' order, made by so many threads.

    Items are taken as they are needed, and in the calling thread. When the work of one fails, when
    the caller takes no more, and on Ctrl-C, the event is set that `work` is given: what is begun
    is then to end soon.
    """
    stop = Event()
    crew: _Crew[Item, Result] = _Crew(lambda item: work(item, stop), workers)
    coming: deque[Future[Result]] = deque()
    try:
        for item in items:
            coming.append(crew.give(item))
            while coming and (coming[0].done() or len(coming) >= AHEAD * workers):
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    except BaseException:
        stop.set()
        for future in coming:
            future.cancel()
        crew.end(GRACE)
        raise
    crew.end(None)


class _Crew(Generic[Item, Result]):
    """Threads that do not keep a process from ending, as those of a pool do: one may hang in a
    pipe, or on a network drive that is gone."""

    def __init__(self, work: Callable[[Item], Result], count: int) -> None:
        self._work = work
        self._given: SimpleQueue[tuple[Future[Result], Item] | None] = SimpleQueue()
        self._threads = [Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def give(self, item: Item) -> Future[Result]:
        future: Future[Result] = Future()
        self._given.put((future, item))
        return future

    def end(self, seconds: float | None) -> None:
        """Wait for the threads, but no longer than so many seconds."""
        for _ in self._threads:
            self._given.put(None)
        deadline = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while given := self._given.get():
            future, item = given
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._work(item))
            except BaseException as error:
                future.set_exception(error)
            del given, future, item  # nothing is held while waiting
