"""The model that comes with the package, on signatures that the project draws itself."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.metrics import ink_scores
from sigclean.model_files.names import DEFAULT_WEIGHTS
from sigclean.model_files.weights_folder import read_folder
from sigclean.noise import compose


@pytest.fixture(scope="module")
def cleaner() -> SignatureCleaner:
    return SignatureCleaner.from_pretrained()


@pytest.mark.parametrize("family", ["seed", "rules", "text", "form", "stamp", "paper", "photo"])
def test_cleaned_is_nearer_to_the_truth_than_noisy(cleaner: SignatureCleaner, family: str) -> None:
    before, after = [], []
    for number in range(6):
        rng = np.random.default_rng([5, number])
        noisy, truth = (Image.fromarray(one) for one in compose(rng, (family,)))
        cleaned = cleaner(noisy)
        before.append(ink_scores(noisy, truth).f)
        after.append(ink_scores(cleaned, truth).f)
        assert (np.asarray(cleaned) >= np.asarray(noisy)).all()
    assert np.mean(after) > np.mean(before)


def test_clean_input_comes_out_as_it_went_in(cleaner: SignatureCleaner) -> None:
    scores = []
    for number in range(8):
        clean = draw_signature(np.random.default_rng([6, number]))
        scores.append(ink_scores(cleaner(clean), clean).f)
    assert np.mean(scores) > 0.98


def test_weights_stay_under_six_megabytes() -> None:
    assert (DEFAULT_WEIGHTS / "model.safetensors").stat().st_size < 6_000_000


def test_the_packaged_card_tells_what_the_weights_are() -> None:
    card = (DEFAULT_WEIGHTS / "README.md").read_text("utf-8")
    generator, config = read_folder(DEFAULT_WEIGHTS)
    count = sum(weight.numel() for weight in generator.parameters())
    assert f"`{config.generator}`: a U-Net of {count:,} weights" in card
    assert f"letterboxed to {config.size}x{config.size}" in card
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["license"] == "apache-2.0"
    assert header["pipeline_tag"] == "image-to-image"
