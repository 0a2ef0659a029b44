"""Uploads of a training: refused before it, made beside and after it, kept when they fail.

The Hub is a real HTTP server on loopback (see hub_server), its client the real one, and training is
the command. The data are drawn signatures in squares of 64 pixels, the networks as small as they
come.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hub_server import READ_TOKEN, TOKEN, HubServer
from PIL import Image
from torchrun import TORCHRUN

from sigclean.corpus.prepare import Recipe, prepare
from sigclean.noise import Material

PROJECT = Path(__file__).parents[1]
COMMIT = "POST /api/models/user/cleaner/commit/main"
STORE = r"PUT /lfs/\w+"
TINY = (
    "--recipe scratch "
    "--crop_size 64 --batch_size 2 --dataloader_num_workers 0 --netG_A resnet_6blocks --ngf_A 2 "
    "--ndf 2 --warmup_steps 2 --max_train_steps 3 --checkpointing_steps 1 --validation_steps 3 "
    "--num_validation_images 2 --logging_steps 1"
)

Result = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("private") / "signatures"
    prepare(None, root, Recipe(("seed",), size=64, test_fraction=0.3), drawn=8, material=Material())
    return root


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


def run(hub: HubServer, home: Path, *words: object, **variables: str) -> Result:
    environment = hub.environment(home, OMP_NUM_THREADS="1", **variables)
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def push(repository: str, dataset: Path, folder: Path) -> list[str]:
    """The command that trains and pushes."""
    data = ["--dataroot", str(dataset), "--output_dir", str(folder)]
    hub = ["--push_to_hub", "--hub_model_id", repository, "--hub_onnx", "false"]
    return ["train.py", *TINY.split(), *data, *hub]


# --- a run that pushes, although the Hub fails in the middle ------------------------------------


@pytest.fixture(scope="module")
def pushed(
    dataset: Path, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[HubServer, Path, Result]]:
    """Two processes; the upload at the end loses a connection and meets a broken server."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    options = ("--hub_private_repo", "--hub_token", TOKEN)
    with HubServer() as hub:
        hub.fail(STORE)
        hub.fail(COMMIT, 500)
        command = push("user/cleaner", dataset, folder)
        yield hub, folder, run(hub, home, *TORCHRUN[1:], *command, *options, HF_TOKEN="")


def content(hub: HubServer, repository: str = "user/cleaner") -> dict[str, bytes]:
    repo = hub.repos[repository]
    return repo.commits[repo.refs["main"]]


@pytest.mark.slow
def test_a_run_pushes_once_although_it_is_interrupted(
    pushed: tuple[HubServer, Path, Result],
) -> None:
    hub, folder, result = pushed
    assert result.returncode == 0, result.stderr
    repo = hub.repos["user/cleaner"]
    address = f"{hub.url}/user/cleaner/commit/{repo.refs['main']}"
    assert result.stdout.splitlines() == [str(folder / "G_B"), address]
    [message] = repo.messages
    assert re.fullmatch(r"Step 3: F \d+\.\d\d, PSNR \d+\.\d\d dB", message)
    assert repo.private


def test_the_weights_folder_is_what_is_pushed(pushed: tuple[HubServer, Path, Result]) -> None:
    hub, folder, _ = pushed
    ours = {path.name: path.read_bytes() for path in (folder / "G_B").iterdir()}
    assert set(ours) == {"model.safetensors", "config.json", "README.md", "samples.png"}
    assert content(hub) == {**ours, ".gitattributes": b""}


def test_the_card_tells_of_this_run(pushed: tuple[HubServer, Path, Result]) -> None:
    card = content(pushed[0])["README.md"].decode()
    found = yaml.safe_load(card.split("---\n")[1])
    metrics = found["model-index"][0]["results"][0]["metrics"]
    assert {one["type"] for one in metrics} == {"f1", "recall", "precision", "psnr"}
    assert '"user/cleaner"' in card
    assert "3 steps, the first 2 of G_B alone on pairs." in card
    assert "| processes | 2 |" in card
    assert "| pictures in a step, of all processes | 4 |" in card
    assert "folder `signatures`" in card
    assert 'crop_size: "64"' in card


def test_no_card_or_config_tells_where_things_lie_on_the_disk(
    pushed: tuple[HubServer, Path, Result], dataset: Path
) -> None:
    hub, folder, _ = pushed
    for name in ("README.md", "config.json"):
        assert str(dataset.parent).encode() not in content(hub)[name]
        assert str(folder.parent).encode() not in content(hub)[name]


