"""The gate before Gradio: what the page does not need is not reachable, and calls are checked."""

import json
from pathlib import Path
from urllib.parse import parse_qs

import gradio as gr
from starlette.types import ASGIApp, Receive, Scope, Send

from sigclean.demo.service.calls import NO_ADDRESS, Calls, is_address
from sigclean.demo.service.problems import RefusedError, read_body, replay
from sigclean.demo.turns import BusyError, Turns

PREFIX = "/gradio_api"
PAGES = ("/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt")
PAGE_FOLDERS = ("/assets/", "/static/", "/svelte/", "/pwa_icon")
ROUTES = (
    *("/info", "/startup-events", "/upload", "/upload_progress", "/queue/join", "/queue/data"),
    *("/queue/status", "/cancel", "/reset", "/run/predict", "/login_check", "/app_id", "/user"),
    *("/theme.css", "/token", "/openapi.json"),
)
ROUTE_FOLDERS = ("/call/", "/file=", "/file/", "/heartbeat/")
CALLS = ("/call/", "/run/", "/queue/join")

NOTHING_HERE = "There is nothing at this address."
DELETED = (
    "This file was deleted, as all are after a while, or the page was started again: "
    "make the file again."
)
NO_SESSION = "This session or call is not known here: it has ended, or the page was started again."


class Gate:
    """ASGI middleware around Gradio's app: an unknown address, file, session or call is answered
    with one sentence.

    Args:
        cache: the folder of uploads and results.
        largest: bytes of a call's JSON, at most.
        turns: the queue; while it is full, programs' calls are refused. The page's own calls are
            not: Gradio's script would load the page again, so their events fail instead.
    """

    def __init__(self, app: ASGIApp, cache: Path, largest: int, turns: Turns) -> None:
        self.app, self.cache, self.largest = app, cache.resolve(), largest
        self.turns = turns
        self._calls: Calls | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request. Raises RefusedError for what is not passed on."""
        if scope["type"] == "http":
            path = _plain(scope["path"])
            if path.startswith(PREFIX):
                receive = await self._admit(path.removeprefix(PREFIX), scope, receive)
            elif path not in PAGES and not path.startswith(PAGE_FOLDERS):
                raise RefusedError(404, NOTHING_HERE)
        await self.app(scope, receive, send)

    async def _admit(self, path: str, scope: Scope, receive: Receive) -> Receive:
        """Check a request for a route of Gradio's; returns what its body is received from."""
        if path not in ROUTES and not path.startswith(ROUTE_FOLDERS):
            raise RefusedError(404, NOTHING_HERE)
        if path.startswith(("/file=", "/file/")):
            self._check_file(path[len("/file=") :])
        blocks: gr.Blocks = scope["app"].get_blocks()
        if scope["method"] == "POST" and path.startswith(CALLS):
            return await self._check_call(blocks, path, scope, receive)
        if scope["method"] == "GET":
            check_session(blocks, path, scope["query_string"].decode("latin-1"))
        return receive

    async def _check_call(
        self, blocks: gr.Blocks, path: str, scope: Scope, receive: Receive
    ) -> Receive:
        self._calls = self._calls or Calls(blocks)
        body = await read_body(receive, self.largest)
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(400, "The body is not JSON.") from None
        files = self._calls.check(path, parsed)
        if path.startswith("/call/"):
            self._check_room()
        if charge := scope.get("sigclean.charge"):
            charge(files=files)
        again: Receive = replay(json.dumps(parsed).encode(), receive)
        return again

    def _check_room(self) -> None:
        try:
            self.turns.check_room()
        except BusyError as error:
            raise RefusedError(503, f"{error}.", retry_after="60") from None

    def _check_file(self, path: str) -> None:
        """Raise RefusedError for an address, for a file that is gone, and for all others that are
        not the page's."""
        if is_address(path):
            raise RefusedError(400, NO_ADDRESS)
        try:
            place = Path(path).resolve()
            gone = self.cache in place.parents and not place.is_file()
        except (OSError, ValueError):
            raise RefusedError(404, NOTHING_HERE) from None
        if gone:
            raise RefusedError(410, DELETED)


def check_session(blocks: gr.Blocks, path: str, query: str) -> None:
    """Raise RefusedError if a session or call that is listened to does not exist."""
    queue = blocks._queue
    if path == "/queue/data":
        session = parse_qs(query).get("session_hash", [""])[0]
        if session not in queue.pending_messages_per_session:
            raise RefusedError(404, NO_SESSION)
    elif path.startswith("/call/"):
        event = path.rpartition("/")[2]
        known = (
            event in queue.event_ids_to_events
            or event in queue.pending_messages_per_session
            or any(event in events for events in list(queue.pending_event_ids_session.values()))
        )
        if not known:
            raise RefusedError(404, NO_SESSION)


def _plain(path: str) -> str:
    """The path without a final slash, as Gradio takes many of its own."""
    return path.rstrip("/") or "/"
