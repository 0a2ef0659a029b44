"""Uploads to a Hub that fails: they are retried, or given up with one sentence.

The Hub is a real HTTP server on loopback (see hub_server), its client the real one, in processes
of their own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_pusher import Pusher, pusher
from hub_server import READ_TOKEN, HubServer

from sigclean.model_files.config import ModelConfig
from sigclean.model_files.weights_folder import save_generator
from sigclean.networks.build import build_generator

CREATE = "POST /api/repos/create"
STORE = r"PUT /lfs/\w+"

# Uploads without loading the folder first, which would import PyTorch.
UPLOAD = """
import sys
from pathlib import Path
from sigclean.errors import WeightsError
from sigclean.hub.push import upload
from sigclean.hub.upload import Target
try:
    upload(Path(sys.argv[1]), Target("user/repo"), "A message", onnx=False)
except WeightsError as error:
    print(error)
"""

Publish = Callable[..., list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    generator = build_generator("resnet_6blocks", ngf=4)
    config = ModelConfig("resnet_6blocks", {"ngf": 4}, size=64)
    return save_generator(generator, config, tmp_path_factory.mktemp("hub") / "w", card="# A\n")


@pytest.fixture(scope="module")
def server() -> Iterator[HubServer]:
    with HubServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pusher]:
    with pusher(server, tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def hub(server: HubServer) -> HubServer:
    server.clear()
    return server


@pytest.fixture
def publish(hub: HubServer, folder: Path, client: Pusher) -> Publish:
    """Upload the folder to several repositories; return addresses or error messages."""

    def run(*repositories: str, **options: Any) -> list[str]:
        return [client.push(folder, repo_id=one, **options) for one in repositories]

    return run


def commit(repository: str) -> str:
    return f"POST /api/models/{repository}/commit/main"


def is_published(hub: HubServer, repository: str, folder: Path) -> bool:
    """True if one commit of a client brought all files."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    repo = hub.repos[repository]
    return len(repo.messages) == 1 and files.items() <= repo.commits[repo.refs["main"]].items()


@pytest.mark.slow
def test_an_interrupted_upload_is_retried(hub: HubServer, publish: Publish, folder: Path) -> None:
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


@pytest.mark.slow
def test_a_retry_after_is_honoured_unless_it_is_too_long(
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


def test_a_refused_request_is_not_retried(hub: HubServer, publish: Publish) -> None:
    refusals = {f"user/of-{status}": status for status in (400, 401, 403, 404)}
    for repository, status in refusals.items():
        hub.fail(commit(repository), status, times=9)
    outcomes = publish(*refusals)
    assert [hub.requests.count(commit(repository)) for repository in refusals] == [1] * 4
    assert "the Hub refuses access to user/of-401: log in" in outcomes[1]
    assert "the Hub refuses access to user/of-403: the token has no right to it" in outcomes[2]


def test_a_token_that_may_only_read_publishes_nothing(hub: HubServer, publish: Publish) -> None:
    [refused] = publish("user/repo", token=READ_TOKEN)
    assert "needs the right to write" in refused
    assert hub.repos == {}


def test_a_failing_hub_is_given_up_and_files_that_it_has_are_not_sent_again(
    hub: HubServer, publish: Publish, folder: Path
) -> None:
    hub.fail(commit("user/repo"), 500, times=99)
    [given_up] = publish("user/repo", variables={"SIGCLEAN_HUB_PATIENCE": "5"})
    assert given_up.startswith("user/repo: the request to the Hub failed: Server error '500")
    assert hub.requests.count(commit("user/repo")) > 1

    hub.recover()
    hub.requests.clear()
    publish("user/repo")
    assert is_published(hub, "user/repo", folder)
    assert not [request for request in hub.requests if request.startswith("PUT")]


def test_a_hub_that_cannot_be_reached_is_one_sentence(
    hub: HubServer, folder: Path, tmp_path: Path
) -> None:
    variables = {"HF_ENDPOINT": "http://127.0.0.1:9", "SIGCLEAN_HUB_PATIENCE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", UPLOAD, str(folder)],
        env=hub.environment(tmp_path, **variables),  # the discard port: nobody listens
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stdout.startswith("user/repo: the Hub cannot be reached: ")
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_weights_that_arrive_corrupt_are_refused_and_not_committed(
    hub: HubServer, publish: Publish, folder: Path
) -> None:
    hub.damage(STORE)
    refused, _ = publish("user/first", "user/second")
    assert "the checksum of the body is another" in refused
    assert hub.repos["user/first"].messages == []
    assert is_published(hub, "user/second", folder)


def test_a_patience_that_is_not_a_number_is_one_sentence(publish: Publish) -> None:
    [outcome] = publish("user/repo", variables={"SIGCLEAN_HUB_PATIENCE": "long"})
    assert outcome == "SIGCLEAN_HUB_PATIENCE must be seconds, not 'long'"
