"""Errors of the page's own: one sentence to the visitor, and their place, no more, to the log."""

from typing import Any

from anyio import move_on_after
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sigclean.demo.privacy import place_of
from sigclean.demo.service.problems import RefusedError, problem

OWN_FAULT = "This could not be done: the fault is the page's own."
WRONG_TYPES = "The call cannot be read: a value has a wrong type."
MOST_DRAINED = 100_000_000  # bytes of a refused request that are read
DRAIN_SECONDS = 10.0
NOT_UPLOADED = "This file was not uploaded."

_KINDS = {  # names of Gradio's and Pydantic's errors -> sentences
    "ComponentProcessingError": WRONG_TYPES,
    "ValidationError": WRONG_TYPES,
    "InvalidPathError": NOT_UPLOADED,
    "ValueError": WRONG_TYPES,
    "TypeError": WRONG_TYPES,
}


class OneSentence:
    """ASGI middleware that answers refusals and errors with one sentence, never a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, body = False, Body(receive)

        async def sending(message: Message) -> None:
            nonlocal begun
            if not begun and message.get("status", 0) >= 400:
                await body.drain()
            begun = True
            await send(message)

        try:
            await self.app(scope, body.receive, sending)
        except Exception as error:
            if isinstance(error, RefusedError):
                answer = error.response()
            else:
                print(f"sigclean demo: {place_of(error)}", flush=True)
                answer = problem(500, OWN_FAULT)
            if not begun:
                await answer(scope, receive, sending)


class Body:
    """A request's body, of which the rest can be read when the request is refused.

    A client that is still sending when the connection is closed does not read the answer.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive, self._ended = receive, False

    async def receive(self) -> Message:
        """The next part of the body."""
        message = await self._receive()
        self._ended = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read what is left, if that is not too much and does not take too long."""
        size = 0
        with move_on_after(DRAIN_SECONDS):
            while not self._ended and size < MOST_DRAINED:
                size += len((await self.receive()).get("body", b""))


def error_payload(error: BaseException | None, show_error: bool) -> dict[str, Any]:
    """The error of a call as Gradio sends it, but always with a sentence; replaces
    `gradio.utils.error_payload`."""
    from gradio.exceptions import Error

    if isinstance(error, Error):
        shown = ("duration", "visible", "title")
        return {"error": error.message, **{name: getattr(error, name) for name in shown}}
    names = [kind.__name__ for kind in type(error).__mro__]
    sentence = next((_KINDS[name] for name in names if name in _KINDS), OWN_FAULT)
    return {"error": sentence, "visible": True}
