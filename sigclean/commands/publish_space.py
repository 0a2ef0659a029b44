"""`sigclean publish-space`: the web page, with a model of yours, becomes a Space on the Hub."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "publish-space",
        help="make a Space of the Hugging Face Hub that cleans with a model of yours",
        description="Create or update a Space that serves the web page: this version of sigclean, "
        "requirements pinned to what is installed here, and the models, which it downloads when it "
        "starts. A Space to which nothing is new is restarted, which takes the newest revision of "
        "its models. Log in with `hf auth login` first, or set HF_TOKEN.",
    )
    parser.add_argument("space", metavar="USER/SPACE", help="made if it is not there")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="USER/REPO[@REVISION]",
        help="a model on the Hub, pinned if a branch, tag or commit follows; may be given several "
        "times, and `default` is the one that comes with sigclean (default: that one)",
    )
    parser.add_argument("--title", help="that the Hub shows (default: the Space's name)")
    parser.add_argument(
        "--private",
        action="store_true",
        help="make a new Space private; one that is public is refused",
    )
    parser.add_argument(
        "--torch",
        action="store_true",
        help="add PyTorch, for a Space with a GPU; models without a model.onnx bring it anyway",
    )
    parser.add_argument("--message", default="Update the Space", help="of the commit")
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="OUT",
        help="write the Space's files into this new folder and upload nothing",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build, and upload unless told otherwise; print the Space's address or the folder."""
    from sigclean.hub.space import build_space, look_up, publish_space
    from sigclean.hub.upload import Target

    target = Target(args.space, kind="space", private=args.private)
    target.check()
    models = [look_up(source) for source in args.model]
    title = args.title or args.space.partition("/")[2]
    if args.folder is not None:
        print(build_space(args.folder, models, title=title, torch=args.torch))
    else:
        print(publish_space(target, models, title=title, message=args.message, torch=args.torch))
    for model in models:
        if model.private:
            print(
                f"sigclean: {model.repo_id} is private: give the Space a secret HF_TOKEN that may "
                "read it, in its settings",
                file=sys.stderr,
            )
    return 0
