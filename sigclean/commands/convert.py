"""`sigclean convert`: turn a file of the original PyTorch CycleGAN into a weights folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from sigclean.extras import require

GENERATORS = ("auto", "resnet_9blocks", "resnet_6blocks", "unet_256", "unet_128")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "convert",
        help="turn a latest_net_G*.pth into a weights folder",
        description="Turn a generator file of the original PyTorch CycleGAN into a weights folder, "
        "which every command takes as --weights.",
    )
    add, default = parser.add_argument, "(default: %(default)s)"
    add("pth", type=Path, metavar="PTH", help="the generator file, such as latest_net_G_B.pth")
    text = "the weights folder to write; in an existing one the files of the model are replaced"
    add("-o", "--output", type=Path, required=True, metavar="FOLDER", help=text)
    text = (
        "the network in the file; a file with another one is an error (default: auto, which "
        "recognises the network)"
    )
    add("--generator", choices=GENERATORS, default="auto", help=text)
    text = f"the side of the square pictures that it was trained on {default}"
    add("--size", type=int, default=512, metavar="PIXELS", help=text)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert, and print the network that was found."""
    require("torch", extra="torch", purpose="converting")
    from sigclean.export.pth import read_pth
    from sigclean.model_files.weights_folder import save_generator

    module, config = read_pth(args.pth, args.generator, args.size)
    save_generator(module, config, args.output)
    details = ", ".join(f"{name} {value}" for name, value in config.arguments.items())
    print(f"{args.output}: {config.generator} ({details})")
    return 0
