"""The size of results: margin, width and height, with strokes of the same shape and true size."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

from sigclean import SignatureCleaner
from sigclean.cli import main
from sigclean.compositing.cutting import MOST_SIDE, Cut
from sigclean.compositing.results import ink_bounds
from sigclean.drawn import draw_signature
from sigclean.errors import ImageError, SigcleanError
from sigclean.images import MAX_PIXELS

DPI = (300.0, 150.0)


@pytest.fixture(scope="module")
def cleaner() -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(device="cpu", runtime="onnx")


def disc(left: int = 60, top: int = 30) -> Image.Image:
    """A disc of 40 pixels across on white paper of 200x100."""
    picture = Image.new("RGB", (200, 100), "white")
    ImageDraw.Draw(picture).ellipse((left, top, left + 39, top + 39), fill=(20, 30, 90))
    picture.info["dpi"] = DPI
    return picture


@pytest.mark.parametrize("margin", [0, 7, 500])
@pytest.mark.parametrize("corner", [(60, 30), (0, 0), (160, 60)])
def test_a_margin_is_on_every_side_also_beyond_the_pictures_edges(
    margin: int, corner: tuple[int, int]
) -> None:
    cut = Cut(margin=margin).apply(disc(*corner))
    assert cut.size == (40 + 2 * margin, 40 + 2 * margin)
    assert ink_bounds(cut) == (margin, margin, 40 + margin, 40 + margin)
    assert cut.info["dpi"] == DPI


def test_a_picture_without_ink_stays_whole() -> None:
    blank = Image.new("RGB", (50, 20), "white")
    assert Cut(margin=5).apply(blank).size == Cut(crop=True).apply(blank).size == (50, 20)


@pytest.mark.parametrize(
    ("cut", "size", "scale"),
    [
        (Cut(width=400), (400, 200), 2),
        (Cut(height=50), (100, 50), 0.5),
        (Cut(width=100, height=100), (100, 100), 0.5),
        (Cut(width=900, height=200), (900, 200), 2),
        (Cut(margin=10, height=120), (120, 120), 2),
        (Cut(margin=0, width=20, height=60), (20, 60), 0.5),
    ],
)
def test_a_resized_result_has_the_size_asked_for_and_round_things_stay_round(
    cut: Cut, size: tuple[int, int], scale: float
) -> None:
    result = cut.apply(disc())
    assert result.size == size
    bounds = ink_bounds(result)
    assert bounds is not None
    left, top, right, bottom = bounds
    assert right - left == pytest.approx(40 * scale, abs=2)
    assert bottom - top == pytest.approx(40 * scale, abs=2)


def test_a_resized_result_keeps_its_true_size() -> None:
    for cut in (Cut(width=400), Cut(height=50), Cut(width=900, height=77)):
        result = cut.apply(disc())
        bounds = ink_bounds(result)
        assert bounds is not None
        across, down = result.info["dpi"]
        assert (bounds[2] - bounds[0]) / across == pytest.approx(40 / DPI[0], rel=0.05)
        assert (bounds[3] - bounds[1]) / down == pytest.approx(40 / DPI[1], rel=0.05)


def test_resizing_makes_no_pixel_darker_than_the_darkest() -> None:
    noise = np.random.default_rng(0).integers(60, 200, (40, 70, 3), np.uint8)
    for height in (9, 39, 41, 160):
        result = np.asarray(Cut(height=height).apply(Image.fromarray(noise)))
        assert result.min() >= noise.min()


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.none() | st.integers(1, MOST_SIDE),
    st.none() | st.integers(1, 600),
)
def test_every_result_has_the_sides_asked_for_and_no_more_pixels_than_a_picture_may(
    size: tuple[int, int], width: int | None, height: int | None
) -> None:
    result = Cut(width=width, height=height).apply(Image.new("RGB", size, "white"))
    assert result.width == width or width is None
    assert result.height == height or height is None
    assert result.size == size or width or height
    assert result.width * result.height <= MAX_PIXELS


@pytest.mark.parametrize("numbers", [{"margin": -1}, {"width": 0}, {"height": MOST_SIDE + 1}])
def test_sizes_out_of_range_are_one_sentence(
    numbers: dict[str, int], cleaner: SignatureCleaner
) -> None:
    [(name, value)] = numbers.items()
    for call in (cleaner, cleaner.extract):
        with pytest.raises(SigcleanError, match=f"a {name} is . to 7000 pixels, not {value}"):
            call(disc(), **numbers)  # type: ignore[operator]


def test_a_margin_that_makes_too_many_pixels_is_one_sentence() -> None:
    disc_with = Cut(margin=3000)
    assert disc_with.apply(disc()).size == (6040, 6040)
    for margin in (3600, MOST_SIDE):
        with pytest.raises(ImageError, match=r"^with this margin the result has .* are made$"):
            Cut(margin=margin).apply(disc())


@pytest.mark.parametrize("command", ["clean", "extract"])
def test_a_margin_that_makes_too_many_pixels_is_named_and_the_rest_goes_on(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    draw_signature(np.random.default_rng(5), 900, 400).save(tmp_path / "in" / "wide.png")
    Image.new("RGB", (300, 200), "white").save(tmp_path / "in" / "blank.png")
    words = [command, str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--runtime", "onnx"]
    assert main([*words, "--margin", "3500"]) == 1
    said = capsys.readouterr().err
    assert re.search(r"^sigclean: .*wide\.png.*: with this margin the result has \d+x", said, re.M)
    assert (tmp_path / "out" / "blank.png").exists() == (command == "clean")


def test_the_cleaner_cuts_and_resizes_in_white_and_transparent(cleaner: SignatureCleaner) -> None:
    picture = draw_signature(np.random.default_rng(5), 300, 140).convert("RGB")
    picture.info["dpi"] = (200.0, 200.0)
    whole = cleaner(picture)
    bounds = ink_bounds(whole)
    assert bounds is not None
    cut = cleaner(picture, margin=0)
    assert np.array_equal(cut, whole.crop(bounds))
    small = cleaner(picture, margin=0, height=60)
    assert small.height == 60
    assert small.info["dpi"][1] == pytest.approx(200 * 60 / cut.height)
    clear = cleaner(picture, margin=0, height=60, transparent=True)
    assert clear.info == small.info
    ground = Image.new("RGBA", clear.size, "white")
    ground.alpha_composite(clear)
    difference = ImageChops.difference(ground.convert("RGB"), small)
    assert np.asarray(difference).max() <= 1
    raw = cleaner(picture, raw=True, width=90)
    assert raw.size == (90, 42)
