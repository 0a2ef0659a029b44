"""Papers and cheques: what every sheet keeps to, whatever the seed, page and folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sigclean.noise.page import Layer, Material, Page
from sigclean.noise.papers.paper import cheque, paper

Family = Callable[[np.random.Generator, Page], Layer]

both = pytest.mark.parametrize("family", [paper, cheque], ids=["paper", "cheque"])


def page(width: int = 200, height: int = 100, material: Material | None = None) -> Page:
    ink = (width // 4, height // 4, width - width // 4, height - height // 4)
    return Page(width, height, ink, material or Material())


def layer_of(family: Family, seed: int, on: Page) -> Layer:
    return family(np.random.default_rng(seed), on)


@pytest.fixture
def yellow_paper(tmp_path: Path) -> Path:
    """A sheet without any blue, and nothing else: no ground of ours is that pure."""
    path = tmp_path / "yellow.png"
    Image.new("RGB", (300, 200), (255, 255, 0)).save(path)
    return path


@both
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 260), st.integers(1, 160), st.integers(0, 2**32))
def test_a_layer_has_the_pages_size_and_stays_between_ink_and_paper(
    family: Family, width: int, height: int, seed: int
) -> None:
    layer = layer_of(family, seed, Page(width, height, (0, 0, width, height)))

    assert layer.shape == (height, width, 3)
    assert layer.dtype == np.float32
    assert 0 <= layer.min() <= layer.max() <= 1


@both
def test_a_large_page_is_covered(family: Family) -> None:
    assert layer_of(family, 1, page(2000, 1500)).mean() < 1


@both
def test_every_seed_prints_something(family: Family) -> None:
    assert [seed for seed in range(80) if layer_of(family, seed, page()).mean() > 0.9995] == []


@both
def test_the_seed_alone_decides(family: Family) -> None:
    for seed in range(10):
        first, second = (layer_of(family, seed, page()) for _ in range(2))
        np.testing.assert_array_equal(first, second)


@both
def test_different_seeds_give_different_sheets(family: Family) -> None:
    assert len({layer_of(family, seed, page()).tobytes() for seed in range(40)}) == 40


def test_no_paper_is_so_dark_that_it_hides_the_signature() -> None:
    layers = [layer_of(paper, seed, page()) for seed in range(80)]

    assert min(layer.min() for layer in layers) >= 0.3
    assert np.median([layer.mean() for layer in layers]) > 0.75


def test_cheques_carry_print_darker_than_any_paper() -> None:
    printed = [layer_of(cheque, seed, page(400, 200)).min() < 0.3 for seed in range(40)]

    assert sum(printed) > 20


@both
def test_patterns_grow_with_the_page(family: Family) -> None:
    """The same design at another size is as dark on the whole."""

    def light(on: Page) -> float:
        return float(np.mean([layer_of(family, seed, on).mean() for seed in range(40)]))

    assert light(page(120, 60)) == pytest.approx(light(page(720, 360)), abs=0.08)


@both
def test_a_paper_from_the_folder_is_used_now_and_then(family: Family, yellow_paper: Path) -> None:
    def yellow_only(layer: Layer) -> bool:
        return bool(layer[:, :, 2].max() < 0.8 and layer[:, :, :2].min() > 0.999)

    on = page(material=Material(papers=(yellow_paper,)))
    assert any(yellow_only(layer_of(family, seed, on)) for seed in range(60))
    assert not any(yellow_only(layer_of(family, seed, page())) for seed in range(60))


@both
@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n cut short"])
def test_a_broken_file_in_the_folder_is_passed_over(
    family: Family, tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(content)
    on = page(material=Material(papers=(broken, tmp_path / "missing.jpg"), fonts=(broken,)))

    assert all(layer_of(family, seed, on).mean() < 1 for seed in range(25))
