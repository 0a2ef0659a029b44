"""CUDA graphs of a step: when they are used, and that they train as a step without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from runs import build_run, open_domains
from torch import Tensor

from sigclean.training.building import can_record
from sigclean.training.options import TrainConfig
from sigclean.training.run import Run
from sigclean.training.steps import discriminator_pass, generator_pass, train_step

SIDE = 32


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        netG="resnet_6blocks", netG_A="resnet_6blocks", ngf=2, ngf_A=2, ndf=2, pool_size=4,
        crop_size=str(SIDE), output_dir=str(tmp_path), max_train_steps=9, cuda_graphs=True,
    )  # fmt: skip


def built(config: TrainConfig) -> Run:
    torch.manual_seed(3)
    domains = open_domains(config, "train")
    assert domains is not None
    return build_run(config, domains)


def batch(device: torch.device) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    names = ("real_A", "real_B")
    return {
        name: (torch.rand((2, 3, SIDE, SIDE), generator=generator) * 2 - 1).to(device)
        for name in names
    }


@pytest.mark.parametrize(
    ("options", "processes", "device", "recorded"),
    [
        ({}, 1, "cuda", True),
        ({}, 1, "cpu", False),
        ({}, 2, "cuda", False),
        ({"gradient_accumulation_steps": 2}, 1, "cuda", False),
        ({"gan_mode": "wgangp"}, 1, "cuda", False),
        ({"cuda_graphs": False}, 1, "cuda", False),
        ({"dropout": True}, 1, "cuda", True),
    ],
)
def test_one_gpu_records_what_does_not_depend_on_the_cpu(
    config: TrainConfig, options: dict[str, object], processes: int, device: str, recorded: bool
) -> None:
    changed = replace(config, **options)
    assert can_record(changed, torch.device(device), processes, scales=False) is recorded


def test_losses_that_are_scaled_are_not_recorded(config: TrainConfig) -> None:
    assert not can_record(config, torch.device("cuda"), 1, scales=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU would record")
def test_a_cpu_trains_the_same_with_the_option(config: TrainConfig) -> None:
    runs = [built(replace(config, cuda_graphs=wanted)) for wanted in (True, False)]
    losses = [train_step(run, iter([batch(torch.device("cpu"))]), warmup=False) for run in runs]
    assert losses[0] == losses[1]
    assert not runs[0].graphs


def test_a_pass_leaves_gradients_of_its_own_networks_only(config: TrainConfig) -> None:
    run = built(config)
    pictures = batch(run.accelerator.device)
    made = generator_pass(run, pictures)
    assert all(one.grad is not None for one in trained(run, "G_A", "G_B"))
    assert all(one.grad is None for one in trained(run, "D_A", "D_B"))
    discriminator_pass(run, pictures | {name: made[name] for name in ("fake_A", "fake_B")})
    assert all(one.grad is not None for one in trained(run, "D_A", "D_B"))


def trained(run: Run, *names: str) -> list[torch.nn.Parameter]:
    return [one for name in names for one in run.bare(name).parameters() if one.requires_grad]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_recorded_steps_train_as_others_do(config: TrainConfig) -> None:
    losses = []
    for wanted in (True, False):
        run = built(replace(config, cuda_graphs=wanted))
        pictures = batch(run.accelerator.device)
        steps = [train_step(run, iter([pictures]), warmup=False) for _ in range(8)]
        losses.append([{name: float(value) for name, value in one.items()} for one in steps])
    for recorded, plain in zip(*losses, strict=True):
        assert recorded == pytest.approx(plain, rel=1e-3)
