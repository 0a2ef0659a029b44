"""`sigclean prepare`: a data set for training out of clean signatures."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "prepare",
        help="build trainA testA trainB testB from clean signatures",
        description="Make noisy pictures of clean signatures, letterbox both, split them by file. "
        "The same name in A and B is a pair. Run it again to go on after an interruption.",
    )
    parser.add_argument("clean", nargs="?", type=Path, metavar="CLEAN_DIR")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DATASET")
    parser.add_argument("--drawn", type=int, default=0, metavar="N", help="add N drawn signatures")
    parser.add_argument("--noisy", type=Path, metavar="DIR", help="real noisy pictures for B")
    parser.add_argument("--noise", default="all", help="all, or families joined by commas")
    parser.add_argument("--variants", type=int, default=1, help="noisy pictures of each signature")
    parser.add_argument("--test-fraction", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=512, help="side of the squares in pixels")
    parser.add_argument(
        "--keep-layout", action="store_true", help="leave size, place and ink of signatures alone"
    )
    material = parser.add_argument_group("material for the noise")
    material.add_argument("--fonts", type=Path, metavar="DIR", help="default: the system's")
    material.add_argument("--documents", type=Path, metavar="DIR", help="pages without signatures")
    material.add_argument("--papers", type=Path, metavar="DIR", help="papers, blank cheques")
    material.add_argument("--stamps", type=Path, metavar="DIR", help="stamps, transparent or white")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
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
    already = f", {summary.kept} were there already" if summary.kept else ""
    skipped = f", {len(summary.broken)} files skipped" if summary.broken else ""
    print(f"{args.output}: {summary.made} pictures made{already}{skipped}")
    return 1 if summary.broken else 0
