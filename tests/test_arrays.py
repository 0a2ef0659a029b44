"""Levels that counts of an 8-bit picture give, against NumPy's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sigclean.arrays import level_at, level_counts

PICTURES = arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6)))


@given(PICTURES)
def test_counts_are_those_of_each_level(picture: np.ndarray) -> None:
    counts = level_counts(picture)
    assert counts.shape == (256,)
    assert all(counts[level] == (picture == level).sum() for level in range(256))


@given(PICTURES, st.floats(0, 1))
def test_the_level_of_a_share_is_numpys_quantile(picture: np.ndarray, share: float) -> None:
    assert level_at(level_counts(picture), share) == pytest.approx(np.quantile(picture, share))


@given(PICTURES)
def test_half_the_pixels_are_below_the_median(picture: np.ndarray) -> None:
    assert level_at(level_counts(picture), 0.5) == np.median(picture)
