"""Events of the page that compute take turns: their visitors, and what they are told meanwhile."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import gradio as gr
from anyio.to_thread import run_sync
from gradio.context import LocalContext
from gradio.server_messages import EstimationMessage

from sigclean.demo.turns import Turns
from sigclean.demo.uploads import readable_errors, refusal

NOBODY = "this computer"  # the visitor of events without a request


def let_events_take_turns(page: gr.Blocks, turns: Turns, queue: str) -> None:
    """Make every event in a queue of Gradio's wait for its visitor's turn.

    To be called before the page is launched, which must not limit that queue itself.

    Args:
        queue: the `concurrency_id` of the events.
    """
    for event in page.fns.values():
        if event.concurrency_id == queue and event.fn is not None:
            event.fn = _in_turn(event.fn, turns, page)


def current_visitor() -> str:
    """The address of the visitor whose event is being worked on."""
    request = LocalContext.request.get(None)
    client = getattr(request, "client", None)
    return str(client.host) if client else NOBODY


def _in_turn(function: Callable[..., Any], turns: Turns, page: gr.Blocks) -> Callable[..., Any]:
    if not callable(function) or inspect.isgeneratorfunction(function):
        raise TypeError(f"an event that takes turns must be a plain function: {function!r}")

    @wraps(function)
    async def waiting(*values: Any) -> Any:
        event_id = LocalContext.event_id.get(None)

        async def tell(place: int, of: int) -> None:
            tell_place(page, event_id, place, of)

        with readable_errors():
            turns.check_room()
        async with turns.turn_of(current_visitor(), tell):
            return await run_sync(function, *values, limiter=page.limiter)

    return waiting


def tell_place(page: gr.Blocks, event_id: str | None, place: int, of: int) -> None:
    """Show a waiting visitor the place in the queue, as Gradio shows that in its own.

    Raises gr.Error if the visitor has left the page.
    """
    queue = page._queue
    event = queue.event_ids_to_events.get(event_id or "")
    if event is not None:
        if not event.alive:
            raise refusal("The visitor has left.")
        with suppress(KeyError):  # the visitor has left
            message = EstimationMessage(rank=place, queue_size=of, rank_eta=None)
            queue.send_message(event, message)
