"""The square: invertible for every size and aspect, and its strips stay in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sigclean import Letterbox
from sigclean.letterbox import Placement, stretch

BOX = Letterbox(512)


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    """Width and height from 1x1 up, of every aspect from 1:50 to 50:1."""
    short = draw(st.integers(1, 300))
    long = draw(st.integers(short, min(50 * short, 3000)))
    return (long, short) if draw(st.booleans()) else (short, long)


@given(sizes())
def test_the_longest_side_fills_the_square_and_the_rest_is_centred(size: tuple[int, int]) -> None:
    placement = BOX.place(*size)
    inner = (placement.inner_width, placement.inner_height)
    assert max(inner) == 512
    assert min(inner) >= 1
    left, top, right, bottom = placement.box
    assert abs(left - (512 - right)) <= 1
    assert abs(top - (512 - bottom)) <= 1
    scale = 512 / max(size)
    for side, own in zip(inner, size, strict=True):
        assert abs(side - own * scale) <= 0.5 or side == 1


@settings(max_examples=60, deadline=None)
@given(sizes(), st.sampled_from(["L", "RGB"]))
def test_the_round_trip_has_the_own_size_and_nothing_of_the_strips(
    size: tuple[int, int], mode: str
) -> None:
    square, placement = BOX.fit(Image.new(mode, size, "white"))
    assert (square.mode, square.size) == (mode, (512, 512))
    restored = BOX.restore(square, placement)
    assert (restored.mode, restored.size) == (mode, size)
    assert np.asarray(restored).min() == 255


@settings(max_examples=60, deadline=None)
@given(sizes())
def test_outside_the_picture_all_is_black(size: tuple[int, int]) -> None:
    square, placement = BOX.fit(Image.new("RGB", size, "white"))
    pixels = np.array(square)
    left, top, right, bottom = placement.box
    assert pixels[top:bottom, left:right].min() == 255
    pixels[top:bottom, left:right] = 0
    assert pixels.max() == 0


def centre(image: Image.Image) -> np.ndarray:
    """The centre of gravity of the dark pixels: x, y."""
    dark = 255.0 - np.asarray(image, np.float64)
    rows, columns = np.indices(dark.shape)
    return np.array([(columns * dark).sum(), (rows * dark).sum()]) / dark.sum()


@settings(max_examples=80, deadline=None)
@given(sizes(), st.floats(0, 1), st.floats(0, 1))
def test_a_mark_comes_back_within_a_pixel(size: tuple[int, int], x: float, y: float) -> None:
    """The pixel is that of the coarser grid: the picture's, or the square's if it is shrunk.

    The mark is several pixels of the square wide and off the edge, so that it can be located.
    """
    image = Image.new("L", size, "white")
    pixel = max(1.0, max(size) / 512)
    width, height = (min(side, round(6 * pixel)) for side in size)
    left, top = round(x * (size[0] - width)), round(y * (size[1] - height))
    image.paste("black", (left, top, left + width, top + height))
    restored = BOX.restore(*BOX.fit(image))
    assert np.abs(centre(restored) - centre(image)).max() <= pixel


def test_a_picture_of_the_squares_own_size_is_untouched() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    square, placement = BOX.fit(Image.fromarray(noise))
    assert np.array_equal(square, noise)
    assert np.array_equal(BOX.restore(square, placement), noise)


def test_thin_lines_survive_a_strong_reduction() -> None:
    """A nearest-neighbour reduction would drop most of them."""
    pixels = np.full((3000, 3000), 255, np.uint8)
    pixels[:, ::60] = 0
    square, _ = BOX.fit(Image.fromarray(pixels))
    assert np.asarray(square).mean() == pytest.approx(pixels.mean(), abs=1)
    assert (np.asarray(square)[256] < 240).sum() >= 50


def test_shrinking_makes_no_rings() -> None:
    pixels = np.full((2000, 2000), 200, np.uint8)
    pixels[:, 1000:] = 60
    square, _ = BOX.fit(Image.fromarray(pixels))
    assert np.asarray(square).min() >= 60
    assert np.asarray(square).max() <= 200


def test_the_size_is_free() -> None:
    square, placement = Letterbox(128).fit(Image.new("RGB", (60, 30), "white"))
    assert square.size == (128, 128)
    assert placement == Placement(60, 30, left=0, top=32, inner_width=128, inner_height=64)


def test_a_square_of_another_size_is_refused() -> None:
    _, placement = BOX.fit(Image.new("RGB", (60, 30)))
    with pytest.raises(ValueError, match="512x512"):
        BOX.restore(Image.new("RGB", (256, 256)), placement)


@given(st.integers(1, 4000), st.integers(1, 4000), st.sampled_from([1, 4, 32]), st.integers(0, 32))
def test_a_cut_holds_the_copy_and_strips_and_its_sides_are_multiples(
    width: int, height: int, multiple: int, strip: int
) -> None:
    box = Letterbox(512)
    placement = box.place(width, height)
    left, top, right, bottom = box.cut(placement, multiple, strip)
    inner = placement.box
    assert 0 <= left <= max(inner[0] - strip, 0) and 0 <= top <= max(inner[1] - strip, 0)
    assert 512 >= right >= min(inner[2] + strip, 512)
    assert 512 >= bottom >= min(inner[3] + strip, 512)
    assert (right - left) % multiple == 0 == (bottom - top) % multiple
    assert right - left < inner[2] - inner[0] + 2 * strip + multiple


@pytest.mark.parametrize("size", [(90, 50), (37, 11), (400, 233)])
def test_parts_of_a_stretched_picture_fit_together(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 90), np.uint8)
    image = Image.fromarray(noise)
    whole = np.asarray(stretch(image, size)).astype(int)
    for box in ((0, 0, 20, 8), (13, 3, 37, 11), (7, 0, size[0], size[1])):
        part = np.asarray(stretch(image, size, box)).astype(int)
        left, top, right, bottom = box
        assert np.abs(part - whole[top:bottom, left:right]).max() <= 1
