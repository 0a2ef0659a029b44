"""Network calls in batches, for runtimes on which a batch takes less time than its pictures."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from sigclean.views.view import View

Result = TypeVar("Result")
Network = Callable[[Sequence[View]], list[Result]]


@dataclass(frozen=True, eq=False)
class _Request:
    view: View
    future: Future


class Batcher(Generic[Result]):
    """Joins the network calls of several threads into batches.

    A thread calls the network with the views that wait. It does not wait for more of them: while
    the network works on one batch, the next one gathers.

    Args:
        network: takes views of one shape, returns a result for each.
        most: the largest number of views in a batch.
    """

    def __init__(self, network: Network[Result], most: int) -> None:
        self._network, self._most = network, most
        self._requests: SimpleQueue[_Request | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The approximate number of views that the network has not begun with."""
        return self._requests.qsize()

    def ask(self, view: View) -> Result:
        """Block until the network's result for a view is there. Raises what the network raised."""
        request = _Request(view, Future())
        self._requests.put(request)
        return request.future.result()

    def close(self) -> None:
        """End the thread, when all requests are answered."""
        self._requests.put(None)
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        waiting: list[_Request] = []
        is_open = True
        while is_open or waiting:
            is_open = is_open and self._fetch(waiting)
            if waiting:
                shape = waiting[0].view.shown.shape
                batch = [one for one in waiting if one.view.shown.shape == shape][: self._most]
                waiting = [one for one in waiting if one not in batch]
                self._answer(batch)

    def _fetch(self, waiting: list[_Request]) -> bool:
        """Add all new requests, blocking if none waits; return False when `close` was called."""
        while not waiting or not self._requests.empty():
            request = self._requests.get()
            if request is None:
                return False
            waiting.append(request)
        return True

    def _answer(self, batch: list[_Request]) -> None:
        try:
            results = self._network([request.view for request in batch])
        except BaseException as error:
            for request in batch:
                request.future.set_exception(error)
            return
        for request, result in zip(batch, results, strict=True):
            request.future.set_result(result)
