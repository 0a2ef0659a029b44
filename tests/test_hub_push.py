"""Uploads to the Hub become commits, branches, pull requests, private repositories.

The Hub is a real HTTP server on loopback (see hub_server), its client the real one, in processes
of their own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from hub_pusher import Pusher, pusher
from hub_server import HubServer

from sigclean import SignatureCleaner
from sigclean.hub.push import complete

Push = Callable[..., str]


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
def folder(eraser_weights: Path, tmp_path: Path) -> Path:
    """A weights folder with a card, to be changed."""
    (tmp_path / "weights").mkdir()
    for path in eraser_weights.iterdir():
        (tmp_path / "weights" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "weights" / "README.md").write_text("# A model\n")
    return tmp_path / "weights"


@pytest.fixture
def push(hub: HubServer, folder: Path, client: Pusher) -> Push:
    """Upload the folder; return the address or the error message."""
    return partial(client.push, folder)


def test_a_new_branch_is_created_from_main(hub: HubServer, push: Push) -> None:
    main = hub.add("user/repo", {".gitattributes": b"", "notes.txt": b"of main"})
    first, second = push(revision="dev"), push(revision="dev", commit_message="Again")
    repo = hub.repos["user/repo"]
    assert repo.refs["main"] == main
    assert repo.files("dev")["notes.txt"] == b"of main"
    assert "model.safetensors" in repo.files("dev")
    assert first == second == f"{hub.url}/user/repo/commit/{repo.refs['dev']}"
    assert repo.messages == ["Upload sigclean weights"]


def test_a_pull_request_leaves_main_alone_and_takes_further_commits(
    hub: HubServer, push: Push, folder: Path
) -> None:
    main = hub.add("user/repo", {".gitattributes": b""})
    proposed = push(create_pr=True, commit_message="A better model")
    repo = hub.repos["user/repo"]
    assert proposed == f"{hub.url}/user/repo/discussions/1"
    (folder / "README.md").write_text("# The same, with another card\n")
    push(revision="refs/pr/1")
    assert repo.refs["main"] == main
    assert set(repo.refs) == {"main", "refs/pr/1"}
    assert repo.files("refs/pr/1")["README.md"] == b"# The same, with another card\n"
    assert repo.messages == ["A better model", "Upload sigclean weights"]


def test_a_revision_that_is_not_a_branch_is_refused_in_one_sentence(
    hub: HubServer, push: Push
) -> None:
    commit = hub.add("user/repo", {".gitattributes": b""})
    assert push(revision=commit) == f"{commit} is a commit: an upload goes to a branch"
    both = push(revision="dev", create_pr=True)
    assert both.startswith("a new pull request is made to main, not to dev: ")
    missing = push(revision="refs/pr/9")
    assert missing.startswith("user/repo at revision refs/pr/9: the request to the Hub failed: ")
    assert hub.repos["user/repo"].messages == []


def test_a_private_upload_to_a_public_repository_is_refused(hub: HubServer, push: Push) -> None:
    hub.add("user/repo", {".gitattributes": b""})
    refused = push(private=True)
    assert refused.startswith("user/repo is there already and public: make it private")
    assert hub.repos["user/repo"].messages == []
    push(private=True, repo_id="user/new")
    assert hub.repos["user/new"].private


def test_all_files_are_uploaded_in_one_commit_and_unchanged_ones_are_not_sent(
    hub: HubServer, push: Push, folder: Path
) -> None:
    push()
    (folder / "README.md").write_text("# Another card\n")
    hub.requests.clear()
    hub.bodies.clear()
    push()
    push(repo_id="user/copy")
    assert len(hub.repos["user/repo"].messages) == 2
    assert not [request for request in hub.requests if request.startswith("PUT")]
    commits = [body for body in hub.bodies if body.startswith(b'{"key": "header"')]
    [of_repo, of_copy] = [body.decode().splitlines()[1:] for body in commits]
    assert [json.loads(line)["value"]["path"] for line in of_repo] == ["README.md"]
    assert len(of_copy) == len(hub.repos["user/copy"].files()) - 1  # but .gitattributes


def test_the_picture_of_a_card_is_published_and_removed_with_it(
    hub: HubServer, push: Push, folder: Path
) -> None:
    (folder / "README.md").write_text("![](samples.png)\n")
    (folder / "samples.png").write_bytes(b"a picture")
    push()
    assert hub.repos["user/repo"].files()["samples.png"] == b"a picture"
    (folder / "README.md").write_text("# No picture\n")
    (folder / "samples.png").unlink()
    push()
    assert "samples.png" not in hub.repos["user/repo"].files()


def test_weights_without_a_card_get_one_that_claims_nothing(
    hub: HubServer, push: Push, folder: Path
) -> None:
    (folder / "README.md").unlink()
    push()
    card = hub.repos["user/repo"].files()["README.md"].decode()
    header = yaml.safe_load(card.split("---\n")[1])
    assert (header["library_name"], header["pipeline_tag"]) == ("sigclean", "image-to-image")
    assert header["license"] == "other"
    assert "model-index" not in header
    assert 'from_pretrained("user/repo")' in card
    assert not (folder / "README.md").exists()


@pytest.mark.slow
def test_a_folder_without_an_onnx_file_is_published_with_one(
    hub: HubServer, push: Push, folder: Path, noisy_file: Path, tmp_path: Path
) -> None:
    push(onnx=True)
    files = hub.repos["user/repo"].files()
    served = tmp_path / "served"
    served.mkdir()
    for name in ("config.json", "model.safetensors", "model.onnx"):
        (served / name).write_bytes(files[name])
    by_onnx = SignatureCleaner.from_pretrained(served, runtime="onnx")(noisy_file)
    by_torch = SignatureCleaner.from_pretrained(folder, runtime="torch", device="cpu")(noisy_file)
    difference = np.abs(np.asarray(by_onnx, int) - np.asarray(by_torch, int))
    assert difference.max() <= 1
    assert not (folder / "model.onnx").exists()


def test_without_the_packages_for_onnx_a_message_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)  # as if it were not installed
    with complete(folder, "user/repo", onnx=True) as whole:
        assert "model.onnx" not in {path.name for path in whole.iterdir()}
        assert (whole / "model.safetensors").is_file()
    assert capsys.readouterr().err == (
        "sigclean: published without model.onnx: exporting needs onnxscript: "
        "pip install 'sigclean[export]'\n"
    )


@pytest.mark.slow
def test_an_onnx_file_of_earlier_weights_is_removed(
    hub: HubServer, push: Push, folder: Path
) -> None:
    hub.add("user/repo", {".gitattributes": b"", "model.onnx": b"of other weights"})
    push(create_pr=True)
    push()
    repo = hub.repos["user/repo"]
    assert "model.onnx" not in repo.files() | repo.files("refs/pr/1")
