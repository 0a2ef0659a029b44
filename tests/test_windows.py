"""Whole pages in overlapping windows: no seams, as good as each piece alone, flat memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from sigclean import Letterbox, SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.metrics import ink_scores
from sigclean.windows import (
    AT_ONCE,
    blend_weights,
    choose_window,
    keep_map,
    scaled_size,
    window_starts,
)

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Kept:
    """A runtime that keeps red and blue, erases all else, and notes what it was shown."""

    shapes: list[tuple[int, ...]] = field(default_factory=list)
    multiple: int = 32
    takes_cuts: bool = True
    description: str = "keeps red and blue"

    def keep(self, batch: Float) -> Float:
        self.shapes.append(batch.shape[1:])
        return (batch.max(axis=1) - batch[:, 1] > 0.2).astype(np.float32)

    def paint(self, batch: Float) -> Float:
        return batch


def darkness(parts: list[Image.Image]) -> list[Image.Image]:
    return [part.convert("L").point(lambda level: 255 - level) for part in parts]


def rings(width: int, height: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    levels = 127.5 + 127.5 * np.sin(np.hypot(x, y) / 9)
    return Image.fromarray(levels.astype(np.uint8)).convert("RGB")


# --- blending ----------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3000), st.integers(16, 600), st.floats(0, 0.8))
def test_weights_sum_to_one_everywhere(length: int, size: int, overlap: float) -> None:
    starts = window_starts(length, size, overlap)
    total = np.zeros(length)
    for start, weights in zip(starts, blend_weights(length, starts, size), strict=True):
        assert weights.min() > 0
        total[start : start + len(weights)] += weights
    np.testing.assert_allclose(total, 1, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 3000), st.integers(16, 600), st.sampled_from([0.25, 0.5]))
def test_neighbours_overlap_by_what_was_asked_for(length: int, size: int, overlap: float) -> None:
    starts = window_starts(length, size, overlap)
    assert (starts[0], starts[-1] + min(size, length)) == (0, length)
    assert all(b - a <= size * (1 - overlap) + 1 for a, b in pairwise(starts))


@pytest.mark.parametrize("size", [(300, 200), (64, 64), (65, 40), (30, 500), (64, 129)])
def test_a_page_is_kept_as_if_there_were_no_windows(size: tuple[int, int]) -> None:
    page = rings(*size)
    assert np.array_equal(keep_map(page, darkness, 64, size=64), darkness([page])[0])


def test_windows_that_disagree_are_blended_without_a_step() -> None:
    answers = iter([0, 255] * 1000)

    def disagree(parts: list[Image.Image]) -> list[Image.Image]:
        return [Image.new("L", part.size, next(answers)) for part in parts]

    kept = np.asarray(keep_map(rings(300, 300), disagree, 64, size=64)).astype(int)
    assert np.ptp(kept) > 200
    steepest = 255 * np.pi / 64 * 1.5  # of a raised cosine, and half as much for uneven windows
    assert max(np.abs(np.diff(kept, axis=axis)).max() for axis in (0, 1)) <= steepest


@pytest.mark.parametrize("window", [32, 90, 128])
def test_a_page_is_seen_at_the_scale_of_its_windows(window: int) -> None:
    page = rings(400, 250)
    kept = keep_map(page, darkness, window, size=64)
    assert kept.size == scaled_size(page.size, window, 64)
    whole = darkness([page.resize(kept.size, Image.Resampling.HAMMING)])[0]
    difference = np.abs(np.asarray(kept).astype(int) - np.asarray(whole))
    assert difference.mean() < 6


def test_few_windows_are_in_memory_at_once() -> None:
    counts = []

    def count(parts: list[Image.Image]) -> list[Image.Image]:
        counts.append(len(parts))
        return darkness(parts)

    keep_map(Image.new("RGB", (900, 200)), count, 64, size=64)
    assert max(counts) == AT_ONCE
    assert sum(counts) > 100


# --- which window ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "dpi", "expected"),
    [
        ((2480, 3508), 300, 886),  # A4
        ((3508, 2480), 300, 886),
        ((4960, 7016), 600, 1772),
        ((1700, 2200), 200, 591),  # letter
        ((900, 400), 300, None),  # a crop
        ((4000, 3000), 300, None),  # a camera's photo: no sheet is so large
        ((1240, 1754), None, 454),  # upright, and large
        ((3000, 4000), 72, 1034),
        ((4000, 3000), 72, None),
        ((700, 1000), None, None),
        ((600, 2400), None, None),
    ],
)
def test_auto_tells_pages_from_crops(
    size: tuple[int, int], dpi: float | None, expected: int | None
) -> None:
    picture = Image.new("RGB", size)
    if dpi:
        picture.info["dpi"] = (dpi, dpi)
    assert choose_window(picture, "auto") == expected


def test_a_fax_with_fewer_dots_down_than_across_is_a_page() -> None:
    picture = Image.new("RGB", (1687, 1145))  # A4
    picture.info["dpi"] = (204, 98)
    assert choose_window(picture, "auto") == round(151 * 75 / 25.4)


@pytest.mark.parametrize(
    ("kind", "millimetres", "is_page"),
    [
        ("drawn", (150, 170), False),
        ("drawn", (100, 250), True),
        ("drawn", (841, 1189), True),  # A0
        ("drawn", (900, 1300), False),
        ("scan", (330, 440), True),
        ("scan", (330, 500), False),  # the tool that wrote the file may have made the size up
    ],
)
def test_pages_of_pdfs_are_cleaned_in_windows_up_to_a_size(
    kind: str, millimetres: tuple[int, int], is_page: bool
) -> None:
    dpi = 127  # five pixels for a millimetre
    width, height = (5 * side for side in millimetres)
    picture = Image.new("RGB", (width, height))
    picture.info |= {"dpi": (dpi, dpi), "page": kind}
    assert choose_window(picture, "auto") == (375 if is_page else None)


@pytest.mark.parametrize("dpi", [(0, 0), ("a", "b"), 300, (float("nan"), 1), (1e9, 1e9)])
def test_a_resolution_that_says_nothing_is_ignored(dpi: object) -> None:
    picture = Image.new("RGB", (1240, 1754))
    picture.info["dpi"] = dpi
    assert choose_window(picture, "auto") == 454


@pytest.mark.parametrize("window", [0, 255, -600, "600", "page", 600.0, True])
def test_what_is_no_window_is_an_error(window: object) -> None:
    with pytest.raises(SigcleanError, match="256 pixels or more"):
        choose_window(Image.new("RGB", (2000, 2000)), window)  # type: ignore[arg-type]


def test_raw_pictures_are_not_made_in_windows() -> None:
    with pytest.raises(SigcleanError, match="raw"):
        SignatureCleaner(Kept())(Image.new("RGB", (900, 900)), raw=True, window=600)


# --- cleaning ----------------------------------------------------------------------------------


def test_a_window_as_large_as_the_picture_changes_nothing() -> None:
    picture = draw_signature(np.random.default_rng(1), 800, 300)
    cleaner = SignatureCleaner(Kept())
    assert np.array_equal(cleaner(picture, window=800), cleaner(picture))


def test_a_low_page_is_computed_without_the_strips() -> None:
    runtime = Kept()
    SignatureCleaner(runtime)(Image.new("RGB", (2000, 200), "white"), window=800)
    assert set(runtime.shapes) == {(3, 160, 512)}  # 128 rows, and 8 of each strip or more


def test_each_signature_of_a_page_may_have_a_pen_of_its_own() -> None:
    """In a single signature, kept ink of a colour that is mostly erased is remains of noise."""
    page = Image.new("RGB", (1400, 1400), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((100, 100, 400, 130), fill=(20, 40, 200))
    draw.rectangle((1000, 1200, 1200, 1230), fill=(200, 30, 30))
    draw.rectangle((100, 700, 1300, 720), fill=(10, 130, 10))
    cleaner = SignatureCleaner(Kept())
    clean = cleaner(page, window=512)
    assert clean.getpixel((250, 115)) == (20, 40, 200)
    assert clean.getpixel((1100, 1215)) == (200, 30, 30)
    assert clean.getpixel((700, 710)) == (255, 255, 255)
    blue = cleaner(page, window=512, pen="blue")
    assert blue.getpixel((250, 115)) == (20, 40, 200)
    assert blue.getpixel((1100, 1215)) == (255, 255, 255)


@pytest.mark.slow
@pytest.mark.parametrize("window", [256, 300, 700])
def test_no_pixel_is_darker_in_windows(window: int, eraser_weights: Path) -> None:
    cleaner = SignatureCleaner.from_pretrained(eraser_weights, device="cpu")
    noise = np.random.default_rng(0).integers(0, 256, (760, 540, 3), np.uint8)
    result = cleaner(Image.fromarray(noise), window=window)
    assert (np.asarray(result) >= noise).all()


@pytest.mark.slow
def test_memory_stays_flat_on_a_page_of_20_megapixels(tmp_path: Path) -> None:
    """The page is cleaned in a process of its own, whose peak its starter can read."""
    page = Image.new("RGB", (3760, 5320), "white")
    page.paste(draw_signature(np.random.default_rng(4), 900, 300), (400, 3000))
    page.save(tmp_path / "page.png", compress_level=1)
    program = (
        "import resource, sys; from sigclean import SignatureCleaner;"
        "cleaner = SignatureCleaner.from_pretrained(runtime='onnx');"
        "cleaner(sys.argv[1], window=2400, transparent=True).save(sys.argv[2]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    starter = (  # small: the peak of a child counts what its parent had when it forked
        "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]], check=True)"
    )
    paths = [str(tmp_path / name) for name in ("page.png", "out.png")]
    command = [sys.executable, "-c", starter, program, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak = int(done.stdout) * (1 if sys.platform == "darwin" else 1024)
    assert Image.open(tmp_path / "out.png").size == page.size
    assert peak < 600_000_000


# --- the packaged model, on a page made of known pieces ----------------------------------------

PIECES = [(60, 60), (560, 330), (120, 640)]  # left and top
PIECE = (420, 170)


@dataclass(frozen=True)
class Page:
    noisy: Image.Image
    truth: Image.Image
    boxes: tuple[tuple[int, int, int, int], ...]


@pytest.fixture(scope="module")
def page() -> Page:
    """Signatures at known places, a rule under each, and print between them, on grainy paper."""
    truth = Image.new("RGB", (1050, 900), "white")
    for seed, place in enumerate(PIECES):
        truth.paste(draw_signature(np.random.default_rng(seed), *PIECE), place)
    noisy = truth.copy()
    draw = ImageDraw.Draw(noisy)
    for left, top in PIECES:
        draw.line((left, top + 130, left + PIECE[0], top + 130), fill=(40, 40, 40), width=2)
    for y in (20, 260, 290, 540, 580, 610, 840):
        draw.text((70, y), "the party of the first part " * 3, fill=(30, 30, 30), font_size=20)
    levels = np.asarray(noisy) * np.array([0.96, 0.94, 0.88])
    levels += np.random.default_rng(5).normal(0, 2, levels.shape)
    boxes = tuple((x, y, x + PIECE[0], y + PIECE[1]) for x, y in PIECES)
    return Page(Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)), truth, boxes)


@pytest.fixture(scope="module")
def cleaner() -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(runtime="onnx")


@pytest.fixture(scope="module")
def cleaned(page: Page, cleaner: SignatureCleaner) -> Image.Image:
    return cleaner(page.noisy, window=512)


def test_each_piece_is_as_clean_as_it_would_be_alone(
    page: Page, cleaner: SignatureCleaner, cleaned: Image.Image
) -> None:
    for box in page.boxes:
        truth = page.truth.crop(box)
        alone = ink_scores(cleaner(page.noisy.crop(box)), truth).f
        assert ink_scores(cleaned.crop(box), truth).f > max(0.9, alone - 0.03)


def test_what_lies_between_the_pieces_goes(page: Page, cleaned: Image.Image) -> None:
    between = np.ones((page.noisy.height, page.noisy.width), bool)
    for left, top, right, bottom in page.boxes:
        between[top:bottom, left:right] = False
    before, after = (np.asarray(one).min(axis=2)[between] < 128 for one in (page.noisy, cleaned))
    assert after.sum() < 0.05 * before.sum()


def test_a_page_shifted_by_a_few_pixels_is_cleaned_alike(
    page: Page, cleaner: SignatureCleaner, cleaned: Image.Image
) -> None:
    dx, dy = 7, 5
    width, height = page.noisy.size
    shifted = cleaner(page.noisy.crop((dx, dy, width, height)), window=512)
    assert ink_scores(shifted, cleaned.crop((dx, dy, width, height))).f > 0.97


def test_the_keep_map_of_a_page_has_its_size(page: Page, cleaner: SignatureCleaner) -> None:
    kept = cleaner.keep_map(page.noisy, window=600)
    assert (kept.mode, kept.size) == ("L", page.noisy.size)


def test_letterboxes_of_other_sizes_have_windows_of_their_own() -> None:
    runtime = Kept()
    SignatureCleaner(runtime, Letterbox(128))(Image.new("RGB", (1000, 600), "white"), window=500)
    assert set(runtime.shapes) == {(3, 128, 128)}
