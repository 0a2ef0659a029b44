"""One network call for the pictures of several threads, where a batch takes less than its parts."""

from __future__ import annotations

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
class _Order:
    view: View
    future: Future


class Desk(Generic[Result]):
    """Where threads ask for the result of a view each, and wait for it.

    A thread beside them gives the network those that wait, of one shape and at most so many, and
    never waits for more: while the network is at some, others come together.
    """

    def __init__(self, network: Network[Result], most: int) -> None:
        self._network, self._most = network, most
        self._coming: SimpleQueue[_Order | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many views the network has not begun with, about."""
        return self._coming.qsize()

    def ask(self, view: View) -> Result:
        """The network's result for a view. Raises what the network raised."""
        order = _Order(view, Future())
        self._coming.put(order)
        return order.future.result()

    def close(self) -> None:
        """No more is asked."""
        self._coming.put(None)
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        shelf: list[_Order] = []
        more = True
        while more or shelf:
            more = more and self._fetch(shelf)
            if shelf:
                shape = shelf[0].view.shown.shape
                batch = [one for one in shelf if one.view.shown.shape == shape][: self._most]
                shelf = [one for one in shelf if one not in batch]
                self._answer(batch)

    def _fetch(self, shelf: list[_Order]) -> bool:
        """Add all that wait, at least one to an empty shelf; returns whether more may come."""
        while not shelf or not self._coming.empty():
            order = self._coming.get()
            if order is None:
                return False
            shelf.append(order)
        return True

    def _answer(self, batch: list[_Order]) -> None:
        try:
            results = self._network([order.view for order in batch])
        except BaseException as error:
            for order in batch:
                order.future.set_exception(error)
            return
        for order, result in zip(batch, results, strict=True):
            order.future.set_result(result)
