"""Figures of a cleaned picture against its truth, on cases that a person can work out."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from sigclean.metrics import (
    HIGHEST_PSNR,
    dilate,
    grey,
    ink_invented,
    ink_kept,
    ink_lost,
    ink_mask,
    ink_scores,
    otsu,
    psnr,
)

WHITE, BLACK = 255, 0


def page(*strokes: tuple[slice, slice], ink: int = BLACK) -> Image.Image:
    """A white page of 40x20 with black rectangles: rows, columns."""
    picture = np.full((20, 40), WHITE, np.uint8)
    for rows, columns in strokes:
        picture[rows, columns] = ink
    return Image.fromarray(picture)


LINE = (slice(5, 6), slice(10, 30))  # twenty pixels of ink, one pixel high


def test_equal_pictures_have_full_marks() -> None:
    scores = ink_scores(page(LINE), page(LINE))
    assert (scores.f, scores.recall, scores.precision, scores.exact_f) == (1, 1, 1, 1)
    assert scores.psnr == HIGHEST_PSNR


def test_a_shift_of_one_pixel_is_tolerated_but_not_exact() -> None:
    shifted = page((slice(6, 7), slice(10, 30)))
    scores = ink_scores(shifted, page(LINE))
    assert (scores.f, scores.exact_f) == (1, 0)


def test_a_shift_of_two_pixels_is_not_tolerated() -> None:
    assert ink_scores(page((slice(7, 8), slice(10, 30))), page(LINE)).f == 0


def test_recall_is_the_share_of_truth_that_is_left() -> None:
    half = page((slice(5, 6), slice(10, 20)))  # and one more pixel lies within the tolerance
    scores = ink_scores(half, page(LINE))
    assert scores.recall == pytest.approx(11 / 20)
    assert scores.precision == 1
    assert scores.f == pytest.approx(2 * (11 / 20) / (1 + 11 / 20))
    assert scores.exact_f == pytest.approx(2 * (10 / 20) / (1 + 10 / 20))
    assert (scores.exact_recall, scores.exact_precision) == (pytest.approx(10 / 20), 1)


def test_precision_is_the_share_of_the_result_that_is_truth() -> None:
    dirty = page(LINE, (slice(15, 16), slice(0, 20)))
    scores = ink_scores(dirty, page(LINE))
    assert (scores.recall, scores.precision) == (1, pytest.approx(1 / 2))


def test_two_empty_pages_agree_and_an_empty_one_agrees_with_no_other() -> None:
    assert ink_scores(page(), page()).f == 1
    assert ink_scores(page(), page(LINE)).f == 0
    assert ink_scores(page(LINE), page()).f == 0


def test_a_page_whose_darkest_pixel_is_above_230_holds_no_ink() -> None:
    assert not ink_mask(np.array([[231, 255]], np.uint8)).any()


def test_nothing_lighter_than_225_is_ink_whatever_parts_the_levels_best() -> None:
    picture = np.full((10, 10), 255, np.uint8)
    picture[0, 0], picture[1] = 200, 240
    picture[2] = 225
    assert ink_mask(picture).sum() == 1


def test_ink_is_what_lies_at_or_below_the_level_that_parts_best() -> None:
    picture = np.array([[10, 12, 250, 255] * 5], np.uint8)
    np.testing.assert_array_equal(ink_mask(picture), picture <= 12)


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=30)))
def test_the_level_is_as_good_as_opencvs(picture: np.ndarray) -> None:
    def within(level: float) -> float:
        """The variance within the two classes, which Otsu's level minimises."""
        classes = picture[picture <= level], picture[picture > level]
        return sum(part.size * float(part.var()) for part in classes if part.size)

    theirs, _ = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    assert within(otsu(picture)) <= within(theirs) * (1 + 1e-9) + 1e-6


@settings(max_examples=40, deadline=None)
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.integers(0, 3))
def test_dilation_is_that_of_a_square(mask: np.ndarray, radius: int) -> None:
    kernel = np.ones((2 * radius + 1,) * 2, np.uint8)
    expected = cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)
    np.testing.assert_array_equal(dilate(mask, radius), expected)


def test_ink_two_pixels_from_the_inputs_ink_is_not_invented_three_is() -> None:
    result = page((slice(7, 8), slice(10, 30)), (slice(8, 9), slice(10, 20)))
    assert ink_invented(result, page(LINE)) == pytest.approx(10 / 30)
    assert ink_invented(page(), page(LINE)) == 0


def test_faint_ink_under_black_noise_is_invented_only_at_the_inputs_own_level() -> None:
    faint = page(LINE, ink=180)
    noisy = np.asarray(faint).copy()
    noisy[12:, :] = BLACK
    source = Image.fromarray(noisy)
    assert ink_invented(faint, source) == 1  # the noise's black took the input's level below 180
    assert ink_invented(faint, source, same_level=True) == 0


def test_what_was_never_in_the_input_is_invented_at_any_level() -> None:
    assert ink_invented(page(LINE), page(), same_level=True) == 1


def test_lost_ink_is_more_than_two_pixels_from_what_is_left() -> None:
    half = page((slice(5, 6), slice(10, 20)))
    assert ink_lost(half, page(LINE)) == pytest.approx(8 / 20)
    assert ink_lost(page(LINE), half) == 0
    assert ink_lost(page(), page(LINE)) == 1


def test_kept_ink_counts_all_ink_of_the_input() -> None:
    other = (slice(15, 16), slice(0, 20))
    assert ink_kept(page(LINE), page(LINE, other)) == pytest.approx(20 / 40)
    assert ink_kept(page(), page()) == 1


def test_psnr_of_one_grey_level_off_everywhere() -> None:
    one, other = np.full((4, 4), 100, np.uint8), np.full((4, 4), 101, np.uint8)
    assert psnr(one, other) == pytest.approx(20 * math.log10(255))


def test_psnr_has_one_bound_for_equal_and_nearly_equal_pictures() -> None:
    one = np.zeros((300, 300), np.uint8)
    other = one.copy()
    other[0, 0] = 1
    assert psnr(one, other) == psnr(one, one) == HIGHEST_PSNR


def test_transparent_is_white() -> None:
    clear = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    clear.putpixel((1, 0), (0, 0, 0, 255))
    assert grey(clear).tolist() == [[255, 0]]


def test_pictures_of_two_sizes_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="sizes"):
        ink_scores(Image.new("L", (4, 4)), Image.new("L", (4, 5)))
