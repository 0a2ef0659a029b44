"""A model on the Hub: training, a Space, a new revision and back; `pytest -s` prints the story.

The Hub is a real HTTP server on loopback (see hub_server), its client the real one, and everybody
in the story is a process of their own, with a cache of their own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from demo_server import pixels
from gradio_client import Client, handle_file
from hub_server import HubServer
from space_process import Space, pull_space, start_space

from sigclean.model_files.names import DEFAULT_WEIGHTS

PROJECT = Path(__file__).parents[1]
TINY = (
    "--recipe scratch "
    "--drawn 20 --crop_size 64 --batch_size 2 --dataloader_num_workers 0 --netG resnet_6blocks "
    "--ngf 4 --netG_A resnet_6blocks --ngf_A 2 --ndf 2 --warmup_steps 2 --max_train_steps 3 "
    "--checkpointing_steps 3 --validation_steps 3 --num_validation_images 2 --logging_steps 1"
)

Say = Callable[[str], None]


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def say(tmp_path: Path) -> Iterator[Say]:
    """Write a line of the story, with the seconds that have passed."""
    began = time.monotonic()
    with (tmp_path / "story.log").open("w", encoding="utf-8") as log:

        def write(line: str) -> None:
            text = f"{time.monotonic() - began:6.1f} s  {line}"
            print(text, flush=True)
            print(text, file=log, flush=True)

        yield write


def run(hub: HubServer, home: Path, *words: object) -> str:
    """Run a command; return what it prints."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=PROJECT, env=hub.environment(home, OMP_NUM_THREADS="1"), capture_output=True, text=True,
        timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def cleaned_by(space: Space, picture: Path, folder: Path) -> np.ndarray:
    """Return the picture that a visitor of a Space gets."""
    client = Client(space.url, download_files=folder, verbose=False)
    try:
        return pixels(client.predict(handle_file(picture), api_name="/clean")[0])
    finally:
        client.close()


@pytest.mark.slow
def test_train_push_pull_serve_renew_and_roll_back(
    hub: HubServer, say: Say, tmp_path: Path, noisy_file: Path
) -> None:
    team, user, host = (tmp_path / name for name in ("team", "user", "host"))
    got = tmp_path / "got"

    def pulled(revision: str) -> np.ndarray:
        """Return the picture that a user's command line makes with a revision of the model."""
        words = ("clean", noisy_file, "-o", tmp_path / "out.png", "--weights", "user/cleaner")
        run(hub, user, "-m", "sigclean", *words, "--revision", revision)
        return pixels(tmp_path / "out.png")

    def publish_space(*options: str) -> None:
        address = run(hub, team, "-m", "sigclean", "publish-space", "user/desk", *options)
        assert address == f"{hub.url}/spaces/user/desk"

    def started() -> Space:
        environment = hub.environment(host, HF_TOKEN="", OMP_NUM_THREADS="1")
        folder = pull_space("user/desk", tmp_path / "desk", environment)
        return start_space(folder, environment)

    push = ("--push_to_hub", "--hub_model_id", "user/cleaner", "--output_dir", tmp_path / "run")
    _, address = run(hub, team, "train.py", *TINY.split(), *push).splitlines()
    cleaner = hub.repos["user/cleaner"]
    first = cleaner.refs["main"]
    assert address == f"{hub.url}/user/cleaner/commit/{first}"
    assert {"model.safetensors", "model.onnx", "README.md", "samples.png"} <= set(cleaner.files())
    say(f"team   trained, and pushed user/cleaner at {first[:8]}: {cleaner.messages[0]}")

    of_first = pulled("main")
    say("user   pulled it in another process and cleaned a picture")

    publish_space("--model", "user/cleaner")
    desk = hub.repos["spaces/user/desk"]
    say(f"team   published the Space user/desk, {len(desk.files())} files in one commit")
    hub.requests.clear()
    space = started()
    assert "GET /user/cleaner/resolve/" + first + "/model.onnx" in hub.requests
    assert np.array_equal(cleaned_by(space, noisy_file, got), of_first)
    say("space  pulled the model when it started, and cleans as the user's command line does")

    words = ("--weights", DEFAULT_WEIGHTS, "--message", "A better model")
    run(hub, team, "-m", "sigclean", "publish", "user/cleaner", *words)
    second = cleaner.refs["main"]
    of_second = pulled("main")
    assert not np.array_equal(of_second, of_first)
    say(f"team   published a new revision, {second[:8]}, by which the user cleans at once")
    assert np.array_equal(cleaned_by(space, noisy_file, got), of_first)
    say("space  keeps serving the model that it has")
    publish_space("--model", "user/cleaner")
    assert (len(desk.messages), desk.restarts) == (1, 1)
    space.stop()
    space = started()
    assert np.array_equal(cleaned_by(space, noisy_file, got), of_second)
    say("space  was restarted by publish-space, which had no other news, and has the new model")
    space.stop()

    publish_space("--model", f"user/cleaner@{first}", "--message", "Back to the first model")
    assert np.array_equal(pulled(first), of_first)
    space = started()
    assert np.array_equal(cleaned_by(space, noisy_file, got), of_first)
    say(f"space  was rolled back: it is pinned to {first[:8]} and cleans as at first")

    del hub.repos["user/cleaner"]
    assert np.array_equal(cleaned_by(space, noisy_file, got), of_first)
    assert "Traceback" not in space.stop()
    say("space  kept cleaning when the model's repository was deleted")
