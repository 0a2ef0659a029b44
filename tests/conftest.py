"""Shared by several test files: small weights, random but always the same."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def eraser_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder of a small untrained eraser whose keep map takes all values in [0, 1]."""
    import torch

    from sigclean.hub import ModelConfig, save_generator
    from sigclean.networks import build_generator

    arguments = {"widths": (8, 8, 8), "encoder_depths": (1, 1, 1), "decoder_depths": (1, 1)}
    torch.manual_seed(2)
    generator = build_generator("eraser", **arguments)
    torch.nn.init.normal_(generator.head.weight, std=2.0)
    config = ModelConfig("eraser", arguments, size=256)
    return save_generator(generator, config, tmp_path_factory.mktemp("eraser"))


@pytest.fixture(scope="session")
def resnet_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder of a small untrained ResNet generator, which has no keep map."""
    import torch

    from sigclean.hub import ModelConfig, save_generator
    from sigclean.networks import build_generator

    torch.manual_seed(3)
    config = ModelConfig("resnet_6blocks", {"ngf": 4}, size=128)
    generator = build_generator(config.generator, **config.arguments)
    return save_generator(generator, config, tmp_path_factory.mktemp("resnet"))
