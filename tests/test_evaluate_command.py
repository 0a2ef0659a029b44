"""`sigclean evaluate`: its figures, files, messages and exit status."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sigclean.cli import main
from sigclean.drawn import draw_signature
from sigclean.evaluation.comparing import read_evaluation
from sigclean.noise import FAMILIES

NAMES = ("a", "b")


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A folder of two drawn signatures."""
    folder = tmp_path / "clean"
    folder.mkdir()
    for seed, name in enumerate(NAMES):
        draw_signature(np.random.default_rng([3, seed]), 160, 80).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def noisy(tmp_path: Path, clean: Path) -> Path:
    """The same signatures, ruled, under the same names."""
    folder = tmp_path / "noisy"
    folder.mkdir()
    for name in NAMES:
        picture = Image.open(clean / f"{name}.png")
        ImageDraw.Draw(picture).line((0, 40, 160, 40), fill="black", width=3)
        picture.save(folder / f"{name}.jpg")
    return folder


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report"


def evaluate(report: Path, *arguments: str | Path) -> int:
    return main(["evaluate", "-o", str(report), *map(str, arguments)])


def families(report: Path) -> list[tuple[str, str]]:
    cases = read_evaluation(report).cases
    return [(case.family, Path(case.name).stem) for case in cases]


def error(capsys: pytest.CaptureFixture[str]) -> str:
    """The error message, which is one sentence."""
    said = capsys.readouterr().err
    assert said.startswith("sigclean: error: ")
    assert said.count("\n") == 1
    return said


