"""`/api`: clean a picture, or extract the signatures of a document, by one line of curl."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from sigclean.bulk.picture_worker import OutputStyle
from sigclean.demo.models import Model, choose
from sigclean.demo.service import described
from sigclean.demo.service.faults import OWN_FAULT
from sigclean.demo.service.options import (
    CLEAN,
    EXTRACT,
    FORMATS,
    Option,
    read_options,
    sentence_of,
    style_of,
    whole_number,
)
from sigclean.demo.service.problems import (
    RefusedError,
    http_problem,
    invalid_problem,
    problem,
)
from sigclean.demo.service.reading import Reader
from sigclean.demo.service.received import received
from sigclean.demo.service.visits import charge, turn, visitor
from sigclean.demo.service.work import Extraction, clean_file
from sigclean.demo.settings import Settings
from sigclean.demo.turns import BusyError, Turns
from sigclean.demo.works import GoneError
from sigclean.documents.page import DPI
from sigclean.documents.pages import LEAST_DPI
from sigclean.errors import PasswordError, SigcleanError
from sigclean.version import __version__

ROOTS = ("/api/", "/page/")
PAGES = ("/docs", "/openapi.json")
PASSWORD_IN_ADDRESS = "Send the password as a field of a form: addresses are logged on their way."


class Programs:
    """ASGI middleware that hands `/api`, its description, and `/page/`, where the page's own
    scripts ask, to an app of their own."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self.app, self.api = app, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request to the one or the other."""
        path = scope["path"] if scope["type"] == "http" else ""
        chosen = self.api if path.startswith(ROOTS) or path in PAGES else self.app
        await chosen(scope, receive, send)


@dataclass(frozen=True)
class Api:
    """The endpoints, which share the page's models, limits, folder and queue."""

    models: Mapping[str, Model]
    settings: Settings
    cache: Path
    turns: Turns

    async def clean(self, request: Request) -> Response:
        """Clean a picture: the answer is the result's file."""
        async with self._work(request, CLEAN, files=1) as work:
            number = whole_number(work.options, "page")
            kind = work.options["format"]
            async with turn(request, self.turns):
                content = await run_sync(
                    clean_file, work.model, work.reader, work.path, number, work.style, kind
                )
            name = f"{work.path.stem}.clean.{kind}"
            headers = {"content-disposition": f"inline; filename*=UTF-8''{quote(name)}"}
            return Response(content, media_type=FORMATS[kind], headers=headers)

    async def extract(self, request: Request) -> Response:
        """Extract the signatures of a picture or document: a zip of files with a manifest, or JSON
        with the boxes if `format` or the header Accept asks for that."""
        async with self._work(request, EXTRACT) as work:
            kind = work.options["format"]
            archive = None if kind == "json" else work.path.parent / "found" / "signatures.zip"
            if archive:
                archive.parent.mkdir()
            extraction = Extraction(work.model, work.style, kind, work.path.name, archive)
            with closing(extraction), work.reader.pages(work.path) as document:
                count = 1 if document is None else len(document)
                charge(request, count)
                for number in range(1, count + 1):
                    async with turn(request, self.turns):
                        await run_sync(extraction.add, work.reader, work.path, document, number)
            if archive is None:
                return JSONResponse(extraction.facts)
            name = quote(f"{work.path.stem}.signatures.zip")
            headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
            content = await run_sync(archive.read_bytes)
            return Response(content, media_type="application/zip", headers=headers)

    async def queue(self, request: Request) -> Response:
        """How many pictures wait, and the places of those of the address that asks; 0 is next."""
        places = self.turns.places(visitor(request))
        return JSONResponse(
            {"waiting": len(self.turns), "at_once": self.turns.at_once, "yours": places}
        )

    @asynccontextmanager
    async def _work(
        self, request: Request, known: tuple[Option, ...], files: int = 0
    ) -> AsyncIterator["_Work"]:
        """Receive a file, and read the options. Raises RefusedError.

        Args:
            files: how many are charged before the upload comes; 0 if its pages are counted later.
        """
        self.turns.check_room()
        charge(request, files)
        read_options(request.query_params.multi_items(), known)  # before the file is received
        if "password" in request.query_params:
            raise RefusedError(422, PASSWORD_IN_ADDRESS)
        async with received(request, self.cache) as file:
            given = list(file.given)
            asked = [name for name, _ in given]
            if "json" in [choice for one in known for choice in one.choices] and (
                "format" not in asked and "application/json" in request.headers.get("accept", "")
            ):
                given.append(("format", "json"))
            options = read_options(given, known)
            dpi = whole_number(options, "dpi", LEAST_DPI) or DPI
            yield _Work(
                file.path,
                options,
                style_of(options),
                choose(self.models, options["model"] or None),
                Reader(self.settings, options["password"] or None, dpi),
            )


@dataclass(frozen=True)
class _Work:
    """A file, and what is asked for."""

    path: Path
    options: Mapping[str, str]
    style: OutputStyle
    model: Model
    reader: Reader


def build_api(
    models: Mapping[str, Model],
    settings: Settings,
    cache: Path,
    turns: Turns,
    routes: Sequence[BaseRoute] = (),
) -> FastAPI:
    """The app of `/api`, with its description at `/openapi.json` and `/docs`.

    Args:
        routes: further routes, which are not described.
    """
    api = Api(models, settings, cache, turns)
    handlers: dict[Any, Any] = {
        RefusedError: _refused,
        SigcleanError: _sentence,
        BusyError: _busy,
        GoneError: _gone,
        HTTPException: http_problem,
        RequestValidationError: invalid_problem,
        Exception: _fault,
    }
    app = FastAPI(
        title="sigclean",
        version=__version__,
        description=described.ABOUT,
        docs_url=None,
        redoc_url=None,
        routes=list(routes),
        exception_handlers=handlers,
    )

    def add(path: str, function: Any, method: str, **more: Any) -> None:
        text = " ".join((function.__doc__ or "").split())
        app.add_api_route(
            path, function, methods=[method], response_class=Response, response_model=None,
            name=path.rpartition("/")[2], summary=text, description=text, **more,
        )  # fmt: skip

    add("/api/clean", api.clean, "POST", **described.cleaning())
    add("/api/extract", api.extract, "POST", **described.extracting())
    add("/api/queue", api.queue, "GET")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(described.page(app.openapi()))

    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.response()


async def _sentence(request: Request, error: Exception) -> Response:
    assert isinstance(error, SigcleanError)
    if isinstance(error, PasswordError):
        return problem(422, sentence_of(error), needs="password")
    return problem(422, sentence_of(error))


async def _busy(request: Request, error: Exception) -> Response:
    assert isinstance(error, BusyError)
    return problem(503, sentence_of(error), {"retry-after": "60"})


async def _gone(request: Request, error: Exception) -> Response:
    assert isinstance(error, GoneError)
    return problem(410, sentence_of(error))


async def _fault(request: Request, error: Exception) -> Response:
    return problem(500, OWN_FAULT)
