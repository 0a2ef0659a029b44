"""The manifest of a bulk cleaning has one line for every picture, whatever happened before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sigclean.bulk.manifest import Manifest
from sigclean.cli import main
from sigclean.compositing.results import ink_share, transparent_ink
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for seed, name in enumerate("ab"):
        draw_signature(np.random.default_rng(seed), 200, 80).save(folder / f"{name}.png")
    (folder / "broken.png").touch()
    return folder


def lines(path: Path) -> dict[str, dict[str, Any]]:
    """Read a manifest, by the names of pictures; check that each has one line."""
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    named = {Path(entry["source"]).name: entry for entry in entries}
    assert len(named) == len(entries)
    return named


def clean(scans: Path, weights: Path, *options: str) -> int:
    out, manifest = scans.parent / "out", scans.parent / "new" / "out.jsonl"
    return main(["clean", str(scans), "-o", str(out), "--weights", str(weights), "--device", "cpu",
                 "--manifest", str(manifest), *options])  # fmt: skip


def test_every_picture_has_a_line(scans: Path, tmp_path: Path, eraser_weights: Path) -> None:
    assert clean(scans, eraser_weights) == 1
    found = lines(tmp_path / "new" / "out.jsonl")
    assert {name: entry["status"] for name, entry in found.items()} == {
        "a.png": "cleaned", "b.png": "cleaned", "broken.png": "failed",
    }  # fmt: skip
    assert found["broken.png"]["error"] == f"{scans / 'broken.png'} is empty (0 bytes)"
    one = found["a.png"]
    assert (one["width"], one["height"]) == (200, 80)
    assert one["milliseconds"] > 0
    with Image.open(one["target"]) as result:
        assert one["ink"] == pytest.approx(ink_share(result), abs=1e-5)


def test_a_killed_run_is_continued_and_every_picture_has_one_line(
    scans: Path, tmp_path: Path, eraser_weights: Path
) -> None:
    clean(scans, eraser_weights)
    path = tmp_path / "new" / "out.jsonl"
    earlier = lines(path)
    kept, cut = (json.dumps(earlier[name]) for name in ("a.png", "b.png"))
    path.write_text(f"{kept}\n{cut[:30]}")  # killed while it wrote the second line
    draw_signature(np.random.default_rng(3), 90, 40).save(scans / "broken.png")
    assert clean(scans, eraser_weights, "--skip-existing") == 0
    found = lines(path)
    statuses = {name: entry["status"] for name, entry in found.items()}
    assert statuses == {"a.png": "cleaned", "b.png": "skipped", "broken.png": "cleaned"}
    assert found["a.png"] == earlier["a.png"]
    assert found["broken.png"]["warnings"][-1] == "the longer side has 90 pixels only"


def test_results_older_than_the_manifest_are_recorded_as_skipped(
    scans: Path, tmp_path: Path, eraser_weights: Path
) -> None:
    clean(scans, eraser_weights)
    path = tmp_path / "new" / "out.jsonl"
    path.unlink()
    for _ in range(2):
        assert clean(scans, eraser_weights, "--skip-existing") == 1
        statuses = {name: entry["status"] for name, entry in lines(path).items()}
        assert statuses == {"a.png": "skipped", "b.png": "skipped", "broken.png": "failed"}


def test_a_file_that_is_not_a_manifest_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    foreign = [b"my notes\n", b"[1]\n", b"\xff\n", b"my notes", b'{"keep": "me"}']
    foreign += [
        b'{"source": "crawl", "t": 1}\n' * 2,
        b'{"source": "a", "target": 1, "status": 2}\n',
    ]
    for content in foreign:
        other.write_bytes(content)
        with pytest.raises(SigcleanError, match="manifest"):
            Manifest(other)
        assert other.read_bytes() == content


@pytest.mark.parametrize("line", ["", "{", '{"source": "a.png", "tar'])
def test_a_first_line_that_a_killed_run_left_incomplete_is_dropped(
    line: str, tmp_path: Path
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text(line)
    with Manifest(path) as manifest:
        manifest.skipped("a.png", "out/a.png")
    assert list(lines(path)) == ["a.png"]


@pytest.mark.parametrize(
    ("ink", "share"), [((0, 0, 90), 0.1), ((255, 240, 120), 0.1), ((235, 240, 250), 0)]
)
def test_the_share_of_ink_is_the_same_for_a_transparent_result(
    ink: tuple[int, int, int], share: float
) -> None:
    page = Image.new("RGB", (10, 10), "white")
    page.paste(ink, (0, 0, 5, 2))
    assert ink_share(page) == ink_share(transparent_ink(page)) == pytest.approx(share)


def test_standard_output_has_no_manifest(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(scans / "a.png"), "-o", "-", "--manifest", str(tmp_path / "out.jsonl")]
    assert main(["clean", *arguments]) == 1
    assert "a manifest is for files" in capsys.readouterr().err
