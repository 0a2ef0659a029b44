"""Strokes become thicker and thinner as the web page's look asks, with soft edges."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sigclean.compositing.weight import reweight, stroke_width
from sigclean.drawn import draw_signature

BLUE = (30, 50, 150)


def stroke(width: int, slope: int = 60) -> Image.Image:
    """A blue stroke of this width, drawn four times as large and shrunk, so that it is soft."""
    large = Image.new("RGB", (1600, 800), "white")
    line = (200, 400 - 4 * slope, 1400, 400 + 4 * slope)
    ImageDraw.Draw(large).line(line, fill=BLUE, width=4 * width)
    return large.resize((400, 200), Image.Resampling.BOX)


@pytest.mark.parametrize("slope", [0, 30, 80])
@pytest.mark.parametrize("width", [5, 12])
def test_a_stroke_becomes_thicker_and_thinner_by_a_share_of_its_width(
    width: int, slope: int
) -> None:
    before = stroke_width(stroke(width, slope))
    assert before == pytest.approx(width, rel=0.2)
    for share in (-0.5, -0.2, 0.3, 1.0):
        after = stroke_width(reweight(stroke(width, slope), share))
        assert after / before == pytest.approx(1 + share, abs=0.16)


def test_edges_stay_soft_and_the_colour_stays() -> None:
    for share in (-0.3, 0.3):
        pixels = np.asarray(reweight(stroke(12), share))
        assert len(np.unique(pixels[60:140, 200, 0])) > 4
        assert tuple(pixels.reshape(-1, 3).min(axis=0)) == BLUE


def test_a_hair_beside_a_thick_stroke_stays() -> None:
    picture = stroke(24)
    ImageDraw.Draw(picture).line((20, 20, 380, 20), fill=BLUE, width=2)
    thinner = np.asarray(reweight(picture, -0.5))
    assert (thinner[20, 60:340].min(axis=1) < 60).all()
    before, after = (
        (np.asarray(one)[60:140, 200].min(axis=1) < 128).sum() for one in (picture, thinner)
    )
    assert before - after == pytest.approx(stroke_width(picture) / 2, abs=1.5)


def test_nothing_is_changed_where_nothing_is_asked_or_drawn() -> None:
    signature = draw_signature(np.random.default_rng(5), 400, 200)
    assert reweight(signature, 0) is signature
    assert stroke_width(Image.new("RGB", (9, 9), "white")) == 0
    white = Image.new("RGB", (30, 20), "white")
    assert np.array_equal(np.asarray(reweight(white, 1)), np.asarray(white))


def test_thicker_ink_stays_in_the_picture() -> None:
    full = Image.new("RGB", (40, 30), BLUE)
    assert reweight(full, 1).size == (40, 30)
    wide = reweight(stroke(12).crop((50, 0, 350, 200)), 1.0)
    assert wide.size == (300, 200)
