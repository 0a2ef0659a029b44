"""`sigclean prepare`: a training data set from clean signatures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sigclean.processes.hardware import usable_cores

NOISE = (
    "kinds of noise. all: a random mix for each picture, sometimes none; or names joined by "
    "commas, of which each picture gets one: seed (a few rules and a printed name), paper, cheque, "
    "document, form, rules, text, stamp, frame, office, dirt, scan, photo, colour, turned, bars"
)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "prepare",
        help="make a training data set from clean signatures",
        description="Make noisy pictures of clean signatures, and fit both into squares with black "
        "strips. The folders trainA and testA get the clean pictures, trainB and testB the noisy "
        "ones; the same name in A and B is a pair. Run it again to resume after an interruption.",
    )
    add, default = parser.add_argument, "(default: %(default)s)"
    directory: dict[str, Any] = {"type": Path, "metavar": "DIR"}
    number: dict[str, Any] = {"type": int, "metavar": "N"}
    text = "folder of clean signatures, with its sub-folders; optional with --drawn"
    add("clean", nargs="?", type=Path, metavar="CLEAN_DIR", help=text)
    text = "folder of the data set, created if it does not exist"
    add("-o", "--output", required=True, type=Path, metavar="DATASET", help=text)
    text = f"add N signatures that sigclean draws itself {default}"
    add("--drawn", default=0, help=text, **number)
    text = "folder of real noisy pictures, added to trainB and testB without a clean one"
    add("--noisy", help=text, **directory)
    text = f"{NOISE} {default}"
    add("--noise", default="all", metavar="all|FAMILY,...", help=text)
    text = f"number of noisy pictures of each signature {default}"
    add("--variants", default=1, help=text, **number)
    text = f"share of the signatures that goes into testA and testB, 0 to 1 {default}"
    add("--test-fraction", type=float, default=0.1, metavar="X", help=text)
    text = f"share of trainB's pictures that show noise without a signature, 0 to 1 {default}"
    add("--unsigned-share", type=float, default=0.0, metavar="X", help=text)
    text = f"seed of all random choices: the same seed makes the same pictures {default}"
    add("--seed", default=0, help=text, **number)
    add("--size", default=512, help=f"side of the square pictures, in pixels {default}", **number)
    text = "keep each signature's own size, position and ink (default: vary them at random)"
    add("--keep-layout", action="store_true", help=text)
    text = "number of processes (default: one per usable core, here %(default)s)"
    add("--workers", default=usable_cores(), help=text, **number)
    title = "pictures and fonts for the noise (synthetic ones if not given)"
    add = parser.add_argument_group(title).add_argument
    add("--fonts", help="folder of fonts for printed text (default: the system's)", **directory)
    add("--documents", help="folder of scanned pages without signatures", **directory)
    add("--papers", help="folder of pictures of papers and blank cheques", **directory)
    add("--stamps", help="folder of pictures of stamps, on transparent or white paper", **directory)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the data set, print a summary, and return 1 if files were skipped, else 0."""
    from sigclean.corpus.prepare import Recipe, prepare
    from sigclean.noise import find_material, parse_families

    recipe = Recipe(
        noise=parse_families(args.noise),
        variants=args.variants,
        test_fraction=args.test_fraction,
        seed=args.seed,
        size=args.size,
        keep_layout=args.keep_layout,
        unsigned_share=args.unsigned_share,
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
