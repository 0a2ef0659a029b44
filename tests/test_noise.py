"""Noise composed from its families, the original recipe, and signatures placed on pages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sigclean.corpus.placing import place
from sigclean.drawn import draw_signature
from sigclean.errors import DataError, SigcleanError
from sigclean.noise import (
    CAPTURES,
    FAMILIES,
    OVERLAYS,
    Material,
    compose,
    draw_families,
    find_material,
    parse_families,
)
from sigclean.noise.page import Page
from sigclean.noise.seed import seed

SEEDS = st.integers(0, 2**32)
NONE = Material()  # no fonts or pictures of this machine: families draw their own


@pytest.fixture(scope="module")
def signature() -> Image.Image:
    return draw_signature(np.random.default_rng(4), 301)  # an odd size: nothing may rely on even


def original(number: int, width: int = 640, height: int = 320) -> np.ndarray:
    """The original recipe's layer as HxW of [0, 1]; its three channels are equal."""
    layer = seed(np.random.default_rng(number), Page(width, height, (0, 0, width, height)))
    assert (layer == layer[..., :1]).all()
    return layer[..., 0]


def rules_of(layer: np.ndarray) -> list[tuple[int, int]]:
    """First row and thickness of each rule: rows that are black from side to side."""
    black = np.concatenate([[False], (layer == 0).all(axis=1), [False]]).astype(int)
    starts, ends = np.flatnonzero(np.diff(black) == 1), np.flatnonzero(np.diff(black) == -1)
    return [(int(start), int(end - start)) for start, end in zip(starts, ends, strict=True)]


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_original_recipe_has_one_to_four_full_width_rules_of_one_to_four_pixels(n: int) -> None:
    rules = rules_of(original(n))
    assert 1 <= len(rules) <= 4
    assert all(1 <= thickness <= 4 for _, thickness in rules)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_original_rules_are_evenly_spaced_but_for_five_per_cent_of_the_height(n: int) -> None:
    rules = rules_of(original(n))
    for i, (top, thickness) in enumerate(rules):
        even = 320 * (i + 1) / (len(rules) + 1)
        assert abs(top + thickness / 2 - even) <= 0.05 * 320 + 1


def test_original_rules_come_in_every_number_and_thickness() -> None:
    drawn = [rules_of(original(n)) for n in range(80)]
    assert {len(rules) for rules in drawn} == {1, 2, 3, 4}
    assert {thickness for rules in drawn for _, thickness in rules} == {1, 2, 3, 4}


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_original_name_begins_in_the_left_third_and_stands_at_the_bottom(n: int) -> None:
    layer = original(n)
    ruled = (layer == 0).all(axis=1)
    rows, columns = np.nonzero((layer < 1) & ~ruled[:, None])
    tallest = 1.7 * 22 + 4  # pixels of a capital at the largest scale, and the pen
    assert rows.min() >= 0.75 * 320 - tallest
    assert columns.min() <= 0.30 * 640 + 10  # what the first letter's shape leaves free


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(301, 117), (64, 63), (33, 97)])
def test_every_family_takes_any_size(family: str, size: tuple[int, int]) -> None:
    clean = Image.new("RGB", size, "white")
    clean.paste((0, 0, 80), (5, 20, 25, 23))
    noisy, truth = compose(np.random.default_rng(3), (family,), clean, NONE)
    assert noisy.shape == truth.shape
    assert family in ("turned", "bars") or noisy.shape == (size[1], size[0], 3)
    assert noisy.dtype == truth.dtype == np.uint8


@pytest.mark.parametrize("family", OVERLAYS)
def test_ink_shows_through_whatever_is_printed(family: str, signature: Image.Image) -> None:
    noisy, truth = compose(np.random.default_rng(5), (family,), signature, NONE)
    assert (noisy <= truth).all()
    assert (noisy < truth).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_generator_decides_everything(family: str, signature: Image.Image) -> None:
    first, second, other = (
        compose(np.random.default_rng(n), (family,), signature, NONE)[0] for n in (6, 6, 7)
    )
    np.testing.assert_array_equal(first, second)
    assert first.shape != other.shape or (first != other).any()


