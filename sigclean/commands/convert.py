"""`sigclean convert`: a generator file of the reference implementation becomes a weights folder."""

from __future__ import annotations

import argparse
from pathlib import Path

GENERATORS = ("auto", "resnet_9blocks", "resnet_6blocks", "unet_256", "unet_128")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "convert",
        help="turn a latest_net_G*.pth into a weights folder",
        description="Turn a generator file of the PyTorch CycleGAN and pix2pix implementation "
        "into a weights folder that every command takes as --weights.",
    )
    parser.add_argument("pth", type=Path, metavar="PTH", help="for example latest_net_G_B.pth")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--generator",
        choices=GENERATORS,
        default="auto",
        help="refuse a file that holds another one (default: take any)",
    )
    parser.add_argument(
        "--size",
        type=int,
        default=512,
        metavar="PIXELS",
        help="side of the pictures that it was trained on (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert, and say what was found."""
    from sigclean.export.pth import read_pth
    from sigclean.model_files.weights_folder import save_generator

    module, config = read_pth(args.pth, args.generator, args.size)
    save_generator(module, config, args.output)
    details = ", ".join(f"{name} {value}" for name, value in config.arguments.items())
    print(f"{args.output}: {config.generator} ({details})")
    return 0
