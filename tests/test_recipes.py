"""Recipes: names for sets of options, which options given one by one overrule."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from sigclean.errors import DataError
from sigclean.training.building import Blueprint
from sigclean.training.command_line import parse, write_options
from sigclean.training.options import CHOICES, TrainConfig
from sigclean.training.recipes import DEFAULT_RECIPE, RECIPES, recipe_options

ALL = ("finetune", "adapt", "scratch", "cyclegan")


def config(recipe: str, *words: str) -> TrainConfig:
    more = ["--adapt", "scans"] if recipe == "adapt" else []
    return parse(["--recipe", recipe, *more, *words], None)


def test_the_choices_are_the_recipes_and_none() -> None:
    assert set(RECIPES) == set(ALL)
    assert CHOICES["recipe"] == ("", *ALL)
    assert parse([], None).recipe == DEFAULT_RECIPE == "finetune"


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_sets_options_that_exist_and_build(name: str) -> None:
    known = {one.name for one in fields(TrainConfig)}
    assert recipe_options(name, {}).keys() <= known
    made = config(name)
    assert made.recipe == name
    Blueprint.draw(made)


@pytest.mark.parametrize("name", ALL)
def test_options_given_one_by_one_win(name: str, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("batch_size: 3\nlambda_paired: 1.5\n")
    made = config(name, "--config", str(file), "--lambda_paired", "2.5", "--crop_size", "128")
    assert (made.batch_size, made.lambda_paired, made.crop_size) == (3, 2.5, "128")


def test_the_default_begins_with_the_packaged_weights_and_learns_pairs() -> None:
    made = config("finetune")
    assert made.weights == "default"
    assert made.lambda_paired > 0
    assert made.warmup_steps == made.max_train_steps > 0, "without unpaired pictures, pairs alone"


def test_real_noisy_pictures_get_cyclegan_steps() -> None:
    made = config("finetune", "--noisy", "scans", "--max_train_steps", "1000")
    assert (made.warmup_steps, made.max_train_steps) == (960, 1000)


def test_scans_alone_imply_the_recipe_adapt() -> None:
    made = parse(["--adapt", "scans"], None)
    assert (made.recipe, made.weights) == ("adapt", "default")
    assert made.warmup_steps == made.max_train_steps


def test_scratch_begins_with_new_weights_and_pairs() -> None:
    made = config("scratch")
    assert (made.weights, made.netG) == ("", "eraser")
    assert made.warmup_steps == made.max_train_steps > 1000


def test_cyclegan_is_the_original_method() -> None:
    made = config("cyclegan")
    assert (made.netG, made.netG_A, made.netD, made.ndf) == (
        "resnet_9blocks", "resnet_9blocks", "basic", 64,
    )  # fmt: skip
    assert (made.lambda_paired, made.warmup_steps, made.max_train_steps) == (0, 0, 0)
    assert (made.lambda_A, made.lambda_B, made.lambda_identity) == (10, 10, 0.5)
    assert (made.gan_mode, made.pool_size, made.lr, made.beta1) == ("lsgan", 50, 2e-4, 0.5)
    assert (made.n_epochs, made.n_epochs_decay, made.batch_size, made.crop_size) == (
        100, 100, 1, "256",
    )  # fmt: skip
    assert made.ema_decay == 0, "the original keeps no average"


def test_what_a_recipe_sets_is_written_and_read_again(tmp_path: Path) -> None:
    made = config("adapt", "--batch_size", "4")
    write_options(made, tmp_path / "config.yaml")
    text = (tmp_path / "config.yaml").read_text()
    assert "recipe: adapt\n" in text
    assert "weights: default\n" in text
    assert parse(["--config", str(tmp_path / "config.yaml")], None) == made


def test_a_file_of_another_recipe_is_refused(tmp_path: Path) -> None:
    write_options(config("adapt"), tmp_path / "config.yaml")
    with pytest.raises(DataError, match="holds options of --recipe adapt, which would win over"):
        parse(["--config", str(tmp_path / "config.yaml"), "--recipe", "scratch"], None)


def test_a_network_that_the_packaged_weights_would_replace_is_refused() -> None:
    with pytest.raises(DataError, match="--netG unet_128 begins with new weights"):
        parse(["--netG", "unet_128"], None)
    assert parse(["--netG", "unet_128", "--recipe", "scratch"], None).netG == "unet_128"


def test_a_recipe_that_does_not_exist_is_one_sentence() -> None:
    with pytest.raises(DataError, match="--recipe must be one of finetune, adapt, scratch, cycleg"):
        parse(["--recipe", "magic"], None)
