"""Folders go to the Hub: rights are tried beforehand, uploads again where they fail.

Whatever sigclean uploads, the weights of a training, of `sigclean publish` or a Space, ends in
`send`: one commit with all that changed, or none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from sigclean.errors import WeightsError
from sigclean.hub.client import REPO_ID, Kind, asking_the_hub, persistently
from sigclean.hub.publishing import complete
from sigclean.model_files.names import CARD_FILE, ONNX_FILE, PUBLISHED, SAMPLES_FILE
from sigclean.version import __version__

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

BLINK = 10.0  # seconds: before anything is done, only short faults are waited for
COMMIT_ID = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Target:
    """Where an upload goes.

    Attributes:
        repo_id: "user/repo"; made if it is not there.
        kind: of repository, model or space.
        revision: a branch, made from main if it is not there, or a pull request that is, such as
            refs/pr/3; None for main.
        private: for a repository that is made now. One that is there and public is refused.
        token: by default the one that `hf auth login` stored, or HF_TOKEN.
        create_pr: propose the change in a pull request to main.
    """

    repo_id: str
    kind: Kind = "model"
    revision: str | None = None
    private: bool = False
    token: str | None = None
    create_pr: bool = False

    def check(self) -> None:
        """Raises WeightsError for what cannot be, whatever is on the Hub."""
        if not REPO_ID.fullmatch(self.repo_id):
            raise WeightsError(
                f"{self.repo_id!r} is no name of a Hub repository: it looks like user/repo"
            )
        if self.create_pr and self.revision not in (None, "main"):
            raise WeightsError(
                f"a new pull request is made to main, not to {self.revision}: "
                "give a revision or ask for a pull request"
            )
        if self.revision and COMMIT_ID.fullmatch(self.revision):
            raise WeightsError(f"{self.revision} is a commit: an upload goes to a branch")


@dataclass(frozen=True)
class Sent:
    """What became of an upload.

    Attributes:
        address: of the commit or of the pull request; of the newest commit if nothing changed.
        changed: whether there was anything new in it.
    """

    address: str
    changed: bool


def check_may_write(target: Target) -> None:
    """Make sure that an upload will be allowed; make repository and branch if need be.

    Costs one request where the repository is there: the Hub is asked for the right itself, since
    what a token may do is no matter of its kind alone.

    Raises:
        WeightsError: no repository's name, no token, one without rights, or no Hub to ask.
    """
    target.check()
    from huggingface_hub import get_token

    with asking_the_hub(target.repo_id, target.revision, kind=target.kind):
        if not (target.token or get_token()):
            raise WeightsError(
                f"there is no token to upload to {target.repo_id} with: log in with "
                "`hf auth login`, or set HF_TOKEN"
            )
        hub = _client(target)
        persistently(lambda: _claim(hub, target), patience=BLINK)


def _claim(hub: HfApi, target: Target) -> None:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        hub.auth_check(target.repo_id, repo_type=target.kind, write=True)
    except RepositoryNotFoundError:  # also what a token that nobody knows is told
        _make(hub, target)
        hub.auth_check(target.repo_id, repo_type=target.kind, write=True)
    else:
        _open(hub, target)


def _make(hub: HfApi, target: Target) -> None:
    """The repository, and its branch, whether they are there or not."""
    hub.create_repo(
        target.repo_id,
        repo_type=target.kind,
        private=target.private or None,
        space_sdk="gradio" if target.kind == "space" else None,
        exist_ok=True,
    )
    _open(hub, target)


def _open(hub: HfApi, target: Target) -> None:
    """Refuse a repository that is public and should not be; make the branch."""
    from huggingface_hub.errors import RevisionNotFoundError

    where: dict[str, Any] = {"repo_id": target.repo_id, "repo_type": target.kind}
    if target.private and hub.repo_info(**where).private is False:
        raise WeightsError(
            f"{target.repo_id} is there already and public: "
            "make it private in its settings, or do not ask for a private one"
        )
    if target.revision not in (None, "main"):
        try:
            hub.repo_info(**where, revision=target.revision)
        except RevisionNotFoundError:
            hub.create_branch(**where, branch=target.revision, exist_ok=True)


def upload(
    folder: Path,
    target: Target,
    message: str,
    *,
    onnx: bool = True,
    bars: bool = True,
    hurry: Event | None = None,
) -> str:
    """Upload a weights folder; what it lacks of a publication (see `publishing`) is made first.

    Args:
        message: of the commit.
        onnx: make a `model.onnx`, if there is none and the packages that it needs are there.
        bars: show progress, on a terminal.
        hurry: ends the waiting between tries when it is set.

    Returns:
        The address of the commit or of the pull request; of the newest commit if nothing changed.

    Raises:
        WeightsError: the Hub refuses, or cannot be reached.
    """
    target.check()
    with complete(folder, target.repo_id, onnx=onnx) as whole:
        files = {name: whole / name for name in PUBLISHED if (whole / name).is_file()}
        outdated = _outdated(whole)
        return send(files, target, message, outdated=outdated, bars=bars, hurry=hurry).address


def send(
    files: Mapping[str, Path],
    target: Target,
    message: str,
    *,
    outdated: Sequence[str] = (),
    bars: bool = True,
    hurry: Event | None = None,
) -> Sent:
    """Bring files to a repository in one commit; those that are there already are not sent.

    Failures that may pass (a lost connection, 429, 5xx) are tried again for some minutes, as
    `persistently` says; a pull request is not, which might come twice.

    Args:
        files: by their paths in the repository.
        outdated: patterns of paths that go from the repository if `files` does not have them.

    Raises:
        WeightsError: the Hub refuses, or cannot be reached.
    """
    target.check()
    hub = _client(target)

    def attempt() -> Sent:
        _make(hub, target)
        return _commit(hub, files, target, message, outdated)

    with asking_the_hub(target.repo_id, target.revision, kind=target.kind, bars=bars):
        return persistently(attempt, patience=0 if target.create_pr else None, hurry=hurry)


def _commit(
    hub: HfApi,
    files: Mapping[str, Path],
    target: Target,
    message: str,
    outdated: Sequence[str],
) -> Sent:
    """One commit, which `HfApi.upload_folder` does not promise."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    where: dict[str, Any] = {
        "repo_id": target.repo_id,
        "repo_type": target.kind,
        "revision": target.revision,
    }
    head: Any = hub.repo_info(**where)
    there = {one.rfilename for one in head.siblings or ()}
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        *(CommitOperationAdd(name, path) for name, path in files.items()),
        *(
            CommitOperationDelete(name)
            for name in sorted(there - set(files))
            if any(fnmatchcase(name, pattern) for pattern in outdated)
        ),
    ]
    commit = hub.create_commit(
        **where, operations=operations, commit_message=message, create_pr=target.create_pr
    )
    return Sent(str(commit.pr_url or commit.commit_url), commit.oid != head.sha)


def _client(target: Target) -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(token=target.token, library_name="sigclean", library_version=__version__)


def _outdated(folder: Path) -> list[str]:
    """What an upload removes: a `model.onnx` of other weights, and the picture of an earlier card,
    if this one shows none, since it may hold signatures that must not be seen."""
    outdated = [] if (folder / ONNX_FILE).is_file() else [ONNX_FILE]
    card = folder / CARD_FILE
    if not card.is_file() or SAMPLES_FILE in card.read_text(encoding="utf-8", errors="replace"):
        return outdated
    return [*outdated, SAMPLES_FILE]
