"""A fair queue: visitors take turns, so that nobody waits behind another visitor's batch.

Work is done in pieces of at most one picture or page, and each piece waits for its turn. The turns
go round the visitors; the pieces of one visitor are done in their order.
"""

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from sigclean.errors import SigcleanError

LOOK_AGAIN = 0.5  # seconds between two reports of a place in the queue

Told = Callable[[int, int], Awaitable[None]]
"""Called with a place in the queue, 0 for the next, and the number of those who wait."""


class BusyError(SigcleanError):
    """More work waits than may."""


@dataclass(eq=False)
class Ticket:
    """A piece of work that waits; `turn` is done when it may begin."""

    visitor: str
    turn: "Future[None]" = field(default_factory=Future)


class Turns:
    """Turns of visitors, for threads and for coroutines.

    Args:
        at_once: the number of pieces that are worked on at the same time.
        most_waiting: the number of waiting pieces from which on new work is refused.
    """

    def __init__(self, at_once: int, most_waiting: int) -> None:
        self.at_once, self.most_waiting = at_once, most_waiting
        self._free = at_once
        self._waiting: OrderedDict[str, deque[Ticket]] = OrderedDict()  # the next visitor first
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Count the pieces that wait."""
        with self._lock:
            return sum(len(tickets) for tickets in self._waiting.values())

    def check_room(self) -> None:
        """Raise BusyError if no more work may wait. Work that has begun may go on."""
        if len(self) >= self.most_waiting:
            raise BusyError("Too many pictures wait to be cleaned: try again in a minute")

    @contextmanager
    def turn(self, visitor: str) -> Iterator[None]:
        """Wait in a thread until it is the visitor's turn, which lasts as long as the context."""
        ticket = self._ask(visitor)
        try:
            ticket.turn.result()
            yield
        finally:
            self._end(ticket)

    @asynccontextmanager
    async def turn_of(self, visitor: str, tell: Told | None = None) -> AsyncIterator[None]:
        """Wait in a coroutine, as `turn` does in a thread.

        Args:
            tell: told the place in the queue twice a second; what it raises ends the waiting.
        """
        ticket = self._ask(visitor)
        try:
            begun = asyncio.wrap_future(ticket.turn)
            while not begun.done():
                if tell and not ticket.turn.done():
                    await tell(self.place(ticket), len(self))
                await asyncio.wait([begun], timeout=LOOK_AGAIN)
            yield
        finally:
            self._end(ticket)

    def place(self, ticket: Ticket) -> int:
        """Count the pieces that have their turn before a waiting one; 0 if it does not wait."""
        with self._lock:
            own = self._waiting.get(ticket.visitor, deque())
            if ticket not in own:
                return 0
            rounds, count, passed = own.index(ticket), 0, False
            for visitor, tickets in self._waiting.items():
                passed = passed or visitor == ticket.visitor
                count += min(len(tickets), rounds + (not passed))
            return count

    def places(self, visitor: str) -> list[int]:
        """The places of all pieces of a visitor that wait."""
        with self._lock:
            tickets = list(self._waiting.get(visitor, ()))
        return [self.place(ticket) for ticket in tickets]

    def _ask(self, visitor: str) -> Ticket:
        ticket = Ticket(visitor)
        with self._lock:
            self._waiting.setdefault(visitor, deque()).append(ticket)
            self._begin()
        return ticket

    def _end(self, ticket: Ticket) -> None:
        """Give the turn back, or the place in the queue."""
        with self._lock:
            tickets = self._waiting.get(ticket.visitor)
            if tickets and ticket in tickets:
                tickets.remove(ticket)
                if not tickets:
                    del self._waiting[ticket.visitor]
                return
            self._free += 1
            self._begin()

    def _begin(self) -> None:
        """Begin the next pieces, while there is room for them; the lock is held."""
        while self._free and self._waiting:
            visitor, tickets = next(iter(self._waiting.items()))
            ticket = tickets.popleft()
            self._waiting.move_to_end(visitor)
            if not tickets:
                del self._waiting[visitor]
            self._free -= 1
            if not ticket.turn.set_running_or_notify_cancel():  # its coroutine has been cancelled
                continue  # `_end` gives the turn back
            ticket.turn.set_result(None)
