"""The demo as programs see it: `python app.py`, called over HTTP."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from demo_server import ROOT, Answer, Demo, ask, call, clean, file_data, pixels, upload
from gradio_client import Client, handle_file
from PIL import Image

from sigclean import SignatureCleaner


@pytest.fixture(scope="module")
def client(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    connected = Client(demo.url, download_files=tmp_path_factory.mktemp("got"), verbose=False)
    yield connected
    connected.close()


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def results(answer: Answer) -> list[Image.Image]:
    """The pictures that a call returned, fetched from their addresses."""
    event, data = answer.body.decode().split("\n", 1)
    assert event == "event: complete", answer.body
    files = json.loads(data.removeprefix("data: "))
    return [Image.open(io.BytesIO(ask(file["url"]).body)) for file in files]


def error(answer: Answer) -> str:
    """The sentence of a failed call."""
    event, data = answer.body.decode().split("\n", 1)
    assert event == "event: error", answer.body
    return json.loads(data.removeprefix("data: "))["error"]


def test_clean_returns_the_cleaners_result_with_the_chosen_weights(
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


def test_the_upload_is_read_by_the_picture_rules(demo: Demo) -> None:
    sideways = Image.new("I;16", (300, 120), 65535)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    file = io.BytesIO()
    sideways.save(file, "PNG", exif=exif)
    white, transparent = results(clean(demo, file.getvalue()))
    assert (white.size, transparent.mode) == ((120, 300), "RGBA")
    assert (pixels(white) == 255).all()


def test_a_batch_is_a_zip_with_a_manifest_in_the_chosen_appearance(
    client: Client, demo: Demo, noisy_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    twin = tmp_path / "twin" / noisy_file.name
    twin.parent.mkdir()
    Image.new("RGB", (40, 30), "white").save(twin)
    files = [handle_file(path) for path in (noisy_file, tmp_path / "broken.png", twin)]
    archive, summary = client.predict(
        files, paper="white", size="cropped", ink="black", api_name="/clean_batch"
    )
    with zipfile.ZipFile(archive) as packed:
        lines = [json.loads(line) for line in packed.read("manifest.jsonl").splitlines()]
        with packed.open("my scan.clean.png") as file:
            result = np.asarray(Image.open(file))
        assert set(packed.namelist()) == {
            "my scan.clean.png", "my scan-2.clean.png", "manifest.jsonl"
        }  # fmt: skip
    assert [line["status"] for line in lines] == ["cleaned", "failed", "cleaned"]
    assert (lines[0]["width"], lines[0]["height"]) == (640, 280)
    assert (lines[0]["ink"] > 0, lines[0]["warnings"]) == (True, [])
    assert lines[2]["ink"] == 0
    assert lines[2]["warnings"] == [
        "no ink was kept", "the longer side has 40 pixels only"
    ]  # fmt: skip
    assert "2 pictures cleaned" in summary
    assert "is not a picture that can be read" in summary
    cropped = SignatureCleaner.from_pretrained(demo.weights)(noisy_file, crop=True)
    assert result.shape == pixels(cropped).shape
    assert (np.ptp(result, axis=2) == 0).all()  # grey: the ink is black


def test_a_batch_without_a_readable_file_is_an_error(client: Client, demo: Demo) -> None:
    broken = file_data(upload(demo, b"not a picture").json[0])
    answer = call(demo, "clean_batch", [broken], "white", "original", "as is", "default")
    assert error(answer) == "scan.png is not a picture that can be read."


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HEADER = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)  # 10.8 gigabytes, if decoded
BOMB = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in ((b"IHDR", HEADER), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b""))
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scan.png", b"", r"scan\.png is empty \(0 bytes\)\."),
        ("scan.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, r"scan\.png is .*"),
        ("page.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", r"page\.jpg is a PDF: .*"),
        ("ink.svg", SVG, r"ink\.svg is a drawing in SVG: .*"),
        ("ink.png", SVG, r"ink\.png is a drawing in SVG: .*"),
        ("scans.zip", b"PK\x03\x04" + bytes(60), r"scans\.zip is an archive .*"),
        ("IMG_1.HEIC", b"\0\0\0\x24ftypheic" + bytes(40), r"IMG_1\.HEIC is truncated .*"),
        ("huge.png", BOMB, r"huge\.png has more than 50 megapixels\."),
    ],
    ids=["empty", "corrupt", "pdf", "svg", "renamed-svg", "zip", "heic", "bomb"],
)
def test_a_file_that_is_no_picture_is_refused_in_one_sentence_and_the_next_is_cleaned(
    demo: Demo, noisy_file: Path, name: str, content: bytes, message: str
) -> None:
    assert re.fullmatch(message, error(clean(demo, content, name)))
    assert len(results(clean(demo, noisy_file.read_bytes()))) == 2


def test_a_photo_of_60_megapixels_is_refused_before_it_is_decoded(demo: Demo) -> None:
    photo = png(Image.new("1", (10_000, 6_000)))
    assert error(clean(demo, photo)).startswith("scan.png has more than 50 megapixels (10000x6000)")


def test_a_script_in_an_upload_is_not_run_by_a_browser_that_opens_it(demo: Demo) -> None:
    path = upload(demo, SVG, "ink.svg").json[0]
    headers = ask(f"{demo.url}/gradio_api/file={path}").headers
    assert headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("colour", ["black", "white"])
@pytest.mark.parametrize("size", [(1, 1), (300, 200)])
def test_a_picture_without_a_signature_keeps_its_size(
    demo: Demo, size: tuple[int, int], colour: str
) -> None:
    white, transparent = results(clean(demo, png(Image.new("RGB", size, colour))))
    assert white.size == transparent.size == size


def test_a_name_with_dots_leads_nowhere(demo: Demo, noisy_file: Path) -> None:
    path = Path(upload(demo, noisy_file.read_bytes(), "../../../evil.png").json[0])
    assert demo.cache in path.parents
    assert path.name == "evil.png"
    assert len(results(call(demo, "clean", file_data(str(path))))) == 2


def test_no_picture_is_answered_in_one_sentence(demo: Demo) -> None:
    assert error(call(demo, "clean", None)) == "Choose a picture first."


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
@pytest.mark.parametrize("endpoint", ["clean", "clean_batch"])
def test_a_file_of_the_computer_itself_is_refused(
    demo: Demo, noisy_file: Path, endpoint: str, meta: dict[str, object]
) -> None:
    own = {"path": str(noisy_file), **meta}
    rest = ["white", "original", "as is", "default"] if endpoint == "clean_batch" else []
    answer = call(demo, endpoint, [own] if rest else own, *rest)
    if answer.status == 200:
        assert error(answer) == "This file was not uploaded."
    else:
        assert (answer.status, answer.json["status"]) == (422, 422)


@pytest.mark.slow
def test_fifty_uploads_at_once_are_all_answered(demo: Demo, noisy_file: Path) -> None:
    content = noisy_file.read_bytes()
    with ThreadPoolExecutor(50) as visitors:
        answers = list(visitors.map(lambda _: clean(demo, content), range(50)))
    expected = pixels(SignatureCleaner.from_pretrained(demo.weights)(noisy_file))
    assert all(np.array_equal(pixels(results(answer)[0]), expected) for answer in answers)


def test_two_endpoints_are_offered(client: Client) -> None:
    api = client.view_api(return_format="dict", print_info=False)
    assert set(api["named_endpoints"]) == {"/clean", "/clean_batch"}
    assert not api["unnamed_endpoints"]


@pytest.mark.parametrize("language", ["python", "bash", "js"])
def test_the_examples_of_the_documentation_run(
    demo: Demo, noisy_file: Path, tmp_path: Path, language: str
) -> None:
    text = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8").partition("## HTTP")[2]
    (code,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    suffix, program = {
        "python": ("py", sys.executable), "bash": ("sh", "bash"), "js": ("mjs", "node")
    }[language]  # fmt: skip
    script = tmp_path / f"example.{suffix}"
    script.write_text(code.replace("http://127.0.0.1:7860", demo.url), encoding="utf-8")
    Image.open(noisy_file).save(tmp_path / "scan.jpg")
    noisy_file.rename(tmp_path / "other.png")
    done = subprocess.run([program, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = [Path(line) for line in done.stdout.splitlines() if line.startswith("/")]
    made = made or [tmp_path / name for name in ("clean.png", "transparent.png")]
    assert [Image.open(path).mode for path in made[:2]] == ["RGB", "RGBA"]
    archives = [*made[2:], *tmp_path.glob("*.zip")]
    assert all(len(zipfile.ZipFile(archive).namelist()) == 3 for archive in archives)
    assert len(archives) == (language != "js")


@pytest.mark.slow
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
        [sys.executable, "-m", "sigclean", "demo", "--port", port],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("sigclean: error: the demo cannot listen")
    assert port in done.stderr
    assert len(done.stderr.splitlines()) == 1
