"""Serve the web page: load the models, build it, run until interrupted."""

import os
import signal
from collections.abc import Sequence
from typing import Any

from sigclean.demo.privacy import (
    disable_telemetry,
    keep_names_out_of_logs,
    leave_no_folder,
    swept,
    temporary_cache,
)

disable_telemetry()  # Gradio reads the environment when it is imported

import gradio as gr  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from starlette.routing import BaseRoute  # noqa: E402

from sigclean.demo.handlers import Handlers  # noqa: E402
from sigclean.demo.models import load_models  # noqa: E402
from sigclean.demo.page import build_page  # noqa: E402
from sigclean.demo.parts import example_pictures  # noqa: E402
from sigclean.demo.rate_limit import RateLimit  # noqa: E402
from sigclean.demo.routes import page_routes  # noqa: E402
from sigclean.demo.settings import Settings, read_settings  # noqa: E402
from sigclean.demo.studio import Studio  # noqa: E402
from sigclean.demo.theme import STATIC, read_static, theme  # noqa: E402
from sigclean.demo.works import Works  # noqa: E402
from sigclean.errors import SigcleanError  # noqa: E402

LOOPBACK = ("127.0.0.1", "localhost", "::1")  # hosts that only this computer can reach
MAX_SESSIONS = 1000  # visitors whose page is remembered; others must choose their picture again


def launch(
    weights: str | None = None,
    *,
    revision: str | None = None,
    host: str | None = None,
    port: int | None = None,
    open_browser: bool = False,
) -> None:
    """Load the models once, then serve the page until interrupted.

    Args:
        weights, revision: as in `models.load_models`: one model, or several joined by commas.
        host: the address to listen on; None for GRADIO_SERVER_NAME, or this computer only.
        port: None for GRADIO_SERVER_PORT, or the first free one from 7860 up.
        open_browser: open the page in the system's browser.

    Raises SigcleanError if the weights cannot be loaded, a setting is wrong, or the port is taken.
    """
    keep_names_out_of_logs()
    settings = read_settings()
    models = load_models(weights, revision, settings.concurrency)
    with temporary_cache() as cache:
        examples = example_pictures()
        page = build_page(Handlers(models, settings, cache), examples)
        routes = page_routes(Studio(models, Works(cache, settings), examples))
        page.queue(max_size=settings.max_queue, default_concurrency_limit=settings.concurrency)
        with swept(cache, settings, page.temp_file_sets):
            address = _start(page, settings, host, port, open_browser, routes)
            print(f"sigclean demo: {address} (stop with Ctrl-C)", flush=True)
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # how containers are stopped
            page.block_thread()


def _start(
    page: gr.Blocks,
    settings: Settings,
    host: str | None,
    port: int | None,
    open_browser: bool,
    routes: Sequence[BaseRoute] = (),
) -> str:
    """Serve the page in another thread; returns its address."""
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            theme=theme(),
            css=read_static("style.css"),
            js=read_static("page.js"),
            max_file_size=f"{settings.max_megabytes}mb",
            app_kwargs={**_app_options(settings, host), "routes": list(routes)},
            favicon_path=str(STATIC / "favicon.svg"),
            state_session_capacity=MAX_SESSIONS,
            footer_links=["api"],
            run_history=False,  # would keep signatures in the browser
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        reason = str(error).split(". ")[0]  # advice to programmers follows
        raise SigcleanError(f"the demo cannot listen: {reason}") from error
    leave_no_folder()
    return str(address)


def _app_options(settings: Settings, host: str | None) -> dict[str, Any]:
    if "SPACE_ID" in os.environ:  # on a Space all requests come through a proxy
        os.environ.setdefault("FORWARDED_ALLOW_IPS", "*")
    listens_at = host or os.environ.get("GRADIO_SERVER_NAME") or LOOPBACK[0]
    rate = settings.rate(public=listens_at not in LOOPBACK)
    limit = [Middleware(RateLimit, per_minute=rate)] if rate else []
    return {"middleware": limit, "docs_url": None, "redoc_url": None}
