"""Where weights come from and go to: the package, a folder, or the Hugging Face Hub.

A Hub repository is a weights folder (see `weights_folder`): its files, and no others, are uploaded
and downloaded. The Hub's client is imported only when a repository is asked for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sigclean.errors import WeightsError
from sigclean.hub.client import REPO_ID
from sigclean.hub.download import download
from sigclean.hub.publishing import check_loads
from sigclean.hub.upload import Target, upload
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import CONFIG_FILE, DEFAULT_WEIGHTS, WEIGHTS_FILE
from sigclean.model_files.weights_folder import is_pickle, read_folder, save_generator

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "ModelConfig",
    "load_generator",
    "push_folder",
    "resolve_weights",
    "save_generator",
]


def load_generator(
    source: str | os.PathLike[str] | None = None,
    *,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> tuple[nn.Module, ModelConfig]:
    """Load a generator: float32, on the CPU, in evaluation mode.

    Takes the arguments of `resolve_weights`, and raises WeightsError as it does; also when the
    folder's files are missing, broken, or do not fit each other.
    """
    folder = resolve_weights(
        source,
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
    )
    return read_folder(folder)


def resolve_weights(
    source: str | os.PathLike[str] | None = None,
    *,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> Path:
    """The folder that holds the weights, downloaded and cached if need be.

    Args:
        source: None for the packaged model, a folder, or a Hub repository "user/repo".
        revision: branch, tag or commit of a repository; a commit pins the weights for good.
        token: for private repositories; by default the one that `hf auth login` stored.
        cache_dir: where downloads are kept; by default the Hub's own cache.
        local_files_only: take a repository from the cache, without the network.

    Raises:
        WeightsError: no such folder, repository or revision; it cannot be had offline; or a file
            of it is not what the Hub says.
    """
    path = DEFAULT_WEIGHTS if source is None else Path(source).expanduser()
    if path.is_dir() or source is None:
        if revision is not None:
            raise WeightsError(f"{path} is a folder: only a Hub repository has revisions")
        return path
    if path.is_file():
        raise WeightsError(
            f"{path} is a file: give the folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}"
            + (f", made by `sigclean convert {path} -o FOLDER`" if is_pickle(path.name) else "")
        )
    if not isinstance(source, str) or not REPO_ID.fullmatch(source):
        raise WeightsError(f"no such weights folder: {source}")
    return download(
        source,
        revision=revision,
        token=token,
        cache_dir=None if cache_dir is None else Path(cache_dir),
        local_files_only=local_files_only,
    )


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
    """Upload a weights folder to the Hub, making the repository if need be.

    The folder is loaded first: what cannot be loaded is not published. Failures that may pass are
    tried again for some minutes.

    Args:
        folder: the files of `weights_folder.PUBLISHED` are uploaded, nothing else, and those that
            it lacks but could have are made. What is there already is not sent again.
        repo_id: "user/repo".
        revision: a branch, made from main if it is not there, or a pull request that is there, such
            as refs/pr/3; main by default.
        private: for a repository that is made now; one that is there and public is refused.
        token: one that may write; by default the one that `hf auth login` stored.
        create_pr: propose the change in a new pull request.
        onnx: make a `model.onnx` for machines without PyTorch, if there is none and the packages
            of sigclean[export] are there.

    Returns:
        The address of the commit or of the pull request; of the newest commit if nothing changed.

    Raises:
        WeightsError: the folder cannot be loaded, or the Hub refuses or cannot be reached.
    """
    target = Target(repo_id, revision=revision, private=private, token=token, create_pr=create_pr)
    target.check()
    check_loads(Path(folder))
    return upload(Path(folder), target, commit_message, onnx=onnx)
