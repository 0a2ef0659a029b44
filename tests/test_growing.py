"""A grown eraser continues from what it has learned."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from runs import build_run, open_domains
from torch import Tensor, nn

from sigclean.errors import DataError, SigcleanError
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.weights_folder import read_folder, save_generator
from sigclean.networks.build import build_generator
from sigclean.networks.eraser import Eraser
from sigclean.networks.growing import grow
from sigclean.training.options import TrainConfig

SMALL = {"widths": (4, 6), "encoder_depths": (1, 1), "decoder_depths": (1,), "context": 1}
LARGE = {"widths": (6, 9), "encoder_depths": (2, 1), "decoder_depths": (2,), "context": 3}


def eraser(shape: dict, norm: str = "batch", seed: int = 0) -> Eraser:
    """An eraser with running statistics, as after some training."""
    torch.manual_seed(seed)
    made = Eraser(**shape, norm=norm)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.weight)
    return made.eval()


def pictures() -> Tensor:
    return torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("heads", [0, 2])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_a_grown_eraser_makes_the_same_pictures(norm: str, heads: int) -> None:
    small = eraser({**SMALL, "heads": heads}, norm)
    large = grow(small, eraser({**LARGE, "heads": 2}, norm, seed=2))
    torch.testing.assert_close(large(pictures()), small(pictures()), rtol=0, atol=1e-5)


def test_every_new_weight_learns_within_a_few_steps() -> None:
    large = grow(eraser({**SMALL, "heads": 0}), eraser(LARGE, seed=2)).train()
    before = {name: one.detach().clone() for name, one in large.named_parameters()}
    optimizer = torch.optim.SGD(large.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        large(pictures()).square().mean().backward()
        optimizer.step()
    still = [name for name, one in large.named_parameters() if torch.equal(one, before[name])]
    assert still == []


def test_an_eraser_cannot_shrink() -> None:
    with pytest.raises(SigcleanError, match="nowhere narrower"):
        grow(eraser({**LARGE, **{k: SMALL[k] for k in SMALL if k != "widths"}}), eraser(SMALL))
    with pytest.raises(SigcleanError, match="nowhere shallower"):
        grow(eraser({**LARGE, "widths": SMALL["widths"]}), eraser(SMALL))


def test_growing_needs_weights() -> None:
    with pytest.raises(DataError, match="--grow needs --weights"):
        TrainConfig(grow=True)


def test_training_grows_the_given_weights(tmp_path: Path) -> None:
    shape = {"widths": [4, 6, 8, 8, 8], "encoder_depths": [1] * 5, "decoder_depths": [1] * 4}
    small = build_generator("eraser", **shape)
    save_generator(small, ModelConfig("eraser", shape), tmp_path / "small")
    config = TrainConfig(
        weights=str(tmp_path / "small"), grow=True, drawn=3, crop_size="64", ngf_A=4, ndf=4,
        netG_A="resnet_6blocks", output_dir=str(tmp_path),
    )  # fmt: skip
    domains = open_domains(config, "train")
    assert domains is not None
    run = build_run(config, domains)
    folder = save_generator(run.bare("G_B"), run.model_config["G_B"], tmp_path / "grown")
    grown = read_folder(folder)[0]
    square = pictures()[:, :, :16, :16].repeat(1, 1, 4, 4)
    torch.testing.assert_close(grown(square), small.eval()(square), rtol=0, atol=1e-5)
    assert sum(one.numel() for one in grown.parameters()) == sum(
        one.numel() for one in Eraser().parameters()
    )
