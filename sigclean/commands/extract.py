"""`sigclean extract`: find the signatures of documents, clean them, and cut them out."""

from __future__ import annotations

import argparse
from pathlib import Path

from sigclean.commands.options import (
    SUFFIXES,
    add_document_options,
    add_engine_options,
    add_look_options,
    add_model_options,
    add_shard_options,
    check_engine,
    chosen_model,
    output_style,
    refuse_ranks,
)

EPILOG = """\
examples:
  sigclean extract contract.pdf                writes signatures/contract.p3.1.png, ...
  sigclean extract inbox -r -o signed --report signed.csv
  sigclean extract scans/*.tif -o signed --white --ink blue --skip-existing

Boxes, scores and pages without a signature are in OUT/signatures.jsonl.
Broken pages are named and left out; the exit status is then 1.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "extract",
        help="find the signatures of documents, and clean them",
        description="Find the signatures on every page of PDFs, scans and photos, clean each at "
        "full resolution,\nand write it on transparent ground: <stem>.p<page>.<n>.png.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="PDFs, pictures, folders, globs, .parquet and .tar files of them",
    )
    parser.add_argument(
        "-o", "--output", default="signatures", metavar="OUT", help="a folder (default: signatures)"
    )
    parser.add_argument("-r", "--recursive", action="store_true", help="look into sub-folders, too")
    parser.add_argument(
        "--skip-existing",
        action="store_true",
        help="leave out pages that the manifest knows as finished: a restarted run continues "
        "(default: do all again)",
    )
    parser.add_argument(
        "--manifest",
        metavar="FILE.jsonl",
        help="write a line of JSON for each signature: page, box, score, ink, warnings; and one "
        "for each page without a signature (default: OUT/signatures.jsonl)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE.csv",
        help="write a table of all pages that the manifest knows: file, page, number of "
        "signatures, best score (default: no table)",
    )
    add_document_options(parser)
    add_shard_options(parser)
    group = parser.add_argument_group("result")
    group.add_argument(
        "--white",
        action="store_true",
        help="white paper, which JPEG has anyway (default: transparent ground)",
    )
    add_look_options(group)
    add_model_options(parser)
    add_engine_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Extract; return 0, or 1 if a page could not be read."""
    from sigclean.bulk.inputs import InputOptions
    from sigclean.commands.extract_many import Request, extract_all
    from sigclean.commands.inputs import Inputs

    args.transparent = not args.white and args.format != "jpeg"
    suffix = SUFFIXES[args.format or "png"]
    names = (args.inputs, args.output, args.recursive, suffix)
    request = Request(
        Inputs(*names, args.dataset, args.split, args.column),
        args.skip_existing,
        Path(args.manifest or f"{args.output}/signatures.jsonl"),
        args.report,
        args.workers,
        InputOptions(args.password, args.dpi),
    )
    request.check()
    check_engine(args)
    if args.engine == "ray":
        from sigclean.commands.on_ray import extract_on_ray

        return 1 if extract_on_ray(request, output_style(args), args) else 0
    refuse_ranks()
    return 1 if extract_all(request, output_style(args), chosen_model(args)) else 0
