"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING

from sigclean.errors import SigcleanError

if TYPE_CHECKING:
    from sigclean.bulk.picture_worker import OutputStyle
    from sigclean.cleaner import SignatureCleaner

SUFFIXES = {"png": ".png", "webp": ".webp", "jpeg": ".jpg"}  # of results, by format


def add_shard_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of files of many pictures, and of data sets."""
    group = parser.add_argument_group("shards and data sets")
    group.add_argument(
        "--dataset",
        metavar="PATH|USER/REPO",
        help="take a data set of the `datasets` library, a folder or a Hub repository, in place of "
        "INPUT; `clean` writes Parquet files into the folder of --output, `extract` pictures",
    )
    group.add_argument(
        "--split", default="", metavar="NAME", help="the split of --dataset to take (default: all)"
    )
    group.add_argument(
        "--column",
        default="",
        metavar="NAME",
        help="the column of a Parquet file or data set that holds the pictures (default: the only "
        "such column); in a tar file, the extension of the pictures to clean, such as jpg "
        "(default: all pictures)",
    )


def add_document_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of reading documents."""
    group = parser.add_argument_group("documents")
    group.add_argument(
        "--password", metavar="WORD", help="the password of encrypted PDFs (default: none)"
    )
    group.add_argument(
        "--dpi",
        type=_resolution,
        metavar="N",
        help="the dots per inch at which PDFs are drawn, and that pictures have, whatever their "
        "files say (default: 300, or those of the scan that a page consists of; for pictures, as "
        "their files say)",
    )


def add_look_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of what results look like, and of how ink is told."""
    group.add_argument(
        "--crop",
        action="store_true",
        help="crop results to the ink, with a margin (default: all that was cleaned)",
    )
    group.add_argument(
        "--margin",
        type=partial(_side, least=0),
        metavar="N",
        help="crop results to the ink with N pixels of the input around it (default: with --crop a "
        "twentieth of the ink's longer side)",
    )
    for name, other in (("width", "height"), ("height", "width")):
        group.add_argument(
            f"--{name}",
            type=partial(_side, least=1),
            metavar="N",
            help=f"resize results to a {name} of N pixels; strokes keep their shape, and their "
            f"true size in the file's dpi (default: as the {other}, or as many as there are)",
        )
    group.add_argument(
        "--format",
        choices=tuple(SUFFIXES),
        help="the format of results: png, webp (without loss) or jpeg (on white paper, with loss) "
        "(default: that of the output file's name, else png)",
    )
    group.add_argument(
        "--ink",
        type=_ink,
        metavar="COLOUR",
        help="draw the strokes in one colour: black, blue or #rrggbb (default: as they are)",
    )
    group.add_argument(
        "--svg",
        action="store_true",
        help="trace each result as well, into an SVG file beside it (needs vtracer)",
    )
    group.add_argument(
        "--pen",
        type=_pen,
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


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the model, and of how it is computed."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--weights",
        metavar="PATH|USER/REPO",
        help="the model: a weights folder, an exported .onnx file or a Hub repository (default: "
        "the model that comes with sigclean)",
    )
    group.add_argument(
        "--revision", help="a branch, tag or commit of the Hub repository (default: main)"
    )
    group.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps", "coreml", "directml"),
        help="where the network runs; auto takes a GPU that PyTorch can use, else the CPU; an "
        "unavailable device is an error; coreml and directml need onnxruntime (default: auto)",
    )
    group.add_argument(
        "--runtime",
        default="auto",
        choices=("auto", "torch", "onnx", "openvino"),
        help="what computes the network; auto takes the fastest one that is installed and fits the "
        "weights and the device (default: auto)",
    )
    group.add_argument(
        "--workers",
        type=partial(whole_number, least=0),
        default=0,
        metavar="N",
        help="the number of pictures cleaned at once; 0 takes one for each core, at most 16 "
        "(default: 0)",
    )


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of work on a cluster."""
    group = parser.add_argument_group("clusters")
    group.add_argument(
        "--engine",
        default="threads",
        choices=("threads", "ray"),
        help="threads of this process, or workers of a Ray cluster; with ray, inputs and outputs "
        "may be URLs such as s3://bucket/scans, and the manifest is a folder of parts (default: "
        "threads)",
    )
    group.add_argument(
        "--ray-address",
        metavar="auto|local|HOST:PORT",
        help="the cluster; local starts a Ray of this machine alone (default: what RAY_ADDRESS "
        "names, or the cluster that runs here, else local)",
    )
    group.add_argument(
        "--concurrency",
        type=partial(whole_number, least=1),
        metavar="N",
        help="the most workers of the cluster (default: one for each core or GPU)",
    )
    group.add_argument(
        "--num-gpus",
        type=_share_of_gpus,
        default=0.0,
        metavar="X",
        help="the GPUs of each worker, such as 1 or 0.25 (default: 0)",
    )


