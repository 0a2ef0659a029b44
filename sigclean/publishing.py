"""What a weights folder lacks of a publication is made beside it, before it goes to the Hub."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sigclean.config import ModelConfig
from sigclean.plain_card import plain_card
from sigclean.weights_folder import CARD_FILE, CONFIG_FILE, copy_folder


@contextmanager
def complete(folder: Path, repo_id: str) -> Iterator[Path]:
    """The folder itself if it has all, otherwise a copy with what it lacks, gone after the block.

    A model that has no card gets one that says how it is used, and claims nothing.
    """
    if (folder / CARD_FILE).is_file():
        yield folder
        return
    with TemporaryDirectory(prefix="sigclean-") as scratch:
        copy = copy_folder(folder, Path(scratch) / "weights")
        card = plain_card(ModelConfig.read(copy / CONFIG_FILE), repo_id)
        (copy / CARD_FILE).write_text(card, encoding="utf-8")
        _note(f"{folder} has no {CARD_FILE}: it is published with a card that has no figures")
        yield copy


def _note(message: str) -> None:
    print(f"sigclean: {message}", file=sys.stderr)
