"""One network call for the pictures of several threads, where a batch takes less than its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from sigclean.cleaner import View

Result = TypeVar("Result")
Network = Callable[[Sequence[View]], list[Result]]


@dataclass(frozen=True, eq=False)
class _Order:
    view: View
    future: Future


@contextmanager
def gathered(network: Network[Result], most: int) -> Iterator[Callable[[View], Result]]:
    """A function for threads that wait for the result of one view each.

    A thread beside them gives the network those that wait, of one shape and at most so many, and
    never waits for more: while the network is at some, others come together.
    """
    waiting: SimpleQueue[_Order | None] = SimpleQueue()

    def ask(view: View) -> Result:
        order = _Order(view, Future())
        waiting.put(order)
        return order.future.result()

    thread = Thread(target=_serve, args=(network, most, waiting), daemon=True)
    thread.start()
    try:
        yield ask
    finally:
        waiting.put(None)
        thread.join(timeout=5)


def _serve(network: Network[Result], most: int, waiting: SimpleQueue[_Order | None]) -> None:
    shelf: list[_Order] = []
    open_ = True
    while open_ or shelf:
        if not shelf:
            open_ = _put(shelf, waiting.get())
        while open_:
            try:
                open_ = _put(shelf, waiting.get_nowait())
            except Empty:
                break
        if shelf:
            shape = shelf[0].view.shown.shape
            batch = [order for order in shelf if order.view.shown.shape == shape][:most]
            shelf = [order for order in shelf if order not in batch]
            _answer(network, batch)


def _put(shelf: list[_Order], order: _Order | None) -> bool:
    """Whether more may come."""
    if order is not None:
        shelf.append(order)
    return order is not None


def _answer(network: Network[Result], batch: list[_Order]) -> None:
    try:
        results = network([order.view for order in batch])
    except BaseException as error:
        for order in batch:
            order.future.set_exception(error)
        return
    for order, result in zip(batch, results, strict=True):
        order.future.set_result(result)
