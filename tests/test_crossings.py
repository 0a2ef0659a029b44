"""Where a coloured stroke crosses other ink, it has the colour that it has beside it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sigclean.compositing.compose import clean_picture
from sigclean.compositing.ink_colour import find_pens, main_colour

Box = tuple[int, int, int, int]

PEN, BLACK, VIOLET = (40, 90, 200), (25, 25, 25), (130, 60, 170)
STROKE: Box = (30, 70, 260, 75)
BARS: list[Box] = [(90, 20, 95, 120), (150, 20, 157, 120), (210, 20, 214, 120)]


def drawn(ink: tuple[int, int, int], boxes: list[Box], paper: str = "white") -> Image.Image:
    """300x140 pixels: a stroke of the pen, and over it bars of other ink."""
    image = Image.new("RGB", (300, 140), paper)
    pixels = np.asarray(image).astype(np.float32)
    for colour, places in ((PEN, [STROKE]), (ink, boxes)):
        for left, top, right, bottom in places:
            pixels[top:bottom, left:right] *= np.float32(colour) / 255
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def keeping(*boxes: Box) -> Image.Image:
    keep = Image.new("L", (300, 140))
    for left, top, right, bottom in boxes:
        ImageDraw.Draw(keep).rectangle((left, top, right - 1, bottom - 1), fill=255)
    return keep


@pytest.mark.parametrize("ink", [BLACK, VIOLET, (60, 60, 60)])
@pytest.mark.parametrize("scale", [1, 3])
def test_a_stroke_has_its_own_colour_where_it_crosses_print(
    ink: tuple[int, int, int], scale: int
) -> None:
    inner = drawn(ink, BARS)
    image = inner.resize((300 * scale, 140 * scale), Image.Resampling.NEAREST)
    result = np.asarray(clean_picture(image, inner, keeping(STROKE)))
    middle = result[72 * scale, 36 * scale : 254 * scale]
    assert np.abs(middle.astype(int) - PEN).max() <= 4
    assert (result >= np.asarray(image)).all()


def test_no_ink_is_added_beside_a_stroke() -> None:
    image = drawn(BLACK, BARS)
    result = np.asarray(clean_picture(image, image, keeping(STROKE)))
    result = np.delete(result, np.s_[69:76], axis=0)
    assert result.min() == 255


def test_on_tinted_paper_the_pens_colour_is_that_on_white() -> None:
    image = drawn(BLACK, BARS, paper="#f0e6c8")
    result = np.asarray(clean_picture(image, image, keeping(STROKE)))[72, 36:254]
    assert np.abs(result.astype(int) - PEN).max() <= 12


def test_a_long_black_stroke_that_is_kept_beside_erased_print_stays_black() -> None:
    written: Box = (120, 30, 124, 125)
    image = drawn(BLACK, [written, (220, 20, 290, 60)])
    result = np.asarray(clean_picture(image, image, keeping(STROKE, written)))
    assert result[32:66, 122].max() < 60


def test_a_short_black_mark_on_a_stroke_stays_where_nothing_was_erased_beside_it() -> None:
    """A deeper spot of the pen's own: only erased ink tells that other ink crosses."""
    mark: Box = (120, 66, 126, 79)
    image = drawn(BLACK, [mark, (220, 10, 290, 40)])
    result = np.asarray(clean_picture(image, image, keeping(STROKE, mark)))
    assert result[68:77, 122].max() < 60


def test_each_part_of_a_page_has_its_own_pens() -> None:
    """A blue stroke and a red one, each under black bars, far from each other."""
    blue = drawn(BLACK, BARS)
    red = Image.merge("RGB", blue.split()[::-1])
    page, keep = Image.new("RGB", (768, 768), "white"), Image.new("L", (768, 768))
    for image, place in ((blue, (20, 40)), (red, (420, 500))):
        page.paste(image, place)
        keep.paste(keeping(STROKE), place)
    result = np.asarray(clean_picture(page, page, keep, None, judge=False))
    for colour, (left, top) in ((PEN, (20, 40)), (PEN[::-1], (420, 500))):
        assert np.abs(result[top + 72, left + 36 : left + 254].astype(int) - colour).max() <= 4


def test_a_pen_with_dark_spots_elsewhere_keeps_those_that_print_touches() -> None:
    spots: list[Box] = [(40 + 30 * place, 68, 50 + 30 * place, 77) for place in range(6)]
    image = drawn(BLACK, [*spots, BARS[-1]])
    result = np.asarray(clean_picture(image, image, keeping(STROKE, *spots)))
    assert result[71:74, [45, 212]].max() < 60


def test_a_pen_that_cannot_be_told_from_other_ink_is_the_colour_of_most_kept_ink() -> None:
    """The network lost a third of the stroke, so no ink is kept whole; black holds blue's ink."""
    image = drawn(BLACK, BARS)
    keep = keeping((30, 70, 180, 75))
    dark = 1 - np.asarray(image).reshape(-1, 3).astype(np.float32) / 255
    share = np.asarray(keep).ravel().astype(np.float32) / 255
    assert find_pens(dark, share) is None
    result = np.asarray(clean_picture(image, image, keep))[72, 36:178]
    assert np.abs(result.astype(int) - PEN).max() <= 4


@pytest.mark.parametrize("colours", [[(90, 90, 90)], [PEN, (200, 30, 40)], []])
def test_grey_ink_or_several_colours_have_no_main_colour(colours: list[tuple]) -> None:
    dark = 1 - np.array(colours * 50, np.float32).reshape(-1, 3) / 255
    assert main_colour(dark, np.ones(len(dark), np.float32)) is None
