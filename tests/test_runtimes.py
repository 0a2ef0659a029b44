"""What is carried out of a letterboxed picture, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from sigclean.eraser import Eraser
from sigclean.runtimes import Float, shown_part, torch_runtime

SIDE, MULTIPLE = 256, 32


def square(top: int, bottom: int, left: int = 0, right: int = SIDE) -> Float:
    """A letterboxed picture: noise within, black strips around."""
    made = np.full((3, SIDE, SIDE), -1, np.float32)
    inner = made[:, top:bottom, left:right]
    inner[...] = np.random.default_rng(0).uniform(-0.9, 1, inner.shape)
    return made


@pytest.mark.parametrize(
    ("top", "bottom", "rows"),
    [
        (96, 160, slice(64, 192)),  # 32 pixels of each
        (100, 130, slice(64, 192)),  # rounded outwards
        (0, SIDE, slice(0, SIDE)),
        (20, 250, slice(0, SIDE)),
    ],
)
def test_a_picture_is_computed_with_a_little_of_its_strips(
    top: int, bottom: int, rows: slice
) -> None:
    assert shown_part(square(top, bottom), MULTIPLE) == (rows, slice(0, SIDE))
    turned = square(top, bottom).transpose(0, 2, 1)
    assert shown_part(turned, MULTIPLE) == (slice(0, SIDE), rows)


def test_a_wholly_black_picture_is_computed_whole() -> None:
    assert shown_part(square(0, 0), MULTIPLE) == (slice(0, SIDE), slice(0, SIDE))


def test_the_keep_map_is_that_of_the_part_and_nothing_is_kept_beside_it() -> None:
    eraser = Eraser(widths=(4, 6, 8), encoder_depths=(1, 1, 1), decoder_depths=(1, 1), context=1)
    runtime = torch_runtime(eraser, "cpu")
    picture = square(100, 130)
    rows, columns = shown_part(picture, eraser.multiple)
    kept = runtime.keep(picture[None])[0]
    part = np.ascontiguousarray(picture[:, rows, columns][None])
    np.testing.assert_array_equal(kept[rows, columns], runtime.keep(part)[0])
    assert rows.stop - rows.start < SIDE
    assert not kept[: rows.start].any()
    assert not kept[rows.stop :].any()


def test_a_network_that_looks_at_the_whole_gets_the_whole() -> None:
    eraser = Eraser(
        widths=(4, 6), encoder_depths=(1, 1), decoder_depths=(1,), context=1, norm="instance"
    )
    kept = torch_runtime(eraser, "cpu").keep(square(100, 130)[None])[0]
    assert kept[:64].any()