def test_the_token_is_nowhere(pushed: tuple[HubServer, Path, Result]) -> None:
    hub, folder, result = pushed
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in written if TOKEN.encode() in path.read_bytes()] == []
    assert [body for body in hub.bodies if TOKEN.encode() in body] == []
    assert TOKEN not in result.stdout + result.stderr


@pytest.mark.slow
def test_what_was_pushed_cleans_in_another_process(
    pushed: tuple[HubServer, Path, Result], home: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (90, 40), "white").save(tmp_path / "scan.png")
    words = ("clean", tmp_path / "scan.png", "-o", tmp_path / "out.png", "--weights")
    result = run(pushed[0], home, "-m", "sigclean", *words, "user/cleaner")
    assert result.returncode == 0, result.stderr
    assert Image.open(tmp_path / "out.png").size == (90, 40)


# --- refused before training --------------------------------------------------------------------


@pytest.mark.slow
def test_a_token_without_rights_is_refused_before_anything_is_read_or_written(
    hub: HubServer, home: Path, tmp_path: Path
) -> None:
    hub.add("user/cleaner", {})
    command = push("user/cleaner", tmp_path / "nowhere", tmp_path / "run")
    result = run(hub, home, *command, HF_TOKEN=READ_TOKEN)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        "train.py: error: --push_to_hub: the Hub refuses access to user/cleaner: the token has no "
        "right to it (to upload, it needs the right to write)\n"
    )
    assert not (tmp_path / "run").exists()


CHECK = """
import sys
from accelerate import Accelerator
from sigclean.errors import SigcleanError
from sigclean.training.options import TrainConfig
from sigclean.training.pushing import Publisher
for words in sys.argv[1:]:
    repository, _, token = words.partition("=")
    config = TrainConfig(push_to_hub=True, hub_model_id=repository, hub_token=token)
    try:
        Publisher(config, Accelerator(cpu=True)).check()
        print("may")
    except SigcleanError as error:
        print(error)
"""


def test_rights_are_told_apart_in_one_sentence_each(hub: HubServer, home: Path) -> None:
    hub.add("user/there", {})
    hub.fail("GET /api/models/user/there/auth-check/write", 500)  # which passes
    words = (
        f"user/there={TOKEN}", f"user/new={TOKEN}", "user/there=hf_unknown",
        f"somebody/else={TOKEN}", f"user/there.git={TOKEN}", "user/there=",
    )  # fmt: skip
    result = run(hub, home, "-c", CHECK, *words, HF_TOKEN="")
    there, new, unknown, else_, name, without = result.stdout.splitlines()
    assert (there, new) == ("may", "may")
    assert unknown.endswith("refuses access to user/there: log in with `hf auth login` or give a "
                            "token")  # fmt: skip
    assert "refuses access to somebody/else: the token has no right to it" in else_
    assert "'user/there.git' is no name of a Hub repository" in name
    assert "there is no token to upload to user/there with" in without
    assert sorted(hub.repos) == ["user/new", "user/there"]


def test_a_hub_that_may_not_or_cannot_be_asked_is_said_before_training(
    hub: HubServer, home: Path
) -> None:
    offline = run(hub, home, "-c", CHECK, f"user/x={TOKEN}", HF_HUB_OFFLINE="1")
    assert "user/x: the Hub may not be asked (HF_HUB_OFFLINE is set)" in offline.stdout
    assert hub.requests == []


# --- beside training ----------------------------------------------------------------------------

DRIVE = """
import json, sys
from pathlib import Path
from accelerate import Accelerator
from sigclean.errors import SigcleanError
from sigclean.training.options import TrainConfig
from sigclean.training.pushing import Publisher
run = Path(sys.argv[1])
config = TrainConfig(
    push_to_hub=True, hub_model_id="user/cleaner", hub_strategy="checkpoint", output_dir=str(run),
    hub_onnx=False, **json.loads(sys.argv[2]),
)
publisher = Publisher(config, Accelerator(cpu=True))
for line in sys.stdin:
    verb, step = line.split()
    (run / "G_B" / "README.md").write_text(f"# After step {step}")
    try:
        said = getattr(publisher, verb)(run / "G_B", int(step), {})
        print("done", said or "", flush=True)
    except SigcleanError as error:
        print("failed", error, flush=True)
"""

