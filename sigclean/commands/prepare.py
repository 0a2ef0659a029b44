"""`sigclean prepare`: a training data set from clean signatures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sigclean.processes.hardware import usable_cores

NOISE = (
    "all: a random mixture for each picture, as documents have it, at times none; or families "
    "joined by commas, of which each picture gets one: seed, paper, cheque, document, form, rules, "
    "text, stamp, frame, office, dirt, scan, photo, colour, turned, bars"
)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "prepare",
        help="build trainA testA trainB testB from clean signatures",
        description="Make noisy pictures of clean signatures, letterbox both, split them by file. "
        "The same name in A and B is a pair. Run it again to resume after an interruption.",
    )
    add, default = parser.add_argument, "(default: %(default)s)"
    directory: dict[str, Any] = {"type": Path, "metavar": "DIR"}
    number: dict[str, Any] = {"type": int, "metavar": "N"}
    text = "folder of clean signatures, with its sub-folders; optional with --drawn"
    add("clean", nargs="?", type=Path, metavar="CLEAN_DIR", help=text)
    text = "folder of the data set, made if need be"
    add("-o", "--output", required=True, type=Path, metavar="DATASET", help=text)
    add("--drawn", default=0, help=f"add N drawn signatures {default}", **number)
    add("--noisy", help="real noisy pictures, added to B without a truth", **directory)
    text = f"{NOISE} {default}"
    add("--noise", default="all", metavar="all|FAMILY,...", help=text)
    add("--variants", default=1, help=f"noisy pictures of each signature {default}", **number)
    text = f"share of the signatures for testA and testB {default}"
    add("--test-fraction", type=float, default=0.1, metavar="X", help=text)
    add("--seed", default=0, help=f"decides layout, noise and test side {default}", **number)
    add("--size", default=512, help=f"side of the square pictures, in pixels {default}", **number)
    text = "keep each signature's own size, place and ink (default: vary them)"
    add("--keep-layout", action="store_true", help=text)
    text = "processes (default: the usable cores, here %(default)s)"
    add("--workers", default=usable_cores(), help=text, **number)
    add = parser.add_argument_group("material for the noise (made if not given)").add_argument
    add("--fonts", help="fonts (default: the system's)", **directory)
    add("--documents", help="pages without signatures", **directory)
    add("--papers", help="papers and blank cheques", **directory)
    add("--stamps", help="stamps, transparent or on white", **directory)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prepare, say what was done, and return 1 if files were left out."""
    from sigclean.corpus.prepare import Recipe, prepare
    from sigclean.noise import find_material, parse_families

    recipe = Recipe(
        noise=parse_families(args.noise),
        variants=args.variants,
        test_fraction=args.test_fraction,
        seed=args.seed,
        size=args.size,
        keep_layout=args.keep_layout,
    )
    summary = prepare(
        args.clean,
        args.output,
        recipe,
        drawn=args.drawn,
        noisy=args.noisy,
        material=find_material(args.fonts, args.documents, args.papers, args.stamps),
        workers=args.workers,
        progress=sys.stderr.isatty(),
    )
    for reason in summary.broken:
        print(f"sigclean: skipped: {reason}", file=sys.stderr)
    already = f", {summary.kept} existed already" if summary.kept else ""
    skipped = f", {len(summary.broken)} files skipped" if summary.broken else ""
    print(f"{args.output}: {summary.made} pictures made{already}{skipped}")
    return 1 if summary.broken else 0
