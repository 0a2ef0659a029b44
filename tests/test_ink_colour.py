"""Kept remains of other ink are erased if the pen is told; crossings stay."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sigclean.compositing.compose import clean_picture, drop_other_ink
from sigclean.compositing.ink_colour import COLOURS, find_pens, own_share, parse_pen
from sigclean.errors import SigcleanError

Colour = tuple[float, float, float]

BLACK, RED, BLUE = (0.9, 0.9, 0.9), (0.1, 0.85, 0.8), (0.9, 0.75, 0.3)  # darkness of inks
GREY, GREEN = (0.4, 0.4, 0.4), (0.85, 0.3, 0.7)


def pixels(*inks: tuple[Colour, int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of inks, each given with the number of its pixels and their kept share."""
    dark = np.concatenate([np.tile(np.float32(ink), (number, 1)) for ink, number, _ in inks])
    share = np.concatenate([np.full(number, kept, np.float32) for _, number, kept in inks])
    return dark, share


def pens_of(*inks: tuple[Colour, int, float]) -> list[list[float]] | None:
    found = find_pens(*pixels(*inks))
    return None if found is None else found.colours.tolist()


def pure(*inks: Colour) -> list[object]:
    """The inks as `find_pens` returns them, to a hundredth."""
    return [pytest.approx((np.array(ink) / max(ink)).tolist(), abs=0.01) for ink in inks]


@pytest.mark.parametrize("pen", [BLACK, BLUE])
def test_the_pen_is_the_ink_that_is_kept_when_another_one_is_mostly_erased(pen: Colour) -> None:
    assert pens_of((pen, 100, 1), (RED, 60, 0), (RED, 20, 1)) == pure(pen)


def test_a_thin_grey_pen_that_is_kept_whole_outweighs_a_bold_stamp_kept_in_pieces() -> None:
    assert pens_of((GREY, 100, 1), (BLUE, 300, 1), (BLUE, 100, 0)) == pure(GREY)


def test_of_three_inks_two_are_pens_when_both_are_kept_nearly_whole() -> None:
    inks = ((BLUE, 100, 1), (RED, 95, 1), (RED, 5, 0), (GREEN, 80, 1), (GREEN, 60, 0))
    assert pens_of(*inks) == pure(BLUE, RED)


def test_a_speck_that_is_kept_whole_is_no_pen() -> None:
    assert pens_of((BLUE, 95, 1), (BLUE, 25, 0), (RED, 6, 1), (RED, 60, 0)) == pure(BLUE)


def test_black_print_that_is_erased_does_not_make_remains_of_a_red_one_the_pen() -> None:
    """Black ink is kept in part only, since the signature's and the print's have one colour."""
    inks = ((BLACK, 100, 1), (BLACK, 120, 0), (RED, 30, 1), (RED, 9, 0))
    assert pens_of(*inks) == pure(BLACK)


@pytest.mark.parametrize(
    "inks",
    [
        ((BLACK, 100, 1), (RED, 40, 1)),  # a signature in two colours: nothing of it is erased
        ((BLACK, 100, 1), ((0.5, 0.5, 0.5), 100, 0)),  # grey is thin black
        (((0.1, 0.1, 0.1), 50, 1),),  # too light for a colour
        ((BLACK, 50, 0),),
        ((RED, 50, 0),),
    ],
)
def test_nothing_is_told_by_colour(inks: tuple) -> None:
    assert pens_of(*inks) is None


def test_black_ink_that_is_kept_in_part_beside_a_blue_one_may_be_the_signatures() -> None:
    """Its other part may be print, and the blue one a stamp."""
    found = find_pens(*pixels((BLUE, 100, 1), (BLACK, 100, 0), (BLACK, 40, 1)))
    assert found is not None and not found.black_is_print
    assert found.shares(np.float32([BLACK])) == pytest.approx(1)


def test_a_crossing_is_the_pens_and_the_other_ink_alone_is_not() -> None:
    crossing = 1 - (1 - np.array(BLACK)) * (1 - np.array(RED))
    faint = 0.2 * np.array(BLACK)
    dark = np.float32([BLACK, crossing, faint, RED, BLUE])
    assert own_share(dark, np.float32([BLACK]) / 0.9) == pytest.approx(
        [1, 1, 1, 0.15, 0.35], abs=0.06
    )
    assert own_share(dark, np.float32([BLACK, RED]) / 0.9)[3] == pytest.approx(1, abs=0.06)


# --- on pictures -------------------------------------------------------------------------------


def page(
    *layers: tuple[Colour, tuple[int, int, int, int]], paper: Colour = (1, 1, 1)
) -> Image.Image:
    """160x80 pixels of paper with rectangles of ink over each other."""
    levels = np.ones((80, 160, 3), np.float32) * np.float32(paper)
    for ink, (left, top, right, bottom) in layers:
        levels[top:bottom, left:right] *= 1 - np.float32(ink)
    return Image.fromarray(np.rint(255 * levels).astype(np.uint8))


STROKE, RULES = (10, 40, 150, 44), ((60, 10, 63, 70), (100, 10, 103, 70))


def keeping(*boxes: tuple[int, int, int, int]) -> Image.Image:
    keep = Image.new("L", (160, 80))
    for left, top, right, bottom in boxes:
        ImageDraw.Draw(keep).rectangle((left, top, right - 1, bottom - 1), fill=255)
    return keep


