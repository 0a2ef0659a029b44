"""Scans and photos: same size, same place, ink still there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sigclean.noise.page import Capture, Layer
from sigclean.noise.photos import photo
from sigclean.noise.scans import scan

CAPTURES = (scan, photo)


def marked_page(width: int = 320, height: int = 200, ink: float = 0.1) -> Layer:
    """White paper with one round mark off the centre."""
    picture = np.ones((height, width, 3), np.float32)
    cv2.circle(picture, (130, 90), 24, (ink, ink, ink), -1, cv2.LINE_AA)
    return picture


def signed_page(ink: tuple[float, float, float]) -> Layer:
    """White paper with a thin curved stroke in `ink`."""
    picture = np.ones((200, 320, 3), np.float32)
    x = np.linspace(30, 290, 200)
    points = np.stack([x, 100 + 50 * np.sin(x / 25)], 1)
    cv2.polylines(picture, [(points * 8).astype(np.int32)], False, ink, 2, cv2.LINE_AA, shift=3)
    return picture


def centre(picture: Layer, paper: Layer) -> np.ndarray:
    """Centre of the mark, x and y, by its contrast to `paper`: the same light without the mark."""
    contrast = picture[50:130, 90:170].mean(axis=2) / paper[50:130, 90:170].mean(axis=2).clip(0.02)
    middle = 0.5 * (contrast.min() + np.percentile(contrast, 95))
    dark = cv2.medianBlur((contrast < middle).astype(np.uint8), 5)
    return np.argwhere(dark).mean(axis=0)[::-1]


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("seed", range(12))
def test_a_picture_keeps_its_size_and_range(capture: Capture, seed: int) -> None:
    taken = capture(np.random.default_rng(seed), marked_page())
    assert taken.shape == (200, 320, 3)
    assert taken.dtype == np.float32
    assert taken.min() >= 0
    assert taken.max() <= 1


@pytest.mark.parametrize("capture", CAPTURES)
def test_the_page_itself_is_left_alone(capture: Capture) -> None:
    page = marked_page()
    for seed in range(20):
        capture(np.random.default_rng(seed), page)
    assert np.array_equal(page, marked_page())


@pytest.mark.parametrize("capture", CAPTURES)
def test_the_same_seed_takes_the_same_picture(capture: Capture) -> None:
    first, again = (capture(np.random.default_rng(3), marked_page()) for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize("capture", CAPTURES)
def test_other_seeds_take_other_pictures(capture: Capture) -> None:
    taken = {capture(np.random.default_rng(seed), marked_page()).tobytes() for seed in range(12)}
    assert len(taken) == 12


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("size", [(1, 1), (30, 8), (8, 30), (3, 200), (700, 20)])
def test_pictures_of_any_size_are_taken(capture: Capture, size: tuple[int, int]) -> None:
    for seed in range(12):
        taken = capture(np.random.default_rng(seed), np.ones((size[1], size[0], 3), np.float32))
        assert taken.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("capture", CAPTURES)
def test_marks_stay_where_they_were(capture: Capture) -> None:
    page, blank = marked_page(), np.ones_like(marked_page())
    truth, moved = centre(page, blank), []
    for seed in range(60):
        marked, bare = (capture(np.random.default_rng(seed), seen) for seen in (page, blank))
        moved.append(float(np.linalg.norm(centre(marked, bare) - truth)))
    assert np.median(moved) < 0.4
    assert np.percentile(moved, 90) < 1.0


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("ink", [(0.1, 0.1, 0.1), (0.2, 0.3, 0.7), (0.55, 0.55, 0.55)])
def test_strokes_stay_visible(capture: Capture, ink: tuple[float, float, float]) -> None:
    """Nearly all of a stroke is darker than the paper beside it, in nearly all pictures."""
    page = signed_page(ink)
    stroke = page[..., 0] < 0.75
    kept = []
    for seed in range(40):
        grey = capture(np.random.default_rng(seed), page).mean(axis=2)
        darkest = cv2.erode(grey, np.ones((3, 3)))
        levels = (grey * 255).astype(np.uint8)
        paper = cv2.blur(np.asarray(cv2.medianBlur(levels, 21), np.float32) / 255, (9, 9))
        kept.append(float(np.mean(darkest[stroke] < paper[stroke] - 0.06)))
    assert np.median(kept) > 0.9
    assert np.percentile(kept, 10) > 0.6
