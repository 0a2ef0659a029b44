"""`sigclean demo`: the web page on this computer."""

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
    parser.add_argument("--host", help="address to listen on (default: this computer only)")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860 on")
    parser.add_argument(
        "--weights",
        default=os.environ.get("SIGCLEAN_WEIGHTS") or None,
        metavar="PATH|user/repo|default[,...]",
        help="models to choose from (default: SIGCLEAN_WEIGHTS, or the one that comes with "
        "sigclean); a repository may be followed by @revision",
    )
    parser.add_argument(
        "--revision",
        default=os.environ.get("SIGCLEAN_REVISION") or None,
        help="branch, tag or commit of Hub models named without one (default: SIGCLEAN_REVISION)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    require("gradio", extra="demo", purpose="the demo")
    from sigclean.demo import launch

    launch(
        args.weights,
        revision=args.revision,
        host=args.host,
        port=args.port,
        open_browser=args.open,
    )
    return 0
