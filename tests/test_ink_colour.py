"""Kept remains of another pen's ink are erased if most of that ink was; crossings stay."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sigclean.compositing.compose import clean_picture
from sigclean.compositing.ink_colour import own_share, pen_colour

BLACK, RED, BLUE = (0.9, 0.9, 0.9), (0.1, 0.85, 0.8), (0.9, 0.75, 0.3)  # darkness of inks


def pixels(*inks: tuple[tuple[float, float, float], int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of inks, each given with the number of its pixels and their kept share."""
    dark = np.concatenate([np.tile(np.float32(ink), (number, 1)) for ink, number, _ in inks])
    share = np.concatenate([np.full(number, kept, np.float32) for _, number, kept in inks])
    return dark, share


@pytest.mark.parametrize("pen", [BLACK, BLUE])
def test_the_pen_is_told_by_what_is_kept_when_another_ink_is_mostly_erased(
    pen: tuple[float, float, float],
) -> None:
    found = pen_colour(*pixels((pen, 100, 1), (RED, 60, 0), (RED, 20, 1)))
    assert found == pytest.approx(np.array(pen) / max(pen), abs=0.01)


@pytest.mark.parametrize(
    "inks",
    [
        ((BLACK, 100, 1), (RED, 40, 1)),  # a signature in two colours: nothing of it is erased
        ((BLACK, 30, 1), (RED, 60, 1), (BLUE, 60, 0)),  # of what is kept most is red
        ((BLACK, 100, 1), ((0.5, 0.5, 0.5), 100, 0)),  # grey is thin black
        ((BLUE, 100, 1), (BLACK, 100, 0), (BLACK, 20, 1)),  # black may be print over the blue
        (((0.1, 0.1, 0.1), 50, 1),),  # too light for a colour
        ((BLACK, 50, 0),),
    ],
)
def test_nothing_is_told_by_colour(inks: tuple) -> None:
    assert pen_colour(*pixels(*inks)) is None


def test_a_crossing_is_the_pens_and_the_other_ink_alone_is_not() -> None:
    crossing = 1 - (1 - np.array(BLACK)) * (1 - np.array(RED))
    faint = 0.2 * np.array(BLACK)
    shares = own_share(np.float32([BLACK, crossing, faint, RED, BLUE]), np.float32(BLACK) / 0.9)
    assert shares == pytest.approx([1, 1, 1, 0.15, 0.35], abs=0.06)


def test_pieces_of_a_red_ring_go_and_the_stroke_stays_where_it_crosses() -> None:
    page = np.ones((80, 160, 3), np.float32)
    page[40:44, 10:150] *= 1 - np.float32(BLACK)  # the stroke
    page[10:70, 60:63] *= 1 - np.float32(RED)  # a ruled line in red, and one beside it
    page[10:70, 100:103] *= 1 - np.float32(RED)
    image = Image.fromarray(np.rint(255 * page).astype(np.uint8))
    keep = np.zeros((80, 160), np.uint8)
    keep[38:46] = 255
    keep[20:38, 60:63] = 255  # a piece that the network kept
    result = np.asarray(clean_picture(image, image, Image.fromarray(keep)))
    assert result[20:37, 60:63].min() == 255
    np.testing.assert_array_equal(result[41, 12:148], np.asarray(image)[41, 12:148])
