"""Find weights: of the package, of a folder, or of the Hugging Face Hub.

A Hub repository is a weights folder (see `weights_folder`): its files, and no others, are uploaded
and downloaded. The Hub's client is imported only when a repository is asked for.
"""

import os
from pathlib import Path

from sigclean.errors import WeightsError
from sigclean.hub.client import REPO_ID
from sigclean.hub.download import download
from sigclean.model_files.names import CONFIG_FILE, DEFAULT_WEIGHTS, WEIGHTS_FILE
from sigclean.model_files.weights_folder import is_pickle


def resolve_weights(
    source: str | os.PathLike[str] | None = None,
    *,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> Path:
    """Return the folder that holds the weights; a Hub repository is downloaded unless it is cached.

    Args:
        source: None for the packaged model, a folder, or a Hub repository "user/repo".
        revision: branch, tag or commit of a repository; a commit always means the same weights.
        token: for private repositories; by default the one that `hf auth login` stored.
        cache_dir: where downloads are kept; by default the Hub's own cache.
        local_files_only: take a repository from the cache, without the network.

    Raises WeightsError if there is no such folder, repository or revision; it cannot be downloaded;
    or a downloaded file does not have the checksum that the Hub states.
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
