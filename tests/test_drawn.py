"""Drawn signatures: seeded, on white paper, fast, and as varied as hands are."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from sigclean.drawn import draw_signature
from sigclean.drawn.blocks import block_name
from sigclean.drawn.hand import pick_hand
from sigclean.drawn.headline import headline_name
from sigclean.drawn.heads import headed_name
from sigclean.drawn.joined import joined_name


def pixels(seed: int, **size: int) -> np.ndarray:
    return np.asarray(draw_signature(np.random.default_rng(seed), **size))


def test_the_same_seed_draws_the_same_picture() -> None:
    assert np.array_equal(pixels(7), pixels(7))


def test_different_seeds_draw_different_pictures() -> None:
    sized = [pixels(seed, width=256, height=128).tobytes() for seed in range(30)]
    assert len(set(sized)) == 30


def test_one_generator_draws_a_new_signature_at_every_call() -> None:
    rng = np.random.default_rng(0)
    first, second = draw_signature(rng, 256, 128), draw_signature(rng, 256, 128)
    assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize("seed", range(40))
def test_ink_lies_on_exactly_white_paper_and_is_dark_enough_to_be_seen(seed: int) -> None:
    picture = draw_signature(np.random.default_rng(seed))
    values = np.asarray(picture)
    white = (values == 255).all(axis=2).mean()
    assert picture.mode == "RGB"
    assert 0.4 < white < 0.998
    assert np.asarray(picture.convert("L")).min() < 200


@pytest.mark.parametrize("seed", range(40))
def test_nothing_touches_the_border(seed: int) -> None:
    values = pixels(seed)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    assert (border == 255).all()


@pytest.mark.parametrize("seed", range(40))
def test_without_a_height_the_signature_decides_between_square_and_five_to_one(seed: int) -> None:
    width, height = draw_signature(np.random.default_rng(seed), width=300).size
    assert width == 300
    assert 60 <= height <= 300


@pytest.mark.parametrize("size", [(512, 512), (300, 60), (60, 300), (40, 40), (1500, 400)])
def test_a_size_that_is_asked_for_is_kept_and_filled(size: tuple[int, int]) -> None:
    picture = draw_signature(np.random.default_rng(5), *size)
    rows, columns = np.nonzero(np.asarray(picture.convert("L")) < 250)
    assert picture.size == size
    assert max(np.ptp(columns) / size[0], np.ptp(rows) / size[1]) > 0.6


def test_hands_differ_in_shape_pen_and_colour() -> None:
    pictures = [draw_signature(np.random.default_rng(seed)) for seed in range(60)]
    heights = {picture.height for picture in pictures}
    ink = [np.asarray(p)[np.asarray(p.convert("L")) < 200].mean(axis=0) for p in pictures]
    blue = sum(bool(colour[2] > colour[0] + 40) for colour in ink)
    cover = [float((np.asarray(p.convert("L")) < 250).mean()) for p in pictures]
    assert len(heights) > 20
    assert 8 < blue < 45
    assert max(cover) > 4 * min(cover)


def test_a_signature_takes_milliseconds() -> None:
    rng = np.random.default_rng(0)
    begin = time.process_time()
    for _ in range(20):
        draw_signature(rng)
    assert (time.process_time() - begin) / 20 < 0.2  # seconds; about 0.02 on one idle core


def test_drawing_needs_no_more_than_numpy_and_pillow() -> None:
    code = (
        "import sys, sigclean.drawn; print(sorted({'torch', 'cv2', 'gradio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("script", [headline_name, joined_name, block_name, headed_name])
def test_every_script_is_written_in_movements_of_finite_size(script) -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        paths = script(rng, pick_hand(rng))
        assert all(path.ndim == 2 and path.shape[1] == 3 and len(path) > 1 for path in paths)
        assert np.abs(np.concatenate(paths)).max() < 60  # x-heights


def test_a_headline_joins_its_letters() -> None:
    """Over most of a word's width some stroke runs at its top."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        points = np.concatenate(headline_name(rng, pick_hand(rng)))
        at_the_line = points[np.abs(points[:, 1] - 1.7) < 0.25]
        assert np.ptp(at_the_line[:, 0]) > 0.7 * np.ptp(points[:, 0])


def test_pieces_that_run_from_right_to_left_end_on_the_left() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        first = joined_name(rng, pick_hand(rng))[0]
        assert first[-1, 0] < first[0, 0] + 0.7  # a last letter may turn back
