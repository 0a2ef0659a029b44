"""`sigclean publish-space`: the folder that it writes, and the Space on the Hub.

The Hub is a real HTTP server on loopback (see hub_server), its client the real one, in processes
of their own. test_hub_story starts such a Space; the last test below starts one in an environment
of its own, which takes minutes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from demo_server import pixels
from hub_server import HubServer
from playwright.sync_api import Browser, expect
from space_process import preload, pull_space, start_space

from sigclean import SignatureCleaner
from sigclean.hub.space import PACKAGES
from sigclean.model_files.names import DEFAULT_WEIGHTS

PROJECT = Path(__file__).parents[1]
KINDS = (".py", ".pyi", ".css", ".js", ".html")

Result = subprocess.CompletedProcess[str]
Command = Callable[..., Result]


@pytest.fixture(scope="module")
def weights() -> dict[str, bytes]:
    """The files of a model that can be served without PyTorch."""
    return {path.name: path.read_bytes() for path in DEFAULT_WEIGHTS.iterdir() if path.is_file()}


@pytest.fixture
def hub(weights: dict[str, bytes]) -> Iterator[HubServer]:
    with HubServer() as server:
        server.add("user/repo", weights)
        yield server


@pytest.fixture
def command(hub: HubServer, tmp_path: Path) -> Command:
    """Run `sigclean publish-space user/desk` with options."""

    def run(*options: str | Path, space: str = "user/desk", **variables: str) -> Result:
        return subprocess.run(
            [sys.executable, "-m", "sigclean", "publish-space", space, *map(str, options)],
            env=hub.environment(tmp_path / "home", **variables),
            capture_output=True,
            text=True,
            timeout=240,
        )

    return run


def header(readme: str | bytes) -> dict[str, Any]:
    text = readme if isinstance(readme, str) else readme.decode()
    found = yaml.safe_load(text.split("---\n")[1])
    assert isinstance(found, dict)
    return found


# --- the folder ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(weights: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Space whose model is pinned."""
    folder = tmp_path_factory.mktemp("built") / "desk"
    with HubServer() as hub:
        hub.add("user/repo", {"README.md": b"# Nothing yet"})
        hub.add("user/repo", weights, "v1")
        words = ("publish-space", "user/desk", "--model", "user/repo@v1", "--folder", str(folder))
        result = subprocess.run(
            [sys.executable, "-m", "sigclean", *words, "--title", 'Our "desk": signatures'],
            env=hub.environment(tmp_path_factory.mktemp("home"), HF_TOKEN=""),
            capture_output=True,
            text=True,
        )
        assert (result.stdout, result.stderr) == (f"{folder}\n", "")
        assert not [request for request in hub.requests if request.startswith(("POST", "PUT"))]
    return folder


def test_the_header_has_all_that_the_hub_needs(built: Path) -> None:
    found = header((built / "README.md").read_text("utf-8"))
    assert found == {
        "title": 'Our "desk": signatures',
        "emoji": "✒️",
        "colorFrom": "indigo",
        "colorTo": "gray",
        "sdk": "gradio",
        "sdk_version": version("gradio"),
        "python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
        "app_file": "app.py",
        "short_description": "Handwritten signatures, cleaned",
        "models": ["user/repo"],
        "preload_from_hub": ["user/repo config.json,model.safetensors,model.onnx,README.md v1"],
        "tags": ["image-to-image", "signature", "document-processing"],
        "license": "apache-2.0",
    }
    assert len(found["short_description"]) <= 60  # the Hub's limit


def test_requirements_are_pinned_to_the_installed_versions(built: Path) -> None:
    lines = (built / "requirements.txt").read_text().splitlines()
    assert lines == [f"{name}=={version(name)}" for name in PACKAGES]


def requirements_of(name: str) -> set[str]:
    """Return the packages of a list in pyproject.toml, with those of the extras in it."""
    text = (PROJECT / "pyproject.toml").read_text("utf-8")
    found = re.search(rf"^{name} = \[(.*?)\]\s*(#.*)?$", text, re.DOTALL | re.MULTILINE)
    assert found, name
    packages: set[str] = set()
    for package, extras in re.findall(r'"([\w-]+)(?:\[([\w,]+)\])?', found[1]):
        within = [requirements_of(extra) for extra in extras.split(",")] if extras else []
        packages |= set.union(*within) if package == "sigclean" else {package}
    return packages


def test_the_requirements_are_those_of_the_demo_extra() -> None:
    assert requirements_of("dependencies") | requirements_of("demo") == set(PACKAGES)


def test_all_source_files_are_copied_and_no_weights(built: Path) -> None:
    def sources(root: Path) -> set[str]:
        paths = (path.relative_to(root) for path in (root / "sigclean").rglob("*"))
        return {str(path) for path in paths if path.suffix in KINDS}

    assert sources(built) == sources(PROJECT)
    files = [path.name for path in built.rglob("*") if path.is_file()]
    assert not [name for name in files if name.endswith((".pyc", ".safetensors", ".onnx"))]
    assert len(list((built / "examples").iterdir())) >= 5


def test_without_a_model_the_packaged_one_is_copied(command: Command, tmp_path: Path) -> None:
    assert command("--folder", tmp_path / "desk").returncode == 0
    packed = tmp_path / "desk" / "sigclean" / "weights" / "model.safetensors"
    assert packed.read_bytes() == (DEFAULT_WEIGHTS / "model.safetensors").read_bytes()
    assert "SIGCLEAN_WEIGHTS" not in (tmp_path / "desk" / "app.py").read_text()
    assert "preload_from_hub" not in header((tmp_path / "desk" / "README.md").read_text("utf-8"))


