"""Who asks, what is counted against the rate, and the turn that each request's work waits for."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.requests import Request

from sigclean.demo.service.problems import RefusedError
from sigclean.demo.turns import Turns

LEFT = 499  # nginx's status for a client that has closed the connection; nobody reads it


def visitor(request: Request) -> str:
    """The address of the client."""
    return request.client.host if request.client else "unknown"


def charge(request: Request, files: int) -> None:
    """Count files against the client's rate. Raises RefusedError."""
    count = request.scope.get("sigclean.charge")
    if count and files:
        count(files=files)


@asynccontextmanager
async def turn(
    request: Request, turns: Turns, waiting: Callable[[int], None] = lambda place: None
) -> AsyncIterator[None]:
    """Wait for the client's turn; ends the waiting if the client has left.

    Args:
        waiting: called with the place in the queue, 0 for the next, twice a second.
    """

    async def tell(place: int, of: int) -> None:
        if await request.is_disconnected():
            raise RefusedError(LEFT, "The client has left.")
        waiting(place)

    async with turns.turn_of(visitor(request), tell):
        yield
