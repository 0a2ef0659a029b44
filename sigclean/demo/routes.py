"""The addresses that the page's own scripts ask, below `page/`; they answer in JSON.

They are served beside `/api`, with its limits, turns and errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from sigclean.demo.archive import Archive
from sigclean.demo.packing import pack, read_items
from sigclean.demo.service.problems import RefusedError, read_body
from sigclean.demo.service.received import write_body
from sigclean.demo.service.visits import charge, turn
from sigclean.demo.settings import MEGA
from sigclean.demo.studio import Studio, described, made_for, verbs
from sigclean.demo.turns import Turns
from sigclean.demo.works import gone

MAX_BODY = 4 * MEGA  # bytes of a request in JSON: strokes are the largest


@dataclass(frozen=True)
class Pages:
    """The endpoints of the page, which share the models, limits, folder and queue of `/api`."""

    studio: Studio
    turns: Turns
    places: dict[str, int] = field(default_factory=dict)  # in the queue, by ticket; 1 is next

    async def ask(self, request: Request) -> Response:
        """Call a function of the studio."""
        verb = request.path_params["verb"]
        function = verbs(self.studio).get(verb)
        if function is None and verb not in ("forget", "zip"):
            raise RefusedError(404, "There is no such function.")
        asked = await _asked(request)
        if verb == "forget":
            return JSONResponse(await run_sync(self.studio.forget, asked))
        self.turns.check_room()
        if function is None:
            return await self._answer(request, await self._zip(request, asked))
        charge(request, int(verb in ("example", "clean")))
        return await self._answer(request, await self._in_turn(request, lambda: function(asked)))

    async def upload(self, request: Request) -> Response:
        """Keep an upload, and open it; what cannot be opened is deleted."""
        self.turns.check_room()
        charge(request, 1)
        works, dpi = self.studio.works, request.query_params.get("dpi", "")
        key, path = works.new_upload(request.query_params.get("name", ""))
        try:
            await write_body(request, path)
            if path.stat().st_size > works.settings.max_bytes:
                most = works.settings.max_megabytes
                raise RefusedError(413, f"{path.name} has more than {most} megabytes.")
            asked = {
                "work": key,
                "preview": request.query_params.get("preview") != "no",
                "password": unquote(request.headers.get("x-password", "")),
                "dpi": int(dpi) if dpi.isdecimal() else dpi,
            }
            opened = await self._in_turn(request, lambda: self.studio.open(asked))
            return await self._answer(request, opened, key)
        except BaseException:
            works.forget(key)
            raise

    async def fetch(self, request: Request) -> Response:
        """A picture, SVG or zip that was made for the page."""
        key, name = request.path_params["key"], request.path_params["name"]
        return FileResponse(self.studio.works.file(key, name))

    async def place(self, request: Request) -> Response:
        """The place in the queue of a request with this ticket, 1 for the next; 0 if none waits."""
        return JSONResponse({"place": self.places.get(request.path_params["ticket"], 0)})

    async def _answer(self, request: Request, answer: dict[str, Any], *keys: str) -> Response:
        """Answer, or delete what was made, and these keys, if the client has left: it was told no
        key to delete them by."""
        if await request.is_disconnected():
            await run_sync(self.studio.forget, {"keys": [*keys, *made_for(answer)]})
        return JSONResponse(answer)

    async def _zip(self, request: Request, asked: dict[str, Any]) -> Any:
        """Pack results, which takes a turn for each."""
        items, names = read_items(self.studio, asked), set[str]()
        charge(request, len(items))
        with Archive(self.studio.works.new_file("signatures.zip")) as archive:
            for item in items:
                add = partial(pack, self.studio, archive, item, asked.get("look"), names)
                await self._in_turn(request, add)
        return described(archive.path)

    async def _in_turn(self, request: Request, function: Callable[[], Any]) -> Any:
        """Call a function in a thread in the visitor's turn. Raises GoneError if its files were
        deleted meanwhile."""
        ticket = request.headers.get("x-ticket", "")

        def waiting(place: int) -> None:
            self.places[ticket] = place + 1

        try:
            async with turn(request, self.turns, waiting):
                self.places.pop(ticket, None)
                return await run_sync(function)
        except FileNotFoundError:
            raise gone() from None
        finally:
            self.places.pop(ticket, None)


def page_routes(studio: Studio, turns: Turns) -> list[Route]:
    """The routes of the page's own requests."""
    pages = Pages(studio, turns)
    return [
        Route("/page/upload", pages.upload, methods=["POST"]),
        Route("/page/file/{key}/{name}", pages.fetch, methods=["GET"]),
        Route("/page/place/{ticket}", pages.place, methods=["GET"]),
        Route("/page/{verb}", pages.ask, methods=["POST"]),
    ]


async def _asked(request: Request) -> dict[str, Any]:
    """The request's JSON object. Raises RefusedError."""
    body = await read_body(request.receive, MAX_BODY)
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "The request is not JSON.") from None
    if not isinstance(asked, dict):
        raise RefusedError(400, "The request must be a JSON object.")
    return asked