@pytest.mark.parametrize("paper", [(1, 1, 1), (0.95, 0.9, 0.75), (0.7, 0.78, 0.85)])
@pytest.mark.parametrize("pen", [BLACK, BLUE, GREY, GREEN])
def test_pieces_of_a_red_ring_go_and_the_stroke_stays_where_it_crosses(
    pen: Colour, paper: Colour
) -> None:
    image = page((pen, STROKE), *((RED, rule) for rule in RULES), paper=paper)
    keep = keeping((10, 38, 150, 46), (60, 20, 63, 38))  # the network kept a piece of a rule
    result = np.asarray(clean_picture(image, image, keep))
    assert result[20:37, 60:63].min() == 255
    ink = np.rint(255 * (1 - np.array(pen)))
    assert np.abs(result[41, 12:58].astype(int) - ink).max() <= 3
    assert result[41, 60:63].max(axis=1).max() <= ink.max() + 3


def test_black_print_goes_beside_a_stroke_that_is_named_blue_but_not_where_it_crosses_it() -> None:
    image = page((BLUE, STROKE), *((BLACK, rule) for rule in RULES))
    keep = keeping((10, 38, 150, 46), (60, 12, 63, 38))
    result = np.asarray(clean_picture(image, image, keep, "blue"))
    assert result[12:34, 60:63].min() == 255
    ink = np.rint(255 * (1 - np.array(BLUE)))
    assert np.abs(result[41, 12:148] - ink).max() <= 3


def test_a_named_pen_is_kept_and_all_other_ink_goes() -> None:
    image = page((BLUE, STROKE), (RED, RULES[0]), (BLACK, RULES[1]))
    everything = keeping((0, 0, 160, 80))
    kept = {
        pen: np.asarray(clean_picture(image, image, everything, pen)) for pen in ("blue", "red")
    }
    own = np.asarray(image)
    assert np.array_equal(kept["blue"][41, 12:148], own[41, 12:148])
    assert kept["blue"][12:34, 60:103].min() == 255
    assert np.array_equal(kept["red"][12:70, 61], own[12:70, 61])
    assert kept["red"][12:70, 70:103].min() == 255
    all_ink = np.asarray(clean_picture(image, image, everything, None))
    assert np.array_equal(all_ink, own)


def test_a_named_pen_holds_for_windows_too() -> None:
    image = page((BLUE, STROKE), (RED, RULES[0]), (BLACK, RULES[1]))
    keep = np.asarray(drop_other_ink(image, keeping((0, 0, 160, 80)), "#1a3698"))
    assert keep[41, 12:148].min() == 255
    assert keep[12:34, 60:63].max() == keep[12:34, 100:103].max() == 0


@pytest.mark.parametrize("name", COLOURS)
def test_an_ink_has_the_colour_of_its_name(name: str) -> None:
    pen = parse_pen(name)
    assert pen is not None and pen.max() == 1
    code = "#{:02x}{:02x}{:02x}".format(*COLOURS[name])
    assert np.array_equal(parse_pen(code), pen)


def test_auto_names_no_colour() -> None:
    assert parse_pen("auto") is None


@pytest.mark.parametrize("pen", ["ultramarine", "#12345", "", "Blue", "#fffffe"])
def test_an_unknown_pen_is_one_sentence(pen: str) -> None:
    with pytest.raises(
        SigcleanError, match=r"^(unknown pen .*choose auto, black.*|.* too bright .*)$"
    ):
        parse_pen(pen)


def test_a_stroke_whose_middle_has_a_deeper_colour_than_its_edges_stays_whole() -> None:
    edge, middle, rule = (0.5, 0.33, 0.15), (0.8, 0.42, 0.1), (0.1, 0.35, 0.3)
    dark = np.array([edge] * 900 + [middle] * 60 + [rule] * 300, np.float32)
    share = np.array([1.0] * 960 + [0.0] * 300, np.float32)
    pens = find_pens(dark, share)
    assert pens is not None  # the rule has a colour of its own
    assert pens.shares(dark[:960]).min() > 0.95
    assert pens.shares(dark[960:]).max() < 0.5


def a_blue_bar_and_a_red_one() -> tuple[Image.Image, Image.Image]:
    """A thick stroke of the pen, and a stamp's that is kept in part; and the keep map."""
    image = Image.new("RGB", (512, 200), "white")
    keep = Image.new("L", image.size)
    for top, colour, kept in ((30, (20, 40, 190), 255), (110, (200, 30, 40), 70)):
        ImageDraw.Draw(image).rectangle((60, top, 450, top + 49), fill=colour)
        ImageDraw.Draw(keep).rectangle((60, top, 450, top + 49), fill=kept)
    return image, keep


def test_the_rim_of_a_stroke_is_the_pens_whatever_colour_the_camera_gave_it() -> None:
    image, keep = a_blue_bar_and_a_red_one()
    for rim in (30, 79):
        ImageDraw.Draw(image).line((60, rim, 450, rim), fill=(190, 40, 120))
    at_once = clean_picture(image, image, keep)
    in_windows = clean_picture(image, image, drop_other_ink(image, keep), None)
    for result in map(np.asarray, (at_once, in_windows)):
        assert (result[[30, 79], 62:448].min(axis=-1) < 80).all()
        assert (result[112:158] == 255).all()


def test_a_spot_within_a_stroke_is_the_pens_whatever_its_colour_if_it_is_surely_kept() -> None:
    image, keep = a_blue_bar_and_a_red_one()
    spots = [(100, 50, 104, 70), (200, 50, 240, 54), (300, 45, 320, 65)]
    for spot in spots:
        ImageDraw.Draw(image).rectangle(spot, fill=(190, 40, 120))
    result = np.asarray(clean_picture(image, image, keep))
    for left, top, right, bottom in spots[:2]:  # narrow ones
        assert (result[top : bottom + 1, left : right + 1].min(axis=-1) < 80).all()
    assert result[55, 310].min() == 255  # a wide one may be remains of a stamp
    assert (result[112:158] == 255).all()
