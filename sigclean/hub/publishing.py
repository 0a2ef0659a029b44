"""What a weights folder lacks of a publication is made beside it, before it goes to the Hub."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sigclean.errors import SigcleanError, one_line
from sigclean.extras import is_installed
from sigclean.hub.plain_card import plain_card
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import CARD_FILE, CONFIG_FILE, ONNX_FILE
from sigclean.model_files.weights_folder import copy_folder, read_folder


def check_loads(folder: Path) -> None:
    """Raises WeightsError, or SigcleanError without a runtime, for what nobody could load."""
    if is_installed("torch"):
        read_folder(folder)
        return
    from sigclean.runtimes.choose import load_runtime

    load_runtime(folder, device="cpu")


@contextmanager
def complete(folder: Path, repo_id: str, *, onnx: bool) -> Iterator[Path]:
    """The folder itself if it has all, otherwise a copy with what it lacks, gone after the block.

    Args:
        repo_id: that a card which has to be written names.
        onnx: make a `model.onnx`, for machines without PyTorch. What hinders is a line on stderr.
    """
    lacks_card = not (folder / CARD_FILE).is_file()
    lacks_onnx = onnx and not (folder / ONNX_FILE).is_file()
    if not (lacks_card or lacks_onnx):
        yield folder
        return
    with TemporaryDirectory(prefix="sigclean-") as scratch:
        copy = copy_folder(folder, Path(scratch) / "weights")
        if lacks_card:
            card = plain_card(ModelConfig.read(copy / CONFIG_FILE), repo_id)
            (copy / CARD_FILE).write_text(card, encoding="utf-8")
            _note(f"{folder} has no {CARD_FILE}: it is published with a card that has no figures")
        if lacks_onnx:
            _add_onnx(copy)
        yield copy


def _add_onnx(folder: Path) -> None:
    from sigclean.export.onnx import write_onnx

    try:
        write_onnx(folder)
    except SigcleanError as error:
        _note(f"published without {ONNX_FILE}: {error}")
    except Exception as error:  # the exporter's; days of training must not end in its traceback
        _note(f"published without {ONNX_FILE}, which cannot be made: {one_line(error)}")


def _note(message: str) -> None:
    print(f"sigclean: {message}", file=sys.stderr)
