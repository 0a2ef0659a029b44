"""Pictures that show no signature, or not as it should be: no crash, a warning, no black blob."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw

from sigclean.bulk.manifest import Manifest
from sigclean.cli import main
from sigclean.compositing.results import ink_share
from sigclean.drawn import draw_signature

WEIGHTS = ["--runtime", "onnx", "--device", "cpu"]


def padded(left: int) -> Image.Image:
    picture = Image.new("RGB", (700, 300), "white")
    picture.paste("black", (0, 0, left, 300))
    return picture


def dot() -> Image.Image:
    picture = padded(0)
    ImageDraw.Draw(picture).ellipse((300, 150, 305, 155), fill="black")
    return picture


def dust_on_black() -> Image.Image:
    dust = np.random.default_rng(1).random((300, 700, 1)) < 0.001
    return Image.fromarray((255 * dust).astype(np.uint8).repeat(3, axis=2))


def desk(level: int, contrast: int) -> Image.Image:
    """A wooden desk: wavy grain of another depth in each row."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:450, :700] / 450
    grain = np.sin(60 * y + 6 * np.sin(7 * x) + rng.normal(0, 0.3, (450, 1)))
    levels = (level + contrast * (grain + rng.normal(0, 0.4, grain.shape)))[..., None]
    return Image.fromarray(np.clip(levels * [1, 0.8, 0.6], 0, 255).astype(np.uint8))


def page_of_print() -> Image.Image:
    picture = Image.new("RGB", (1240, 1754), "white")
    draw = ImageDraw.Draw(picture)
    for y in range(100, 1600, 34):
        draw.text((100, y), "the party of the first part agrees " * 3, fill="black", font_size=20)
    return picture


def stamp() -> Image.Image:
    picture = Image.new("RGB", (600, 400), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((100, 20, 500, 380), outline=(180, 30, 40), width=10)
    draw.text((180, 170), "APPROVED", fill=(180, 30, 40), font_size=50)
    return picture


def bright_ink() -> Image.Image:
    return ImageChops.invert(draw_signature(np.random.default_rng(3), 700, 300))


NOTHING, LITTLE, DARK = "no ink was kept", "next to no ink was kept", "most of the picture is dark"
SMALL = "the longer side has {} pixels only"

PICTURES = {
    "all_strip": (padded(700), {NOTHING, DARK}),
    "half_strip": (padded(350), {NOTHING}),
    "black": (Image.new("RGB", (40, 30)), {NOTHING, DARK, SMALL.format(40)}),
    "dust_on_black": (dust_on_black(), {NOTHING, DARK}),
    "white": (padded(0), {NOTHING}),
    "grey": (Image.new("RGB", (700, 300), (128, 128, 128)), {NOTHING}),
    "one_pixel": (Image.new("RGB", (1, 1)), {NOTHING, DARK, SMALL.format(1)}),
    "one_pixel_wide": (Image.new("RGB", (1, 80), "white"), {NOTHING, SMALL.format(80)}),
    "one_pixel_high": (Image.new("RGB", (80, 1)), {NOTHING, DARK, SMALL.format(80)}),
    "dot": (dot(), {LITTLE, NOTHING}),
    "dark_desk": (desk(50, 15), {LITTLE, NOTHING, DARK}),
    "page_of_print": (page_of_print(), {LITTLE, NOTHING}),
    "bright_ink": (bright_ink(), {"the picture was inverted: its ink is brighter than its paper"}),
}
UNSUSPECTED = {"stamp": stamp(), "bright_desk": desk(170, 20)}  # some ink of them may stay


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The lines of the manifest, with the results, by the names of the pictures."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "in").mkdir()
    pictures = {name: picture for name, (picture, _) in PICTURES.items()}
    for name, picture in {**pictures, **UNSUSPECTED}.items():
        picture.save(folder / "in" / f"{name}.png")
    manifest = folder / "manifest.jsonl"
    arguments = ["clean", str(folder / "in"), "-o", str(folder / "out")]
    assert main([*arguments, "--manifest", str(manifest), *WEIGHTS]) == 0
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    return {
        Path(line["source"]).stem: {**line, "result": Image.open(line["target"])} for line in lines
    }


@pytest.mark.parametrize("name", PICTURES)
def test_the_manifest_warns(cleaned: dict[str, dict[str, Any]], name: str) -> None:
    warnings = set(cleaned[name]["warnings"])
    assert warnings and warnings <= PICTURES[name][1]


@pytest.mark.parametrize("name", [*PICTURES, *UNSUSPECTED])
def test_there_is_no_black_blob(cleaned: dict[str, dict[str, Any]], name: str) -> None:
    result = cleaned[name]["result"]
    assert result.size == (UNSUSPECTED.get(name) or PICTURES[name][0]).size
    assert (np.asarray(result.convert("L")) < 128).mean() < 0.1


@pytest.mark.parametrize(
    ("dark_rows", "warnings"),
    [(0, [NOTHING]), (1, [LITTLE]), (40, []), (900, ["more than a third of the result is ink"])],
)
def test_results_with_too_little_or_too_much_ink_warn(
    tmp_path: Path, dark_rows: int, warnings: list[str]
) -> None:
    paper = Image.new("RGB", (100, 2500), "white")
    result = paper.copy()
    result.paste("black", (0, 0, 100, dark_rows))
    with Manifest(tmp_path / "manifest.jsonl") as manifest:
        manifest.cleaned("in.png", "out.png", paper, result, 1.0)
    assert json.loads((tmp_path / "manifest.jsonl").read_text())["warnings"] == warnings


def test_the_command_takes_a_pen_and_leaves_the_picture_as_it_is_if_told(tmp_path: Path) -> None:
    blue = draw_signature(np.random.default_rng(4), 500, 200).convert("L")
    picture = Image.merge("RGB", (blue, blue, blue.point(lambda level: 150 + level * 105 // 255)))
    picture.save(tmp_path / "blue.png")
    out = tmp_path / "out.png"
    shares = {}
    for pen in ("auto", "blue", "#2030a0", "red"):
        command = ["clean", str(tmp_path / "blue.png"), "-o", str(out), "--pen", pen]
        assert main([*command, *WEIGHTS]) == 0
        shares[pen] = ink_share(Image.open(out).convert("RGB"))
    assert shares["red"] < 0.1 * shares["auto"]
    assert shares["blue"] == shares["#2030a0"] > 0.9 * shares["auto"]
    bright_ink().save(tmp_path / "bright.png")
    command = ["clean", str(tmp_path / "bright.png"), "-o", str(out), *WEIGHTS]
    manifest = ["--manifest", str(tmp_path / "manifest.jsonl")]
    assert main([*command, *manifest, "--invert", "never"]) == 0
    assert "inverted" not in (tmp_path / "manifest.jsonl").read_text()
