"""Publish a weights folder on the Hub; a missing card or ONNX file is made in a temporary copy."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from sigclean.errors import SigcleanError, one_line
from sigclean.extras import is_installed
from sigclean.hub.upload import Target, send
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import CARD_FILE, CONFIG_FILE, ONNX_FILE, PUBLISHED, SAMPLES_FILE
from sigclean.model_files.weights_folder import copy_folder, read_folder

PLAIN_CARD = Path(__file__).parent / "templates" / "plain_card.md"


def push_folder(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    revision: str | None = None,
    private: bool = False,
    token: str | None = None,
    commit_message: str = "Upload sigclean weights",
    create_pr: bool = False,
    onnx: bool = True,
) -> str:
    """Check that a weights folder can be loaded, and upload it; create the repository if needed.

    Args:
        folder: the weights folder. Only the files that `model_files.names.PUBLISHED` lists are
            uploaded; a missing card or model.onnx is made. Files that the repository already
            has are not sent again.
        repo_id: "user/repo".
        revision: a branch, created from main if it is new, or an existing pull request such as
            refs/pr/3; main by default.
        private: make a new repository private; an existing public one is refused.
        token: a Hub token that may write; by default the one that `hf auth login` stored.
        commit_message: the message of the commit.
        create_pr: propose the change in a new pull request.
        onnx: make a `model.onnx`, which machines without PyTorch need, if there is none and the
            packages of sigclean[export] are installed.

    Returns:
        The address of the commit or of the pull request; if nothing changed, of the newest commit.

    Raises:
        WeightsError: the folder cannot be loaded, or the Hub refuses the upload, or cannot be
            reached for some minutes.
    """
    target = Target(repo_id, revision=revision, private=private, token=token, create_pr=create_pr)
    target.check()
    check_loads(Path(folder))
    return upload(Path(folder), target, commit_message, onnx=onnx)


def check_loads(folder: Path) -> None:
    """Raise WeightsError if the folder cannot be loaded, SigcleanError without a runtime."""
    if is_installed("torch"):
        read_folder(folder)
        return
    from sigclean.runtimes.choose import load_runtime

    load_runtime(folder, device="cpu")


def upload(
    folder: Path,
    target: Target,
    message: str,
    *,
    onnx: bool = True,
    bars: bool = True,
    hurry: Event | None = None,
) -> str:
    """Upload a weights folder without loading it first; for the rest see `push_folder`.

    Args:
        bars: show progress bars if stderr is a terminal.
        hurry: once this event is set, there is no more waiting between retries.
    """
    target.check()
    with complete(folder, target.repo_id, onnx=onnx) as whole:
        files = {name: whole / name for name in PUBLISHED if (whole / name).is_file()}
        outdated = _outdated(whole)
        return send(files, target, message, outdated=outdated, bars=bars, hurry=hurry).address


@contextmanager
def complete(folder: Path, repo_id: str, *, onnx: bool) -> Iterator[Path]:
    """Yield the folder if it is complete, else a temporary copy with the missing files added.

    Args:
        repo_id: the repository that a new card names.
        onnx: make a missing `model.onnx`. If that fails, a line on stderr says why.
    """
    lacks_card = not (folder / CARD_FILE).is_file()
    lacks_onnx = onnx and not (folder / ONNX_FILE).is_file()
    if not (lacks_card or lacks_onnx):
        yield folder
        return
    with TemporaryDirectory(prefix="sigclean-") as scratch:
        copy = copy_folder(folder, Path(scratch) / "weights")
        if lacks_card:
            _add_card(copy, repo_id)
            _note(f"{folder} has no {CARD_FILE}: it is published with a card that has no figures")
        if lacks_onnx:
            _add_onnx(copy)
        yield copy


def _add_card(folder: Path, repo_id: str) -> None:
    """Write a README.md for the Hub that claims only what the config says."""
    from huggingface_hub import ModelCardData

    model = ModelConfig.read(folder / CONFIG_FILE)
    header = ModelCardData(
        license="other",
        license_name="not-stated-yet",
        library_name="sigclean",
        pipeline_tag="image-to-image",
        tags=["signature", "handwriting", "document-processing", model.generator],
    ).to_yaml()
    card = PLAIN_CARD.read_text(encoding="utf-8").format(
        header=header, repo_id=repo_id, generator=model.generator, size=model.size
    )
    (folder / CARD_FILE).write_text(card, encoding="utf-8")


def _add_onnx(folder: Path) -> None:
    from sigclean.export.onnx import write_onnx

    try:
        write_onnx(folder)
    except SigcleanError as error:
        _note(f"published without {ONNX_FILE}: {error}")
    except (
        Exception
    ) as error:  # any error of the exporter: days of training must not end in a traceback
        _note(f"published without {ONNX_FILE}, which cannot be made: {one_line(error)}")


def _outdated(folder: Path) -> list[str]:
    """List the files that an upload removes from the repository if they are there.

    They are a `model.onnx`, made from earlier weights, if the folder has none; and a samples.png
    that the card does not show, since it may hold signatures.
    """
    outdated = [] if (folder / ONNX_FILE).is_file() else [ONNX_FILE]
    card = folder / CARD_FILE
    if not card.is_file() or SAMPLES_FILE in card.read_text(encoding="utf-8", errors="replace"):
        return outdated
    return [*outdated, SAMPLES_FILE]


def _note(message: str) -> None:
    print(f"sigclean: {message}", file=sys.stderr)
