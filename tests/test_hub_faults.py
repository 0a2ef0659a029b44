"""Uploads to a Hub that fails in the middle: tried again, or given up with one sentence.

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
import torch
from hub_server import READ_TOKEN, HubServer

from sigclean.model_files.config import ModelConfig
from sigclean.model_files.weights_folder import save_generator
from sigclean.networks.build import build_generator

CREATE = "POST /api/repos/create"
STORE = r"PUT /lfs/\w+"

PUBLISH = """
import json, sys
from sigclean.errors import WeightsError
from sigclean.hub.push import push_folder
def outcome(repository):
    try:
        return push_folder(sys.argv[1], repository, onnx=False)
    except WeightsError as error:
        return str(error)
print(json.dumps([outcome(repository) for repository in sys.argv[2:]]))
"""

Publish = Callable[..., list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    generator = build_generator("resnet_6blocks", ngf=4)
    config = ModelConfig("resnet_6blocks", {"ngf": 4}, size=64)
    return save_generator(generator, config, tmp_path_factory.mktemp("hub") / "w", card="# A\n")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def publish(hub: HubServer, folder: Path, tmp_path: Path) -> Publish:
    """Upload the folder to repositories, one after the other; addresses or error messages."""

    def run(*repositories: str, **variables: str) -> list[str]:
        result = subprocess.run(
            [sys.executable, "-c", PUBLISH, str(folder), *repositories],
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


def commit(repository: str) -> str:
    return f"POST /api/models/{repository}/commit/main"


def is_published(hub: HubServer, repository: str, folder: Path) -> bool:
    """Whether one commit of a client brought all files."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    repo = hub.repos[repository]
    return len(repo.messages) == 1 and files.items() <= repo.commits[repo.refs["main"]].items()


def test_an_upload_that_is_interrupted_is_tried_again(
    hub: HubServer, publish: Publish, folder: Path
) -> None:
    hub.fail(CREATE, 500)
    hub.fail(STORE)  # cut in the middle of the body
    hub.fail("POST /api/models/user/b/preupload/main", 503)
    hub.fail(commit("user/c"), 502)
    hub.fail(commit("user/d"))
    repositories = ("user/a", "user/b", "user/c", "user/d")
    publish(*repositories)
    assert [name for name in repositories if not is_published(hub, name, folder)] == []


def test_a_commit_whose_answer_is_lost_is_not_made_twice(
    hub: HubServer, publish: Publish, folder: Path
) -> None:
    hub.lose_answer(commit("user/repo"))
    [address] = publish("user/repo")
    assert address == f"{hub.url}/user/repo/commit/{hub.repos['user/repo'].refs['main']}"
    assert is_published(hub, "user/repo", folder)


def test_a_hub_that_asks_to_wait_is_waited_for_if_it_is_not_too_long(
    hub: HubServer, publish: Publish, folder: Path
) -> None:
    hub.fail(commit("user/soon"), 429, retry_after=2)
    hub.fail(commit("user/limit"), 429, retry_after=2, header="RateLimit")
    hub.fail(commit("user/late"), 429, retry_after=9999)
    *_, late = publish("user/soon", "user/limit", "user/late")
    assert is_published(hub, "user/soon", folder)
    assert is_published(hub, "user/limit", folder)
    assert hub.early == []
    assert late.startswith("user/late: the request to the Hub failed: 429 Too Many Requests")


def test_a_refusal_is_not_asked_for_again(hub: HubServer, publish: Publish) -> None:
    refusals = {f"user/of-{status}": status for status in (400, 401, 403, 404)}
    for repository, status in refusals.items():
        hub.fail(commit(repository), status, times=9)
    outcomes = publish(*refusals)
    assert [hub.requests.count(commit(repository)) for repository in refusals] == [1] * 4
    assert "the Hub refuses access to user/of-401: log in" in outcomes[1]
    assert "the Hub refuses access to user/of-403: the token has no right to it" in outcomes[2]


def test_a_token_that_may_only_read_publishes_nothing(hub: HubServer, publish: Publish) -> None:
    [refused] = publish("user/repo", HF_TOKEN=READ_TOKEN)
    assert "needs the right to write" in refused
    assert hub.repos == {}


def test_a_hub_that_stays_away_is_given_up_and_what_it_has_is_not_sent_again(
    hub: HubServer, publish: Publish, folder: Path
) -> None:
    hub.fail(commit("user/repo"), 500, times=99)
    [given_up] = publish("user/repo", SIGCLEAN_HUB_PATIENCE="5")
    assert given_up.startswith("user/repo: the request to the Hub failed: Server error '500")
    assert hub.requests.count(commit("user/repo")) > 1

    hub.recover()
    hub.requests.clear()
    publish("user/repo")
    assert is_published(hub, "user/repo", folder)
    assert not [request for request in hub.requests if request.startswith("PUT")]


def test_a_hub_that_nobody_hears_is_one_sentence(publish: Publish) -> None:
    [outcome] = publish(
        "user/repo", HF_ENDPOINT="http://127.0.0.1:9", SIGCLEAN_HUB_PATIENCE="1"
    )  # the discard port
    assert outcome.startswith("user/repo: the Hub cannot be reached: ")


def test_weights_that_come_damaged_are_refused_and_not_committed(
    hub: HubServer, publish: Publish, folder: Path
) -> None:
    hub.damage(STORE)
    refused, _ = publish("user/first", "user/second")
    assert "the checksum of the body is another" in refused
    assert hub.repos["user/first"].messages == []
    assert is_published(hub, "user/second", folder)


def test_patience_that_is_no_number_is_one_sentence(publish: Publish) -> None:
    [outcome] = publish("user/repo", SIGCLEAN_HUB_PATIENCE="long")
    assert outcome == "SIGCLEAN_HUB_PATIENCE must be seconds, not 'long'"
