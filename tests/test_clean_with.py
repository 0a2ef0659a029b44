"""Corrections by hand: masks that erase ink, or bring it back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.ink import colour_mask


@pytest.fixture(scope="module")
def cleaner() -> SignatureCleaner:
    return SignatureCleaner.from_pretrained()


@pytest.fixture(scope="module")
def noisy() -> Image.Image:
    """A signature of 640x280 on cream paper, under a ruled line and beside red print."""
    picture = draw_signature(np.random.default_rng([2, 3]), 640, 280)
    pixels = np.asarray(picture) * (np.array([250, 245, 232]) / 255)
    picture = Image.fromarray(pixels.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.line((0, 200, 640, 200), fill=(90, 90, 90), width=2)
    draw.text((20, 10), "PAID 27 NOV", fill=(200, 40, 50), font_size=28)
    return picture


def box_mask(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, box)
    return mask


def test_without_masks_it_is_the_cleaners_own_result(
    cleaner: SignatureCleaner, noisy: Image.Image
) -> None:
    empty = np.zeros((280, 640), bool)
    expected = np.asarray(cleaner(noisy))
    assert np.array_equal(np.asarray(cleaner.clean_with(noisy)), expected)
    got = cleaner.clean_with(noisy, erase=empty, restore=empty)
    assert np.array_equal(np.asarray(got), expected)


def test_erased_ink_is_white_and_all_else_is_as_before(
    cleaner: SignatureCleaner, noisy: Image.Image
) -> None:
    before = np.asarray(cleaner(noisy))
    inked = np.argwhere(before.min(axis=2) < 100)
    top, left = inked[len(inked) // 2]
    box = (int(left) - 20, int(top) - 20, int(left) + 20, int(top) + 20)
    after = np.asarray(cleaner.clean_with(noisy, erase=box_mask(noisy.size, box)))
    inside = np.zeros((280, 640), bool)
    inside[box[1] : box[3], box[0] : box[2]] = True
    assert (after[inside] == 255).all()
    assert np.array_equal(after[~inside], before[~inside])


def test_restored_ink_is_the_inputs_own_on_white_and_never_darker(
    cleaner: SignatureCleaner, noisy: Image.Image
) -> None:
    before = np.asarray(cleaner(noisy))
    box = (0, 190, 120, 210)
    after = np.asarray(cleaner.clean_with(noisy, restore=box_mask(noisy.size, box)))
    line = after[200, 5:115]
    assert (before[200, 5:60] == 255).all()  # the cleaner removed the line
    assert (line.max(axis=1) < 140).all()  # now it is back
    assert (after >= np.asarray(noisy)).all()
    assert (after[192:197, 5:60] == 255).all()  # the paper beside it stays white
    outside = np.ones((280, 640), bool)
    outside[190:210, :120] = False
    assert np.array_equal(after[outside], before[outside])


def test_ink_of_another_colour_than_the_pens_is_restored_too(
    cleaner: SignatureCleaner, noisy: Image.Image
) -> None:
    mask = box_mask(noisy.size, (0, 0, 260, 50))
    after = np.asarray(cleaner.clean_with(noisy, restore=mask, pen="black")).astype(int)
    red = (after[..., 0] - after[..., 1]) > 80
    assert red[:50, :260].sum() > 300


def test_half_a_mask_acts_by_half_so_that_edges_are_soft(
    cleaner: SignatureCleaner, noisy: Image.Image
) -> None:
    half = np.full((280, 640), 0.5, np.float32)
    before, after = (
        255 - np.asarray(one).astype(int).min(axis=2)
        for one in (cleaner(noisy), cleaner.clean_with(noisy, erase=half))
    )
    strong = before > 150
    assert after[strong] / before[strong] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("mode", "half"), [("L", 128), ("I;16", 32768), ("F", 0.5), ("LA", (128, 255))]
)
def test_a_picture_of_any_depth_is_a_mask(
    cleaner: SignatureCleaner, noisy: Image.Image, mode: str, half: float
) -> None:
    expected = np.asarray(cleaner.clean_with(noisy, erase=np.full((280, 640), 128, np.uint8)))
    got = np.asarray(cleaner.clean_with(noisy, erase=Image.new(mode, noisy.size, half)))
    assert np.abs(got.astype(int) - expected).max() <= 1


def test_where_both_masks_are_set_ink_is_erased(
    cleaner: SignatureCleaner, noisy: Image.Image
) -> None:
    all_of_it = np.ones((280, 640), bool)
    got = cleaner.clean_with(noisy, erase=all_of_it, restore=all_of_it)
    assert got.getextrema() == ((255, 255),) * 3


def test_masks_fit_pictures_with_dark_strips_and_whole_pages(
    cleaner: SignatureCleaner, noisy: Image.Image
) -> None:
    padded = Image.new("RGB", (640, 640), "black")
    padded.paste(noisy, (0, 180))
    mask = box_mask(padded.size, (0, 180, 640, 460))
    assert cleaner.clean_with(padded, erase=mask).getextrema() == ((255, 255),) * 3
    got = np.asarray(cleaner.clean_with(padded, restore=mask, window=512))
    assert (got[380, 5:115].max(axis=1) < 140).all()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((280, 641), bool), "the mask `erase` has 641x280 pixels, the picture 640x280"),
        (Image.new("L", (280, 640)), "the mask `erase` has 280x640 pixels, the picture 640x280"),
        (np.zeros((0, 0), bool), r"`erase` cannot be read: expected .* HxW, got shape \(0, 0\)"),
        (np.zeros((280, 640, 3), np.uint8), r"expected .* HxW, got shape \(280, 640, 3\)"),
        (np.full((280, 640), 2.0), r"`erase` cannot be read: .* float values outside \[0, 1\]"),
        (np.full((280, 640), np.nan), r"`erase` cannot be read: .* float values outside \[0, 1\]"),
        (Image.new("F", (640, 280), math.nan), "the mask `erase` cannot be read: .* not finite"),
        (
            np.zeros((280, 640), int),
            "`erase` cannot be read: expected uint8, .* got int64",
        ),
        ([[1]], "`erase` cannot be read: expected a picture or an array HxW, got list"),
    ],
)
def test_a_wrong_mask_is_refused_in_one_sentence(
    cleaner: SignatureCleaner, noisy: Image.Image, mask: object, message: str
) -> None:
    with pytest.raises(SigcleanError, match=message) as raised:
        cleaner.clean_with(noisy, erase=mask)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_the_ink_of_one_colour_becomes_a_mask(cleaner: SignatureCleaner) -> None:
    clean = draw_signature(np.random.default_rng([2, 3]), 640, 280)
    ring = Image.new("RGB", clean.size, "white")
    ImageDraw.Draw(ring).ellipse((300, 60, 460, 220), outline=(210, 40, 50), width=6)
    noisy = ImageChops.multiply(clean, ring)
    mask = colour_mask(noisy, "red")
    assert 2000 < (np.asarray(mask) > 0).sum() < 6000
    got = np.asarray(
        cleaner.clean_with(noisy, restore=np.ones((280, 640), bool), erase=mask)
    ).astype(int)
    assert ((got[..., 0] - got[..., 1]) > 60).sum() < 100  # of 3,000: edges of crossings
    strokes = np.asarray(clean).max(axis=2) < 80
    assert (got[strokes].max(axis=1) < 110).mean() > 0.98  # where the ring crosses, strokes stay
    with pytest.raises(SigcleanError, match="unknown pen 'reddish'"):
        colour_mask(noisy, "reddish")
