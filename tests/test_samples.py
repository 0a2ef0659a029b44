"""The fixed samples and their grid; the figures on held-out pairs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from runs import open_domains
from torch import Tensor, nn

from sigclean.corpus.prepare import Recipe, prepare
from sigclean.networks.build import build_generator
from sigclean.noise import Material
from sigclean.training.data.domains import Domains
from sigclean.training.options import TrainConfig
from sigclean.training.watching.samples import FixedSamples, draw_grid, make_rows
from sigclean.training.watching.validation import generate, spread, validate

SIDE = 64
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn signatures with truths on both sides, and four on the test side without."""
    root = tmp_path_factory.mktemp("data") / "set"
    recipe = Recipe(("rules",), size=SIDE, test_fraction=0.6)
    prepare(None, root, recipe, drawn=16, material=Material())
    for path in sorted((root / "testB").iterdir())[:4]:
        shutil.copy(path, path.with_name(f"real-{path.name}"))
    return root


@pytest.fixture(scope="module")
def test(root: Path) -> Domains:
    domains = open_domains(TrainConfig(dataroot=str(root), crop_size="0"), "test")
    assert domains is not None
    return domains


class Each(nn.Module):
    """A generator that is a function of each pixel; it counts the pictures it is given."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function, self.batches, self.modes = function, list[int](), set[bool]()

    def forward(self, x: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        self.batches.append(len(x))
        self.modes.add(self.training)
        return self.function(x)


# --- figures ------------------------------------------------------------------------------------


class Truth(nn.Module):
    """A generator that knows the answers, in the order of the questions."""

    def __init__(self, test: Domains) -> None:
        super().__init__()
        self.answers = [test.pairs[place][1] for place in range(len(test.pairs))]

    def forward(self, x: Tensor) -> Tensor:
        found, self.answers = self.answers[: len(x)], self.answers[len(x) :]
        return torch.stack(found) / 127.5 - 1


def test_a_perfect_cleaner_has_perfect_figures(test: Domains) -> None:
    figures = validate(Truth(test), test, 100, CPU)
    assert figures == {"f": 100.0, "recall": 100.0, "precision": 100.0, "psnr": 60.0}


def test_one_that_erases_everything_finds_nothing(test: Domains) -> None:
    figures = validate(Each(torch.ones_like), test, 4, CPU)
    assert (figures["f"], figures["recall"]) == (0.0, 0.0)


def test_one_that_does_nothing_finds_all_ink_and_the_noise(test: Domains) -> None:
    figures = validate(Each(lambda x: x), test, 4, CPU)
    assert figures["recall"] > 80
    assert figures["precision"] < figures["recall"]


def test_nothing_is_measured_on_no_pictures(test: Domains) -> None:
    assert validate(Each(lambda x: x), test, 0, CPU) == {}


def test_pictures_are_spread_over_the_set() -> None:
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(3, 8) == [0, 1, 2]
    assert spread(0, 4) == []


def test_pictures_go_through_in_small_batches_and_evaluation_mode(test: Domains) -> None:
    generator = Each(lambda x: x).train()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    validate(generator, test, 6, CPU)
    assert generator.batches == [4, 2]
    assert (generator.modes, generator.training) == ({False}, True)
    assert torch.equal(torch.get_rng_state(), state)


def test_what_a_generator_makes_is_rounded_to_the_nearest_grey(test: Domains) -> None:
    noisy, _ = test.pairs[0]
    assert torch.equal(generate(Each(lambda x: x), [noisy], CPU)[0], noisy)
    assert torch.equal(generate(Each(lambda x: -x), [noisy], CPU)[0], 255 - noisy)


def test_a_generator_that_takes_larger_squares_only_makes_pictures_of_ours(test: Domains) -> None:
    generator = build_generator("unet_128", ngf=2)
    noisy, _ = test.pairs[0]
    assert generate(generator, [noisy], CPU)[0].shape == (3, SIDE, SIDE)


# --- samples ------------------------------------------------------------------------------------


def test_samples_are_pairs_and_real_pictures_always_the_same(test: Domains) -> None:
    fixed, again = FixedSamples.take(test), FixedSamples.take(test)
    assert [truth is None for truth in fixed.truth] == [False, False, True, True]
    for one, other in zip(fixed.noisy + fixed.clean, again.noisy + again.clean, strict=True):
        assert torch.equal(one, other)


def test_without_truths_there_are_samples_all_the_same(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "trainA", tmp_path / "trainA")
    (tmp_path / "trainB").mkdir()
    for number, path in enumerate(sorted((root / "trainB").iterdir())):
        shutil.copy(path, tmp_path / "trainB" / f"other{number}.png")
    domains = open_domains(TrainConfig(dataroot=str(tmp_path), crop_size="64"), "train")
    assert domains is not None
    fixed = FixedSamples.take(domains)
    assert fixed.truth == [None] * 4
    rows = make_rows({"G_A": nn.Identity(), "G_B": nn.Identity()}, fixed, CPU, cycle=True)
    assert list(rows) == ["noisy", "clean", "cycle", "identity"]


def test_rows_are_what_their_names_say(test: Domains) -> None:
    fixed = FixedSamples.take(test, 2)
    half, turn = Each(lambda x: x / 2), Each(lambda x: -x)
    rows = make_rows({"G_A": turn, "G_B": half}, fixed, CPU, cycle=True)
    assert list(rows) == ["noisy", "clean", "truth", "cycle", "identity"]
    noisy, clean, cycle = (rows[name][0] for name in ("noisy", "clean", "cycle"))
    assert noisy is not None and clean is not None and cycle is not None
    assert (clean.float() - 127.5 - (noisy.float() - 127.5) / 2).abs().max() <= 0.51
    assert torch.equal(cycle, 255 - clean)
    assert rows["truth"] == fixed.truth


def test_a_run_that_only_warms_up_shows_no_cycle(test: Domains) -> None:
    generators = {"G_A": nn.Identity(), "G_B": nn.Identity()}
    rows = make_rows(generators, FixedSamples.take(test), CPU, cycle=False)
    assert list(rows) == ["noisy", "clean", "truth", "identity"]


def colours(grid: Image.Image, box: tuple[int, int, int, int]) -> int:
    return len(np.unique(np.asarray(grid.crop(box)).reshape(-1, 3), axis=0))


@pytest.mark.parametrize(("size", "side"), [(64, 128), (256, 256), (512, 384)])
def test_the_grid_has_a_labelled_row_a_name_and_a_cell_a_picture(size: int, side: int) -> None:
    red = torch.zeros(3, size, size, dtype=torch.uint8)
    red[0] = 255
    grid = draw_grid({"noisy": [red, red], "truth": [red, None]})
    count = {colour: number for number, colour in grid.getcolors(1 << 24) or []}
    assert count[255, 0, 0] == 3 * side**2
    left = grid.width - 2 * (side + 8)
    for top in (8, 8 + side + 8):
        assert colours(grid, (0, top, left, top + side)) > 2, "a label's letters"
    assert colours(grid, (0, 0, left, 8)) == 1


def test_the_letterboxs_strips_are_shown_as_they_are(test: Domains) -> None:
    fixed = FixedSamples.take(test, 1)
    grid = draw_grid({"noisy": [*fixed.noisy]})
    cell = grid.crop((grid.width - 8 - 128, 8, grid.width - 8, 8 + 128)).resize((64, 64), 0)
    assert np.array_equal(np.asarray(cell), fixed.noisy[0].permute(1, 2, 0).numpy())
