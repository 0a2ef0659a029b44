"""`sigclean export`: write weights for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from sigclean.extras import require


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "export",
        help="write weights for other programs",
        description="Write a generator as an ONNX file, or as a generator file of the original "
        "PyTorch CycleGAN.",
    )
    kind = parser.add_mutually_exclusive_group(required=True)
    text = (
        "write this ONNX file, which machines without PyTorch can serve. A file called "
        "model.onnx in the weights folder itself is small, since it shares the folder's weights"
    )
    kind.add_argument("--onnx", type=Path, metavar="OUT", help=text)
    text = "write this generator file, such as latest_net_G_B.pth"
    kind.add_argument("--pth", type=Path, metavar="OUT", help=text)
    text = (
        "the model: a weights folder or a Hub repository (default: the model that comes with "
        "sigclean)"
    )
    parser.add_argument("--weights", metavar="PATH|USER/REPO", help=text)
    text = "a branch, tag or commit of the Hub repository (default: main)"
    parser.add_argument("--revision", help=text)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, and print the path of the file."""
    if args.onnx is not None:
        return _export_onnx(args)
    require("torch", extra="torch", purpose="exporting")
    from sigclean.export.pth import write_pth
    from sigclean.hub.resolve import resolve_weights
    from sigclean.model_files.weights_folder import read_folder

    module, config = read_folder(resolve_weights(args.weights, revision=args.revision))
    print(write_pth(module, config, args.pth))
    return 0


def _export_onnx(args: argparse.Namespace) -> int:
    from sigclean.export.onnx import check_packages, write_onnx
    from sigclean.hub.resolve import resolve_weights
    from sigclean.model_files.names import ONNX_FILE

    check_packages()
    folder = resolve_weights(args.weights, revision=args.revision)
    within = args.onnx.resolve() == (folder / ONNX_FILE).resolve()
    exported = write_onnx(folder, None if within else args.onnx)
    print(f"{exported.path} (differs from PyTorch by at most {exported.difference:.1e})")
    return 0
