"""`sigclean publish`: a weights folder becomes a model on the Hugging Face Hub."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "publish",
        help="upload a weights folder to the Hugging Face Hub",
        description="Upload config.json, model.safetensors, model.onnx, README.md and its "
        "samples.png of a weights folder to the Hugging Face Hub, in one commit. What fails for a "
        "reason that may pass is tried again for 150 seconds, or those of SIGCLEAN_HUB_PATIENCE; "
        "what is there already is not sent. Log in with `hf auth login` first, or set HF_TOKEN.",
    )
    parser.add_argument("repository", metavar="USER/REPO", help="made if it is not there")
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FOLDER",
        help="the folder to upload (default: the model that comes with sigclean)",
    )
    parser.add_argument(
        "--revision",
        metavar="BRANCH",
        help="upload to this branch, made from main if it is not there, or to a pull request that "
        "is, such as refs/pr/3 (default: main)",
    )
    parser.add_argument(
        "--private",
        action="store_true",
        help="make a new repository private; one that is public is refused",
    )
    parser.add_argument("--create-pr", action="store_true", help="propose a new pull request")
    parser.add_argument(
        "--no-onnx",
        action="store_true",
        help="do not make a model.onnx, by which machines without PyTorch serve the model, for a "
        "folder that has none",
    )
    parser.add_argument("--message", default="Upload sigclean weights", help="of the commit")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Upload, and print the address of the commit."""
    from sigclean.hub.push import push_folder
    from sigclean.hub.resolve import resolve_weights

    print(
        push_folder(
            resolve_weights(args.weights),
            args.repository,
            revision=args.revision,
            private=args.private,
            create_pr=args.create_pr,
            onnx=not args.no_onnx,
            commit_message=args.message,
        )
    )
    return 0
