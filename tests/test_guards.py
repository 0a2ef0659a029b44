"""Guards of a training: non-finite losses, generators that invert brightness."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from sigclean.drawn import draw_signature
from sigclean.letterbox import Letterbox
from sigclean.networks.build import build_generator, init_weights
from sigclean.training.data.framing import to_range
from sigclean.training.watching.guards import BrokenLoss, LossWatch
from sigclean.training.watching.tones import inverting, tone

SIDE = 64
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pictures() -> list[Tensor]:
    """Drawn signatures, letterboxed: uint8 3 x 64 x 64 with black strips."""
    found = []
    for seed in range(12):
        picture = draw_signature(np.random.default_rng(seed), 96, 48)
        square = Letterbox(SIDE).fit(picture)[0]
        found.append(torch.from_numpy(np.array(square.convert("RGB"))).permute(2, 0, 1))
    return found


class Each(nn.Module):
    """A generator that is a function of each pixel."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def inverts(generator: nn.Module, pictures: list[Tensor]) -> bool:
    return "G_B" in inverting({"G_B": generator}, {"G_B": pictures}, CPU)


# --- losses -------------------------------------------------------------------------------------


def losses(**values: float) -> dict[str, Tensor]:
    return {name: torch.tensor(value) for name, value in values.items()}


def test_finite_losses_are_no_reason_to_stop() -> None:
    watch = LossWatch()
    assert watch.broken(Accelerator(cpu=True)) is None
    watch.see(1, losses(paired=2.0))
    watch.see(2, losses(G_A=1e30, D_A=0.0))
    assert watch.broken(Accelerator(cpu=True)) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_first_non_finite_loss_is_remembered(value: float) -> None:
    watch = LossWatch()
    watch.see(1, losses(paired=0.5))
    watch.see(7, losses(G_A=0.5, D_A=value))
    watch.see(8, losses(G_A=math.nan, D_A=math.nan))
    watch.see(9, losses(G_A=0.5, D_A=0.5))
    assert watch.broken(Accelerator(cpu=True)) == BrokenLoss("D_A", 7, 0)


# --- tones --------------------------------------------------------------------------------------


def test_the_slope_is_that_of_the_content_not_of_the_strips(pictures: list[Tensor]) -> None:
    inputs = to_range(torch.stack(pictures))
    assert (inputs[:, :, 0] == -1).all(), "a strip, which a generator may well paint white"
    found = tone(inputs, torch.where(inputs > -1, -0.5 * inputs, 1.0))
    assert found.slope == pytest.approx(-0.5, abs=1e-3)
    assert found.correlation == pytest.approx(-1, abs=1e-3)


@pytest.mark.parametrize("strength", [1.0, 0.75])
def test_bright_strokes_on_dark_are_inverted(pictures: list[Tensor], strength: float) -> None:
    assert inverts(Each(lambda x: -strength * x), pictures)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x,
        lambda x: torch.ones_like(x),
        lambda x: torch.zeros_like(x) - 1e-3 * x,
        lambda x: 1 - 0.2 * (1 - x),
        lambda x: torch.full_like(x, -1.0),
        lambda x: x * 0.5 - 0.5,
    ],
    ids=["identity", "white", "grey", "faint", "black", "dark paper"],
)
def test_other_pictures_are_not_inverted(
    pictures: list[Tensor], function: Callable[[Tensor], Tensor]
) -> None:
    assert not inverts(Each(function), pictures)


def test_a_cleaner_of_light_strokes_on_dark_is_right_to_invert_them(
    pictures: list[Tensor],
) -> None:
    chalk = [torch.where(one > 0, 255 - one, one) for one in pictures]
    assert not inverts(Each(lambda x: -x), chalk)


@pytest.mark.parametrize("init", ["normal", "xavier", "kaiming", "orthogonal", "pytorch"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("eraser", {}), ("resnet_6blocks", {"ngf": 8}), ("resnet_6blocks", {"ngf": 8, "norm": "none"}),
     ("resnet_6blocks", {"ngf": 8, "norm": "batch"})],
    ids=["eraser", "resnet", "resnet without norm", "resnet with batch norm"],
)  # fmt: skip
def test_an_untrained_network_does_not_invert(
    pictures: list[Tensor], name: str, arguments: dict, init: str
) -> None:
    for seed in range(2):
        torch.manual_seed(seed)
        generator = build_generator(name, **arguments)
        if init != "pytorch":
            init_weights(generator, init)
        assert not inverts(generator, pictures[:4])


@pytest.mark.slow
def test_a_network_that_learns_to_invert_brightness_is_found(pictures: list[Tensor]) -> None:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(),
                              nn.Conv2d(16, 3, 3, padding=1), nn.Tanh())  # fmt: skip
    optimizer = torch.optim.Adam(generator.parameters(), 5e-3)
    inputs = to_range(torch.stack(pictures))
    before = inverts(generator, pictures)
    for _ in range(300):
        optimizer.zero_grad()
        (generator(inputs) + inputs).square().mean().backward()
        optimizer.step()
    assert (before, inverts(generator, pictures)) == (False, True)


def test_judging_tones_changes_neither_mode_nor_statistics(pictures: list[Tensor]) -> None:
    generator = build_generator("resnet_6blocks", ngf=4, norm="batch").train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    inverts(generator, pictures[:2])
    assert generator.training
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
