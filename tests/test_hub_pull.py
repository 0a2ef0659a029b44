"""Downloads from a Hub that fails, is slow, or sends other bytes than it promised.

The Hub is a real HTTP server on loopback (see hub_server), its client the real one, in processes
of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import TOKEN, HubServer

CONFIG = b'{"generator": "eraser"}'
WEIGHTS = bytes(range(256)) * 64
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS, "README.md": b"# A model\n"}
HEAD = "GET /api/models/user/repo/revision/main"
LARGE = "GET /user/repo/resolve/.*/model.safetensors"
DAMAGED = (
    "user/repo: {} in the cache is not the file that the Hub has (its checksum is another); "
    "it was removed: try again, and it is downloaded anew"
)

PULL = """
import json, sys
from sigclean.errors import WeightsError
from sigclean.hub.resolve import resolve_weights
def outcome(options):
    try:
        return str(resolve_weights("user/repo", **options))
    except WeightsError as error:
        return str(error)
print(json.dumps([outcome(json.loads(options)) for options in sys.argv[1:]]))
"""

Pull = Callable[..., list[str]]


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add("user/repo", FILES)
        yield server


@pytest.fixture
def pull(hub: HubServer, tmp_path: Path) -> Pull:
    """Resolve the weights with each set of options; return folders or error messages."""

    def run(*options: dict[str, object], **variables: str) -> list[str]:
        result = subprocess.run(
            [sys.executable, "-c", PULL, *map(json.dumps, options or ({},))],
            env=hub.environment(tmp_path / "home", **variables),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert (result.returncode, result.stderr) == (0, "")
        outcomes: list[str] = json.loads(result.stdout)
        assert not any("\n" in outcome for outcome in outcomes)
        return outcomes

    return run


def is_whole(folder: str) -> bool:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()} == FILES


# --- transient faults ---------------------------------------------------------------------------


@pytest.mark.slow
def test_an_interrupted_download_is_retried(hub: HubServer, pull: Pull) -> None:
    hub.fail(HEAD, 500)
    hub.fail(HEAD)  # cut before an answer
    hub.fail(LARGE, 503)
    hub.break_off(LARGE)
    [folder] = pull(SIGCLEAN_HUB_PATIENCE="60")
    assert is_whole(folder)


def test_a_retry_after_of_the_hub_is_honoured(hub: HubServer, pull: Pull) -> None:
    hub.fail(HEAD, 429, retry_after=1)
    [folder] = pull(SIGCLEAN_HUB_PATIENCE="60")
    assert is_whole(folder)
    assert hub.early == []


def test_a_request_that_gets_no_answer_is_sent_again(hub: HubServer, pull: Pull) -> None:
    with hub.hold(LARGE):
        [folder] = pull(HF_HUB_DOWNLOAD_TIMEOUT="2", SIGCLEAN_HUB_PATIENCE="60")
        assert is_whole(folder)


def test_a_failing_hub_is_one_sentence_unless_the_cache_has_the_model(
    hub: HubServer, pull: Pull
) -> None:
    hub.fail(HEAD, 500, times=99)
    [refused] = pull(SIGCLEAN_HUB_PATIENCE="1")
    assert "user/repo is not in the cache, and the Hub cannot be reached: Server error" in refused
    hub.recover()
    assert is_whole(*pull())
    hub.fail("GET .*", 500, times=99)
    assert is_whole(*pull())


# --- checksums ---------------------------------------------------------------------------------


@pytest.mark.parametrize("links", ["0", "1"], ids=["links", "no links"])
def test_a_download_with_another_checksum_is_an_error_and_not_kept(
    hub: HubServer, pull: Pull, links: str
) -> None:
    hub.damage("GET /user/repo/resolve/.*/config.json")
    damaged, whole = pull({}, {}, HF_HUB_DISABLE_SYMLINKS=links)
    assert damaged == DAMAGED.format("config.json")
    assert is_whole(whole)


def test_a_file_that_became_corrupt_in_the_cache_is_an_error_and_downloaded_again(
    hub: HubServer, pull: Pull
) -> None:
    [folder] = pull()
    path = Path(folder, "model.safetensors").resolve()
    path.write_bytes(WEIGHTS[:-1] + b"?")
    offline = {"local_files_only": True}
    damaged, missing, whole = pull(offline, offline, {})
    assert damaged == DAMAGED.format("model.safetensors")
    assert "user/repo" in missing
    assert is_whole(whole)


# --- where it is kept ---------------------------------------------------------------------------


def test_a_cache_dir_is_used_with_and_without_the_hub(
    hub: HubServer, pull: Pull, tmp_path: Path
) -> None:
    here = {"cache_dir": str(tmp_path / "ours")}
    alone = {**here, "local_files_only": True}
    unknown, online = pull(alone, here)
    assert unknown == "user/repo is not in the cache, and the Hub may not be asked (offline)"
    assert Path(online).is_relative_to(tmp_path / "ours")
    hub.requests.clear()
    assert pull(alone) == [online]
    assert pull(here, HF_HUB_OFFLINE="1") == [online]
    assert hub.requests == []


def test_a_private_model_is_downloaded_with_the_given_token(hub: HubServer, pull: Pull) -> None:
    hub.repos["user/repo"].private = True
    refused, folder = pull({}, {"token": TOKEN}, HF_TOKEN="")
    assert "a private model needs a token" in refused
    assert is_whole(folder)


def test_branches_tags_commits_and_pull_requests_are_revisions(hub: HubServer, pull: Pull) -> None:
    shas = [
        hub.add("user/repo", {**FILES, "README.md": name.encode()}, name)
        for name in ("dev", "v1", "refs/pr/1")
    ]
    folders = pull(*({"revision": name} for name in ("dev", "v1", "refs/pr/1", shas[0])))
    cards = [Path(folder, "README.md").read_text() for folder in folders]
    assert cards == ["dev", "v1", "refs/pr/1", "dev"]


def test_a_model_that_was_deleted_is_one_sentence(hub: HubServer, pull: Pull) -> None:
    del hub.repos["user/repo"]
    assert pull() == [
        "there is neither a folder nor a Hub model called user/repo (a private model needs a token)"
    ]
