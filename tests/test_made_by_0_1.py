"""Weights, a Hub repository and a manifest that version 0.1 made are read by this version.

test_runtimes cleans with its weights, by every runtime.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hub_server import HubServer
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.cli import main

MADE = Path(__file__).parent / "data" / "made_by_0_1"
REPOSITORY = MADE / "hub_repository"


def test_the_weights_folder_of_a_training_run_is_loaded() -> None:
    cleaner = SignatureCleaner.from_pretrained(MADE / "run" / "G_B", device="cpu")
    scan = MADE / "scans" / "a.png"
    assert cleaner(scan).size == Image.open(scan).size


def test_a_manifest_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(MADE / "scans", tmp_path / "scans")
    shutil.copytree(MADE / "cleaned", tmp_path / "out", ignore=shutil.ignore_patterns("*.jsonl"))
    shutil.copy(MADE / "cleaned" / "manifest.jsonl", tmp_path)
    before = (tmp_path / "manifest.jsonl").read_text()
    pictures = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    monkeypatch.chdir(tmp_path)
    words = ["scans", "-o", "out", "--skip-existing", "--manifest", "manifest.jsonl"]
    assert main(["clean", *words, "--weights", str(REPOSITORY), "--device", "cpu"]) == 0
    after = (tmp_path / "manifest.jsonl").read_text()
    assert after.startswith(before)
    (added,) = map(json.loads, after.removeprefix(before).splitlines())
    assert (added["source"], added["status"]) == ("scans/c.png", "cleaned")
    assert {path: path.read_bytes() for path in pictures} == pictures
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.png"]


def test_a_repository_of_the_hub_is_pulled(tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    words = ["clean", MADE / "scans" / "a.png", "-o", target, "--weights", "user/repo", "--raw"]
    with HubServer() as hub:
        hub.add("user/repo", {path.name: path.read_bytes() for path in REPOSITORY.iterdir()})
        done = subprocess.run(
            [sys.executable, "-m", "sigclean", *map(str, words), "--runtime", "onnx"],
            env=hub.environment(tmp_path / "home"),
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stderr) == (0, "")
    ours = np.asarray(Image.open(target)).astype(int)
    assert np.abs(ours - np.asarray(Image.open(MADE / "painted" / "a.png"))).max() <= 1
