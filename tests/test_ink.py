"""Results in other inks, and the overlay that shows what was erased."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sigclean.compositing.results import transparent_ink
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.ink import INKS, recolour, removed_overlay


@pytest.fixture(scope="module")
def clean() -> Image.Image:
    """A drawn signature of 600 pixels' width, on white."""
    return draw_signature(np.random.default_rng(4), 600)


def darkest(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).min(axis=2).astype(int)


@pytest.mark.parametrize(("name", "colour"), [*INKS.items(), ("#B00060", (0xB0, 0, 0x60))])
def test_strokes_get_the_colour_and_paper_stays_white(
    clean: Image.Image, name: str, colour: tuple[int, int, int]
) -> None:
    pixels = np.asarray(recolour(clean, name)).reshape(-1, 3)
    before = darkest(clean).ravel()
    assert np.abs(pixels[before == before.min()] - np.array(colour)).max() <= 1
    assert (pixels[before == 255] == 255).all()


def test_soft_edges_stay_soft(clean: Image.Image) -> None:
    before, after = darkest(clean), darkest(recolour(clean, "black"))
    order = np.argsort(before.ravel())
    assert (np.diff(after.ravel()[order]) >= 0).all()  # what was lighter is not darker now
    edge = (before > 120) & (before < 240)
    assert edge.any() and (after[edge] > 0).all() and (after[edge] < 255).all()


def test_faint_ink_becomes_strong(clean: Image.Image) -> None:
    faint = Image.blend(clean, Image.new("RGB", clean.size, "white"), 0.5)
    assert darkest(faint).min() > 100
    assert darkest(recolour(faint, "black")).min() < 10


def test_transparent_ink_keeps_its_alpha_and_looks_the_same(clean: Image.Image) -> None:
    ink = recolour(transparent_ink(clean), "blue")
    assert ink.mode == "RGBA"
    on_white = Image.new("RGBA", ink.size, "white")
    on_white.alpha_composite(ink)
    difference = np.asarray(on_white.convert("RGB")).astype(int) - np.asarray(
        recolour(clean, "blue")
    )
    assert np.abs(difference).max() <= 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_picture_without_ink_stays_empty(mode: str) -> None:
    empty = Image.new(mode, (40, 30), (255, 255, 255, 0)[: len(mode)])
    assert darkest(recolour(empty.convert("RGB"), "blue")).min() == 255
    assert recolour(empty, "blue").size == (40, 30)


@pytest.mark.parametrize("name", ["green", "#12345", "#1234567", "123456", "#12345g", ""])
def test_an_unknown_colour_is_one_sentence(clean: Image.Image, name: str) -> None:
    with pytest.raises(SigcleanError, match=r"unknown ink .*: choose black, blue or #rrggbb$"):
        recolour(clean, name)


def test_the_overlay_tints_what_went_and_leaves_what_stayed(clean: Image.Image) -> None:
    noisy = np.asarray(clean).copy()
    noisy[:, 20:24] = 0  # a rule that the cleaner took away
    overlay = np.asarray(removed_overlay(Image.fromarray(noisy), clean)).astype(int)
    before = darkest(clean)
    gone = np.zeros(before.shape, bool)
    gone[:, 20:24] = before[:, 20:24] == 255
    red, green, blue = overlay[gone].T
    assert gone.any() and (red - np.maximum(green, blue) > 120).all()
    stroke = (before < 100) & ~gone
    assert np.abs(overlay - np.asarray(clean))[stroke].max() <= 1
    assert (overlay[(before == 255) & ~gone] == 255).all()


def test_tinted_and_shaded_paper_is_not_taken_for_something_removed(clean: Image.Image) -> None:
    shade = np.linspace(1, 0.75, clean.width)[None, :, None] * np.array([1, 0.95, 0.85])
    noisy = Image.fromarray(np.rint(np.asarray(clean) * shade).astype(np.uint8))
    overlay = np.asarray(removed_overlay(noisy, clean)).astype(int)
    paper = overlay[darkest(clean) == 255]
    assert np.percentile(paper[:, 0] - paper[:, 1], 99) < 25  # the tint of the paper, no red


def test_the_overlay_takes_a_transparent_result(clean: Image.Image) -> None:
    one = np.asarray(removed_overlay(clean, clean)).astype(int)
    other = np.asarray(removed_overlay(clean, transparent_ink(clean))).astype(int)
    assert np.abs(one - other).max() <= 4


def test_pictures_of_different_sizes_are_an_error(clean: Image.Image) -> None:
    with pytest.raises(SigcleanError, match="differ in size: 10x10 and 600x"):
        removed_overlay(Image.new("RGB", (10, 10)), clean)
