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
MIDDLE = 240  # the signature lies left of it, a printed rule right of it
SCALE = 512 / 400  # of the network's square to the crops


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return [[x * SCALE, y * SCALE] for x, y in corners]


def test_ink_is_erased_and_comes_back_within_polygons(tmp_path: Path) -> None:
    crop = np.full((120, 400, 3), 235, np.uint8)
    signature = np.asarray(draw_signature(np.random.default_rng(3), 200).resize((200, 100)))
    crop[10:110, 20:220] = np.minimum(crop[10:110, 20:220], signature)
    crop[20:24, 250:380] = 40
    (tmp_path / "crops").mkdir()
    for name in ("mended", "right", "dropped", "other"):
        Image.fromarray(crop).save(tmp_path / "crops" / f"{name}.png")
    polygons = {"restore": [box(MIDDLE, 10, 390, 40)], "erase": [box(0, 0, MIDDLE, 120)]}
    lines = [
        {"name": "mended", "verdict": "mend", **polygons},
        {"name": "right", "verdict": "good"},
        {"name": "dropped", "verdict": "drop"},
    ]
    corrections = tmp_path / "corrections.jsonl"
    corrections.write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = [
        *(str(ROOT / "benchmarks" / "corrected_crops.py"), str(tmp_path / "crops")),
        *("-o", str(tmp_path / "pairs"), "--corrections", str(corrections), "--compare", "default"),
    ]
    ran = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    for said in ("1 mend", "1 good", "1 drop", "1 not corrected"):
        assert said in ran.stdout
    truths = {path.stem: np.asarray(Image.open(path)) for path in tmp_path.rglob("truth/*.png")}
    assert set(truths) == {"mended", "right"}
    ink = {name: truth.min(axis=2) < 200 for name, truth in truths.items()}
    assert not ink["mended"][:, : MIDDLE - 2].any()
    assert ink["mended"][:, MIDDLE:].sum() > 400, "the rule came back"
    assert ink["right"][:, :MIDDLE].sum() > 300, "the signature stays as the model has it"
    assert not ink["right"][:, MIDDLE:].any()
    measured = [line for line in ran.stdout.splitlines() if line.startswith("default, ")]
    assert len(measured) == 2
    assert any("good 100.0" in line for line in measured), "the model agrees with itself"
