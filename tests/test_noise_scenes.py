"""Noise that changes the truth, too: turned pages, strips at the edges, coloured ink and paper."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sigclean.corpus.signatures import make_dirty
from sigclean.drawn import draw_signature
from sigclean.noise import Material, compose, draw_families
from sigclean.noise.bold_frames import frame
from sigclean.noise.colours import ink_and_paper
from sigclean.noise.dirt import dirt
from sigclean.noise.edges import WIDEST, bars
from sigclean.noise.geometry import STEEPEST, choose_view, page_angle
from sigclean.noise.office import office
from sigclean.noise.page import Page
from sigclean.noise.visibility import is_visible

NONE = Material()


@pytest.fixture(scope="module")
def signature() -> Image.Image:
    return draw_signature(np.random.default_rng(4), 301)


def dark(picture: np.ndarray, level: int = 128) -> np.ndarray:
    return picture.min(axis=2) < level


def turned(signature: Image.Image, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return compose(np.random.default_rng(seed), ("dirt", "turned"), signature, NONE)


def test_a_page_and_its_truth_turn_together(signature: Image.Image) -> None:
    for seed in range(12):
        noisy, truth = turned(signature, seed)
        strokes = dark(truth)
        assert strokes.any()
        assert dark(noisy, 180)[strokes].mean() > 0.995


def test_turned_pages_keep_the_whole_signature_but_for_careless_crops(
    signature: Image.Image,
) -> None:
    ink = dark(np.asarray(signature)).sum()
    shares = [dark(turned(signature, seed)[1]).sum() / ink for seed in range(25)]
    assert np.mean([share > 0.8 for share in shares]) > 0.8


@pytest.mark.parametrize("height", [16, 30, 60])
def test_no_page_reaches_the_horizon_however_flat_the_signature(height: int) -> None:
    box = (90, height // 10, 810, height - height // 10)
    for seed in range(150):
        rng = np.random.default_rng(seed)
        view = choose_view(rng, page_angle(rng), (height, 900), box)
        assert max(view.margins) < 2000


def test_most_pages_are_nearly_straight_and_some_are_steep() -> None:
    rng = np.random.default_rng(0)
    angles = np.abs([page_angle(rng) for _ in range(800)])
    assert np.median(angles) < 6
    assert (angles > 12).mean() > 0.05
    assert angles.max() <= STEEPEST


def test_a_turned_page_without_print_gets_some(signature: Image.Image) -> None:
    for seed in range(5):
        noisy, truth = compose(np.random.default_rng(seed), ("turned",), signature, NONE)
        assert (noisy < truth - 20.0).any()


def test_a_view_shows_the_page_from_within_its_margins() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        view = choose_view(rng, page_angle(rng), (100, 240), (30, 20, 210, 80))
        page = view.enlarged(np.zeros((100, 240, 3), np.uint8))
        assert view.columns.min() >= 0
        assert view.rows.min() >= 0
        assert view.columns.max() <= page.shape[1] - 1
        assert view.rows.max() <= page.shape[0] - 1


def test_strips_are_white_in_the_truth_and_leave_the_picture_as_it_was() -> None:
    rng = np.random.default_rng(3)
    picture = rng.uniform(0.4, 1, (60, 90, 3)).astype(np.float32)
    for _ in range(20):
        noisy, truth = bars(rng, picture, picture)
        assert noisy.shape == truth.shape
        height, width = noisy.shape[:2]
        assert height > 60 or width > 90
        assert max(height - 60, width - 90) <= 2 * WIDEST * 90 + 2
        assert truth.sum() == pytest.approx(
            picture.sum() + 3 * (height * width - 60 * 90), rel=1e-4
        )


def test_most_strips_are_exactly_black(signature: Image.Image) -> None:
    black = 0
    for seed in range(30):
        noisy, truth = compose(np.random.default_rng(seed), ("bars",), signature, NONE)
        beside = (noisy != truth).any(axis=2)
        black += int((noisy[beside] == 0).all())
    assert 12 <= black <= 26


def test_coloured_ink_is_always_darker_than_its_paper_in_some_channel() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        ink, paper = ink_and_paper(rng)
        assert (paper - ink).max() > 0.15
        assert np.linalg.norm(paper - ink) > 0.2


def test_inks_as_bright_as_their_paper_occur() -> None:
    rng = np.random.default_rng(6)
    light = np.array([0.299, 0.587, 0.114])
    pairs = [ink_and_paper(rng) for _ in range(400)]
    assert np.mean([abs(float((ink - paper) @ light)) < 0.12 for ink, paper in pairs]) > 0.03


def test_the_truth_of_coloured_ink_is_that_ink_on_white(signature: Image.Image) -> None:
    noisy, truth = compose(np.random.default_rng(7), ("colour",), signature, NONE)
    clean = np.asarray(signature)
    assert (truth[clean.min(axis=2) == 255] == 255).all()
    core = clean.min(axis=2) < np.percentile(clean[dark(clean)].min(axis=1), 20)
    assert np.abs(noisy[core].astype(int) - truth[core]).mean() < 12


def test_frames_are_bold_and_coloured() -> None:
    page = Page(400, 200, (40, 40, 360, 160), NONE, (0.5, 0.5, 0.5))
    layers = [frame(np.random.default_rng(seed), page) for seed in range(30)]
    assert np.mean([(layer.min(axis=2) < 0.6).mean() > 0.004 for layer in layers]) > 0.8
    coloured = [np.ptp(layer.reshape(-1, 3).min(axis=0)) > 0.2 for layer in layers]
    assert np.mean(coloured) > 0.5


def test_some_frames_have_the_pens_own_ink() -> None:
    pen = (0.1, 0.75, 0.2)
    page = Page(300, 150, (40, 40, 260, 110), NONE, pen)
    alike = 0
    for seed in range(60):
        layer = frame(np.random.default_rng(seed), page)
        alike += int(np.abs(layer.reshape(-1, 3).min(axis=0) - pen).max() < 0.15)
    assert alike >= 2


def test_office_print_lies_about_the_name_and_may_have_its_ink() -> None:
    page = Page(400, 160, (60, 40, 340, 120), NONE, (0.1, 0.1, 0.6))
    for seed in range(20):
        layer = office(np.random.default_rng(seed), page)
        assert layer.shape == (160, 400, 3)
        assert (layer < 0.9).any()


def test_dirt_is_never_as_large_as_a_dot() -> None:
    for seed in range(10):
        layer = dirt(np.random.default_rng(seed), Page(600, 300, (100, 50, 500, 250), NONE))
        specks = layer.min(axis=2) < 1
        assert 3 <= specks.sum() < 0.05 * specks.size


def test_scenes_come_with_mixes_but_most_pages_are_not_turned() -> None:
    rng = np.random.default_rng(8)
    drawn = [draw_families(rng) for _ in range(1000)]
    share = {name: np.mean([name in one for one in drawn]) for name in ("turned", "bars", "colour")}
    assert 0.3 < share["turned"] < 0.5
    assert 0.04 < share["bars"] < 0.15
    assert 0.04 < share["colour"] < 0.15
    assert not any("colour" in one and "scan" in one for one in drawn)


def test_strokes_under_black_bars_or_in_heavy_noise_are_not_to_be_seen() -> None:
    truth = np.full((80, 200, 3), 255, np.uint8)
    truth[38:42, 20:180] = (120, 120, 120)
    rng = np.random.default_rng(9)
    assert is_visible(truth, truth)
    assert is_visible(np.minimum(truth, 190), truth)
    assert not is_visible(np.full_like(truth, 90), truth)
    assert not is_visible(np.where(rng.random(truth.shape) < 0.5, 0, truth), truth)
    assert is_visible(np.full_like(truth, 0), np.full_like(truth, 255))  # no ink at all


def test_colour_alone_makes_strokes_visible() -> None:
    truth = np.full((80, 200, 3), 255, np.uint8)
    truth[38:42, 20:180] = (230, 120, 40)
    noisy = np.full_like(truth, 150)
    noisy[38:42, 20:180] = (200, 140, 60)
    assert is_visible(noisy, truth)


def test_noise_that_hides_a_faint_signature_is_drawn_anew() -> None:
    faint = np.full((90, 260, 3), 255, np.uint8)
    faint[40:43, 30:230] = (170, 170, 170)
    picture = Image.fromarray(faint)
    seen = 0
    for seed in range(12):
        made = make_dirty(np.random.default_rng(seed), picture, "all", NONE)
        seen += is_visible(np.asarray(made.noisy), np.asarray(made.truth))
    assert seen >= 11
