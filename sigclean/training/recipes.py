"""Recipes: names for sets of options that teach. Options that are given one by one win.

`finetune` starts from the packaged model and learns pairs; `adapt` learns a kind of document from
scans of it alone; `scratch` makes a model of our own networks from nothing; `cyclegan` is the
original method with the original's options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

FINETUNE, ADAPT, SCRATCH, CYCLEGAN = "finetune", "adapt", "scratch", "cyclegan"
DEFAULT_RECIPE = FINETUNE

Options = dict[str, Any]

_SMALL: Mapping[str, Any] = MappingProxyType(  # small networks beside the cleaner: faster
    {"crop_size": "512x256", "no_flip": True, "batch_size": 8, "ngf_A": 16, "ndf": 16}
)
_OFTEN: Mapping[str, Any] = MappingProxyType(  # a person sees after minutes whether it works
    {"logging_steps": 10, "validation_steps": 100, "checkpointing_steps": 100}
)
# Of 8 pictures; such a step took one core (AVX2) about 1.25 s, without making the noise
FINETUNE_STEPS = 400
ADAPT_STEPS = 1000
ADAPT_PAIRS = 128  # pairs to measure on, half of them on scans
SCRATCH_STEPS = 10_000
UNPAIRED_STEPS = 0.04  # share of the steps that are CycleGAN's, where there are unpaired pictures


def recipe_options(name: str, given: Mapping[str, Any]) -> Options:
    """The options that a recipe sets.

    Args:
        name: of the recipe; an empty one sets nothing.
        given: the options given one by one, which decide some of the recipe's.

    Raises KeyError for a name that is no recipe.
    """
    return RECIPES[name](given) if name else {}


def _finetune(given: Mapping[str, Any]) -> Options:
    options = _paired(given, FINETUNE_STEPS, UNPAIRED_STEPS if given.get("noisy") else 0.0)
    return {**options, **_OFTEN, "weights": "default", "warmup_lr": 5e-4}


def _adapt(given: Mapping[str, Any]) -> Options:
    options = _paired(given, ADAPT_STEPS, 0.0)
    return {**options, **_OFTEN, "weights": "default", "warmup_lr": 5e-4, "ema_decay": 0.99,
            "freeze_norms": True, "num_validation_images": ADAPT_PAIRS}  # fmt: skip


def _scratch(given: Mapping[str, Any]) -> Options:
    return _paired(given, SCRATCH_STEPS, UNPAIRED_STEPS if given.get("noisy") else 0.0)


def _cyclegan(given: Mapping[str, Any]) -> Options:
    """The original's own options; its networks, its length, one picture a step, no average."""
    return {
        "netG": "resnet_9blocks", "netG_A": "resnet_9blocks", "netD": "basic",
        "ngf": 64, "ngf_A": 64, "ndf": 64, "gan_mode": "lsgan", "pool_size": 50,
        "lambda_A": 10.0, "lambda_B": 10.0, "lambda_identity": 0.5, "lambda_paired": 0.0,
        "warmup_steps": 0, "n_epochs": 100, "n_epochs_decay": 100, "lr": 2e-4, "beta1": 0.5,
        "lr_policy": "linear", "batch_size": 1, "crop_size": "256", "no_flip": False,
        "ema_decay": 0.0,
    }  # fmt: skip


def _paired(given: Mapping[str, Any], steps: int, unpaired: float) -> Options:
    """Pairs first, then a share of CycleGAN steps, with the loss on pairs beside."""
    total = given.get("max_train_steps") or steps
    warmup = total - round(unpaired * total)
    return {**_SMALL, "lambda_paired": 10.0, "warmup_steps": warmup, "max_train_steps": total}


RECIPES: Mapping[str, Callable[[Mapping[str, Any]], Options]] = MappingProxyType(
    {FINETUNE: _finetune, ADAPT: _adapt, SCRATCH: _scratch, CYCLEGAN: _cyclegan}
)
