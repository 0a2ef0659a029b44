"""Weights folders go to the Hub: rights are tried beforehand, uploads again where they fail."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from sigclean.errors import WeightsError
from sigclean.hub_client import REPO_ID, asking_the_hub, persistently
from sigclean.version import __version__
from sigclean.weights_folder import CARD_FILE, PUBLISHED, SAMPLES_FILE

if TYPE_CHECKING:
    from huggingface_hub import HfApi

BLINK = 10.0  # seconds: before anything is done, only short faults are waited for


def check_may_write(repo_id: str, *, private: bool = False, token: str | None = None) -> None:
    """Make sure that an upload to `repo_id` will be allowed, and make the repository if need be.

    Costs one request where the repository is there: the Hub is asked for the right itself, since
    what a token may do is no matter of its kind alone.

    Args:
        private: for a repository that is made now.
        token: by default the one that `hf auth login` stored, or HF_TOKEN.

    Raises:
        WeightsError: no repository's name, no token, one without rights, or no Hub to ask.
    """
    check_name(repo_id)
    from huggingface_hub import get_token

    with asking_the_hub(repo_id):
        if not (token or get_token()):
            raise WeightsError(
                f"there is no token to upload to {repo_id} with: log in with `hf auth login`, "
                "or set HF_TOKEN"
            )
        hub = _client(token)
        persistently(lambda: _claim(hub, repo_id, private), patience=BLINK)


def _claim(hub: HfApi, repo_id: str, private: bool) -> None:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        hub.auth_check(repo_id, write=True)
    except RepositoryNotFoundError:  # also what a token that nobody knows is told
        hub.create_repo(repo_id, private=private or None, exist_ok=True)
        hub.auth_check(repo_id, write=True)


def upload(
    folder: Path,
    repo_id: str,
    *,
    revision: str | None = None,
    private: bool = False,
    token: str | None = None,
    commit_message: str,
    create_pr: bool = False,
    bars: bool = True,
    hurry: Event | None = None,
) -> str:
    """Upload the files of a weights folder as they are; those that are there already are not sent.

    Failures that may pass (a lost connection, 429, 5xx) are tried again for some minutes, as
    `persistently` says; a pull request is not, which might come twice.

    Args:
        bars: show progress, on a terminal.
        hurry: ends the waiting between tries when it is set.

    Returns:
        The address of the commit or of the pull request; of the newest commit if nothing changed.

    Raises:
        WeightsError: the Hub refuses, or cannot be reached.
    """
    check_name(repo_id)
    hub = _client(token)

    def attempt() -> str:
        hub.create_repo(repo_id, private=private or None, exist_ok=True)
        commit = hub.upload_folder(
            folder_path=folder,
            repo_id=repo_id,
            revision=revision,
            commit_message=commit_message,
            create_pr=create_pr,
            allow_patterns=list(PUBLISHED),
            delete_patterns=_outdated(folder) or None,
        )
        return str(commit.pr_url or commit.commit_url)

    with asking_the_hub(repo_id, revision, bars=bars):
        return persistently(attempt, patience=0 if create_pr else None, hurry=hurry)


def check_name(repo_id: str) -> None:
    """Raises WeightsError for what is no "user/repo"."""
    if not REPO_ID.fullmatch(repo_id):
        raise WeightsError(f"{repo_id!r} is no name of a Hub repository: it looks like user/repo")


def _client(token: str | None) -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(token=token, library_name="sigclean", library_version=__version__)


def _outdated(folder: Path) -> list[str]:
    """What an upload removes: the picture of an earlier card, if this one shows none, since it may
    hold signatures that must not be seen."""
    card = folder / CARD_FILE
    if not card.is_file() or SAMPLES_FILE in card.read_text(encoding="utf-8", errors="replace"):
        return []
    return [SAMPLES_FILE]
