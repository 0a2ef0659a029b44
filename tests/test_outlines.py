"""Rings, boxes and triangles that a stamp prints are told from strokes of a hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sigclean.compositing.compose import clean_picture
from sigclean.compositing.outlines import is_outline
from sigclean.drawn import draw_signature

SIZE = (512, 300)
SHAPES = ("ellipse", "circle", "box", "triangle")


def drawn(shape: str, width: int, turn: float = 0) -> Image.Image:
    """A shape of black lines on white, turned by degrees."""
    image = Image.new("L", SIZE, "white")
    draw = ImageDraw.Draw(image)
    if shape in ("ellipse", "circle"):
        across = 150 if shape == "ellipse" else 100
        draw.ellipse((256 - across, 50, 256 + across, 250), outline=0, width=width)
    elif shape == "box":
        draw.rectangle((110, 60, 400, 240), outline=0, width=width)
    else:
        corners = [(120, 240), (256, 50), (400, 240), (120, 240)]
        draw.line([*corners, corners[1]], fill=0, width=width, joint="curve")
    return image.rotate(turn, Image.Resampling.BICUBIC, fillcolor="white")


def judged(image: Image.Image) -> bool:
    rows, columns = np.nonzero(np.asarray(image.convert("L").resize((256, 150))) < 170)
    return is_outline(columns, rows)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [3, 6, 10])
@pytest.mark.parametrize("turn", [0, 12, -25])
def test_printed_outlines_are_told(shape: str, width: int, turn: float) -> None:
    assert judged(drawn(shape, width, turn))


def test_worn_and_crossed_outlines_are_told() -> None:
    image = np.array(drawn("ellipse", 6))
    image[np.random.default_rng(5).random(image.shape) < 0.1] = 255
    image[140:144, 100:300] = 0  # a stroke that crosses it
    assert judged(Image.fromarray(image))


@pytest.mark.parametrize("span", [140, 180])
def test_an_arc_of_a_pen_is_no_outline(span: int) -> None:
    image = Image.new("L", SIZE, "white")
    ImageDraw.Draw(image).arc((130, 40, 380, 290), 200, 200 + span, fill=0, width=6)
    assert not judged(image)


def test_a_box_that_the_edge_cuts_is_told() -> None:
    assert judged(drawn("box", 6).crop((0, 0, 400, 220)).resize(SIZE))


def test_few_signatures_look_like_outlines() -> None:
    taken = sum(judged(draw_signature(np.random.default_rng([7, i]), width=400)) for i in range(60))
    assert taken <= 3


@pytest.mark.parametrize("places", [[], [1.0] * 30, [2.0] * 500])
def test_few_places_and_one_place_are_no_outline(places: list[float]) -> None:
    assert not is_outline(places, places)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_bold_coloured_outline_over_a_grey_pen_goes(shape: str) -> None:
    outline = np.asarray(drawn(shape, 8).convert("L"), np.float32)[..., None] / 255
    grey = draw_signature(np.random.default_rng(4), width=400).convert("L")
    signature = Image.new("L", SIZE, 255)
    signature.paste(grey.resize((400, 150)), (56, 70))
    strokes = np.repeat(np.asarray(signature, np.float32)[..., None] / 255 * 0.5 + 0.5, 3, axis=2)
    noisy = strokes * (1 - (1 - outline) * np.float32([0.67, 1.0, 0.5]))
    image = Image.fromarray(np.rint(noisy * 255).astype(np.uint8))
    keep = Image.new("L", SIZE, 255)  # a network that erases nothing

    clean = np.asarray(clean_picture(image, image, keep), np.float32) / 255

    alone = (outline[..., 0] < 0.5) & (strokes[..., 0] > 0.98)
    own = (outline[..., 0] > 0.98) & (strokes[..., 0] < 0.75)
    assert (clean[alone].min(axis=1) > 0.9).mean() > 0.97
    assert (clean[own].max(axis=1) < 0.9).mean() > 0.97


def test_an_outline_alone_stays_for_nothing_else_may_be_the_pen() -> None:
    image = drawn("ellipse", 8).convert("RGB")
    clean = clean_picture(image, image, Image.new("L", SIZE, 255))
    assert np.asarray(clean).min() < 50
