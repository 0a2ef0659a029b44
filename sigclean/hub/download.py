"""Weights come from the Hub into its cache, and are what the Hub says that they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from sigclean.errors import WeightsError
from sigclean.hub.client import asked_patience, asking_the_hub, persistently
from sigclean.model_files.names import CONFIG_FILE, FILES, WEIGHTS_FILE
from sigclean.model_files.weights_folder import check_complete
from sigclean.version import __version__

BLINK = 10.0  # seconds: whoever waits for a picture waits for short faults only
CHECKSUM = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def download(
    repo_id: str,
    *,
    revision: str | None,
    token: str | None,
    cache_dir: Path | None,
    local_files_only: bool,
) -> Path:
    """The folder of the cache that holds a repository's weights, downloaded if need be.

    Faults that may pass are tried again for 10 seconds, or those of SIGCLEAN_HUB_PATIENCE.

    Raises:
        WeightsError: there is no such repository or revision, it holds no weights or cannot be had,
            or a file of it is not what the Hub says.
    """
    from huggingface_hub import list_repo_files, snapshot_download

    def fetch() -> Path:
        return Path(
            snapshot_download(
                repo_id,
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
                allow_patterns=list(FILES),
                library_name="sigclean",
                library_version=__version__,
            )
        )

    with asking_the_hub(repo_id, revision):
        folder = persistently(fetch, patience=asked_patience(BLINK), unheard=False)
        if not all((folder / name).is_file() for name in (CONFIG_FILE, WEIGHTS_FILE)):
            whole = (
                [] if local_files_only else list_repo_files(repo_id, revision=revision, token=token)
            )
            check_complete(folder, repo_id, also_there=whole)
    _check_bytes(folder, repo_id, token, local_files_only)
    return folder


def _check_bytes(folder: Path, repo_id: str, token: str | None, local_files_only: bool) -> None:
    """Compare files with the Hub's checksums, which its client does not: it looks at sizes alone.

    Raises WeightsError, after the first file that is another has gone from the cache: the client
    would take it for good for ever.
    """
    files = [folder / name for name in FILES if (folder / name).is_file()]
    named = {path.name: path.resolve().name for path in files}  # a link to a blob of that name
    if any(name == blob for name, blob in named.items()) and not local_files_only:
        named |= _checksums(repo_id, folder.name, list(named), token)
    for path in files:
        wanted = named[path.name]
        if CHECKSUM.fullmatch(wanted) and wanted != _checksum(path.read_bytes(), wanted):
            raise WeightsError(
                f"{repo_id}: {path.name} in the cache is not the file that the Hub has (its "
                f"checksum is another); {_remove(path)}: try again, and it is downloaded anew"
            )


def _remove(path: Path) -> str:
    """Take a file and what it links to away; says what became of it."""
    blob = path.resolve()
    try:
        path.unlink(missing_ok=True)
        blob.unlink(missing_ok=True)
    except OSError:  # a cache that others own
        return f"remove {blob}"
    return "it was removed"


def _checksums(repo_id: str, commit: str, names: list[str], token: str | None) -> Mapping[str, str]:
    """As the Hub says, for a cache without links (Windows); nothing if it cannot be asked."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    try:
        with asking_the_hub(repo_id, commit):
            found = HfApi(token=token).get_paths_info(repo_id, names, revision=commit)
    except WeightsError:  # what is in the cache serves while the Hub is away
        return {}
    files = [one for one in found if isinstance(one, RepoFile)]
    return {one.path: one.lfs.sha256 if one.lfs else one.blob_id for one in files}


def _checksum(content: bytes, like: str) -> str:
    """Of the kind that `like` is by its length: SHA-256, or git's own, which is a SHA-1."""
    if len(like) == 64:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
