"""`sigclean clean`: pictures in, clean PNG files of the same size out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sigclean.errors import SigcleanError

if TYPE_CHECKING:
    from PIL import Image

EPILOG = """\
examples:
  sigclean clean scan.jpg                      writes scan.clean.png beside it
  sigclean clean scan.jpg -o signature.png --transparent --crop
  sigclean clean scans -r -o cleaned --skip-existing --manifest cleaned.jsonl
  sigclean clean - < scan.jpg > clean.png
  sigclean clean shard-*.parquet -o cleaned    Parquet files and WebDataset's tar files
  sigclean clean --dataset user/repo -o cleaned
  accelerate launch --num_processes 4 -m sigclean clean scans -r -o cleaned

Broken files are named and left out; the exit status is then 1.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "clean",
        help="clean pictures of signatures",
        description="Clean pictures of signatures. Results are PNG files of the input's own size.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="files, folders, globs, .parquet and .tar shards, or - for standard input to standard "
        "output",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a folder, a file for a single input, or - for standard output "
        "(default: <stem>.clean.png beside each input)",
    )
    parser.add_argument(
        "-r", "--recursive", action="store_true", help="also clean what is in sub-folders"
    )
    parser.add_argument(
        "--skip-existing", action="store_true", help="leave results that are already there"
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE.jsonl",
        help="add a line of JSON for each picture: status, size, milliseconds, ink, warnings",
    )
    _add_shard_options(parser)
    _add_result_options(parser)
    _add_model_options(parser)
    parser.set_defaults(run=run)


def _add_shard_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("shards and data sets")
    group.add_argument(
        "--dataset",
        metavar="PATH|USER/REPO",
        help="clean a data set of the datasets library, of the Hub or a folder, into Parquet files",
    )
    group.add_argument("--split", default="", help="of the data set (default: all)")
    group.add_argument(
        "--column",
        default="",
        metavar="NAME",
        help="that holds the pictures, if there are several; of a tar file an extension",
    )


def _add_result_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("result")
    group.add_argument(
        "--transparent", action="store_true", help="the ink alone, on a transparent ground"
    )
    group.add_argument("--crop", action="store_true", help="cut to the ink, with a margin")
    group.add_argument(
        "--ink",
        metavar="COLOUR",
        help="of the strokes: black, blue or #rrggbb (default: their own)",
    )
    group.add_argument(
        "--svg", action="store_true", help="write the outlines as well, <result>.svg"
    )
    group.add_argument("--raw", action="store_true", help="the network's own picture, less sharp")
    group.add_argument(
        "--window",
        type=_window,
        metavar="auto|PIXELS",
        help="clean whole pages in overlapping windows, of the width of a signature or so",
    )
    group.add_argument(
        "--pen",
        default="auto",
        metavar="auto|COLOUR",
        help="the colour of the signature's ink, such as blue or #rrggbb, if it is known: ink of "
        "other colours is erased (default: auto, the ink that the network keeps most completely)",
    )
    group.add_argument(
        "--invert",
        default="auto",
        choices=("auto", "always", "never"),
        help="turn bright ink on dark paper into dark ink on white (default: auto, where certain)",
    )


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--weights", metavar="PATH|USER/REPO", help="a weights folder or a Hub repository"
    )
    group.add_argument("--revision", help="branch, tag or commit of the Hub repository")
    group.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda", "mps", "coreml", "directml")
    )
    group.add_argument("--runtime", default="auto", choices=("auto", "torch", "onnx", "openvino"))
    group.add_argument(
        "--batch-size",
        type=partial(_whole_number, least=1),
        default=8,
        metavar="N",
        help="pictures that go through the network at once on a GPU (default: 8)",
    )
    group.add_argument(
        "--workers",
        type=partial(_whole_number, least=0),
        default=0,
        metavar="N",
        help="pictures that are worked on at once (default: 0, as many as there are cores)",
    )


def _window(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _whole_number(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} up, not {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Clean; returns 0, or 1 when a picture could not be cleaned."""
    if os.environ.get("ACCELERATE_USE_CPU"):  # `accelerate launch --cpu` starts one process only
        from sigclean.training.launching import processes_to_start, run_processes

        if share := processes_to_start():
            return run_processes(share, [sys.executable, "-m", "sigclean", *sys.argv[1:]])
    _refuse_nonsense(args)
    if "-" in args.inputs or args.output == "-":
        return _clean_stream(args)
    from sigclean.commands.clean_many import clean_share
    from sigclean.processes.ranks import siblings, this_process

    process = this_process()
    with siblings(process) as others:
        failed = clean_share(args, process)
        if failed and others:
            others.wait()
    return 1 if failed else 0


def _refuse_nonsense(args: argparse.Namespace) -> None:
    if args.dataset and args.inputs:
        raise SigcleanError("--dataset takes the place of the inputs: give one or the other")
    if not args.dataset and not args.inputs:
        raise SigcleanError("there is nothing to clean: name files, folders or a --dataset")
    if args.dataset and args.output in (None, "-"):
        raise SigcleanError("--dataset needs a folder for its results: -o OUT")
    if args.split and not args.dataset:
        raise SigcleanError("--split is that of a --dataset")


def _clean_stream(args: argparse.Namespace) -> int:
    """One picture from standard input, to standard output, or both."""
    from sigclean.bulk.jobs import plan
    from sigclean.commands.clean_many import chosen_look, load
    from sigclean.images import read_image, write_png

    look = chosen_look(args)
    look.check()
    if args.svg:
        raise SigcleanError("--svg is for files: standard input and output have one result")
    if args.manifest:
        raise SigcleanError("a manifest is for files: standard input and output have none")
    if len(args.inputs) > 1:
        raise SigcleanError("standard input or output takes a single picture")
    if args.output in (None, "-"):
        write: Callable[[Image.Image], None] = _write_stdout
        if sys.stdout is None:
            raise SigcleanError("standard output is closed")
        if sys.stdout.isatty():
            raise SigcleanError("no picture goes to a terminal: redirect the output, or give -o")
    else:
        write = partial(write_png, path=plan(["stdin"], args.output)[0].target)
    image = read_image(_standard_input() if args.inputs == ["-"] else args.inputs[0])
    write(look.clean(load(args), image))
    return 0


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise SigcleanError("standard input is closed")
    return sys.stdin.buffer


def _write_stdout(image: Image.Image) -> None:
    """Encoded in memory first, so that nothing is half-written here either."""
    from sigclean.images import encode_png

    encoded = encode_png(image)
    try:
        sys.stdout.buffer.write(encoded)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise  # whoever reads has seen enough: no error to talk about
    except OSError as error:
        raise SigcleanError(f"standard output cannot be written: {error.strerror}") from error
