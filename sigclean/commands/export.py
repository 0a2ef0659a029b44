"""`sigclean export`: weights for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "export",
        help="write weights for other programs",
        description="Write a generator for the PyTorch CycleGAN and pix2pix implementation.",
    )
    parser.add_argument(
        "--pth",
        type=Path,
        required=True,
        metavar="OUT",
        help="the file to write, for example latest_net_G_B.pth",
    )
    parser.add_argument(
        "--weights", metavar="PATH|USER/REPO", help="weights folder or Hub repository"
    )
    parser.add_argument("--revision", help="branch, tag or commit of the Hub repository")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, and say where to."""
    from sigclean.export import write_pth
    from sigclean.hub import load_generator

    module, config = load_generator(args.weights, revision=args.revision)
    print(write_pth(module, config, args.pth))
    return 0
