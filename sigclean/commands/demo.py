"""`sigclean demo`: serve the web page on this computer."""

from __future__ import annotations

import argparse
import os

from sigclean.extras import require


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "demo",
        help="clean signatures in the browser",
        description="Serve a web page that cleans signatures. Nothing leaves this computer.",
    )
    add, environment = parser.add_argument, os.environ
    text = (
        "address to listen on, 0.0.0.0 for all (default: GRADIO_SERVER_NAME, or 127.0.0.1, which "
        "only this computer reaches)"
    )
    add("--host", help=text)
    text = "port to listen on (default: GRADIO_SERVER_PORT, or the first free one from 7860 up)"
    add("--port", type=int, help=text)
    text = (
        "models that visitors choose from, the first by default: weights folders, Hub "
        "repositories (user/repo or user/repo@revision), or default, the packaged model "
        "(default: SIGCLEAN_WEIGHTS, or default)"
    )
    named = environment.get("SIGCLEAN_WEIGHTS") or None
    add("--weights", default=named, metavar="PATH|USER/REPO|default[,...]", help=text)
    text = "branch, tag or commit of repositories named without one (default: SIGCLEAN_REVISION)"
    add("--revision", default=environment.get("SIGCLEAN_REVISION") or None, help=text)
    add("--open", action="store_true", help="open the page in the browser")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the page until interrupted."""
    require("gradio", extra="demo", purpose="the demo")
    from sigclean.demo.serving import launch

    launch(
        args.weights,
        revision=args.revision,
        host=args.host,
        port=args.port,
        open_browser=args.open,
    )
    return 0
