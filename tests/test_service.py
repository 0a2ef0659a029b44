"""The demo as a service: limits, privacy, and files or weights that disappear."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from demo_server import Demo, ask, call, clean, file_data, start_demo, upload
from PIL import Image
from starlette.requests import Request
from starlette.types import Message
from waiting import wait_until

from sigclean.demo.archive import Archive
from sigclean.demo.cleaning import read_area
from sigclean.demo.models import card_text, load_models
from sigclean.demo.privacy import forget_deleted, sweep
from sigclean.demo.rate_limit import TokenBuckets
from sigclean.demo.service.received import received, safe_name
from sigclean.demo.settings import Rates, Settings, default_concurrency, read_settings
from sigclean.errors import SigcleanError
from sigclean.model_files.names import DEFAULT_WEIGHTS

KEEP = 20  # seconds that files live
PER_MINUTE = 400  # requests of one client
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a Linux control group: microseconds of each period

SPACES = """
import os

def say(what):
    with open(os.environ["GPU_LOG"], "a") as log:
        log.write(what + "\\n")

def GPU(duration):
    def decorate(function):
        say(f"decorated for {duration} s")
        def borrowed(*arguments):
            say("borrowed")
            return function(*arguments)
        return borrowed
    return decorate
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo with narrow limits, of a model of its own, where the package `spaces` is installed."""
    folder = tmp_path_factory.mktemp("strict")
    weights = shutil.copytree(DEFAULT_WEIGHTS, folder / "model")
    (folder / "spaces.py").write_text(SPACES)
    running = start_demo(
        folder,
        weights,
        GPU_LOG=folder / "gpu.log",
        PYTHONPATH=os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", ""))),
        SIGCLEAN_KEEP_SECONDS=KEEP,
        SIGCLEAN_MAX_FILES=2,
        SIGCLEAN_MAX_MEGABYTES=1,
        SIGCLEAN_MAX_MEGAPIXELS=1,
        SIGCLEAN_MAX_QUEUE=3,
        SIGCLEAN_CONCURRENCY=1,
        SIGCLEAN_REQUESTS_PER_MINUTE=PER_MINUTE,
    )
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def scan(noisy_file: Path) -> bytes:
    return noisy_file.read_bytes()


@pytest.mark.slow
def test_each_cleaning_borrows_a_gpu_where_spaces_is_installed(strict: Demo, scan: bytes) -> None:
    log = strict.weights.parent / "gpu.log"
    assert set(log.read_text().splitlines()) == {"decorated for 30 s"}
    clean(strict, scan)
    assert log.read_text().splitlines()[-1] == "borrowed"


def test_a_file_that_is_too_large_is_refused_when_it_is_uploaded(strict: Demo) -> None:
    answer = upload(strict, bytes(1_300_000))
    assert answer.status == 413
    assert b"maximum allowed size" in answer.body


def test_pixels_have_a_limit_of_their_own(strict: Demo) -> None:
    file = io.BytesIO()
    Image.new("1", (1200, 900)).save(file, "PNG")
    answer = clean(strict, file.getvalue())
    assert b"scan.png has more than 1 megapixels (1200x900)." in answer.body


def test_a_batch_has_a_limit_of_files(strict: Demo, scan: bytes) -> None:
    files = [file_data(upload(strict, scan).json[0])] * 3
    answer = call(strict, "clean_batch", files, "white", "original", "as is", "model")
    assert b"These are 3 files: at most 2 at once." in answer.body


def test_a_full_queue_refuses_further_requests_and_serves_the_others(
    strict: Demo, scan: bytes
) -> None:
    with ThreadPoolExecutor(30) as visitors:
        answers = list(visitors.map(lambda _: clean(strict, scan), range(30)))
    full = b"Too many pictures wait to be cleaned: try again in a minute."
    refused = [answer for answer in answers if full in answer.body]
    served = [answer for answer in answers if answer.body.startswith(b"event: complete")]
    assert len(refused) + len(served) == 30
    assert refused
    assert served
    assert {answer.status for answer in refused} <= {200, 503}
    assert clean(strict, scan).body.startswith(b"event: complete")


def test_a_client_over_its_rate_is_told_when_to_retry_and_others_are_served(
    strict: Demo, scan: bytes
) -> None:
    address = f"{strict.url}/gradio_api/cancel"
    for _ in range(10 * PER_MINUTE):  # more than are needed, since the bucket is refilled meanwhile
        answer = ask(address, b"{}", X_Forwarded_For="203.0.113.7")
        if answer.status == 429:
            break
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert re.fullmatch(r"Too many requests .* try again in \d+ s\.", answer.json["detail"])
    assert clean(strict, scan).body.startswith(b"event: complete")


def test_the_page_still_cleans_when_its_weights_disappear(strict: Demo, scan: bytes) -> None:
    shutil.rmtree(strict.weights)
    assert clean(strict, scan).body.startswith(b"event: complete")


@pytest.mark.slow
def test_uploads_and_results_are_deleted_when_their_time_is_over(strict: Demo, scan: bytes) -> None:
    answer = clean(strict, scan)
    url = json.loads(answer.body.decode().split("data: ")[1])[0]["url"]
    assert ask(url).status == 200
    assert strict.files()
    wait_until(lambda: not list(strict.cache.glob("sigclean-*/*")))  # no empty folders either
    gone = ask(url)
    assert gone.status == 410
    assert gone.json["detail"].startswith("This file was deleted, as all are after a while")


def test_a_deleted_upload_is_answered_in_one_sentence(strict: Demo, scan: bytes) -> None:
    path = Path(upload(strict, scan).json[0])
    path.unlink()
    answer = call(strict, "clean", file_data(str(path)))
    assert b"scan.png was deleted" in answer.body


def test_nothing_is_left_on_the_disk_or_in_the_log_when_the_page_is_shut_down(
    strict: Demo, scan: bytes
) -> None:
    clean(strict, scan, "confidential.png")
    clean(strict, b"not a picture", "confidential.png")
    call(strict, "clean_batch", file_data("confidential.png"), "none", "none", "none", "none")
    call(strict, "clean", "confidential.png")
    call(strict, "clean")
    assert strict.files()
    said = strict.stop()
    assert strict.files() == []
    assert "Traceback" not in said
    assert "confidential" not in said
    assert strict.process.returncode == 0


def test_a_client_may_send_a_burst_and_then_the_rate() -> None:
    now = 0.0
    buckets = TokenBuckets(60, lambda: now)
    assert [buckets.take("a") for _ in range(60)] == [0] * 60
    assert buckets.take("a") == pytest.approx(1)
    assert buckets.take("b") == 0
    now = 1.0
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0


def test_only_a_public_page_has_a_rate_unless_it_is_set() -> None:
    assert Settings().rates(public=False) == Rates()
    assert min(astuple(Settings().rates(public=True))) > 0
    assert Settings(requests_per_minute=7).rates(public=False) == Rates(requests=7)
    assert Settings(files_per_minute=0).rates(public=True).files == 0


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SIGCLEAN_KEEP_SECONDS", "soon", "must be a whole number from 1 up, not 'soon'"),
        ("SIGCLEAN_MAX_QUEUE", "0", "must be a whole number from 1 up, not '0'"),
        ("SIGCLEAN_MAX_MEGAPIXELS", "99", "can be at most 50, not 99"),
    ],
)
def test_a_wrong_setting_is_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(SigcleanError, match=f"^{variable} {message}$"):
        read_settings({variable: value})


def test_as_many_are_served_at_once_as_the_cores_allow() -> None:
    assert [default_concurrency(cores) for cores in (1, 2, 8)] == [1, 1, 4]


def test_a_containers_quota_of_cores_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    exists, read_text = Path.exists, Path.read_text
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64), raising=False)
    monkeypatch.setattr(Path, "exists", lambda path: path == QUOTA or exists(path))
    monkeypatch.setattr(
        Path, "read_text", lambda path: "400000 100000" if path == QUOTA else read_text(path)
    )
    assert read_settings({}).concurrency == 2


@pytest.mark.parametrize(
    "sent",
    [
        {"turns": 0, "box": [0, 0, 1], "angle": 0},
        {"turns": 0, "box": [0.5, 0, 0.5, 1], "angle": 0},
        {"turns": 0, "box": [-1, 0, 2, 1], "angle": 0},
        {"turns": 0, "box": [0, 0, float("nan"), 1], "angle": 0},
        {"turns": 0, "box": [0, 0, 1, 1], "angle": "a"},
        {"turns": 1e999, "box": [0, 0, 1, 1], "angle": 0},
        {"box": None},
    ],
)
def test_an_invalid_region_is_refused_in_one_sentence(sent: dict[str, object]) -> None:
    with pytest.raises(SigcleanError, match="draw it again"):
        read_area(sent)


def test_only_what_is_old_is_swept(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "scan.png").write_bytes(b"")
    sweep(tmp_path, age=60)
    assert (tmp_path / "new" / "scan.png").exists()
    sweep(tmp_path, age=-1, folder_age=-1)
    assert list(tmp_path.iterdir()) == []


def test_a_zip_that_is_written_for_long_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / "found").mkdir()
    with Archive(tmp_path / "found" / "signatures.zip") as archive:
        age = 0.3
        time.sleep(2 * age)
        archive.renew()
        sweep(tmp_path, age)
        archive.add("a.png", b"a")
    assert zipfile.ZipFile(archive.path).namelist() == ["a.png", "manifest.jsonl"]


def test_a_form_that_is_long_on_its_way_finds_its_folder(tmp_path: Path) -> None:
    head = 'Content-Disposition: form-data; name="file"; filename="scan.png"'
    body = f"--mark\r\n{head}\r\n\r\npicture\r\n--mark--\r\n".encode()
    headers = [(b"content-type", b"multipart/form-data; boundary=mark")]
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": b""}

    async def receive() -> Message:
        sweep(tmp_path, age=60, folder_age=-1)
        return {"type": "http.request", "body": body, "more_body": False}

    async def read() -> bytes:
        async with received(Request(scope, receive), tmp_path) as file:
            return file.path.read_bytes()

    assert asyncio.run(read()) == b"picture"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["签" * 81, "🖋" * 64, "ก" * 300])
def test_long_names_of_all_scripts_fit_a_file_system(name: str, tmp_path: Path) -> None:
    short = safe_name(f"{name}.png")
    assert short[0] == name[0]
    (tmp_path / f"{Path(short).stem}.p1000.transparent-2.png").write_bytes(b"")


def test_paths_of_deleted_files_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "here.png").write_bytes(b"")
    known = {str(tmp_path / "here.png"), str(tmp_path / "gone.png")}
    forget_deleted([known])
    assert known == {str(tmp_path / "here.png")}


def test_several_models_are_named_once_each() -> None:
    assert list(load_models(f"default,{DEFAULT_WEIGHTS}")) == ["default", "weights"]
    with pytest.raises(SigcleanError, match=r"^name each model once: 'default,default'$"):
        load_models("default,default")


def test_a_card_is_shown_without_front_matter_pictures_and_a_second_title() -> None:
    (model,) = load_models().values()
    card = "---\nlicense: mit\n---\n# Title\n\n![s](samples.png)\n```bash\n# comment\n```\n"
    assert card_text(replace(model, card=card)) == "## Title\n\n\n```bash\n# comment\n```"