def test_the_truth_is_the_clean_picture_and_without_noise_so_is_the_noisy_one(
    signature: Image.Image,
) -> None:
    noisy, truth = compose(np.random.default_rng(8), (), signature, NONE)
    np.testing.assert_array_equal(truth, np.asarray(signature))
    np.testing.assert_array_equal(noisy, truth)


def test_overlays_multiply(signature: Image.Image) -> None:
    both, truth = compose(np.random.default_rng(9), ("rules", "seed"), signature, NONE)
    rng = np.random.default_rng(9)
    rules, _ = compose(rng, ("rules",), signature, NONE)
    seeded, _ = compose(rng, ("seed",), signature, NONE)
    layers = rules / np.maximum(truth, 1) * (seeded / np.maximum(truth, 1)) * truth
    assert np.abs(both - layers).max() <= 2  # grey levels of rounding


def test_a_family_that_does_not_exist_is_named(signature: Image.Image) -> None:
    with pytest.raises(SigcleanError, match="'coffee'"):
        compose(np.random.default_rng(0), ("seed", "coffee"), signature, NONE)
    with pytest.raises(SigcleanError, match="'coffee'"):
        parse_families("seed,coffee")
    with pytest.raises(SigcleanError, match="choose all"):
        parse_families(" , ")


def test_noise_is_named_by_all_or_by_families() -> None:
    assert parse_families("all") == "all"
    assert parse_families("seed, text") == ("seed", "text")


def test_all_draws_every_family_alone_and_together_and_sometimes_none() -> None:
    rng = np.random.default_rng(10)
    drawn = [draw_families(rng) for _ in range(600)]
    assert {name for families in drawn for name in families} == set(FAMILIES)
    assert {len(families) for families in drawn} >= {0, 1, 2, 3}
    for families in drawn:  # a capture sees the finished page
        captured = [name in CAPTURES for name in families]
        assert captured == sorted(captured)


def test_families_named_are_drawn_one_at_a_time() -> None:
    rng = np.random.default_rng(11)
    drawn = {draw_families(rng, ("seed", "stamp")) for _ in range(40)}
    assert drawn == {("seed",), ("stamp",)}


def test_a_folder_of_material_without_any_is_an_error(tmp_path) -> None:
    with pytest.raises(DataError, match="holds no stamps"):
        find_material(stamps=tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        find_material(papers=tmp_path / "missing")


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 120), st.integers(1, 120))
def test_placing_keeps_ink_on_a_page_of_bounded_size(n: int, width: int, height: int) -> None:
    clean = np.full((height + 8, width + 8, 3), 255, np.uint8)
    clean[4:-4, 4:-4] = (20, 20, 60)
    page = np.asarray(place(np.random.default_rng(n), Image.fromarray(clean)))
    assert 16 <= page.shape[0] <= 2048
    assert 180 <= page.shape[1] <= 900
    assert (page.min(axis=2) < 200).any()


def test_placing_stays_on_white_paper(signature: Image.Image) -> None:
    for n in range(12):
        page = np.asarray(place(np.random.default_rng(n), signature))
        assert (np.median(page, axis=(0, 1)) == 255).all()
        assert (page == 255).all(axis=2).mean() > 0.5


def test_placing_adds_nothing_to_an_empty_page() -> None:
    page = place(np.random.default_rng(12), Image.new("RGB", (90, 40), "white"))
    assert page.getextrema() == ((255, 255),) * 3


def test_placing_varies_size_and_ink(signature: Image.Image) -> None:
    pages = [place(np.random.default_rng(n), signature) for n in range(12)]
    assert len({page.size for page in pages}) == 12
    darkest = [np.asarray(page).reshape(-1, 3).astype(int).min(axis=0) for page in pages]
    assert len({tuple(colour) for colour in darkest}) > 4
