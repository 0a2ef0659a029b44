"""Serve the web page: load the models, build it, run until interrupted."""

import os
import signal
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

from sigclean.demo.fair_events import let_events_take_turns  # noqa: E402
from sigclean.demo.handlers import Handlers  # noqa: E402
from sigclean.demo.models import load_models  # noqa: E402
from sigclean.demo.page import build_page  # noqa: E402
from sigclean.demo.parts import CPU, example_pictures  # noqa: E402
from sigclean.demo.routes import page_routes  # noqa: E402
from sigclean.demo.service.api import build_api  # noqa: E402
from sigclean.demo.service.outgoing import fetch_nothing, speak_in_sentences  # noqa: E402
from sigclean.demo.service.stack import LOOPBACK, app_options  # noqa: E402
from sigclean.demo.settings import Settings, read_settings  # noqa: E402
from sigclean.demo.studio import Studio  # noqa: E402
from sigclean.demo.theme import STATIC, read_static, theme  # noqa: E402
from sigclean.demo.turns import Turns  # noqa: E402
from sigclean.demo.works import Works  # noqa: E402
from sigclean.errors import SigcleanError  # noqa: E402

SPARE_THREADS = 40  # beside those of batches that wait for their turn, as many as Gradio has
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
    fetch_nothing()
    speak_in_sentences()
    settings = read_settings()
    models = load_models(weights, revision, settings.concurrency)
    turns = Turns(settings.concurrency, settings.max_queue)
    with temporary_cache() as cache:
        examples = example_pictures()
        page = build_page(Handlers(models, settings, cache, turns), examples)
        let_events_take_turns(page, turns, CPU)
        page.queue(max_size=None, default_concurrency_limit=None)  # `turns` has the limits
        listens_at = host or os.environ.get("GRADIO_SERVER_NAME") or LOOPBACK[0]
        routes = page_routes(Studio(models, Works(cache, settings), examples), turns)
        api = build_api(models, settings, cache, turns, routes)
        options = app_options(api, turns, settings, cache, listens_at)
        with swept(cache, settings, page.temp_file_sets):
            address = _start(page, settings, options, host, port, open_browser)
            print(f"sigclean demo: {address} (stop with Ctrl-C)", flush=True)
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # how containers are stopped
            page.block_thread()


def _start(
    page: gr.Blocks,
    settings: Settings,
    app_options: dict[str, Any],
    host: str | None,
    port: int | None,
    open_browser: bool,
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
            max_threads=settings.max_queue + SPARE_THREADS,
            app_kwargs=app_options,
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
