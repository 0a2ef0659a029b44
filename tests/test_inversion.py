"""Bright ink on dark paper is recognised where it is certain; nothing else is inverted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.metrics import ink_scores
from sigclean.noise import FAMILIES, compose
from sigclean.views.inversion import is_black, is_inverted

Colour = tuple[int, int, int]


def written(paper: Colour, ink: Colour, seed: int = 1, noise: float = 0.0) -> Image.Image:
    """A drawn signature in some ink on some paper, opaque, with sensor noise."""
    drawn = draw_signature(np.random.default_rng(seed), 600, 240).convert("L")
    cover = 255 - np.asarray(drawn, np.float64)[..., None]
    cover /= cover.max()  # whatever pen was drawn
    levels = np.array(paper) * (1 - cover) + np.array(ink) * cover
    levels += np.random.default_rng(seed).normal(0, noise, levels.shape)
    return Image.fromarray(np.clip(levels, 0, 255).round().astype(np.uint8))


@pytest.fixture(scope="module")
def cleaner() -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(runtime="onnx")


@pytest.mark.parametrize("noise", [0, 5])
@pytest.mark.parametrize(
    ("paper", "ink"),
    [
        ((0, 0, 0), (255, 255, 255)),
        ((30, 30, 40), (230, 230, 240)),
        ((10, 45, 20), (220, 230, 220)),  # a blackboard
        ((0, 0, 60), (255, 230, 80)),
        ((70, 70, 70), (190, 190, 190)),
    ],
)
def test_bright_ink_on_dark_paper_is_recognised(paper: Colour, ink: Colour, noise: float) -> None:
    assert is_inverted(written(paper, ink, noise=noise))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(FAMILIES), st.floats(0.1, 1))
def test_no_document_is_taken_for_inverted_however_dim(
    seed: int, family: str, light: float
) -> None:
    noisy, _ = compose(np.random.default_rng(seed), [family])
    assert not is_inverted(Image.fromarray((noisy * light).astype(np.uint8)))


def test_a_sheet_on_a_dark_desk_is_not_inverted() -> None:
    desk = np.random.default_rng(1).normal(30, 4, (500, 700, 3)).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(desk)
    picture.paste(draw_signature(np.random.default_rng(2), 300, 120), (150, 150))
    assert not is_inverted(picture)


def test_dust_on_a_black_picture_is_no_ink() -> None:
    dust = np.random.default_rng(1).random((200, 500, 1)) < 0.001
    picture = Image.fromarray((255 * dust).astype(np.uint8).repeat(3, axis=2))
    assert is_black(picture) and not is_inverted(picture)


def test_a_bold_white_shape_is_not_inverted() -> None:
    picture = Image.new("RGB", (400, 200))
    ImageDraw.Draw(picture).ellipse((100, 50, 260, 150), fill="white")
    assert not is_inverted(picture)


def test_an_inverted_signature_is_cleaned_as_if_it_were_not(cleaner: SignatureCleaner) -> None:
    dark = written((255, 255, 255), (20, 20, 60))
    bright = ImageChops.invert(dark)
    result = cleaner(bright)
    assert result.info["inverted"] is True
    assert ink_scores(result, dark).f > 0.99
    assert (np.asarray(result) >= np.asarray(dark)).all()
    assert "inverted" not in cleaner(dark).info


def test_always_and_never_decide(cleaner: SignatureCleaner) -> None:
    dark = written((255, 255, 255), (20, 20, 60))
    bright = ImageChops.invert(dark)
    always, auto = (cleaner(bright, invert=invert) for invert in ("always", "auto"))
    assert np.array_equal(always, auto)
    assert "inverted" not in cleaner(bright, invert="never").info
    assert np.asarray(cleaner(dark, invert="always")).min() == 255  # white ink is no ink
    with pytest.raises(SigcleanError, match="auto, always, never"):
        cleaner(dark, invert="sometimes")


def test_other_looks_say_that_the_picture_was_inverted(cleaner: SignatureCleaner) -> None:
    bright = ImageChops.invert(written((255, 255, 255), (20, 20, 60)))
    for options in ({"transparent": True}, {"crop": True}, {"raw": True}, {"window": 300}):
        result = cleaner(bright, **options)
        assert result.info["inverted"] is True
        assert "crop" in options or result.size == bright.size


def test_blurred_white_writing_on_black_never_becomes_a_black_blob(
    cleaner: SignatureCleaner,
) -> None:
    for blur in (1, 3, 8):
        picture = written((0, 0, 0), (200, 200, 200)).filter(ImageFilter.GaussianBlur(blur))
        dark = np.asarray(cleaner(picture).convert("L")) < 128
        assert dark.mean() < 0.1