def _share_of_gpus(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1000 or (number > 1 and number % 1):
        raise argparse.ArgumentTypeError(f"expected a share of a GPU or a whole number: {text!r}")
    return number


def check_engine(args: argparse.Namespace) -> None:
    """Raise SigcleanError if something that needs a cluster is asked for without one."""
    if args.engine != "threads":
        return
    if args.ray_address or args.concurrency or args.num_gpus:
        raise SigcleanError("--ray-address, --concurrency and --num-gpus need --engine ray")
    for name in (*args.inputs, args.output or "", args.manifest or ""):
        if "://" in name and not os.path.lexists(name):
            raise SigcleanError(f"{name} is a URL: --engine ray reads and writes such places")


def chosen_model(args: argparse.Namespace) -> Callable[..., SignatureCleaner]:
    """Return the function that loads the model chosen by `add_model_options`; it takes the other
    options of `SignatureCleaner.from_pretrained`."""
    from sigclean.cleaner import SignatureCleaner

    return partial(
        SignatureCleaner.from_pretrained,
        args.weights,
        revision=args.revision,
        device=args.device,
        runtime=args.runtime,
    )


def output_style(args: argparse.Namespace) -> OutputStyle:
    """Return the appearance of results that a command's options ask for."""
    from sigclean.bulk.picture_worker import OutputStyle

    names = [one.name for one in fields(OutputStyle) if hasattr(args, one.name)]
    return OutputStyle(**{name: getattr(args, name) for name in names})


def refuse_ranks() -> None:
    """Raise SigcleanError if a launcher started several processes, which would all do all."""
    count = os.environ.get("WORLD_SIZE", "1")
    if count not in ("", "0", "1"):
        raise SigcleanError(
            f"this is one of {count} processes (WORLD_SIZE), and each would do all pictures: start "
            "a single one, which uses all cores, or --engine ray for several machines"
        )


def whole_number(text: str, least: int, most: int | None = None) -> int:
    """Parse a whole number in a range, for argparse."""
    if text.isdecimal() and int(text) >= least and (most is None or int(text) <= most):
        return int(text)
    wanted = f"from {least} up" if most is None else f"from {least} to {most}"
    raise argparse.ArgumentTypeError(f"expected a whole number {wanted}, not {text!r}")


# These import what checks a value only when the value is given: help is to be fast.


def _resolution(text: str) -> int:
    from sigclean.encoding import LARGEST_DPI

    return whole_number(text, 50, LARGEST_DPI)


def _side(text: str, least: int) -> int:
    from sigclean.compositing.cutting import MOST_SIDE

    return whole_number(text, least, MOST_SIDE)


def _ink(text: str) -> str:
    from sigclean.ink import parse_colour

    return _checked(text, parse_colour)


def _pen(text: str) -> str:
    from sigclean.compositing.ink_colour import parse_pen

    return _checked(text, parse_pen)


def _checked(text: str, check: Callable[[str], object]) -> str:
    try:
        check(text)
    except SigcleanError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
