"""`sigclean publish-space`: make a Space of the Hub that serves the web page with your model."""

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
        "requirements pinned to the versions installed here, and the models, which it downloads "
        "when it starts. A Space that is up to date is restarted, and then loads the newest "
        "revision of its models. Log in with `hf auth login` first, or set HF_TOKEN.",
    )
    add, default = parser.add_argument, "(default: %(default)s)"
    add("space", metavar="USER/SPACE", help="the Space, which is created if it is new")
    text = (
        "a model on the Hub, pinned if a branch, tag or commit follows; several may be given, "
        "each with a --model of its own (default: `default`, the model that comes with sigclean)"
    )
    add("--model", action="append", default=[], metavar="USER/REPO[@REVISION]", help=text)
    add("--title", help="the title of the Space on the Hub (default: the Space's name)")
    text = "make a new Space private; an existing public one is an error (default: public)"
    add("--private", action="store_true", help=text)
    text = "require PyTorch, for a Space with a GPU (default: only if a model has no model.onnx)"
    add("--torch", action="store_true", help=text)
    add("--message", default="Update the Space", help=f"the message of the commit {default}")
    text = "write the Space's files into this new folder and upload nothing (default: upload)"
    add("--folder", type=Path, metavar="OUT", help=text)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build the Space, and upload it unless a folder is given; print its address or the folder."""
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
