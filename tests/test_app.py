"""The demo as programs see it: `python app.py`, called over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest
from demo_server import ROOT, Demo, pixels, start_demo
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from sigclean import SignatureCleaner


@pytest.fixture(scope="module")
def client(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(demo.url, download_files=tmp_path_factory.mktemp("got"), verbose=False)


def test_clean_returns_what_the_cleaner_makes_with_the_weights_that_were_chosen(
    client: Client, demo: Demo, noisy_file: Path
) -> None:
    clean, transparent = client.predict(handle_file(noisy_file), api_name="/clean")
    cleaner = SignatureCleaner.from_pretrained(demo.weights)
    assert np.array_equal(pixels(clean), pixels(cleaner(noisy_file)))
    assert np.array_equal(pixels(transparent), pixels(cleaner(noisy_file, transparent=True)))


def test_results_are_named_after_the_upload(client: Client, noisy_file: Path) -> None:
    clean, transparent = client.predict(handle_file(noisy_file), api_name="/clean")
    assert Path(clean).name == "my scan.clean.png"
    assert Path(transparent).name == "my scan.transparent.png"


def test_the_upload_is_read_by_the_picture_rules(client: Client, tmp_path: Path) -> None:
    sideways = Image.new("I;16", (300, 120), 65535)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    sideways.save(tmp_path / "deep.png", exif=exif)
    clean, _ = client.predict(handle_file(tmp_path / "deep.png"), api_name="/clean")
    assert pixels(clean).shape == (300, 120, 3)
    assert (pixels(clean) == 255).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^scan\.png is empty \(0 bytes\)\.$"),
        (b"not a picture", r"^scan\.png is not a picture that can be read\.$"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, r"^scan\.png is "),
    ],
)
def test_a_broken_file_is_answered_in_one_sentence_and_the_app_goes_on(
    client: Client, tmp_path: Path, noisy_file: Path, content: bytes, message: str
) -> None:
    (tmp_path / "scan.png").write_bytes(content)
    with pytest.raises(AppError, match=message):
        client.predict(handle_file(tmp_path / "scan.png"), api_name="/clean")
    assert len(client.predict(handle_file(noisy_file), api_name="/clean")) == 2


def test_too_many_pixels_are_refused_before_they_are_decoded(
    client: Client, tmp_path: Path
) -> None:
    Image.new("1", (10_000, 6_000)).save(tmp_path / "huge.png")
    with pytest.raises(AppError, match=r"^huge\.png has more than 50 megapixels"):
        client.predict(handle_file(tmp_path / "huge.png"), api_name="/clean")


def test_no_picture_is_answered_in_one_sentence(client: Client) -> None:
    with pytest.raises(AppError, match=r"^Choose a picture first\.$"):
        client.predict(None, api_name="/clean")


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_a_file_of_the_computer_itself_is_refused(
    demo: Demo, noisy_file: Path, meta: dict[str, object]
) -> None:
    call = f"{demo.url}/gradio_api/call/clean"
    asked = json.dumps({"data": [{"path": str(noisy_file), **meta}]}).encode()
    request = Request(call, asked, {"Content-Type": "application/json"})
    with urlopen(request) as response:
        event = json.load(response)["event_id"]
    with urlopen(f"{call}/{event}") as response:
        assert response.read().startswith(b"event: error")


def test_clean_is_the_only_endpoint_that_is_offered(client: Client) -> None:
    api = client.view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ["/clean"]
    assert not api["unnamed_endpoints"]


def test_nothing_is_left_on_the_disk_when_the_page_is_shut_down(
    tmp_path: Path, eraser_weights: Path, noisy_file: Path
) -> None:
    running = start_demo(tmp_path, eraser_weights)
    client = Client(running.url, download_files=tmp_path / "got", verbose=False)
    client.predict(handle_file(noisy_file), api_name="/clean")
    client.close()
    assert running.files()
    said = running.stop()
    assert running.files() == []
    assert "Traceback" not in said
    assert running.process.returncode == 0


def test_missing_weights_end_the_start_in_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "app.py"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "SIGCLEAN_WEIGHTS": str(tmp_path / "nowhere")},
    )
    assert done.returncode == 1
    assert done.stderr == f"sigclean: error: no such weights folder: {tmp_path}/nowhere\n"


def test_a_port_that_is_taken_ends_the_start_in_one_sentence(demo: Demo) -> None:
    port = demo.url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "sigclean", "demo", "--port", port, "--weights", demo.weights],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("sigclean: error: the demo cannot listen")
    assert port in done.stderr
    assert len(done.stderr.splitlines()) == 1
