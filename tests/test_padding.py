"""Flat dark strips beside a picture are found exactly; strokes and dark paper are no strips."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from sigclean.drawn import draw_signature
from sigclean.views.padding import picture_box

Box = tuple[int, int, int, int]

WIDTH, HEIGHT = 240, 130


def paper(seed: int = 0, level: int = 235, noise: float = 4.0) -> np.ndarray:
    """Tinted paper with a signature and sensor noise: HEIGHTxWIDTHx3 in [0, 255]."""
    ink = np.asarray(draw_signature(np.random.default_rng(seed), WIDTH, HEIGHT)) / 255
    rng = np.random.default_rng(seed + 1)
    return ink * np.array([level, level - 10, level - 35]) + rng.normal(0, noise, ink.shape)


def padded(inside: np.ndarray, sides: Box, level: int = 0, noise: float = 0.0) -> Image.Image:
    """The picture with dark strips of so many pixels at its left, top, right and bottom."""
    left, top, right, bottom = sides
    height, width = inside.shape[0] + top + bottom, inside.shape[1] + left + right
    whole = np.random.default_rng(9).normal(level, noise, (height, width, 3))
    whole[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return Image.fromarray(np.clip(whole, 0, 255).round().astype(np.uint8))


def inner_box(sides: Box, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Box:
    return sides[0], sides[1], sides[0] + size[0], sides[1] + size[1]


strips = st.integers(0, 150)
blocks_of_strips = st.just(0) | st.integers(8, 150)  # JPEG blurs what is narrower than its blocks


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[strips] * 4), st.integers(0, 48), st.integers(0, 5))
def test_strips_on_any_sides_are_found_exactly(sides: Box, level: int, seed: int) -> None:
    assert picture_box(padded(paper(seed), sides, level)) == inner_box(sides)


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[strips] * 4), st.integers(10, 30), st.floats(1, 6))
def test_noise_in_the_strips_does_not_hide_them(sides: Box, level: int, noise: float) -> None:
    assert picture_box(padded(paper(), sides, level, noise)) == inner_box(sides)


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[blocks_of_strips] * 4), st.integers(35, 95), st.sampled_from([0, 2]))
def test_the_rings_of_a_jpeg_leave_no_line_of_a_strip(
    sides: Box, quality: int, subsampling: int
) -> None:
    """A few lines of the paper may go with the strip."""
    file = io.BytesIO()
    padded(paper(), sides).save(file, "JPEG", quality=quality, subsampling=subsampling)
    found, expected = picture_box(Image.open(file).convert("RGB")), inner_box(sides)
    for side in range(4):
        lost = found[side] - expected[side] if side < 2 else expected[side] - found[side]
        assert 0 <= lost <= 8 if sides[side] else lost == 0


@pytest.mark.parametrize("scale", [0.4, 0.7, 1.7, 3.1])
def test_strips_that_were_resampled_go_with_their_blurred_edge(scale: float) -> None:
    sides = (40, 0, 25, 60)
    image = padded(paper(), sides)
    size = round(image.width * scale), round(image.height * scale)
    resized = image.resize(size, Image.Resampling.BICUBIC)
    left, top, right, bottom = picture_box(resized)
    assert top == 0
    assert 0 <= left - 40 * scale <= 8
    assert 0 <= size[0] - 25 * scale - right <= 8
    assert 0 <= size[1] - 60 * scale - bottom <= 8


@settings(max_examples=60, deadline=None)
@given(st.integers(0, WIDTH - 1), st.integers(1, WIDTH - 20), st.integers(1, 60), st.integers(0, 3))
def test_black_strokes_that_touch_an_edge_are_no_strips(
    start: int, length: int, width: int, turns: int
) -> None:
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    ImageDraw.Draw(picture).rectangle((start, 0, start + length, width), fill="black")
    picture = picture.rotate(90 * turns, expand=True)
    assert picture_box(picture) == (0, 0, *picture.size)


def test_a_thick_stroke_along_a_whole_edge_of_a_narrow_picture_stays() -> None:
    picture = Image.new("RGB", (12, 200), "white")
    picture.paste("black", (0, 0, 12, 90))
    assert picture_box(picture) == (0, 0, 12, 200)


@pytest.mark.parametrize("level", [0, 20, 60])
def test_dark_paper_with_bright_ink_is_no_strip(level: int) -> None:
    ink = 255 - np.asarray(draw_signature(np.random.default_rng(3), 400, 160), np.float64)
    picture = Image.fromarray(np.maximum(ink, level).astype(np.uint8))
    assert picture_box(picture) == (0, 0, 400, 160)


def test_a_dark_photo_is_no_strip() -> None:
    levels = np.clip(paper(noise=2) * 0.2, 0, 255).astype(np.uint8)
    assert picture_box(Image.fromarray(levels)) == (0, 0, WIDTH, HEIGHT)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (300, 1), (17, 17), (600, 200)])
@pytest.mark.parametrize("colour", ["black", "white", (50, 50, 50)])
def test_a_flat_picture_has_no_strips(size: tuple[int, int], colour: str) -> None:
    assert picture_box(Image.new("RGB", size, colour)) == (0, 0, *size)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(1, 60), st.integers(1, 60)))
def test_the_box_of_any_picture_holds_pixels(seed: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    blocks = rng.choice([0, 20, 255], (6, 6, 1), p=[0.6, 0.2, 0.2]).repeat(3, axis=2)
    image = Image.fromarray(blocks.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    left, top, right, bottom = picture_box(image)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]
