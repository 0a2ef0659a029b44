"""Connected pieces of kept ink: remains of print go, and what belongs to the signature stays."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw
from skimage.measure import label

from sigclean.compositing.compose import clean_picture, drop_other_ink
from sigclean.drawn import draw_signature
from sigclean.pieces.components import find_components, find_runs
from sigclean.pieces.logistic import read_judge
from sigclean.pieces.remains import FILE, NAMES, find_remains, measure_pieces

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
SIZE = (512, 300)
SURE, UNSURE = 250, 95  # levels of the keep map
CRUMB = (440, 250, 446, 253)  # left, top, right, bottom (inclusive) of a piece of print
DOT = (250, 30, 254, 34)  # as wide as the pen


def picture(*boxes: tuple[int, int, int, int]) -> Image.Image:
    """A signature in black ink, and black boxes beside it."""
    image = Image.new("RGB", SIZE, "white")
    image.paste(draw_signature(np.random.default_rng([3, 8]), 380, 180), (60, 60))
    draw = ImageDraw.Draw(image)
    for box in boxes:
        draw.rectangle(box, fill=(20, 20, 20))
    return image


def keep_map(image: Image.Image, crumb: int = UNSURE) -> Image.Image:
    """The ink, of which the network is sure; less so where the crumb is."""
    keep = image.convert("L").point(lambda level: SURE if level < 200 else 0)
    left, top, right, bottom = CRUMB
    part = keep.crop((left, top, right + 1, bottom + 1))
    keep.paste(part.point(lambda level: min(level, crumb)), CRUMB[:2])
    return keep


def has_ink(image: Image.Image, box: tuple[int, int, int, int]) -> bool:
    return bool(np.asarray(image.convert("L").crop(box)).min() < 150)


def test_an_unsure_piece_apart_from_the_signature_goes_and_a_dot_stays() -> None:
    noisy = picture(CRUMB, DOT)
    clean = clean_picture(noisy, noisy, keep_map(noisy))
    assert not has_ink(clean, CRUMB)
    assert has_ink(clean, DOT)
    truth = np.asarray(picture(DOT).convert("L"), int)
    assert np.abs(np.asarray(clean.convert("L"), int) - truth).mean() < 1


def test_a_piece_of_which_the_network_is_sure_stays() -> None:
    noisy = picture(CRUMB, DOT)
    assert has_ink(clean_picture(noisy, noisy, keep_map(noisy, SURE)), CRUMB)


def test_a_piece_that_goes_comes_back_by_hand() -> None:
    noisy = picture(CRUMB)
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).rectangle(CRUMB, fill=255)
    assert has_ink(clean_picture(noisy, noisy, keep_map(noisy), restore=mask), CRUMB)


@pytest.mark.parametrize(("shift", "stays"), [(0, False), (512 - 447, True)])
def test_in_windows_pieces_at_the_border_stay(shift: int, stays: bool) -> None:
    left, top, right, bottom = CRUMB
    noisy = picture((left + shift, top, right + shift, bottom))
    keep = np.array(keep_map(noisy, SURE))
    part = keep[top : bottom + 1, left + shift : right + shift + 1]
    np.minimum(part, UNSURE, out=part)
    kept = drop_other_ink(noisy, Image.fromarray(keep))
    assert bool(np.asarray(kept)[top : bottom + 1, left + shift :].any()) == stays


def test_pieces_of_a_page_that_was_judged_in_windows_stay() -> None:
    noisy = picture(CRUMB)
    for pen, judge, stays in ((None, False, True), ("black", False, True), ("black", True, False)):
        clean = clean_picture(noisy, noisy, keep_map(noisy), pen, judge=judge)
        assert has_ink(clean, CRUMB) == stays


def test_what_is_one_piece_stays_and_nothing_has_no_pieces() -> None:
    shown = np.zeros((40, 60), np.bool_)
    assert find_remains(shown, np.zeros(0, np.float32), np.zeros((0, 3), np.float32)) is None
    shown[10:20, 10:30] = True
    kept = np.full(200, 0.2, np.float32)
    assert find_remains(shown, kept, np.full((200, 3), 0.9, np.float32)) is None


@settings(deadline=None)
@given(MASKS, st.floats(0.2, 1), st.floats(0.15, 1))
def test_measures_are_finite_and_as_many_as_the_judge_knows(
    shown: np.ndarray, kept: float, dark: float
) -> None:
    count = int(shown.sum())
    assume(count > 0)
    darkness = np.full((count, 3), dark, np.float32)
    pieces = measure_pieces(find_components(shown), np.full(count, kept, np.float32), darkness)
    assert pieces.measures.shape == (len(pieces.amounts), len(NAMES))
    assert np.isfinite(pieces.measures).all()
    assert pieces.amounts.sum() == pytest.approx(count * dark, rel=1e-3)
    assert len(read_judge(FILE).mean) == len(NAMES)


def test_the_judges_file_is_small() -> None:
    assert FILE.stat().st_size < 5_000
    assert set(json.loads(FILE.read_text())) == {"mean", "deviation", "weights", "bias"}


@settings(deadline=None)
@given(MASKS)
def test_components_are_those_of_scikit_image(mask: np.ndarray) -> None:
    found = find_components(mask)
    expected, count = label(mask, connectivity=2, return_num=True)
    assert len(found.areas) == len(found.boxes) == count
    assert ((found.labels >= 0) == mask).all()
    for number, (left, top, right, bottom) in enumerate(found.boxes):
        own = found.labels == number
        assert len(np.unique(expected[own])) == 1 and own.sum() == found.areas[number]
        rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
        assert (left, top, right, bottom) == (
            columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        )  # fmt: skip


@settings(deadline=None)
@given(MASKS)
def test_runs_cover_the_mask(mask: np.ndarray) -> None:
    covered = np.zeros(mask.shape, int)
    runs = find_runs(mask)
    for row, start, stop in zip(runs.rows, runs.starts, runs.stops, strict=True):
        covered[row, start:stop] += 1
    assert (covered == mask).all()
