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
    parser.add_argument(
        "--host",
        help="address to listen on, 0.0.0.0 for all (default: GRADIO_SERVER_NAME, or 127.0.0.1, "
        "which only this computer reaches)",
    )
    parser.add_argument(
        "--port",
        type=int,
        help="port to listen on (default: GRADIO_SERVER_PORT, or the first free one from 7860 up)",
    )
    parser.add_argument(
        "--weights",
        default=os.environ.get("SIGCLEAN_WEIGHTS") or None,
        metavar="PATH|USER/REPO|default[,...]",
        help="models that visitors choose from, the first by default: weights folders, Hub "
        "repositories (user/repo or user/repo@revision), or default, the packaged model "
        "(default: SIGCLEAN_WEIGHTS, or default)",
    )
    parser.add_argument(
        "--revision",
        default=os.environ.get("SIGCLEAN_REVISION") or None,
        help="branch, tag or commit of repositories named without one (default: SIGCLEAN_REVISION)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
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
