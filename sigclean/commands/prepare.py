"""`sigclean prepare`: a training data set from clean signatures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sigclean.processes.hardware import usable_cores


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "prepare",
        help="build trainA testA trainB testB from clean signatures",
        description="Make noisy pictures of clean signatures, letterbox both, split them by file. "
        "The same name in A and B is a pair. Run it again to resume after an interruption.",
    )
    add = parser.add_argument
    add(
        "clean",
        nargs="?",
        type=Path,
        metavar="CLEAN_DIR",
        help="folder of clean signatures, with its sub-folders; optional with --drawn",
    )
    add(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="DATASET",
        help="folder of the data set, made if need be",
    )
    add(
        "--drawn",
        type=int,
        default=0,
        metavar="N",
        help="add N drawn signatures (default: %(default)s)",
    )
    add(
        "--noisy",
        type=Path,
        metavar="DIR",
        help="folder of real noisy pictures, added to B without a truth (default: none)",
    )
    add(
        "--noise",
        default="all",
        metavar="all|FAMILY,...",
        help="all: a random mixture for each picture, as documents have it, at times none; or "
        "families joined by commas, of which each picture gets one: seed, paper, cheque, document, "
        "form, rules, text, stamp, scan, photo (default: %(default)s)",
    )
    add(
        "--variants",
        type=int,
        default=1,
        metavar="N",
        help="noisy pictures made of each signature (default: %(default)s)",
    )
    add(
        "--test-fraction",
        type=float,
        default=0.1,
        metavar="X",
        help="share of the signatures for testA and testB (default: %(default)s)",
    )
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="decides layout, noise and test share (default: %(default)s)",
    )
    add(
        "--size",
        type=int,
        default=512,
        metavar="PIXELS",
        help="side of the square pictures (default: %(default)s)",
    )
    add(
        "--keep-layout",
        action="store_true",
        help="keep each signature's own size, place and ink (default: vary them)",
    )
    add(
        "--workers",
        type=int,
        default=usable_cores(),
        metavar="N",
        help="processes (default: the usable cores, here %(default)s)",
    )
    add = parser.add_argument_group("material for the noise; drawn if not given").add_argument
    add("--fonts", type=Path, metavar="DIR", help="folder of fonts (default: the system's)")
    add("--documents", type=Path, metavar="DIR", help="folder of pages without signatures")
    add("--papers", type=Path, metavar="DIR", help="folder of papers and blank cheques")
    add("--stamps", type=Path, metavar="DIR", help="folder of stamps, transparent or on white")
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
