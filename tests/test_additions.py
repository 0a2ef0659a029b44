"""Marks that a writer adds to a name: in its ink, on white, on drawn and real signatures alike."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sigclean.drawn import draw_signature
from sigclean.drawn.additions import ADDITIONS, LONGEST, Addition, Writing, add_marks
from sigclean.drawn.hand import pick_hand
from sigclean.drawn.printed import printed_name


@pytest.fixture(scope="module")
def signature() -> Image.Image:
    return draw_signature(np.random.default_rng(4), 360)


def dark(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).min(axis=2) < 128


def test_the_generator_decides_what_is_added(signature: Image.Image) -> None:
    for seed in range(6):
        first, second = (add_marks(np.random.default_rng(seed), signature) for _ in range(2))
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


def test_about_half_of_the_signatures_stay_as_they_are(signature: Image.Image) -> None:
    rng = np.random.default_rng(2)
    same = sum(add_marks(rng, signature) is signature for _ in range(60))
    assert 15 <= same <= 45


def test_marks_add_ink_of_the_signatures_colour_and_nothing_else() -> None:
    blue = np.full((120, 300, 3), 255, np.uint8)
    blue[50:56, 40:260] = blue[20:100, 60:66] = (30, 60, 180)
    picture = Image.fromarray(blue)
    for seed in range(25):
        marked = add_marks(np.random.default_rng(seed), picture)
        if marked is picture:
            continue
        pixels = np.asarray(marked)
        assert dark(marked).sum() > dark(picture).sum()
        inked = pixels[dark(marked)]
        assert (inked[:, 2] >= inked[:, 0]).all()
        assert np.median(pixels, axis=(0, 1)).min() == 255


def test_a_page_without_ink_stays_as_it_is() -> None:
    white = Image.new("RGB", (80, 40), "white")
    for seed in range(20):
        assert np.asarray(add_marks(np.random.default_rng(seed), white)).min() == 255


def test_large_pictures_are_shrunk_first() -> None:
    large = draw_signature(np.random.default_rng(1), 700).resize((2400, 1200))
    marked = [add_marks(np.random.default_rng(seed), large) for seed in range(8)]
    changed = [one for one in marked if one is not large]
    assert changed
    assert all(max(one.size) <= 2 * LONGEST for one in changed)


@pytest.mark.parametrize("addition", [add for add, _ in ADDITIONS])
def test_every_addition_draws_lines_with_numbers_in_them(addition: Addition) -> None:
    ink = np.stack([np.arange(50, 250), np.full(200, 80)], 1)
    writing = Writing(ink, (50, 60, 250, 100), (320, 180), 3.0)
    for seed in range(5):
        lines = addition(np.random.default_rng(seed), writing)
        assert lines
        for line in lines:
            assert np.isfinite(np.concatenate([line.x, line.y, line.radius, line.opacity])).all()
            assert (line.radius >= 0).all()


def test_printed_names_stand_letter_by_letter() -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        assert len(printed_name(rng, pick_hand(rng))) >= 2
