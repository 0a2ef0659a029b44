"""The cases, figures and means of an evaluation, on pictures that are made here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import doxapy
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import DataError, ImageError, SigcleanError, WeightsError
from sigclean.evaluation.cases import (
    chosen_families,
    dataset_cases,
    noise_cases,
    paired_cases,
    real_cases,
)
from sigclean.evaluation.figures import against_truth, drd, pseudo_recall, without_truth
from sigclean.evaluation.measuring import measure, model_name
from sigclean.evaluation.scores import CaseScores, Evaluation, Verification
from sigclean.letterbox import Letterbox
from sigclean.metrics import HIGHEST_PSNR, grey, ink_mask, ink_scores
from sigclean.noise import FAMILIES, FAMILIES_KEY, Material
from sigclean.reports.figures import FIGURES

NOTHING = Material()


@pytest.fixture(scope="module")
def signatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two writers with two drawn signatures each."""
    folder = tmp_path_factory.mktemp("clean")
    for number in range(4):
        path = folder / f"writer{number // 2}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        draw_signature(np.random.default_rng(number), 160, 60).save(path)
    return folder


@pytest.fixture(scope="module")
def cleaner(eraser_weights: Path) -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(eraser_weights, device="cpu")


# --- figures ------------------------------------------------------------------------------------


def signature() -> Image.Image:
    return draw_signature(np.random.default_rng(5), 200, 80)


def with_rule(picture: Image.Image) -> Image.Image:
    pixels = np.asarray(picture).copy()
    pixels[60:63] = 0
    return Image.fromarray(pixels)


def test_a_picture_that_is_its_truth_has_full_marks() -> None:
    figures = against_truth(signature(), signature())
    assert figures.pop("psnr") == HIGHEST_PSNR
    assert (figures.pop("drd"), figures.pop("lost")) == (0, 0)
    assert figures == pytest.approx(dict.fromkeys(figures, 1.0))
    assert set(figures) == {
        "f", "recall", "precision", "exact_f", "exact_recall", "exact_precision", "pseudo_f", "ssim"
    }  # fmt: skip


