"""`sigclean extract` on many documents: killed, resumed, in shards; and bad documents."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pdfs import blank_pdf, text_pdf
from PIL import Image
from waiting import wait_until

from sigclean import SignatureCleaner
from sigclean.cli import main
from sigclean.compositing.results import ink_bounds
from sigclean.drawn import draw_signature

PACKAGED = ("--runtime", "onnx", "--device", "cpu")
COUNT = 12
SECONDS = 240  # limit for processes that extract in a few seconds on an idle machine


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents of three pages, each with one signature."""
    folder = tmp_path_factory.mktemp("inbox")
    for number in range(COUNT // 3):
        pages = [
            draw_signature(np.random.default_rng([number, page]), 420, 180).convert("RGB")
            for page in range(3)
        ]
        pages[0].save(folder / f"{number}.tif", save_all=True, append_images=pages[1:])
    return folder


@pytest.fixture(scope="module")
def expected(inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The pictures that an undisturbed run writes."""
    out = tmp_path_factory.mktemp("expected")
    subprocess.run(command(inbox, out), check=True, stderr=subprocess.DEVNULL)
    return results(out)


def command(inbox: str | Path, out: Path, *options: str | Path) -> list[str]:
    words = ("extract", inbox, "-o", out, *PACKAGED, *options)
    return [sys.executable, "-m", "sigclean", *map(str, words)]


def results(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder but the manifest, hidden ones, too."""
    found = (path for path in folder.iterdir() if path.suffix != ".jsonl")
    return {path.name: path.read_bytes() for path in found}


def lines(out: Path) -> list[dict[str, Any]]:
    """The lines of a folder's manifest, each of another signature or page, sorted by source."""
    found = [json.loads(line) for line in (out / "signatures.jsonl").read_text().splitlines()]
    assert len({line["source"] for line in found}) == len(found)
    return sorted(found, key=lambda line: line["source"])


def has_results(folder: Path, count: int) -> bool:
    return len(list(folder.glob("*.png"))) >= count


def test_a_killed_extraction_is_continued_and_ends_with_the_same_bytes(
    inbox: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = command(inbox, out, "--skip-existing")
    for wanted in (2, 7):
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as running:
            wait_until(partial(has_results, out, wanted))
            running.kill()
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    assert results(out) == expected
    assert {line["target"] for line in lines(out)} == {str(out / name) for name in expected}


@pytest.mark.parametrize("options", [("--workers", "1"), ("--workers", "3")])
def test_workers_and_globs_change_nothing(
    options: tuple[str, ...], inbox: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    words = command(inbox / "*.tif", tmp_path / "out", *options)
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    assert results(tmp_path / "out") == expected


def test_folders_below_are_kept_and_names_are_told_apart(inbox: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "below").mkdir(parents=True)
    picture = draw_signature(np.random.default_rng(1), 420, 180)
    for name in ("a.png", "a.tif", "below/a.png"):
        picture.save(folder / name)
    out = tmp_path / "out"
    assert main(["extract", str(folder), "-r", "-o", str(out), *PACKAGED]) == 0
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert names == ["a.png.p1.1.png", "a.tif.p1.1.png", "below/a.p1.1.png"]


def test_bad_documents_are_one_sentence_each_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    action = "/OpenAction<</S/JavaScript/JS(while \\(true\\) {})>>"
    ten_metres = 10_000 / 25.4 * 72
    good = {
        "long.pdf": blank_pdf(size=(ten_metres, 20)),
        "script.pdf": blank_pdf(size=(144, 72), catalog=action),
    }
    bad = {
        "cut.pdf": b"%PDF-1.7\n1 0 obj",
        "secret.pdf": text_pdf(1, "open sesame"),
        "zip.pdf": b"PK\3\4" + bytes(100),
    }
    for name, content in {**good, **bad}.items():
        (folder / name).write_bytes(content)
    words = ["extract", str(folder), "-o", str(out), "--dpi", "60", *PACKAGED]
    assert main(words) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"sigclean: {folder / 'cut.pdf'} is truncated or broken, and cannot be read",
        f"sigclean: {folder / 'secret.pdf'} is encrypted: its password is needed (--password)",
        f"sigclean: {folder / 'zip.pdf'} is not a PDF, whatever its name says",
        "sigclean: 0 signatures on 0 of 2 pages",
        "sigclean: 3 of 5 pages could not be done",
    ]
    assert main([*words, "--password", "open sesame", "--skip-existing"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "sigclean: skipped 2 of 5 pages: done"
    assert said[-1] == "sigclean: 2 of 3 pages could not be done"
    statuses = {Path(line["source"]).name: line["status"] for line in lines(out)}
    assert statuses == {
        "cut.pdf#page=1": "failed",
        "long.pdf#page=1": "unsigned",
        "script.pdf#page=1": "unsigned",
        "secret.pdf#page=1": "unsigned",
        "zip.pdf#page=1": "failed",
    }


def test_a_page_that_is_one_big_signature_is_found_whole() -> None:
    page = Image.new("RGB", (1240, 1754), "white")
    page.paste(draw_signature(np.random.default_rng([3, 8]), 1100, 600).convert("RGB"), (70, 500))
    cleaner = SignatureCleaner.from_pretrained(device="cpu", runtime="onnx")
    [found] = cleaner.extract(page)
    ink = ink_bounds(page)
    assert ink is not None
    assert found.box[0] <= ink[0] + 20 and found.box[1] <= ink[1] + 20
    assert found.box[2] >= ink[2] - 20 and found.box[3] >= ink[3] - 20


def test_a_page_of_print_alone_has_no_signature() -> None:
    cleaner = SignatureCleaner.from_pretrained(device="cpu", runtime="onnx")
    assert cleaner.extract(text_pdf(), dpi=150) == []


@pytest.mark.slow
def test_3000_pages_are_extracted_in_flat_memory(tmp_path: Path) -> None:
    script = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    peaks = []
    for pages in (100, 3000):
        out = tmp_path / str(pages)
        (tmp_path / "long.pdf").write_bytes(blank_pdf(pages, size=(144, 72)))
        words = command(tmp_path / "long.pdf", out, "--dpi", "100")
        done = subprocess.run(
            [sys.executable, "-c", script, *words], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert len(lines(out)) == pages
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 40_000  # kilobytes


def test_shards_are_searched_row_by_row_and_a_rerun_goes_on(
    inbox: Path, expected: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    documents = sorted(inbox.glob("*.tif"))
    rows = [{"bytes": path.read_bytes(), "path": path.name} for path in documents]
    rows.insert(1, {"bytes": b"no picture", "path": "broken.tif"})
    pq.write_table(pa.table({"scan": rows}), tmp_path / "a.parquet")
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        tar.add(documents[0], "../up/0.tif")
        tar.add(documents[1], "up/0.pdf")  # by its content a TIFF
    words = ["extract", str(tmp_path / "a.parquet"), str(tmp_path / "b.tar"), *PACKAGED]
    words += ["-o", str(tmp_path / "out"), "--skip-existing"]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path}/a.parquet#1 is not a picture that can be read" in said
    assert f"{COUNT + 6} signatures on {COUNT + 6} of {COUNT + 6} pages" in said
    found = {path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*.png")}
    names = {f"a/{row:06}.p{page}.1.png" for row in (0, 2, 3, 4) for page in (1, 2, 3)}
    assert found == names | {
        f"b/up/0{more}.p{page}.1.png" for more in ("", ".pdf") for page in (1, 2, 3)
    }
    for row, number in ((0, 0), (2, 1), (3, 2), (4, 3)):
        for page in (1, 2, 3):
            path = tmp_path / f"out/a/{row:06}.p{page}.1.png"
            assert path.read_bytes() == expected[f"{number}.p{page}.1.png"]
    (tmp_path / "out/a/000002.p3.1.png").unlink()
    assert main(words) == 1
    assert "1 signature on 1 of 1 pages" in capsys.readouterr().err
    assert (tmp_path / "out/a/000002.p3.1.png").exists()
    sources = [line["source"] for line in lines(tmp_path / "out")]
    assert f"{tmp_path}/b.tar#../up/0.tif#page=3&signature=1" in sources


def test_no_two_members_of_shards_have_results_of_one_name(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    picture, out = tmp_path / "one.png", tmp_path / "out"
    draw_signature(np.random.default_rng(1), 300, 120).save(picture)
    members = ("x/a#1.jpg", "y/b#1.jpg", "x/a#1.png", "z.jpg", "z.jpg", "z.jpg", "000000.jpg")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in members:
            tar.add(picture, name)
    pq.write_table(pa.table({"scan": [picture.read_bytes()]}), tmp_path / "a.parquet")
    words = ["extract", str(tmp_path / "a.tar"), str(tmp_path / "a.parquet"), "-o", str(out)]
    assert main([*words, *PACKAGED]) == 0
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    names = ("000000", "x/a#1", "x/a#1.png", "y/b#1", "z", "z.jpg", "z.jpg.2")
    expected = ["a-parquet/000000.p1.1.png", *(f"a-tar/{name}.p1.1.png" for name in names)]
    assert found == sorted(expected)
    (out / "a-tar/x/a#1.png.p1.1.png").unlink()
    assert main([*words, *PACKAGED, "--skip-existing"]) == 0
    assert found == sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))


def test_a_data_set_is_searched(
    inbox: Path, expected: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import datasets

    rows = [{"bytes": path.read_bytes(), "path": path.name} for path in sorted(inbox.glob("*.tif"))]
    kind = datasets.Features({"scan": datasets.Image()})
    datasets.Dataset.from_dict({"scan": rows}, kind).save_to_disk(str(tmp_path / "set"))
    words = ["extract", "--dataset", str(tmp_path / "set"), "-o", str(tmp_path / "out"), *PACKAGED]
    assert main(words) == 0
    assert f"{COUNT} signatures on {COUNT} of {COUNT} pages" in capsys.readouterr().err
    folder = tmp_path / "out/train-00000-of-00001"
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == {f"00000{name}": content for name, content in expected.items()}
    assert main([*words, str(inbox)]) == 1
    assert "--dataset takes the place of the inputs" in capsys.readouterr().err
    assert main(["extract"]) == 1
    assert "there is no input" in capsys.readouterr().err
