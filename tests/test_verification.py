"""Genuine or forged: error rates that a person can work out, descriptors, folders of writers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import DataError
from sigclean.evaluation import verification
from sigclean.evaluation.cases import Pictures, dirty
from sigclean.evaluation.verification import (
    REFERENCES,
    describe,
    enrol,
    error_rates,
    find_writers,
    verify,
)
from sigclean.noise import Material

DISTANCES = st.lists(st.integers(0, 20), min_size=1, max_size=30)


def test_apart_by_a_threshold_nothing_is_mistaken() -> None:
    rates = error_rates([1, 2], [3, 4, 5])
    assert (rates.eer, rates.auc, rates.genuine, rates.forged) == (0, 1, 2, 3)


def test_the_wrong_way_round_everything_is() -> None:
    rates = error_rates([3, 4], [1, 2])
    assert (rates.eer, rates.auc) == (1, 0)


def test_the_equal_error_rate_is_where_both_rates_are_equal() -> None:
    rates = error_rates([1, 2, 3, 6], [4, 5, 7, 8, 3.5, 9, 10, 11])
    assert rates.fpr == pytest.approx(
        (0, 0, 0, 0, 1 / 8, 2 / 8, 3 / 8, 3 / 8, *np.arange(4, 9) / 8)
    )
    assert rates.fnr == pytest.approx((1, 3 / 4, 2 / 4, 1 / 4, 1 / 4, 1 / 4, 1 / 4, *[0] * 6))
    assert rates.eer == pytest.approx(1 / 4)


def test_between_two_thresholds_the_rates_are_straight_lines() -> None:
    rates = error_rates([1, 1], [1, 2])  # at 1 all genuine and half the forged are accepted
    assert rates.eer == pytest.approx(1 / 3)
    assert rates.auc == pytest.approx(3 / 4)


@settings(max_examples=50, deadline=None)
@given(DISTANCES, DISTANCES)
def test_the_area_is_the_chance_that_the_genuine_one_is_nearer(
    genuine: list[int], forged: list[int]
) -> None:
    nearer = [(one < other) + (one == other) / 2 for one in genuine for other in forged]
    rates = error_rates(genuine, forged)
    assert rates.auc == pytest.approx(np.mean(nearer))
    assert 0 <= rates.eer <= 1


def drawn(number: int, width: int = 300, height: int = 120) -> Image.Image:
    return draw_signature(np.random.default_rng(number), width, height)


def apart(one: Image.Image, other: Image.Image) -> float:
    return float(np.linalg.norm(describe(one) - describe(other)))


def test_a_descriptor_does_not_see_size_place_and_contrast() -> None:
    picture = drawn(1)
    moved = Image.new("RGB", (900, 700), "white")
    moved.paste(picture.resize((600, 240), Image.Resampling.BICUBIC), (200, 30))
    faint = picture.point(lambda level: 120 + level * 135 // 255)
    stranger = apart(picture, drawn(2))
    assert apart(picture, moved) < stranger / 3
    assert apart(picture, faint) < stranger / 3


def test_a_page_without_ink_is_like_no_signature() -> None:
    assert not describe(Image.new("L", (60, 40), 255)).any()


def test_a_dot_has_a_descriptor() -> None:
    dot = Image.new("L", (60, 40), 255)
    dot.putpixel((30, 20), 0)
    assert np.isfinite(describe(dot)).all()


def test_a_writer_whose_own_signatures_differ_is_given_more_room() -> None:
    signs = np.eye(4, dtype=np.float32)
    steady = enrol([signs[0], signs[0]])
    varied = enrol([signs[0], signs[1]])
    assert steady.distance(signs[2]) == pytest.approx(np.sqrt(2))
    assert varied.distance(signs[2]) == pytest.approx(0)


def writer(folder: Path, genuine: int, forged: int, seed: int = 0) -> None:
    folder.mkdir(parents=True)
    for kind, count, of in (("genuine", genuine, seed), ("forged", forged, seed + 100)):
        for number in range(count):
            width = 160 + 8 * number
            drawn(of, width, 60).save(folder / f"{kind}_{number:02d}.png")


def test_clean_noisy_and_cleaned_signatures_are_told_apart_the_same_way_every_time(
    tmp_path: Path, eraser_weights: Path
) -> None:
    for number in range(2):
        writer(tmp_path / f"{number}", REFERENCES + 1, 2, seed=number)
    cleaner = SignatureCleaner.from_pretrained(eraser_weights, device="cpu")
    found = verify(cleaner, tmp_path, seed=7, material=Material())
    assert list(found) == ["clean", "noisy", "cleaned"]
    assert {(rates.genuine, rates.forged) for rates in found.values()} == {(2, 4)}
    assert found["clean"].auc == 1  # the forgeries are of other names
    assert found["noisy"].auc < 1
    assert verify(cleaner, tmp_path, seed=7, material=Material()) == found


@pytest.mark.parametrize(
    ("families", "taken"),
    [(("none", "rules", "text"), ["rules", "text", "rules"]), (("none",), ["none"] * 3)],
)
def test_the_families_are_taken_in_turn_and_clean_input_only_if_it_is_all(
    families: tuple[str, ...],
    taken: list[str],
    tmp_path: Path,
    eraser_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer(tmp_path / "one", REFERENCES + 1, 2)
    cleaner = SignatureCleaner.from_pretrained(eraser_weights, device="cpu")
    seen: list[str] = []

    def recorded(path: Path, family: str, seed: int, material: Material) -> Pictures:
        seen.append(family)
        return dirty(path, family, seed, material)

    monkeypatch.setattr(verification, "dirty", recorded)
    found = verify(cleaner, tmp_path, families=families, seed=7, material=Material())
    assert seen == taken
    if families == ("none",):
        assert found["noisy"] == found["clean"]


def test_a_writer_with_too_few_genuine_signatures_is_named(tmp_path: Path) -> None:
    writer(tmp_path / "few", REFERENCES, 1)
    with pytest.raises(DataError, match=f"few holds {REFERENCES} genuine signatures"):
        find_writers(tmp_path)


def test_a_folder_without_writers_or_forgeries_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no forgeries"):
        find_writers(tmp_path)
    writer(tmp_path / "honest", REFERENCES + 1, 0)
    with pytest.raises(DataError, match="holds no forgeries"):
        find_writers(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        find_writers(tmp_path / "absent")