def test_noise_is_made_on_clean_signatures(
    clean: Path, report: Path, eraser_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--noise", "rules,none", "--count", "2", "--weights", eraser_weights)
    assert evaluate(report, "--clean", clean, *options) == 0
    expected = [("rules", "a"), ("rules", "b"), ("none", "a"), ("none", "b")]
    assert families(report) == expected
    assert str(report / "index.html") in capsys.readouterr().out
    page = (report / "index.html").read_text()
    assert page.count("<article") == 4
    assert page.count("data:image/") == 12, "noisy, cleaned and truth of each"


def test_settings_name_all_that_decides_the_figures_and_no_folder_around_them(
    clean: Path, report: Path, eraser_weights: Path
) -> None:
    options = ("--noise", "rules", "--count", "1", "--seed", "5", "--weights", eraser_weights)
    assert evaluate(report, "--clean", clean, *options) == 0
    settings = read_evaluation(report).settings
    assert settings.pop("sigclean")
    assert settings == {"clean": "clean", "noise": "rules", "count": 1, "seed": 5}


def test_files_of_one_name_are_pairs_and_the_others_are_named_and_counted(
    clean: Path, noisy: Path, report: Path, eraser_weights: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (noisy / "b.jpg").rename(noisy / "c.jpg")
    found = evaluate(report, "--clean", clean, "--noisy", noisy, "--weights", eraser_weights)
    assert found == 1
    assert families(report) == [("pairs", "a")]
    said = capsys.readouterr().err
    assert f"skipped: {noisy / 'c.jpg'} has no counterpart in {clean}" in said
    assert "2 pictures were left out" in said


def test_pictures_that_cannot_be_used_are_named_and_left_out(
    clean: Path, noisy: Path, report: Path, eraser_weights: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (noisy / "b.jpg").write_bytes(b"not a picture")
    Image.new("RGB", (9, 9)).save(noisy / "d.png")
    Image.new("RGB", (8, 9)).save(clean / "d.png")
    found = evaluate(report, "--clean", clean, "--noisy", noisy, "--weights", eraser_weights)
    assert found == 1
    assert families(report) == [("pairs", "a")]
    said = capsys.readouterr().err
    assert "b.jpg is not a picture that can be read" in said
    assert f"{noisy / 'd.png'} is 9x9 pixels, but {clean / 'd.png'} is 8x9" in said


def test_pictures_without_truth_are_shown_before_and_after(
    noisy: Path, report: Path, eraser_weights: Path
) -> None:
    assert evaluate(report, "--noisy", noisy, "--weights", eraser_weights) == 0
    assert families(report) == [("real", "a"), ("real", "b")]
    assert (report / "index.html").read_text().count("data:image/") == 4


def test_two_weights_are_compared_on_the_same_pictures(
    clean: Path, noisy: Path, report: Path, eraser_weights: Path, resnet_weights: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    models = ("--compare", eraser_weights, resnet_weights)
    assert evaluate(report, "--clean", clean, "--noisy", noisy, *models) == 0
    out = capsys.readouterr().out
    assert f"A: {eraser_weights.name} (" in out
    assert f"B: {resnet_weights.name} (" in out
    page = (report / "index.html").read_text()
    assert page.count("data:image/") == 8, "noisy, A, B and truth of each"


def test_earlier_evaluations_are_compared_without_pictures_or_weights(
    noisy: Path, report: Path, tmp_path: Path, eraser_weights: Path
) -> None:
    assert evaluate(report, "--noisy", noisy, "--weights", eraser_weights) == 0
    again = tmp_path / "again"
    assert evaluate(again, "--compare", report, report / "evaluation.json") == 0
    assert read_evaluation(again / "evaluation-B.json") == read_evaluation(report)


def test_the_help_names_every_family_of_noise(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    listed = text.partition("each measured on its own: ")[2].partition(";")[0]
    assert {name.split()[0] for name in listed.split(", ")} == {*FAMILIES, "mix", "none"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give --clean, --noisy or --dataset"),
        (("--clean", "clean"), "--clean needs --noisy, or --noise all"),
        (("--noisy", "noisy", "--noise", "all"), "without --noisy"),
        (("--dataset", "ds", "--clean", "clean"), "leave out --clean and --noisy"),
        (("--noisy", "noisy", "--compare", "a", "b", "--weights", "c"), "leave out --weights"),
        (("--noisy", "noisy", "--workers", "0"), "--workers must be at least 1, not 0"),
        (("--noisy", "empty"), "empty holds no pictures"),
        (("--noisy", "missing"), "missing does not exist"),
        (("--clean", "clean", "--noisy", "other"), "has the name of one in clean"),
        (("--clean", "clean", "--noise", "snow"), "unknown noise 'snow'"),
        (("--clean", "clean", "--noise", "all", "--count", "0"), "count must be at least 1"),
        (("--compare", "bad.json", "bad.json"), "bad.json is not an evaluation"),
        (("--noisy", "noisy", "--verification", "empty"), "empty holds no forgeries"),
        (("--compare", "x.json", "y.json", "--verification", "empty"), "a model to measure"),
        (("--compare", "gone.json", "bad.json"), "gone.json cannot be read"),
    ],
)
def test_wrong_options_and_folders_are_answered_in_one_sentence(
    clean: Path, noisy: Path, report: Path, options: tuple[str, ...], words: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(clean.parent)
    Path("empty").mkdir()
    Path("other").mkdir()
    Image.new("RGB", (9, 9)).save("other/z.png")
    Path("bad.json").write_text(json.dumps({"format": 1}))
    assert evaluate(report, *options) == 1
    assert words in error(capsys)
    assert not (report / "index.html").exists()


def test_a_report_that_cannot_be_written_is_told_before_anything_is_measured(
    noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert evaluate(tmp_path / "file", "--noisy", noisy, "--weights", tmp_path / "no") == 1
    assert f"{tmp_path / 'file'} is not a folder" in error(capsys)


def test_a_broken_picture_of_a_writer_costs_the_verification_and_not_the_figures(
    clean: Path, noisy: Path, report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = tmp_path / "writers" / "one"
    writer.mkdir(parents=True)
    for name in (*(f"genuine_{i}" for i in range(6)), "forged_0"):
        (writer / f"{name}.png").write_bytes((clean / "a.png").read_bytes())
    (writer / "forged_0.png").write_bytes(b"no picture")
    options = ("--clean", clean, "--noisy", noisy, "--verification", tmp_path / "writers")
    assert evaluate(report, *options) == 1
    assert "no verification: " in capsys.readouterr().err
    found = read_evaluation(report)
    assert (len(found.cases), found.verification) == (2, {})