Drive = Callable[[str], str]


@pytest.fixture
def drive(
    request: pytest.FixtureRequest, hub: HubServer, home: Path, tmp_path: Path, eraser_weights: Path
) -> Iterator[tuple[Drive, subprocess.Popen[str]]]:
    """A process whose Publisher does what it is told, such as "checkpoint 100".

    Parametrised indirectly, it takes a pair: options of the training, and variables.
    """
    options, variables = getattr(request, "param", ({}, {}))
    folder = tmp_path / "G_B"
    folder.mkdir()
    for path in eraser_weights.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVE, str(tmp_path), json.dumps(options)], cwd=PROJECT, text=True,
        env=hub.environment(home, OMP_NUM_THREADS="1", **variables), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip

    def tell(command: str) -> str:
        assert process.stdin and process.stdout
        process.stdin.write(f"{command}\n")
        process.stdin.flush()
        return process.stdout.readline()

    yield tell, process
    process.communicate(timeout=300)


@pytest.mark.slow
def test_a_slow_hub_gets_the_newest_checkpoint_when_it_is_through_with_one(
    hub: HubServer, drive: tuple[Drive, subprocess.Popen[str]], tmp_path: Path
) -> None:
    tell, _ = drive
    (tmp_path / ".upload-of-a-killed-run").mkdir()
    with hub.hold(COMMIT) as first:
        tell("checkpoint 1")
        assert first.arrived.wait(300)
        tell("checkpoint 2")
        tell("checkpoint 3")
        with hub.hold(COMMIT) as second:
            first.open.set()
            assert second.arrived.wait(300)
    tell("finish 3")
    assert hub.repos["user/cleaner"].messages == ["Step 1", "Step 3"]
    assert content(hub)["README.md"] == b"# After step 3"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_the_last_upload_waits_for_the_one_under_way(
    hub: HubServer, drive: tuple[Drive, subprocess.Popen[str]]
) -> None:
    tell, process = drive
    with hub.hold(COMMIT) as first:
        tell("checkpoint 1")
        assert first.arrived.wait(300)
        with hub.hold("POST /api/repos/create") as last:
            assert process.stdin
            process.stdin.write("finish 2\n")
            process.stdin.flush()
            assert not last.arrived.wait(1)
            first.open.set()
            assert last.arrived.wait(300)
    process.communicate(timeout=300)
    assert hub.repos["user/cleaner"].messages == ["Step 1", "Step 2"]


def test_an_upload_that_fails_beside_training_is_a_line_and_not_the_end(
    hub: HubServer, drive: tuple[Drive, subprocess.Popen[str]]
) -> None:
    tell, process = drive
    hub.fail(COMMIT, 403)
    with hub.hold("POST /api/repos/create") as upload:
        assert tell("checkpoint 1") == "done \n"
        assert upload.arrived.wait(300)
    address = tell("finish 2")
    assert address.startswith(f"done {hub.url}/user/cleaner/commit/")
    _, said = process.communicate(timeout=300)
    assert said.splitlines() == [
        "train.py: warning: the Hub refuses access to user/cleaner: the token has no right to it "
        "(to upload, it needs the right to write); training continues"
    ]


# --- a Hub that stays away ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "drive",
    [({"hub_private_repo": True, "hub_revision": "trial"}, {"SIGCLEAN_HUB_PATIENCE": "1"})],
    indirect=True,
)
def test_what_cannot_be_pushed_is_kept_and_published_later(
    hub: HubServer, drive: tuple[Drive, subprocess.Popen[str]], home: Path, tmp_path: Path
) -> None:
    hub.fail("POST .*/commit/trial", 503, times=99)
    said = drive[0]("finish 3")
    assert said.startswith("failed user/cleaner at revision trial: the request to the Hub failed: ")
    assert f"the weights are kept in {tmp_path / 'G_B'}: " in said

    hub.recover()
    [publish] = re.findall("`(sigclean publish .*)`", said)
    published = run(hub, home, "-m", *shlex.split(publish), "--no-onnx")
    assert published.returncode == 0, published.stderr
    repo = hub.repos["user/cleaner"]
    ours = {path.name: path.read_bytes() for path in (tmp_path / "G_B").iterdir()}
    assert ours.items() <= repo.files("trial").items()
    assert set(repo.files()) == {".gitattributes"}, "main is as it was"
    assert repo.private
