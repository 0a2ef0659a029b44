"""Bulk cleaning that is killed, interrupted or runs out of disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waiting import wait_until

from sigclean.bulk.manifest import Manifest
from sigclean.cli import main
from sigclean.drawn import draw_signature

PROJECT = Path(__file__).parents[1]
COUNT = 24
SECONDS = 120  # limit for processes that clean in a few seconds on an idle machine


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of several sizes."""
    folder = tmp_path_factory.mktemp("scans")
    for number in range(COUNT):
        picture = draw_signature(np.random.default_rng(number), 100 + 10 * number, 60)
        picture.save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def expected(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that an undisturbed run writes."""
    out = tmp_path_factory.mktemp("expected")
    subprocess.run(command(scans, out), check=True)
    return results(out)


def command(scans: Path, out: Path, *options: str | Path, more: Sequence[Path] = ()) -> list[str]:
    """The command with the packaged model, which starts fast."""
    words = ("clean", scans, *more, "-o", out, "--runtime", "onnx", "--device", "cpu", *options)
    return [sys.executable, "-m", "sigclean", *map(str, words)]


def results(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder, including hidden ones."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def has_results(folder: Path, count: int) -> bool:
    return len(list(folder.glob("*.png"))) >= count


def statuses(manifest: Path) -> Counter[str]:
    """Count each status; check that every picture has one line."""
    entries = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert len({entry["source"] for entry in entries}) == len(entries)
    return Counter(entry["status"] for entry in entries)


def test_a_killed_run_is_continued_and_ends_with_the_same_bytes(
    scans: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out, manifest = tmp_path / "out", tmp_path / "out.jsonl"
    words = command(scans, out, "--manifest", manifest, "--skip-existing")
    for wanted in (3, 12):
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as running:
            wait_until(partial(has_results, out, wanted))
            running.kill()
        (out / f".sigclean.{os.uname().nodename.partition('.')[0]}.{running.pid}.1.tmp").touch()
        lines = manifest.read_text().splitlines()
        recorded = {Path(json.loads(line)["target"]).name for line in lines}
        assert {path.name for path in out.glob("*.png")} <= recorded
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    assert statuses(manifest) == {"cleaned": COUNT}
    assert results(out) == expected


def test_a_full_disk_is_one_sentence_and_results_stay(
    scans: Path, expected: dict[str, bytes], tmp_path: Path, small_disk: Path
) -> None:
    out, manifest = small_disk / "out", tmp_path / "out.jsonl"
    words = command(scans, out, "--manifest", manifest, "--skip-existing")
    ended = subprocess.run(words, capture_output=True, text=True)
    assert ended.returncode == 1
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(f"sigclean: error: {out}")
    assert sentence.endswith("cannot be written: No space left on device")
    done = results(out)
    assert 0 < len(done) < COUNT
    assert done.items() <= expected.items()
    subprocess.run(["mount", "-o", "remount,size=9m", str(small_disk)], check=True)
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    assert results(out) == expected
    assert statuses(manifest) == {"cleaned": COUNT}


def test_one_of_several_processes_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("clean", "extract"):
        assert main([name, "a.png"]) == 1
        assert "this is one of 2 processes (WORLD_SIZE)" in capsys.readouterr().err


def test_of_several_lines_of_a_picture_the_last_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    entry: dict[str, Any] = {"target": "t", "status": "failed"}
    names = ("a.png", "b.png", "old.png", "b.png")
    before = [json.dumps({"source": name, "at": at, **entry}) for at, name in enumerate(names)]
    path.write_text("\n".join(before) + '\n{"source": "cut o')
    with Manifest(path, lambda source: source == "a.png") as manifest:
        manifest.skipped("b.png", "t")  # an earlier run recorded it
        manifest.skipped("c.png", "t")
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["source"], one.get("at")) for one in entries] == [
        ("old.png", 2),
        ("b.png", 3),
        ("c.png", None),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["s3://bucket/in", "-o", "out"], "s3://bucket/in is a URL: --engine ray"),
        (["a.png", "-o", "s3://bucket/out"], "s3://bucket/out is a URL"),
        (["a.png", "--concurrency", "2"], "need --engine ray"),
        (["a.png", "--num-gpus", "0.5"], "need --engine ray"),
    ],
)
def test_what_needs_a_cluster_is_refused_without_one(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("clean", "extract"):
        assert main([name, *words]) == 1
        assert said in capsys.readouterr().err
