"""Download weights from the Hub into its cache, and verify their checksums."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from sigclean.errors import WeightsError
from sigclean.hub.client import QUICK_PATIENCE, chosen_patience, hub_errors, with_retries
from sigclean.model_files.names import CONFIG_FILE, FILES, WEIGHTS_FILE
from sigclean.model_files.weights_folder import check_complete
from sigclean.version import __version__

CHECKSUM = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def download(
    repo_id: str,
    *,
    revision: str | None,
    token: str | None,
    cache_dir: Path | None,
    local_files_only: bool,
) -> Path:
    """Return the cache's folder with a repository's weights, downloading what it lacks.

    Takes the arguments of `resolve_weights`. Transient errors are retried for 10 seconds, or as
    long as SIGCLEAN_HUB_PATIENCE says.

    Raises WeightsError if there is no such repository or revision, it holds no weights, it cannot
    be downloaded, or a file does not have the checksum that the Hub states.
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

    with hub_errors(repo_id, revision):
        patience = chosen_patience(QUICK_PATIENCE)
        folder = with_retries(fetch, patience=patience, retry_unreachable=False)
        if not all((folder / name).is_file() for name in (CONFIG_FILE, WEIGHTS_FILE)):
            whole = (
                [] if local_files_only else list_repo_files(repo_id, revision=revision, token=token)
            )
            check_complete(folder, repo_id, also_there=whole)
    _verify(folder, repo_id, token, local_files_only)
    return folder


def _verify(folder: Path, repo_id: str, token: str | None, local_files_only: bool) -> None:
    """Compare files with the Hub's checksums; the Hub's client compares sizes only.

    Raises WeightsError if a file is another, and removes it from the cache first, since the client
    would use it for ever.
    """
    files = [folder / name for name in FILES if (folder / name).is_file()]
    checksums = {path.name: path.resolve().name for path in files}  # links to blobs of that name
    if any(name == blob for name, blob in checksums.items()) and not local_files_only:
        checksums |= _checksums(repo_id, folder.name, list(checksums), token)
    for path in files:
        wanted = checksums[path.name]
        if CHECKSUM.fullmatch(wanted) and wanted != _checksum(path.read_bytes(), wanted):
            raise WeightsError(
                f"{repo_id}: {path.name} in the cache is not the file that the Hub has (its "
                f"checksum is another); {_remove(path)}: try again, and it is downloaded anew"
            )


def _remove(path: Path) -> str:
    """Remove a file and the blob it links to; return what to tell the user about it."""
    blob = path.resolve()
    try:
        path.unlink(missing_ok=True)
        blob.unlink(missing_ok=True)
    except OSError:  # for example a cache of another user
        return f"remove {blob}"
    return "it was removed"


def _checksums(repo_id: str, commit: str, names: list[str], token: str | None) -> Mapping[str, str]:
    """Ask the Hub for checksums, for a cache without links (Windows); empty if it cannot tell."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    try:
        with hub_errors(repo_id, commit):
            found = HfApi(token=token).get_paths_info(repo_id, names, revision=commit)
    except WeightsError:  # the cache serves without verification while the Hub is away
        return {}
    files = [one for one in found if isinstance(one, RepoFile)]
    return {one.path: one.lfs.sha256 if one.lfs else one.blob_id for one in files}


def _checksum(content: bytes, like: str) -> str:
    """Return the checksum of the kind of `like`: SHA-256 if it is that long, else git's SHA-1."""
    if len(like) == 64:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
