"""`sigclean clean`: clean pictures into PNG files of the same size."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

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
    whole_number,
)
from sigclean.errors import SigcleanError, reason

if TYPE_CHECKING:
    from PIL import Image

    from sigclean.bulk.inputs import InputOptions
    from sigclean.bulk.picture_worker import OutputStyle
    from sigclean.commands.inputs import Inputs, Load

EPILOG = """\
examples:
  sigclean clean scan.jpg                      writes scan.clean.png beside it
  sigclean clean scan.jpg -o signature.png --transparent --crop
  sigclean clean scans -r -o cleaned --skip-existing --manifest cleaned.jsonl
  sigclean clean contract.pdf -o cleaned       writes contract.p1.png, contract.p2.png, ...
  sigclean clean - < scan.jpg > clean.png
  sigclean clean shard-*.parquet -o cleaned    Parquet files and WebDataset's tar files
  sigclean clean --dataset user/repo -o cleaned
  sigclean clean s3://bucket/scans -r -o s3://bucket/cleaned --engine ray --skip-existing

Broken files are named and left out; the exit status is then 1.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "clean",
        help="clean pictures of signatures",
        description="Erase what is around and under handwritten signatures.\n"
        "Results are PNG files of the input's own size, the strokes on white paper; each page of "
        "a PDF, TIFF or HEIC has its own.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="pictures, PDFs, folders, globs, .parquet and .tar files of pictures, or - for one "
        "picture from standard input",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a folder, a .png, .webp or .jpg file for a single input, or - for standard output "
        "(default: <stem>.clean.png beside each input; for - as the input, standard output)",
    )
    parser.add_argument(
        "-r", "--recursive", action="store_true", help="clean pictures in sub-folders, too"
    )
    parser.add_argument(
        "--skip-existing",
        action="store_true",
        help="do not clean pictures whose result exists: a restarted run continues (default: clean "
        "all again)",
    )
    parser.add_argument(
        "--manifest",
        metavar="FILE.jsonl",
        help="write a line of JSON for each picture: status, size, milliseconds, ink, warnings; a "
        "restarted run continues the same file (default: no manifest)",
    )
    add_document_options(parser)
    add_shard_options(parser)
    _add_result_options(parser)
    add_model_options(parser)
    add_engine_options(parser)
    parser.set_defaults(run=run)


def _add_result_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("result")
    group.add_argument(
        "--transparent",
        action="store_true",
        help="make the paper transparent (default: white)",
    )
    group.add_argument(
        "--raw",
        action="store_true",
        help="write the network's own picture: less sharp, and pixels can become darker than the "
        "input's (default: the input's own pixels where there is ink)",
    )
    group.add_argument(
        "--window",
        type=_window,
        metavar="auto|none|PIXELS",
        help="clean pages in overlapping windows of PIXELS x PIXELS, each about as wide as a "
        "signature; auto does so only with pictures that look like whole pages, none shows each "
        "picture to the network as a whole (default: auto, with --raw none)",
    )
    group.add_argument(
        "--batch-size",
        type=partial(whole_number, least=1),
        default=8,
        metavar="N",
        help="the largest number of pictures in a network call, on a GPU (default: 8)",
    )
    add_look_options(group)


def _window(text: str) -> int | str:
    from sigclean.windows import NARROWEST

    if text in ("auto", "none"):
        return text
    if text.isdecimal() and int(text) >= NARROWEST:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"a window is auto, none, or {NARROWEST} pixels or more, not {text!r}"
    )


def _chosen_window(asked: int | str | None, raw: bool) -> int | str | None:
    """Return the windows in the cleaner's words; None for none, which is what raw pictures need."""
    if asked is None:
        return None if raw else "auto"
    return None if asked == "none" else asked


def run(args: argparse.Namespace) -> int:
    """Clean; return 0, or 1 if a picture could not be cleaned."""
    from sigclean.bulk.inputs import InputOptions
    from sigclean.commands.clean_many import RunOptions, clean_all
    from sigclean.commands.inputs import Inputs

    suffix = SUFFIXES.get(args.format)
    names = (args.inputs, args.output, args.recursive, suffix)
    inputs = Inputs(*names, args.dataset, args.split, args.column)
    inputs.check()
    if args.transparent and args.format == "jpeg":
        raise SigcleanError("JPEG has no transparency: leave out --transparent, or choose WebP")
    args.window = _chosen_window(args.window, args.raw)
    style = output_style(args)
    reading = InputOptions(args.password, args.dpi)
    load = chosen_model(args)
    check_engine(args)
    if "-" in args.inputs or args.output == "-":
        if args.engine == "ray":
            raise SigcleanError("--engine ray is for files: leave it out for a single picture")
        if args.manifest:
            raise SigcleanError("a manifest is for files: standard input and output have none")
        return _clean_stream(inputs, style, load, reading)
    if args.engine == "ray":
        from sigclean.commands.on_ray import clean_on_ray

        return 1 if clean_on_ray(inputs, style, args) else 0
    manifest = Path(args.manifest) if args.manifest else None
    options = RunOptions(args.skip_existing, manifest, args.batch_size, args.workers, reading)
    refuse_ranks()
    return 1 if clean_all(inputs, style, load, options) else 0


def _clean_stream(inputs: Inputs, style: OutputStyle, load: Load, options: InputOptions) -> int:
    """Clean one picture from standard input, to standard output, or both."""
    from sigclean.bulk.jobs import piped_target
    from sigclean.encoding import write_picture

    style.check()
    if style.svg:
        raise SigcleanError("--svg is for files: standard input and output have one result")
    source = _only_source(inputs.names)
    if inputs.output in (None, "-"):
        write: Callable[[Image.Image], None] = partial(_write_stdout, suffix=inputs.suffix)
        if sys.stdout is None:
            raise SigcleanError("standard output is closed")
        if sys.stdout.isatty():
            raise SigcleanError("no picture goes to a terminal: redirect the output, or give -o")
    else:
        target = piped_target(inputs.output, inputs.suffix)
        style.check_files([target])
        write = partial(write_picture, path=target)
    opened = source or _standard_input()
    write(style.clean(load(), options.only_page(opened).image))
    return 0


def _only_source(names: Sequence[str]) -> Path | None:
    """Return the only file that is named; None for standard input."""
    from sigclean.bulk.jobs import expand

    paths = [path for name in names for path in ([None] if name == "-" else expand(name))]
    if len(paths) > 1:
        raise SigcleanError("standard input or output takes a single picture")
    return paths[0]


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise SigcleanError("standard input is closed")
    return sys.stdin.buffer


def _write_stdout(image: Image.Image, suffix: str | None) -> None:
    """Write a file, encoded in memory first so that nothing is half-written here either."""
    from sigclean.encoding import encode

    encoded = encode(image, suffix or ".png")
    try:
        sys.stdout.buffer.write(encoded)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise  # the reader has closed the pipe: not an error to report
    except OSError as error:
        raise SigcleanError(f"standard output cannot be written: {reason(error)}") from error
