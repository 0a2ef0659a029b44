"""Stamps and seals: what every impression keeps to, whatever the seed, page and folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from sigclean.noise.page import Layer, Material, Page
from sigclean.noise.stamps.stamp import stamp


def page(width: int = 240, height: int = 120, material: Material | None = None) -> Page:
    ink = (width // 4, height // 4, width - width // 4, height - height // 4)
    return Page(width, height, ink, material or Material())


def stamped(seed: int, on: Page) -> Layer:
    return stamp(np.random.default_rng(seed), on)


@pytest.fixture
def magenta_stamp(tmp_path: Path) -> Path:
    """A ring in a colour that no stamp pad of ours has: full red and blue, no green."""
    picture = Image.new("RGBA", (90, 90), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((5, 5, 84, 84), outline=(255, 0, 255, 255), width=12)
    path = tmp_path / "ring.png"
    picture.save(path)
    return path


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 260), st.integers(1, 160), st.integers(0, 2**32))
def test_a_layer_has_the_pages_size_and_stays_between_ink_and_paper(
    width: int, height: int, seed: int
) -> None:
    layer = stamped(seed, Page(width, height, (0, 0, width, height)))

    assert layer.shape == (height, width, 3)
    assert layer.dtype == np.float32
    assert 0 <= layer.min() <= layer.max() <= 1


def test_a_large_page_is_stamped() -> None:
    assert stamped(0, page(2000, 1500)).mean() < 1


def test_every_seed_prints_something() -> None:
    assert [seed for seed in range(80) if stamped(seed, page()).min() > 0.95] == []


def test_the_seed_alone_decides() -> None:
    for seed in range(10):
        np.testing.assert_array_equal(stamped(seed, page()), stamped(seed, page()))


def test_different_seeds_give_different_stamps() -> None:
    assert len({stamped(seed, page()).tobytes() for seed in range(40)}) == 40


def test_stamps_grow_with_the_page() -> None:
    def inked(on: Page) -> float:
        return float(np.mean([(stamped(seed, on) < 0.9).any(axis=2).mean() for seed in range(50)]))

    small, large = inked(page(160, 80)), inked(page(960, 480))
    assert 0.6 < large / small < 1.6, (small, large)


def test_most_stamps_lie_on_the_signature_and_some_beside_it() -> None:
    on = page()
    left, top, right, bottom = on.ink
    hits = [stamped(seed, on)[top:bottom, left:right].min() < 0.9 for seed in range(100)]
    assert 50 < sum(hits) < 100


def test_inks_are_of_many_colours() -> None:
    darkest = []
    for seed in range(60):
        pixels = stamped(seed, page()).reshape(-1, 3)
        darkest.append(pixels[pixels.sum(axis=1).argmin()])
    strongest_channel = [int(colour.argmax()) for colour in darkest if np.ptp(colour) > 0.1]
    assert set(strongest_channel) == {0, 1, 2}


def test_a_stamp_from_the_folder_is_printed_in_its_own_colour_now_and_then(
    magenta_stamp: Path,
) -> None:
    on = page(material=Material(stamps=(magenta_stamp,)))

    def magenta_only(layer: Layer) -> bool:
        return bool(layer[:, :, 1].min() < 0.6 and layer[:, :, [0, 2]].min() > 0.98)

    assert any(magenta_only(stamped(seed, on)) for seed in range(60))
    assert not any(magenta_only(stamped(seed, page())) for seed in range(60))


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n cut short"])
def test_a_broken_file_in_the_folder_is_passed_over(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(content)
    on = page(material=Material(stamps=(broken, tmp_path / "missing.png"), fonts=(broken,)))

    assert all(stamped(seed, on).mean() < 1 for seed in range(25))


def test_a_blank_picture_in_the_folder_is_passed_over(tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("RGB", (40, 40), "white").save(blank)
    on = page(material=Material(stamps=(blank,)))

    assert all(stamped(seed, on).mean() < 1 for seed in range(25))
