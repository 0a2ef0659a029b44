"""Upload files to the Hub in one commit, and check beforehand that the token may.

Every upload of sigclean, be it weights of a training, of `sigclean publish` or a Space, is made by
`send`: one commit with all changes, or none.
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
from sigclean.hub.client import QUICK_PATIENCE, REPO_ID, Kind, hub_errors, with_retries
from sigclean.version import __version__

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

COMMIT_ID = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Target:
    """The repository and the branch that an upload goes to.

    Attributes:
        repo_id: "user/repo"; created if it is new.
        kind: model or space.
        revision: a branch, created from main if it is new, or an existing pull request such as
            refs/pr/3; None for main.
        private: create a new repository as a private one, and refuse an existing public one.
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
        """Raise WeightsError for a target that no Hub can have; nothing is requested."""
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
    """The result of an upload."""

    address: str  # of the commit or of the pull request; of the newest commit if nothing changed
    changed: bool  # true if the upload changed a file


def check_may_write(target: Target) -> None:
    """Check that an upload will be allowed; create the repository and the branch if need be.

    The Hub itself is asked, with one request if the repository exists: the kind of a token alone
    does not tell what it may do.

    Raises WeightsError if the name is not valid, there is no token, the token may not write, or the
    Hub cannot be reached.
    """
    target.check()
    from huggingface_hub import get_token

    with hub_errors(target.repo_id, target.revision, kind=target.kind):
        if not (target.token or get_token()):
            raise WeightsError(
                f"there is no token to upload to {target.repo_id} with: log in with "
                "`hf auth login`, or set HF_TOKEN"
            )
        hub = _client(target)
        with_retries(lambda: _prepare(hub, target), patience=QUICK_PATIENCE)


def _prepare(hub: HfApi, target: Target) -> None:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        hub.auth_check(target.repo_id, repo_type=target.kind, write=True)
    except RepositoryNotFoundError:  # the answer to an unknown token, too
        _create(hub, target)
        hub.auth_check(target.repo_id, repo_type=target.kind, write=True)
    else:
        _create_branch(hub, target)


def _create(hub: HfApi, target: Target) -> None:
    """Create the repository and its branch unless they exist."""
    hub.create_repo(
        target.repo_id,
        repo_type=target.kind,
        private=target.private or None,
        space_sdk="gradio" if target.kind == "space" else None,
        exist_ok=True,
    )
    _create_branch(hub, target)


def _create_branch(hub: HfApi, target: Target) -> None:
    """Create the branch unless it exists; refuse a public repository that should be private."""
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


def send(
    files: Mapping[str, Path],
    target: Target,
    message: str,
    *,
    outdated: Sequence[str] = (),
    bars: bool = True,
    hurry: Event | None = None,
) -> Sent:
    """Bring files to a repository in one commit; files that it already has are not sent.

    Transient errors (a lost connection, 429, 5xx) are retried as in `with_retries`. A pull request
    is tried once: a retry might make a second one.

    Args:
        files: local files by their paths in the repository.
        outdated: patterns; a path of the repository that matches one is removed unless `files`
            has it.
        bars: show progress, on a terminal.
        hurry: an event that ends the waiting between retries.

    Raises WeightsError if the Hub refuses, or cannot be reached.
    """
    target.check()
    hub = _client(target)

    def attempt() -> Sent:
        _create(hub, target)
        return _commit(hub, files, target, message, outdated)

    with hub_errors(target.repo_id, target.revision, kind=target.kind, bars=bars):
        return with_retries(attempt, patience=0 if target.create_pr else None, hurry=hurry)


def _commit(
    hub: HfApi,
    files: Mapping[str, Path],
    target: Target,
    message: str,
    outdated: Sequence[str],
) -> Sent:
    """Make one commit, which `HfApi.upload_folder` does not promise."""
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