def contest_figures(found: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """The figures of doxapy, for which ink is 0."""
    levels = (np.where(mask, 0, 255).astype(np.uint8) for mask in (wanted, found))
    return doxapy.calculate_performance(*levels)


def test_the_exact_f_is_the_contests_f() -> None:
    noisy, truth = with_rule(signature()), signature()
    contest = contest_figures(ink_mask(grey(noisy)), ink_mask(grey(truth)))
    assert 100 * against_truth(noisy, truth)["exact_f"] == pytest.approx(contest["fm"])


def test_drd_is_the_contests_drd() -> None:
    truth = np.zeros((40, 64), bool)
    truth[9:13, 3:60] = True  # not in the last rows of blocks alone, which old doxapy overlooks
    found = truth ^ (np.random.default_rng(0).random(truth.shape) < 0.1)
    assert drd(found, truth) == pytest.approx(contest_figures(found, truth)["drdm"], rel=1e-4)


def test_the_pseudo_f_forgives_thin_strokes_but_not_gaps() -> None:
    truth = np.full((40, 100), 255, np.uint8)
    truth[15:25, 10:90] = 0
    thin, gap = truth.copy(), truth.copy()
    thin[:18], thin[22:] = 255, 255
    gap[:, 40:60] = 255
    thin_f, gap_f = (
        against_truth(Image.fromarray(picture), Image.fromarray(truth))["pseudo_f"]
        for picture in (thin, gap)
    )
    assert thin_f > 0.99
    assert gap_f < 0.9


def test_the_pseudo_f_weighs_no_pixel_as_its_label_says() -> None:
    truth = np.zeros((40, 100), bool)
    truth[10, 10:90] = truth[25:32, 10:90] = True  # a thin stroke and a wide one
    without_thin, without_wide = truth.copy(), truth.copy()
    without_thin[10, 30:40] = without_wide[25:32, 30:40] = False
    thin, wide = (pseudo_recall(found, truth) for found in (without_thin, without_wide))
    assert thin == pytest.approx(wide, abs=0.01)
    meaning = FIGURES["pseudo_f"].meaning
    assert "skeleton" in meaning and "weight" not in meaning


def test_drd_of_one_wrong_pixel_is_the_share_of_its_surroundings_over_the_blocks() -> None:
    truth = np.zeros((24, 24), bool)
    truth[8:16, 8:12] = True  # one 8x8 block is neither all ink nor all paper
    alone, beside = truth.copy(), truth.copy()
    alone[20, 20] = True  # all around it is paper, as the truth says: the weights sum to 1
    beside[11, 12] = True
    assert drd(alone, truth) == pytest.approx(1.0, abs=1e-4)
    assert 0 < drd(beside, truth) < 1


def test_drd_counts_a_block_by_its_last_column() -> None:
    truth = np.zeros((24, 24), bool)
    truth[8:16, 15] = True
    wrong = truth.copy()
    wrong[3, 3] = True
    assert drd(wrong, truth) == pytest.approx(1)


def test_drd_is_no_figure_of_a_truth_without_ink() -> None:
    white = Image.new("RGB", (40, 40), "white")
    assert "drd" not in against_truth(with_rule(signature()).crop((0, 40, 40, 80)), white)
    assert against_truth(white, white)["drd"] == 0


def test_pictures_smaller_than_the_window_of_ssim_have_figures() -> None:
    dot = Image.fromarray(np.array([[255, 0, 255], [255, 255, 255]], np.uint8))
    assert against_truth(dot, dot)["ssim"] == pytest.approx(1)


def test_without_truth_ink_is_kept_or_invented() -> None:
    noisy = with_rule(signature())
    figures = without_truth(signature(), noisy)
    assert set(figures) == {"kept", "invented", "invented_same_level"}
    assert figures["kept"] == ink_scores(signature(), noisy).recall
    assert figures["invented_same_level"] == 0


# --- cases --------------------------------------------------------------------------------------


def test_noise_gives_every_signature_every_family(signatures: Path) -> None:
    families = chosen_families("all")
    cases = noise_cases(signatures, families, 2, 7, NOTHING)
    assert families == ("none", *FAMILIES, "mix")
    assert [(case.family, case.name) for case in cases] == [
        (family, name) for family in families for name in ("writer0/0.png", "writer1/2.png")
    ]


def test_a_case_is_the_same_whenever_it_is_made_and_differs_with_the_seed(signatures: Path) -> None:
    for family in ("mix", "form"):
        one, other = (noise_cases(signatures, (family,), 1, seed, NOTHING)[0] for seed in (7, 8))
        assert one.load() == one.load()
        assert one.load().noisy != other.load().noisy
    assert one.load().truth == other.load().truth


def test_the_family_none_is_the_picture_as_it_is(signatures: Path) -> None:
    pictures = noise_cases(signatures, ("none",), 1, 7, NOTHING)[0].load()
    assert pictures.noisy == pictures.truth


@pytest.mark.parametrize(
    ("noise", "families"), [("rules", ("rules",)), ("none, mix,none", ("none", "mix"))]
)
def test_families_are_chosen_by_name(noise: str, families: tuple[str, ...]) -> None:
    assert chosen_families(noise) == families


@pytest.mark.parametrize("noise", ["", "rules,snow"])
def test_an_unknown_family_is_an_error(noise: str) -> None:
    with pytest.raises(SigcleanError, match="unknown noise"):
        chosen_families(noise)


def test_folders_are_paired_by_name_and_the_rest_is_named(tmp_path: Path) -> None:
    for name in ("clean/a/1.png", "clean/2.png", "noisy/a/1.jpg", "noisy/3.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "white").save(path)
    cases, alone = paired_cases(tmp_path / "clean", tmp_path / "noisy")
    assert [(case.name, case.family) for case in cases] == [("a/1", "pairs")]
    assert alone == [
        f"{tmp_path}/clean/2.png has no counterpart in {tmp_path}/noisy",
        f"{tmp_path}/noisy/3.png has no counterpart in {tmp_path}/clean",
    ]


def test_folders_without_a_pair_or_with_two_files_of_one_name_are_errors(tmp_path: Path) -> None:
    for name in ("clean/1.png", "noisy/2.png", "twice/1.png", "twice/1.bmp"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(DataError, match=r"no picture in .*noisy"):
        paired_cases(tmp_path / "clean", tmp_path / "noisy")
    with pytest.raises(DataError, match="same name"):
        paired_cases(tmp_path / "clean", tmp_path / "twice")


def test_a_pair_of_two_sizes_cannot_be_compared(tmp_path: Path) -> None:
    for side, name in ((8, "clean"), (9, "noisy")):
        (tmp_path / name).mkdir()
        Image.new("RGB", (side, side)).save(tmp_path / name / "1.png")
    [case], _ = paired_cases(tmp_path / "clean", tmp_path / "noisy")
    with pytest.raises(ImageError, match=r"is 9x9 pixels, but .* is 8x8"):
        case.load()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """The test side of a data set: a pair, a clean pair, a mix and a real picture."""
    square, _ = Letterbox(64).fit(Image.new("RGB", (100, 50), "white"))
    for domain in ("testA", "testB"):
        (tmp_path / domain).mkdir()
    for name, families in (("a", "rules"), ("b", ""), ("c", "rules,stamp"), ("real-d", None)):
        text = PngImagePlugin.PngInfo()
        if families is not None:
            text.add_text(FAMILIES_KEY, families)
            square.save(tmp_path / "testA" / f"{name}.png")
        square.save(tmp_path / "testB" / f"{name}.png", pnginfo=text)
    return tmp_path


def test_a_data_set_tells_its_families(dataset: Path) -> None:
    assert [(case.name, case.family) for case in dataset_cases(dataset)] == [
        ("a", "rules"), ("b", "none"), ("c", "mix"), ("real-d", "real")
    ]  # fmt: skip


def test_the_strips_of_a_data_set_are_not_measured(dataset: Path) -> None:
    pictures = [case.load() for case in dataset_cases(dataset)]
    assert {one.noisy.size for one in pictures} == {(64, 32)}
    assert pictures[0].truth.size == (64, 32)
    assert pictures[3].truth is None


def test_folders_without_pictures_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures"):
        real_cases(tmp_path)
    with pytest.raises(DataError, match="testA does not exist"):
        dataset_cases(tmp_path)


# --- measuring ----------------------------------------------------------------------------------


def test_processes_measure_what_one_does(signatures: Path, cleaner: SignatureCleaner) -> None:
    cases = noise_cases(signatures, ("none", "rules", "scan"), 3, 7, NOTHING)
    seen: list[None] = []
    together = measure(cleaner, cases, workers=2, on_case=lambda: seen.append(None))
    assert together.cases == measure(cleaner, cases).cases
    assert len(seen) == len(together.cases) == 9
    assert together.milliseconds > 0


def test_the_figures_are_those_of_the_cleaned_picture(
    signatures: Path, cleaner: SignatureCleaner
) -> None:
    [case] = noise_cases(signatures, ("rules",), 1, 7, NOTHING)
    [scores] = measure(cleaner, [case]).cases
    pictures = case.load()
    assert scores.noisy["f"] == ink_scores(pictures.noisy, pictures.truth).f
    assert scores.cleaned["f"] == ink_scores(cleaner(pictures.noisy), pictures.truth).f


def test_real_pictures_have_figures_of_the_result_alone(
    signatures: Path, cleaner: SignatureCleaner
) -> None:
    scores = measure(cleaner, real_cases(signatures)[:1]).cases[0]
    assert (scores.family, scores.noisy) == ("real", {})
    assert set(scores.cleaned) == {"kept", "invented", "invented_same_level"}


def test_a_broken_picture_is_named_and_the_others_measured(
    signatures: Path, cleaner: SignatureCleaner, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    found = measure(cleaner, real_cases(tmp_path) + real_cases(signatures)[:1])
    assert len(found.cases) == 1
    assert found.broken == (f"{tmp_path}/broken.png is not a picture that can be read",)
    with pytest.raises(DataError, match=r"nothing can be measured: .*broken\.png"):
        measure(cleaner, real_cases(tmp_path))


def test_a_model_is_named_by_its_weights(eraser_weights: Path, tmp_path: Path) -> None:
    name = model_name("user/repo", eraser_weights)
    assert name.startswith("user/repo (sha256 ")
    assert model_name(None, eraser_weights) == name.replace("user/repo", "default")
    named = model_name(str(eraser_weights), eraser_weights)
    assert named == name.replace("user/repo", eraser_weights.name)
    with pytest.raises(WeightsError, match="cannot be read"):
        model_name(None, tmp_path)


# --- means --------------------------------------------------------------------------------------


def scored(family: str, f: float, drd: float = 0.0) -> CaseScores:
    return CaseScores("x", family, {"f": 0.5}, {"f": f, "drd": drd})


def evaluation(*cases: CaseScores) -> Evaluation:
    rates = Verification(0.2, 0.9, 5, 6, (0.0, 1.0), (1.0, 0.0))
    return Evaluation("default", {"seed": 7}, cases, {"clean": rates}, 12.5)


def test_clean_input_is_a_family_but_not_in_the_mean() -> None:
    table = evaluation(scored("none", 0), scored("rules", 0.6), scored("stamp", 0.8)).summary()
    assert list(table) == ["none", "rules", "stamp", "mean"]
    assert table["mean"]["cleaned"]["f"] == pytest.approx(0.7)
    assert table["mean"]["noisy"]["f"] == 0.5
    assert "mean" not in evaluation(scored("none", 1)).summary()


def test_the_worst_tenth_is_the_lowest_f_and_the_highest_distortion() -> None:
    cases = [scored("rules", place / 20, place) for place in range(20)]
    figures = evaluation(*cases).summary()["rules"]["cleaned"]
    assert figures["f_worst"] == pytest.approx((0 + 1 / 20) / 2)
    assert figures["drd_worst"] == pytest.approx((19 + 18) / 2)


def test_a_figure_that_some_pictures_lack_is_the_mean_of_the_others() -> None:
    without = CaseScores("y", "rules", {}, {"f": 0.5})
    figures = evaluation(scored("rules", 1, 3), without).summary()["rules"]["cleaned"]
    assert (figures["f"], figures["drd"]) == (0.75, 3)


def test_the_recovered_share_is_of_the_rise_from_the_clean_error_rate_to_the_noisy_one() -> None:
    plain = evaluation(scored("rules", 1))
    rates = {
        name: replace(plain.verification["clean"], eer=eer)
        for name, eer in (("clean", 0.2), ("noisy", 0.4), ("cleaned", 0.22))
    }
    assert replace(plain, verification=rates).recovered_share() == pytest.approx(0.9)
    harmless = rates | {"noisy": rates["clean"]}
    assert replace(plain, verification=harmless).recovered_share() is None
    assert plain.recovered_share() is None


def test_an_evaluation_survives_its_file() -> None:
    one = evaluation(scored("none", 1), scored("rules", 1 / 3))
    assert Evaluation.from_json(one.to_json()) == one
    assert json.loads(one.to_json())["summary"] == one.summary()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "model": "a"}'])
def test_another_file_is_no_evaluation(text: str) -> None:
    with pytest.raises(DataError, match=r"a\.json is not an evaluation"):
        Evaluation.from_json(text, "a.json")
