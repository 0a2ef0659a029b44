"""`sigclean publish`: upload a weights folder to the Hugging Face Hub."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "publish",
        help="upload a weights folder to the Hugging Face Hub",
        description="Upload config.json, model.safetensors, model.onnx, README.md and its "
        "samples.png of a weights folder to the Hugging Face Hub, in one commit. Transient errors "
        "are retried for 150 seconds, or as many as the variable SIGCLEAN_HUB_PATIENCE says. "
        "Unchanged files are not sent again. Log in with `hf auth login` first, or set HF_TOKEN.",
    )
    add, default = parser.add_argument, "(default: %(default)s)"
    text = "the repository, which is created if it is new"
    add("repository", metavar="USER/REPO", help=text)
    text = "the folder to upload (default: the model that comes with sigclean)"
    add("--weights", type=Path, metavar="FOLDER", help=text)
    text = (
        "upload to this branch, created from main if it is new, or to an existing pull request "
        "such as refs/pr/3 (default: main)"
    )
    add("--revision", metavar="BRANCH", help=text)
    text = "make a new repository private; an existing public one is an error (default: public)"
    add("--private", action="store_true", help=text)
    text = "propose the upload as a new pull request (default: commit to --revision)"
    add("--create-pr", action="store_true", help=text)
    text = (
        "do not make a model.onnx for a folder that has none; machines without PyTorch cannot "
        "serve the model then (default: make one, if the packages of sigclean[export] are there)"
    )
    add("--no-onnx", action="store_true", help=text)
    text = f"the message of the commit {default}"
    add("--message", default="Upload sigclean weights", help=text)
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
