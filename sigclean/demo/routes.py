"""The addresses that the page's own scripts ask, below `page/`; they answer in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from sigclean.demo.privacy import place_of
from sigclean.demo.settings import MEGA
from sigclean.demo.studio import Studio, verbs
from sigclean.demo.works import GoneError, safe_name
from sigclean.errors import ImageError, SigcleanError, one_line

PATIENCE = 10  # multiple of the largest upload that is read of one that is too large
MAX_BODY = 4 * MEGA  # bytes of a request in JSON: strokes are the largest
SLACK = 1.05  # a megabyte is 1,048,576 bytes to Gradio
OWN_FAULT = "This could not be done: the fault is the page's own."
NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Line:
    """Those who wait for their turn, in order; as many as there is room for are served at once."""

    def __init__(self, at_once: int, most_waiting: int) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)
        self._most = most_waiting
        self._waiting: dict[object, str] = {}  # ticket by visit, the first is the next

    def place(self, ticket: str) -> int:
        """The place of a ticket among those who wait, 1 for the next; 0 if it does not wait."""
        tickets = list(self._waiting.values())
        return tickets.index(ticket) + 1 if ticket in tickets else 0

    async def call(self, function: Callable[[], Any], ticket: str) -> Any:
        """Call a function in a thread when it is its turn.

        Raises SigcleanError if too many wait.
        """
        if len(self._waiting) >= self._most:
            raise FullError(f"{self._most} others wait already: try again in a moment")
        visit = object()
        self._waiting[visit] = ticket
        try:
            async with self._limiter:
                del self._waiting[visit]
                return await anyio.to_thread.run_sync(function)
        finally:
            self._waiting.pop(visit, None)


class FullError(SigcleanError):
    """Too many requests wait."""


def page_routes(studio: Studio) -> list[Route]:
    """The routes of the page's own requests."""
    settings = studio.works.settings
    line = Line(settings.concurrency, settings.max_queue)
    functions = verbs(studio)

    async def ask(request: Request) -> Response:
        function = functions.get(request.path_params["verb"])
        if function is None:
            return failure(404, "There is no such function.")
        try:
            asked = json.loads(await _body(request))
        except ValueError:
            return failure(400, "The request is not JSON.")
        if not isinstance(asked, dict):
            return failure(400, "The request must be a JSON object.")
        return await _answer(line, lambda: function(asked), request)

    async def upload(request: Request) -> Response:
        key, path = studio.works.new_upload(request.query_params.get("name", "picture"))
        try:
            await _store(request, path, round(settings.max_megabytes * MEGA * SLACK))
        except _TooLargeError:
            studio.works.forget(key)
            most = settings.max_megabytes
            return failure(413, f"{safe_name(path.name)} has more than {most} megabytes.")
        except ClientDisconnect:
            studio.works.forget(key)
            return failure(400, "The upload was broken off.")
        preview = request.query_params.get("preview") != "no"
        asked = {"work": key, "preview": preview}
        answer = await _answer(line, lambda: functions["open"](asked), request)
        if answer.status_code != 200:
            studio.works.forget(key)
        return answer

    async def fetch(request: Request) -> Response:
        key, name = request.path_params["key"], request.path_params["name"]
        try:
            return FileResponse(studio.works.file(key, name), headers=NO_STORE)
        except SigcleanError as error:
            return failure(404, _sentence(error))

    async def place(request: Request) -> Response:
        return JSONResponse({"place": line.place(request.path_params["ticket"])}, headers=NO_STORE)

    return [
        Route("/page/upload", upload, methods=["POST"]),
        Route("/page/file/{key}/{name}", fetch, methods=["GET"]),
        Route("/page/place/{ticket}", place, methods=["GET"]),
        Route("/page/{verb}", ask, methods=["POST"]),
    ]


async def _answer(line: Line, function: Callable[[], Any], request: Request) -> Response:
    """Call a function in its turn; errors become a status and one sentence."""
    try:
        answer = await line.call(function, request.headers.get("x-ticket", ""))
        return JSONResponse(answer, headers=NO_STORE)
    except FullError as error:
        return failure(503, _sentence(error))
    except (GoneError, FileNotFoundError) as error:
        gone = error if isinstance(error, GoneError) else "the picture was deleted: open it again"
        return failure(410, _sentence(gone))
    except SigcleanError as error:
        return failure(400, _sentence(error))
    except Exception as error:
        print(f"sigclean demo: {place_of(error)}", flush=True)
        return failure(500, OWN_FAULT)


def failure(status: int, sentence: str) -> JSONResponse:
    """An answer that is one sentence for the visitor."""
    return JSONResponse({"error": sentence}, status, headers=NO_STORE)


def _sentence(error: object) -> str:
    """A message with a full stop, and a capital letter unless it begins with a file's name."""
    text = one_line(error).removesuffix(".")
    start = text[:1] if isinstance(error, ImageError) else text[:1].upper()
    return f"{start}{text[1:]}."


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ValueError
    return bytes(body)


async def _store(request: Request, path: Path, most: int) -> None:
    """Write the body to a file.

    Raises _TooLargeError beyond so many bytes; the rest is read and thrown away, since a browser
    that is answered before it has sent all reports a lost connection.
    """
    size = 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= most:
                await anyio.to_thread.run_sync(file.write, chunk)
            elif size > most * PATIENCE:
                break
    if size > most:
        raise _TooLargeError


class _TooLargeError(Exception):
    pass
