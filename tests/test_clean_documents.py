"""`sigclean clean` on documents: a result for each page, and nothing is passed over silently."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pillow_heif
import pytest
from pdfs import blank_pdf, text_pdf
from PIL import Image

from sigclean.cli import main
from sigclean.documents import read_pages
from sigclean.drawn import draw_signature
from sigclean.images import read_image
from sigclean.windows import choose_window

SLIP = (144, 72)  # points


def signature(seed: int) -> Image.Image:
    return draw_signature(np.random.default_rng(seed), 90, 40).convert("RGB")


def save_tiff(path: Path, pages: int, **options: object) -> Path:
    first, *others = map(signature, range(pages))
    first.save(path, save_all=True, append_images=others, **options)
    return path


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with a PDF of three pages, one of one page, a TIFF, a HEIC, and a picture."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "contract.pdf").write_bytes(blank_pdf(3, SLIP, content="20 20 40 3 re f"))
    (folder / "letter.pdf").write_bytes(blank_pdf(1, SLIP))
    save_tiff(folder / "scan.tif", 2)
    heif = pillow_heif.HeifFile()
    for seed in range(2):
        heif.add_from_pillow(signature(seed))
    heif.save(folder / "photo.heic")
    signature(9).save(folder / "picture.png")
    return folder


@pytest.fixture
def weights(eraser_weights: Path) -> list[str]:
    return ["--weights", str(eraser_weights), "--device", "cpu"]


def clean(source: Path, out: Path, *options: str | Path) -> int:
    return main(["clean", str(source), "-o", str(out), *map(str, options)])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a manifest, sorted by source."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(found, key=lambda line: line["source"])


RESULTS = [
    *(f"contract.p{page}.png" for page in (1, 2, 3)),
    *("letter.png", "photo.p1.png", "photo.p2.png", "picture.png", "scan.p1.png", "scan.p2.png"),
]


def test_every_page_of_a_folder_of_documents_has_its_result_and_its_line(
    documents: Path, tmp_path: Path, weights: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "out.jsonl"
    assert clean(documents, tmp_path / "out", "--manifest", manifest, "--dpi", "100", *weights) == 0
    assert names(tmp_path / "out") == RESULTS
    assert capfd.readouterr() == ("", "")
    found = lines(manifest)
    assert [Path(line["target"]).name for line in found] == RESULTS
    assert [line.get("page") for line in found] == [1, 2, 3, None, 1, 2, None, 1, 2]
    assert found[1]["source"] == f"{documents / 'contract.pdf'}#page=2"
    assert (found[1]["width"], found[1]["height"]) == (200, 100)


def test_a_restarted_run_cleans_missing_pages_alone_and_keeps_the_lines_of_the_others(
    documents: Path, tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, out = tmp_path / "out.jsonl", tmp_path / "out"
    options = ("--manifest", manifest, "--dpi", "100", "--skip-existing", *weights)
    assert clean(documents, out, *options) == 0
    before = lines(manifest)
    (out / "contract.p2.png").unlink()
    (out / "contract.p3.png").write_text("mine")
    assert clean(documents, out, *options) == 0
    assert "skipped 8 of 9" in capsys.readouterr().err
    assert names(out) == RESULTS
    assert (out / "contract.p3.png").read_text() == "mine"
    again = lines(manifest)
    assert [line["status"] for line in again] == ["cleaned"] * 9
    assert [line["source"] for line in again] == [line["source"] for line in before]


@pytest.mark.parametrize("options", [(), ("--skip-existing",)])
def test_pages_that_a_document_no_longer_has_have_no_lines(
    options: tuple[str, ...], tmp_path: Path, weights: list[str]
) -> None:
    manifest = tmp_path / "out.jsonl"
    options = (*options, "--manifest", str(manifest))
    for count in (3, 2, 1):
        source = save_tiff(tmp_path / "s.tif", count)
        assert clean(source, tmp_path / "out", *options, *weights) == 0
        assert len(lines(manifest)) == count


def test_the_manifest_of_a_run_is_not_named_as_no_picture(
    tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    signature(9).save(tmp_path / "a.png")
    (tmp_path / "table.xlsx").touch()
    for _ in range(2):
        capsys.readouterr()
        manifest = ("--manifest", tmp_path / "out.jsonl")
        assert clean(tmp_path, tmp_path / "out", *manifest, *weights) == 0
    said = capsys.readouterr().err
    assert f"1 file was not a picture: {tmp_path / 'table.xlsx'}\n" in said


def test_a_page_never_replaces_an_input(
    tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pages, picture = save_tiff(tmp_path / "s.tif", 2), tmp_path / "s.p1.png"
    signature(9).save(picture)
    before = picture.read_bytes()
    for inputs in ([tmp_path], [pages, picture], [tmp_path, "--engine", "ray"]):
        words = [*map(str, inputs), "-o", str(tmp_path), *weights]
        assert main(["clean", *words]) == 1
        assert f"would replace the input {picture}" in capsys.readouterr().err
    assert picture.read_bytes() == before
    assert names(tmp_path) == ["s.p1.png", "s.tif"]
    save_tiff(pages, 1)  # whose result is s.png
    assert clean(tmp_path, tmp_path, *weights) == 0
    assert picture.read_bytes() == before


def test_a_broken_page_is_named_and_the_others_are_cleaned(
    tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = save_tiff(tmp_path / "scan.tif", 5, compression="tiff_deflate")
    content = bytearray(path.read_bytes())
    with Image.open(path) as opened:
        opened.seek(2)
        start = opened.tag_v2[273][0]
    content[start : start + 8] = bytes(8)
    path.write_bytes(content)
    manifest = tmp_path / "out.jsonl"
    assert clean(path, tmp_path / "out", "--manifest", manifest, *weights) == 1
    assert names(tmp_path / "out") == [f"scan.p{page}.png" for page in (1, 2, 4, 5)]
    assert capsys.readouterr().err.splitlines() == [
        f"sigclean: page 3 of {path} is truncated or broken, and cannot be read",
        "sigclean: 1 of 5 pictures could not be cleaned",
    ]
    assert [line["status"] for line in lines(manifest)] == [
        *("cleaned", "cleaned", "failed", "cleaned", "cleaned")
    ]


def test_an_encrypted_pdf_is_cleaned_with_its_password(
    tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path, out, manifest = tmp_path / "a.pdf", tmp_path / "out", tmp_path / "out.jsonl"
    path.write_bytes(text_pdf(2, "secret"))
    options = ("--manifest", manifest, "--dpi", "50", *weights)
    assert clean(path, out, *options) == 1
    assert capsys.readouterr().err == (
        f"sigclean: {path} is encrypted: its password is needed (--password)\n"
    )
    assert [line["status"] for line in lines(manifest)] == ["failed"]
    assert clean(path, out, "--password", "secret", *options) == 0
    assert names(out) == ["a.p1.png", "a.p2.png"]
    assert [line["status"] for line in lines(manifest)] == ["cleaned", "cleaned"]


def test_broken_documents_are_one_sentence_each_and_the_others_are_cleaned(
    documents: Path, tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (documents / "zip.pdf").write_bytes(b"PK\3\4" + bytes(100))
    (documents / "cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj")
    heic = (documents / "photo.heic").read_bytes()
    (documents / "cut.heic").write_bytes(heic[:100])
    (documents / "table.xlsx").touch()
    assert clean(documents, tmp_path / "out", "--dpi", "100", *weights) == 1
    assert names(tmp_path / "out") == RESULTS
    assert capsys.readouterr().err.splitlines() == [
        f"sigclean: {documents / 'cut.heic'} is truncated or broken, and cannot be read",
        f"sigclean: {documents / 'cut.pdf'} is truncated or broken, and cannot be read",
        f"sigclean: {documents / 'zip.pdf'} is not a PDF, whatever its name says",
        "sigclean: 3 of 12 pictures could not be cleaned",
        f"sigclean: 1 file was not a picture: {documents / 'table.xlsx'}",
    ]


def test_the_inputs_resolution_is_that_of_the_result(tmp_path: Path, weights: list[str]) -> None:
    source = tmp_path / "a.tif"
    signature(0).save(source, dpi=(200, 100))
    for suffix in ("png", "jpg"):
        out = tmp_path / f"out.{suffix}"
        assert clean(source, out, "--svg", *weights) == 0
        with Image.open(out) as result:
            assert result.info["dpi"] == pytest.approx((200, 100), rel=1e-3)
    assert (
        'width="11.43mm" height="10.16mm" viewBox="0 0 90 40"' in (tmp_path / "out.svg").read_text()
    )
    assert clean(source, out.with_suffix(".png"), "--dpi", "300", "--crop", *weights) == 0
    with Image.open(tmp_path / "out.png") as result:
        assert result.info["dpi"] == pytest.approx((300, 300), rel=1e-3)


def test_results_are_png_webp_or_jpeg_by_the_suffix(
    tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    source = save_tiff(tmp_path / "a.tif", 2)
    for suffix in ("png", "webp", "jpg"):
        assert clean(source, tmp_path / suffix / f"x.{suffix}", *weights) == 0
        assert names(tmp_path / suffix) == [f"x.p1.{suffix}", f"x.p2.{suffix}"]
    exact, webp, jpeg = (
        np.asarray(read_image(tmp_path / one / f"x.p1.{one}")).astype(int)
        for one in ("png", "webp", "jpg")
    )
    assert np.array_equal(exact, webp)
    assert np.abs(exact - jpeg).mean() < 2
    assert clean(source, tmp_path / "t.webp", "--transparent", *weights) == 0
    with Image.open(tmp_path / "t.p1.webp") as result:
        assert result.mode == "RGBA"
    assert clean(source, tmp_path / "t.jpg", "--transparent", *weights) == 1
    assert "JPEG has no transparency" in capsys.readouterr().err
    assert not (tmp_path / "t.p1.jpg").exists()


def test_pages_are_cleaned_in_windows_unless_none_are_asked_for(
    tmp_path: Path, weights: list[str]
) -> None:
    (tmp_path / "a.pdf").write_bytes(blank_pdf(content="100 100 200 3 re f"))
    windows = []
    for options in ((), ("--window", "none"), ("--window", "300"), ("--raw",)):
        manifest = tmp_path / f"{len(windows)}.jsonl"
        more = ("--manifest", manifest, "--dpi", "100", *options, *weights)
        assert clean(tmp_path / "a.pdf", tmp_path / "a.png", *more) == 0
        [line] = lines(manifest)
        windows.append(line.get("window"))
    assert windows == [295, None, 300, None]  # 295 pixels are 75 mm


def test_a_pdfs_page_of_any_usual_size_is_a_page_for_sure() -> None:
    slide, slip, poster, wall = ((960, 540), (300, 150), (2400, 1000), (4000, 2000))  # points
    windows = []
    for size in (slide, slip, poster, wall):
        [page] = read_pages(blank_pdf(size=size), dpi=100)
        windows.append(choose_window(read_image(page.image), "auto"))
    assert windows == [295, None, 295, None]  # 295 pixels are 75 mm


def test_a_scan_is_no_poster_since_its_size_may_be_made_up() -> None:
    photo = draw_signature(np.random.default_rng(3), 2400, 1000)
    content = io.BytesIO()
    photo.save(content, "PDF", resolution=96)  # 635 mm wide
    [page] = read_pages(content.getvalue())
    assert page.image.size == photo.size
    assert choose_window(page.image, "auto") is None


def test_a_document_of_one_page_goes_through_a_pipe() -> None:
    command = [sys.executable, "-m", "sigclean", "clean", "-", "--runtime", "onnx"]
    content = blank_pdf(1, SLIP)
    done = subprocess.run(command, input=content, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert read_image(done.stdout).size == (600, 300)
    done = subprocess.run(command, input=blank_pdf(2, SLIP), capture_output=True)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"has 2 pages" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="named pipes of POSIX")
@pytest.mark.parametrize("command", ["clean", "extract"])
def test_a_document_of_one_page_goes_through_a_named_pipe(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe, out = tmp_path / "scan.pdf", tmp_path / "out"
    os.mkfifo(pipe)
    for pages, status, said in ((1, 0, ""), (2, 1, "has 2 pages, and a pipe,")):
        writer = Thread(target=pipe.write_bytes, args=[blank_pdf(pages, SLIP)])
        writer.start()
        assert main([command, str(pipe), "-o", str(out), "--runtime", "onnx"]) == status
        writer.join()
        assert said in capsys.readouterr().err
    assert names(out) == ["scan.png" if command == "clean" else "signatures.jsonl"]


def test_a_resolution_too_high_to_draw_at_is_that_of_pictures(
    tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    save_tiff(folder / "a.tif", 1)
    signature(1).save(folder / "b.png")
    (folder / "c.pdf").write_bytes(blank_pdf(1, SLIP))
    assert clean(folder, out, "--dpi", "3200", *weights) == 1
    error = f"{folder / 'c.pdf'}: a resolution is 50 to 2400 dpi, not 3200"
    assert error in capsys.readouterr().err
    assert names(out) == ["a.png", "b.png"]
    for name in names(out):
        assert read_image(out / name).info["dpi"] == pytest.approx((3200, 3200), rel=0.001)
