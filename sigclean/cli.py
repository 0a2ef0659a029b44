"""The `sigclean` command: its parser, and one sentence for each error."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType

from sigclean.errors import SigcleanError, one_line, reason
from sigclean.version import __version__

COMMANDS = (
    "clean", "extract", "prepare", "evaluate", "export", "convert", "publish", "publish_space",
    "demo",
)  # fmt: skip
"""Modules of sigclean.commands in the order of the help; importing one imports no heavy package."""


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Build the parser of sub-commands; each sets `run`, the function that carries it out."""
    parser = argparse.ArgumentParser(
        prog="sigclean",
        description="Clean handwritten signatures: erase lines, print, stamps and paper, "
        "keep every stroke.",
    )
    parser.add_argument("--version", action="version", version=f"sigclean {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in names:
        import_module(f"sigclean.commands.{name}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; those of this process when None.

    Returns:
        The exit status: 0, 1 after an error, 130 after Ctrl-C. Wrong usage exits with 2, SIGTERM
        and SIGHUP with 128 plus their number.
    """
    if sys.stderr is None:  # closed: messages must not get among the pixels on standard output
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 (for the life of the process)
    words = sys.argv[1:] if argv is None else argv
    named = [name for name in COMMANDS if words and name.replace("_", "-") == words[0]]
    args = build_parser(named or COMMANDS).parse_args(words)  # one parser takes 8 ms less than all
    try:
        with _exit_on_signals(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")  # odd metadata
            return args.run(args)
    except SigcleanError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("there is not enough memory")
    except BrokenPipeError:
        _silence_stdout()
        return 1
    except OSError as error:  # a full disk, a vanished drive: no traceback either
        return _fail(f"{error.filename or 'the system'}: {reason(error)}")
    except KeyboardInterrupt:
        if os.environ.get("RANK", "0") == "0":  # one of several processes reports it
            print("sigclean: interrupted", file=sys.stderr)
        return 130


def _fail(message: str) -> int:
    print(f"sigclean: error: {one_line(message)}", file=sys.stderr)
    return 1


@contextmanager
def _exit_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack, so that no temporary file is left."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    try:
        before = {number: signal.signal(number, leave) for number in signals}
    except ValueError:  # only the main thread may handle signals
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _silence_stdout() -> None:
    """Keep the interpreter from complaining about a closed pipe again when it flushes at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
