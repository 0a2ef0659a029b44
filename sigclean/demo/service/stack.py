"""The layers around Gradio's app: what each request passes, from the outside in."""

import os
from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from sigclean.demo.rate_limit import RateLimit
from sigclean.demo.service.api import Programs
from sigclean.demo.service.faults import OneSentence
from sigclean.demo.service.gate import Gate
from sigclean.demo.service.headers import SecurityHeaders, framed_by
from sigclean.demo.service.hosts import TRUSTED, LastForwarded, OwnHosts, own_names, trust_proxies
from sigclean.demo.service.problems import http_problem, invalid_problem
from sigclean.demo.service.storage import SizeLimit, Storage
from sigclean.demo.settings import Settings
from sigclean.demo.turns import Turns

LOOPBACK = ("127.0.0.1", "localhost", "::1")  # hosts that only this computer can reach
BESIDE = 1_000_000  # bytes of a request beside its file


def app_options(
    api: ASGIApp, turns: Turns, settings: Settings, cache: Path, listens_at: str
) -> dict[str, Any]:
    """The arguments of Gradio's FastAPI app. Sets uvicorn's variable of trusted proxies on a Space.

    Args:
        api: the app of `/api`.
        turns: the queue of all work.
        cache: the folder of uploads and results.
        listens_at: the address or name at which the page listens.
    """
    if proxies := trust_proxies(os.environ):
        os.environ[TRUSTED] = proxies
    largest = settings.max_bytes + BESIDE
    rates = settings.rates(public=listens_at not in LOOPBACK)
    layers = [
        Middleware(SecurityHeaders, framed_by=framed_by()),
        Middleware(OneSentence),
        Middleware(OwnHosts, names=own_names(os.environ, listens_at)),
        *([Middleware(LastForwarded)] if os.environ.get(TRUSTED) == "*" else []),
        Middleware(RateLimit, rates=rates),
        Middleware(
            SizeLimit,
            storage=Storage(cache, settings.max_folder_megabytes),
            largest=largest,
            largest_upload=largest * settings.max_files,
        ),
        Middleware(Programs, api=api),
        Middleware(Gate, cache=cache, largest=largest, turns=turns),
    ]
    return {
        "middleware": layers,
        "docs_url": None,
        "redoc_url": None,
        "openapi_url": None,
        "exception_handlers": {
            HTTPException: http_problem,
            RequestValidationError: invalid_problem,
        },
    }
