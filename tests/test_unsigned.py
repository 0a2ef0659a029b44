"""Pairs of noise alone: a picture without a signature, whose clean picture is white."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from runs import open_domains
from torch import Tensor

from sigclean.corpus.prepare import Recipe, prepare
from sigclean.corpus.signatures import make_dirty
from sigclean.drawn import draw_signature
from sigclean.errors import DataError
from sigclean.noise import FAMILIES, Material, compose
from sigclean.training.data.sources import open_sides
from sigclean.training.data.stream import SignatureData
from sigclean.training.options import TrainConfig

NONE = Material()


@pytest.fixture(scope="module")
def signature() -> Image.Image:
    return draw_signature(np.random.default_rng(4), 301)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve signatures."""
    root = tmp_path_factory.mktemp("clean")
    for i in range(12):
        draw_signature(np.random.default_rng(i), 120).save(root / f"{i:02d}.png")
    return root


def has_ink(path: Path) -> bool:
    """Whether a letterboxed picture has anything between white paper and black strips."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    return is_signed(torch.from_numpy(pixels.transpose(2, 0, 1).copy()))


def is_signed(truth: Tensor) -> bool:
    """Whether a clean picture, 3xHxW, has anything between white paper and black strips."""
    return bool(((truth.amin(0) < 240) & (truth.amax(0) > 0)).any())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_truth_of_noise_alone_is_white(family: str, signature: Image.Image) -> None:
    noisy, truth = compose(np.random.default_rng(5), (family,), signature, NONE, signed=False)
    assert noisy.shape == truth.shape
    assert (truth == 255).all()
    assert (noisy < 255).any(), "the noise is there"


def test_overlays_are_those_that_the_signature_would_have(signature: Image.Image) -> None:
    signed, clean = compose(np.random.default_rng(6), ("rules", "stamp"), signature, NONE)
    alone, _ = compose(np.random.default_rng(6), ("rules", "stamp"), signature, NONE, signed=False)
    paper = (np.asarray(clean) == 255).all(axis=2)
    np.testing.assert_array_equal(alone[paper], signed[paper])
    assert (alone[~paper] > signed[~paper]).any(), "the strokes are gone"


def test_a_coloured_sheet_has_no_strokes(signature: Image.Image) -> None:
    noisy, _ = compose(np.random.default_rng(2), ("colour",), signature, NONE, signed=False)
    strokes = np.asarray(signature).min(axis=2) < 100
    inside, outside = noisy[strokes].mean(axis=0), noisy[~strokes].mean(axis=0)
    assert np.abs(inside - outside).max() < 6


def test_dirty_pictures_without_a_signature(signature: Image.Image) -> None:
    made = make_dirty(np.random.default_rng(1), signature, ("stamp",), NONE, signed=False)
    assert np.asarray(made.truth).min() == 255
    assert np.asarray(made.noisy).min() < 200


def test_a_data_set_has_the_share_on_its_training_side_alone(clean: Path, tmp_path: Path) -> None:
    recipe = Recipe(("seed",), variants=4, test_fraction=0.3, size=64, unsigned_share=0.5)
    prepare(clean, tmp_path, recipe, material=NONE)
    signed = [has_ink(path) for path in sorted((tmp_path / "trainA").iterdir())]
    assert 0.2 < np.mean(signed) < 0.8
    assert all(has_ink(path) for path in (tmp_path / "testA").iterdir())


def test_data_sets_that_were_begun_before_the_option_go_on(clean: Path, tmp_path: Path) -> None:
    prepare(clean, tmp_path, Recipe(("seed",), size=64), material=NONE)
    assert "unsigned_share" not in (tmp_path / "dataset.json").read_text()
    again = prepare(clean, tmp_path, Recipe(("seed",), size=64), material=NONE)
    assert (again.made, again.kept) == (0, 12)
    with pytest.raises(DataError, match="made with other options"):
        prepare(clean, tmp_path, Recipe(("seed",), size=64, unsigned_share=0.1), material=NONE)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_training_sees_the_share(share: float, clean: Path) -> None:
    config = TrainConfig(
        dataroot=str(clean), size=64, crop_size="64", noise="seed", unsigned_share=share
    )
    data = SignatureData.of(config, open_domains(config, "train"), paired_only=True)
    assert {is_signed(data[place]["truth"]) for place in range(6)} == {share == 0}


def test_the_pairs_of_a_validation_have_signatures(clean: Path) -> None:
    config = TrainConfig(
        dataroot=str(clean), size=64, crop_size="64", noise="seed", unsigned_share=1.0,
        test_fraction=0.4,
    )  # fmt: skip
    _, held_out = open_sides(config, test=True)
    assert held_out is not None
    assert all(is_signed(held_out.pairs[place][1]) for place in range(len(held_out.pairs)))


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_out_of_range_is_named(share: float) -> None:
    with pytest.raises(DataError, match="unsigned-share must be from 0 to 1"):
        Recipe(unsigned_share=share)
    with pytest.raises(DataError, match="--unsigned_share must be at"):
        TrainConfig(unsigned_share=share)
