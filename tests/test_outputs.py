"""Where results go: formats, sizes, and folders that are full or cannot be written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sigclean.bulk.jobs import plan
from sigclean.cli import main
from sigclean.drawn import draw_signature
from sigclean.encoding import encode
from sigclean.errors import SigcleanError, TooLargeError, UnwritableError
from sigclean.files import check_writable
from sigclean.images import read_image

PACKAGED = ("--runtime", "onnx", "--device", "cpu")


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two pictures of one name, and one in a sub-folder."""
    folder = tmp_path / "scans"
    (folder / "sub").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "a.tif", "sub/b.png")):
        picture = draw_signature(np.random.default_rng(seed), 200, 90).convert("RGB")
        picture.save(folder / name, dpi=(200, 200))
    return folder


def run(command: str, source: Path, out: Path, *options: str | Path) -> int:
    return main([command, str(source), "-o", str(out), *map(str, options), *PACKAGED])


def files(folder: Path) -> list[str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.relative_to(folder).as_posix() for path in found]


def lines(manifest: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in manifest.read_text().splitlines()]
    return sorted(found, key=lambda line: line["source"])


@pytest.mark.parametrize(("kind", "suffix"), [("webp", "webp"), ("jpeg", "jpg"), ("png", "png")])
def test_many_results_have_the_format_asked_for_with_names_manifest_and_resuming(
    kind: str, suffix: str, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, manifest = tmp_path / "out", tmp_path / "out.jsonl"
    options = ("-r", "--format", kind, "--manifest", manifest, "--skip-existing")
    assert run("clean", scans, out, *options) == 0
    names = [f"a.png.{suffix}", f"a.tif.{suffix}", f"sub/b.{suffix}"]
    assert files(out) == names
    assert [line["target"] for line in lines(manifest)] == [str(out / name) for name in names]
    with Image.open(out / names[0]) as result:
        assert (result.format, result.mode) == (kind.upper(), "RGB")
    capsys.readouterr()
    assert run("clean", scans, out, *options) == 0
    assert "skipped 3 of 3" in capsys.readouterr().err
    exact = tmp_path / "exact"
    assert run("clean", scans, exact, "-r") == 0
    for name in names:
        expected = np.asarray(read_image(exact / name.replace(f".{suffix}", ".png"))).astype(int)
        difference = np.abs(np.asarray(read_image(out / name)) - expected)
        assert difference.max() == 0 if kind != "jpeg" else difference.mean() < 2


def test_without_an_output_results_of_any_format_are_not_cleaned_again(
    scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert main(["clean", str(scans / "sub"), "--format", "webp", *PACKAGED]) == 0
    assert files(scans / "sub") == ["b.clean.webp", "b.png"]


def test_jpeg_has_no_transparent_ground(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("clean", scans, out, "--format", "jpeg", "--transparent") == 1
    assert capsys.readouterr().err == (
        "sigclean: error: JPEG has no transparency: leave out --transparent, or choose WebP\n"
    )
    assert not out.exists()
    assert run("clean", scans, out, "--format", "webp", "--transparent") == 0
    with Image.open(out / "a.png.webp") as result:
        assert result.mode == "RGBA"


def test_signatures_are_extracted_in_the_format_and_size_asked_for(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    options = ("--format", "jpeg", "--margin", "6", "--height", "64", "--skip-existing")
    assert run("extract", scans / "a.tif", out, *options) == 0
    assert files(out) == ["a.p1.1.jpg", "signatures.jsonl"]
    [line] = lines(out / "signatures.jsonl")
    with Image.open(out / "a.p1.1.jpg") as result:
        assert (result.format, result.mode, result.height) == ("JPEG", "RGB", 64)
        dpi = result.info["dpi"][1]
    assert run("extract", scans / "a.tif", out, *options) == 0
    assert "skipped 1 of 1 pages" in capsys.readouterr().err
    assert run("extract", scans / "a.tif", out, "--margin", "6", "--skip-existing") == 0
    assert files(out) == ["a.p1.1.jpg", "a.p1.1.png", "signatures.jsonl"]
    with Image.open(out / "a.p1.1.png") as result:
        assert result.mode == "RGBA"
        assert dpi == pytest.approx(200 * 64 / result.height, abs=1)
    [line] = lines(out / "signatures.jsonl")
    assert line["target"] == str(out / "a.p1.1.png")


def test_results_are_cut_and_resized_by_the_command(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert run("clean", scans / "a.tif", out, "--width", "500", "--height", "300", "--svg") == 0
    with Image.open(out) as result:
        assert result.size == (500, 300)
        assert result.info["dpi"] == pytest.approx((500, 500), rel=1e-3)
    assert 'width="25.4mm" height="15.24mm"' in out.with_suffix(".svg").read_text()


def test_standard_output_has_the_format_asked_for(scans: Path) -> None:
    words = [sys.executable, "-m", "sigclean", "clean", str(scans / "a.tif"), "-o", "-"]
    for kind, start in (("webp", b"RIFF"), ("jpeg", b"\xff\xd8")):
        done = subprocess.run([*words, "--format", kind, *PACKAGED], capture_output=True)
        assert done.stdout.startswith(start)


@pytest.fixture
def narrow_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format that takes no picture wider than 250 pixels."""

    def refuse(image: Image.Image, suffix: str = ".png") -> bytes:
        if image.width > 250:
            raise TooLargeError("a result is too wide")
        return encode(image, suffix)

    for module in ("picture_worker", "extraction"):
        monkeypatch.setattr(f"sigclean.bulk.{module}.encode", refuse)


@pytest.mark.usefixtures("narrow_format")
def test_a_result_too_large_for_its_format_is_named_and_the_rest_is_cleaned(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_signature(np.random.default_rng(7), 300, 90).save(scans / "wide.png")
    out, manifest = tmp_path / "out", tmp_path / "out.jsonl"
    assert run("clean", scans, out, "--manifest", manifest) == 1
    assert f"{scans / 'wide.png'}: a result is too wide" in capsys.readouterr().err
    assert files(out) == ["a.png.png", "a.tif.png"]
    assert [line["status"] for line in lines(manifest)] == ["cleaned", "cleaned", "failed"]


@pytest.mark.usefixtures("narrow_format")
def test_a_signature_too_large_for_its_format_costs_no_other_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Image.new("RGB", (1240, 1754), "white")
    for seed, (width, place) in enumerate(((600, (500, 1200)), (180, (150, 300)))):
        page.paste(draw_signature(np.random.default_rng(seed), width, width // 2), place)
    page.save(tmp_path / "page.png")
    for _ in range(2):  # the page is not finished
        assert run("extract", tmp_path / "page.png", tmp_path / "out", "--skip-existing") == 1
        assert "page.png#page=1: a result is too wide" in capsys.readouterr().err
        [failed, written] = lines(tmp_path / "out/signatures.jsonl")
        assert (failed["status"], written["status"]) == ("failed", "cleaned")
        assert Path(written["target"]).is_file()


@pytest.mark.parametrize(
    ("output", "suffix", "said"),
    [
        ("out.png", ".webp", "results are WEBP files: write to out.webp instead of out.png"),
        ("out.webp", ".jpg", "results are JPEG files: write to out.jpg instead of out.webp"),
    ],
)
def test_a_format_that_contradicts_the_name_is_one_sentence(
    output: str, suffix: str, said: str
) -> None:
    with pytest.raises(SigcleanError, match=said):
        plan(["a.png"], output, suffix=suffix)
    [job] = plan(["a.png"], "out.jpeg", suffix=".jpg")
    assert job.target == Path("out.jpeg")


def test_shards_have_no_other_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.tar").touch()
    assert run("clean", tmp_path / "a.tar", tmp_path / "out", "--format", "webp") == 1
    assert "--format is for pictures that are files" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["clean", "extract"])
def test_a_folder_that_cannot_be_made_is_named_and_the_rest_goes_on(
    command: str, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, manifest = tmp_path / "out", tmp_path / "out.jsonl"
    out.mkdir()
    (out / "sub").touch()
    assert run(command, scans, out, "-r", "--manifest", manifest) == 1
    said = capsys.readouterr().err.splitlines()
    sentence = f"{out / 'sub'} cannot be written to: {out / 'sub'} is not a folder"
    assert said[0] == f"sigclean: {sentence}"
    assert said[-1].startswith("sigclean: 1 of 3 p")
    assert len(files(out)) == 3
    assert [line.get("error") for line in lines(manifest)] == [None, None, sentence]


@pytest.mark.parametrize("command", ["clean", "extract"])
def test_a_result_whose_name_is_taken_by_a_folder_is_named_and_the_rest_goes_on(
    command: str, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    taken = out / ("a.tif.png" if command == "clean" else "a.tif.p1.1.png")
    taken.mkdir(parents=True)
    assert run(command, scans, out) == 1
    assert f"sigclean: {taken} cannot be written: it is not a file" in capsys.readouterr().err
    assert (out / taken.name.replace("tif", "png", 1)).is_file()


@pytest.mark.parametrize("command", ["clean", "extract"])
def test_a_read_only_folder_is_one_sentence(
    command: str,
    scans: Path,
    tmp_path: Path,
    read_only_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UnwritableError, match="is read-only"):
        check_writable(read_only_folder / "below")
    out, manifest = tmp_path / "out", tmp_path / "out.jsonl"
    assert run(command, scans, read_only_folder, "-r", "--manifest", manifest) == 1
    assert capsys.readouterr().err == (
        f"sigclean: error: {read_only_folder} cannot be written to: "
        f"{read_only_folder} is read-only\n"
    )
    assert run(command, scans, read_only_folder, "-r") == 1
    assert capsys.readouterr().err.count("\n") == 1
    out.mkdir()
    (out / "sub").symlink_to(read_only_folder)
    assert run(command, scans, out, "-r", "--manifest", manifest) == 1
    assert f"{out / 'sub'} is read-only" in capsys.readouterr().err
    assert len(files(out)) == 2


def test_a_full_disk_ends_an_extraction_with_one_sentence_and_a_rerun_continues(
    tmp_path: Path, small_disk: Path
) -> None:
    scans, out, manifest = tmp_path / "scans", small_disk / "out", tmp_path / "out.jsonl"
    scans.mkdir()
    for seed in range(12):
        picture = draw_signature(np.random.default_rng(seed), 500, 220).convert("RGB")
        picture.save(scans / f"{seed:02}.png")
    words = [sys.executable, "-m", "sigclean", "extract", scans, "-o", out, *PACKAGED]
    words += ["--manifest", manifest, "--skip-existing"]
    ended = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    assert ended.returncode == 1
    [sentence] = ended.stderr.splitlines()
    assert sentence.startswith(f"sigclean: error: {out}")
    assert sentence.endswith("cannot be written: No space left on device")
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert 0 < len(before) < 12
    subprocess.run(["mount", "-o", "remount,size=9m", str(small_disk)], check=True)
    ended = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "skipped" in ended.stderr
    assert len(list(out.iterdir())) >= 12
    assert {path: path.read_bytes() for path in before} == before