@pytest.mark.slow
def test_a_model_without_onnx_requires_pytorch(
    hub: HubServer, command: Command, eraser_weights: Path, tmp_path: Path
) -> None:
    hub.add("user/torch", {path.name: path.read_bytes() for path in eraser_weights.iterdir()})
    models = ("--model", "user/torch", "--model", "user/repo")
    assert command(*models, "--folder", tmp_path / "desk").returncode == 0
    wanted = f"torch=={version('torch').partition('+')[0]}"
    assert wanted in (tmp_path / "desk" / "requirements.txt").read_text().splitlines()
    assert '"user/torch,user/repo"' in (tmp_path / "desk" / "app.py").read_text()


# --- on the Hub ---------------------------------------------------------------------------------


def test_a_space_is_created_updated_and_if_up_to_date_restarted(
    hub: HubServer, command: Command
) -> None:
    options = ("--model", "user/repo")
    made = command(*options)
    assert (made.stdout, made.stderr) == (f"{hub.url}/spaces/user/desk\n", "")
    space = hub.repos["spaces/user/desk"]
    assert (space.sdk, space.private, space.restarts) == ("gradio", False, 0)
    assert space.messages == ["Update the Space"]

    hub.add("spaces/user/desk", {**space.files(), "sigclean/old.py": b"", "notes.txt": b"mine"})
    command(*options, "--message", "Tidy")
    assert "sigclean/old.py" not in space.files()
    assert space.files()["notes.txt"] == b"mine"
    assert (space.messages, space.restarts) == (["Update the Space", "Tidy"], 0)

    hub.requests.clear()
    assert command(*options).stdout == made.stdout
    assert (len(space.messages), space.restarts) == (2, 1)
    assert not [request for request in hub.requests if request.startswith("PUT")]


def test_private_models_and_spaces_are_kept_private(hub: HubServer, command: Command) -> None:
    hub.repos["user/repo"].private = True
    result = command("--model", "user/repo", "--private")
    assert result.stderr == (
        "sigclean: user/repo is private: give the Space a secret HF_TOKEN that may read it, in its "
        "settings\n"
    )
    space = hub.repos["spaces/user/desk"]
    assert space.private
    assert "preload_from_hub" not in header(space.files()["README.md"])
    assert header(space.files()["README.md"])["models"] == ["user/repo"]


@pytest.mark.parametrize(
    ("options", "space", "sentence"),
    [
        (["--model", "user/missing"], "user/desk", "there is neither a folder nor a Hub model"),
        (["--model", "user/repo@v9"], "user/desk", "user/repo has no revision 'v9' on the Hub"),
        (["--model", "user/pickles"], "user/desk", "user/pickles holds latest_net_G_B.pth but no"),
        (["--model", "../weights"], "user/desk", "'../weights' is no name of a Hub repository"),
        ([], "desk", "'desk' is no name of a Hub repository"),
        ([], "somebody/desk", "the Hub refuses access to somebody/desk"),
    ],
    ids=["no model", "no revision", "only pickles", "no name", "no space", "not yours"],
)
def test_a_space_that_cannot_be_made_is_one_sentence(
    hub: HubServer, command: Command, options: list[str], space: str, sentence: str
) -> None:
    hub.add("user/pickles", {"latest_net_G_B.pth": b"pickled"})
    refused = command(*options, space=space)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"sigclean: error: {sentence}")
    assert refused.stderr.count("\n") == 1
    assert not [name for name in hub.repos if name.startswith("spaces/")]


def test_a_folder_that_is_not_empty_is_left_alone(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    refused = command("--folder", tmp_path)
    assert refused.stderr == f"sigclean: error: {tmp_path} is not an empty folder\n"
    assert (tmp_path / "mine.txt").exists()


# --- an environment of its own ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(1200)  # it installs the Space's requirements
def test_a_space_runs_in_an_environment_of_its_own(
    hub: HubServer, command: Command, browser: Browser, tmp_path: Path, noisy_file: Path
) -> None:
    assert command("--model", "user/repo").returncode == 0
    folder = pull_space("user/desk", tmp_path / "desk", hub.environment(tmp_path / "home"))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = str(tmp_path / "env" / "bin" / "python")
    wanted = ("-r", str(folder / "requirements.txt"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    there = subprocess.run([python, "-m", "pip", "list"], capture_output=True, text=True).stdout
    assert "sigclean" not in there
    assert "torch" not in there

    environment = hub.environment(tmp_path / "space-home", HF_TOKEN="")
    preload(folder, environment, python)
    hub.requests.clear()
    space = start_space(folder, environment, python)
    try:
        assert not [one for one in hub.requests if one.startswith("GET /user/repo/resolve")]
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(space.url)
        page.locator("#file").set_input_files(noisy_file)
        button = page.get_by_role("button", name=re.compile("PNG")).first
        expect(button).to_be_enabled(timeout=60_000)
        with page.expect_download() as download:
            button.click()
        download.value.save_as(tmp_path / "got.png")
        page.screenshot(path=tmp_path / "space.png")
        page.close()
    finally:
        said = space.stop()
    assert "Traceback" not in said
    got = pixels(tmp_path / "got.png")
    cleaner = SignatureCleaner.from_pretrained(runtime="onnx")
    assert np.array_equal(got, pixels(cleaner(noisy_file, transparent=got.shape[2] == 4)))
