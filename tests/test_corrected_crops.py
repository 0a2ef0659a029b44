"""Real crops get a truth: a model's result, corrected within polygons."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from sigclean.drawn import draw_signature

ROOT = Path(__file__).parents[1]


def test_ink_is_erased_and_brought_back_within_polygons(tmp_path: Path) -> None:
    picture = np.full((120, 400, 3), 235, np.uint8)
    signature = np.asarray(draw_signature(np.random.default_rng(3), 200).resize((200, 100)))
    picture[10:110, 20:220] = np.minimum(picture[10:110, 20:220], signature)
    picture[20:24, 250:380] = 40  # a printed rule
    crops = tmp_path / "crops"
    crops.mkdir()
    for name in ("one", "two", "three", "four"):
        Image.fromarray(picture).save(crops / f"{name}.png")
    scale = 512 / 400
    rule = [[240 * scale, 10], [390 * scale, 10], [390 * scale, 40], [240 * scale, 40]]
    whole = [[0, 0], [240 * scale, 0], [240 * scale, 154], [0, 154]]
    marks = [
        {"name": "one", "verdict": "mend", "restore": [rule], "erase": [whole]},
        {"name": "two", "verdict": "good"},
        {"name": "three", "verdict": "drop"},
    ]
    (tmp_path / "marks.jsonl").write_text("".join(json.dumps(one) + "\n" for one in marks))
    script = ROOT / "benchmarks" / "corrected_crops.py"
    words = [str(crops), "-o", str(tmp_path / "pairs"), "--marks", str(tmp_path / "marks.jsonl")]
    ran = subprocess.run(
        [sys.executable, str(script), *words], capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    assert "1 good, 1 mend, 1 drop, 1 without a mark" in ran.stdout
    truths = {path.stem: np.asarray(Image.open(path)) for path in tmp_path.rglob("truth/*.png")}
    assert set(truths) == {"one", "two"}
    left, right = (slice(0, round(240 * scale)), slice(round(240 * scale), None))
    assert (truths["one"][:, left] == 255).all(), "the signature was erased"
    assert (truths["one"][:, right].min(axis=2) < 100).sum() > 300, "the rule came back"
    assert (truths["two"][:, left].min(axis=2) < 200).sum() > 300, "the signature is kept"
    for path in tmp_path.rglob("noisy/*.png"):
        assert Image.open(path).size == (512, 154)
