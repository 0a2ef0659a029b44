"""A step of training: passes that are shared, what is frozen, clipping, GAN modes, averages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from runs import build_run, open_domains
from torch import Tensor, nn

from sigclean.networks.build import build_discriminator, build_generator
from sigclean.networks.layers import is_per_image
from sigclean.training.losses.cyclegan import (
    LossWeights,
    Networks,
    discriminator_loss,
    generator_loss,
)
from sigclean.training.losses.gan_loss import gan_loss
from sigclean.training.options import CHOICES, TrainConfig
from sigclean.training.run import Run
from sigclean.training.steps import (
    adversarial_step,
    discriminator_step,
    frozen,
    generator_step,
    train_step,
    warmup_step,
)

SIDE = 32
WEIGHTS = LossWeights(10.0, 8.0, 0.5)


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        netG="resnet_6blocks", netG_A="resnet_6blocks", ngf=2, ngf_A=2, ndf=2, pool_size=4,
        crop_size=str(SIDE), output_dir=str(tmp_path), max_train_steps=9, n_epochs=9, lr=1e-2,
    )  # fmt: skip


@pytest.fixture
def start(config: TrainConfig) -> Callable[..., Run]:
    """A run of small networks on the CPU, with options of its own; its data are not read."""

    def run(**options: object) -> Run:
        torch.manual_seed(4)
        changed = replace(config, **options)
        domains = open_domains(changed, "train")
        assert domains is not None
        return build_run(changed, domains)

    return run


def batch(count: int = 2, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Random pictures in [-1, 1]; the truth of B is B without every second row."""
    generator = torch.Generator().manual_seed(2)
    shape = (count, 3, SIDE, SIDE)
    real_a, real_b = (torch.rand(shape, generator=generator, dtype=dtype) * 2 - 1 for _ in "AB")
    truth = real_b.clone()
    truth[:, :, ::2] = 1
    return {"real_A": real_a, "real_B": real_b, "truth": truth, "paired": torch.ones(count)}


def small_eraser(norm: str = "batch") -> nn.Module:
    return build_generator(
        "eraser", widths=(8, 8), encoder_depths=(1, 1), decoder_depths=(1,), context=1, norm=norm
    )


def networks(cleaner: nn.Module) -> Networks:
    return Networks(
        G_A=build_generator("resnet_6blocks", ngf=2),
        G_B=cleaner,
        D_A=build_discriminator("basic", ndf=2),
        D_B=build_discriminator("basic", ndf=2),
    )


def gradients(loss: Tensor, *modules: nn.Module) -> list[Tensor]:
    parameters = [one for module in modules for one in module.parameters() if one.requires_grad]
    return list(torch.autograd.grad(loss, parameters))


def weights(*modules: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for one in modules for parameter in one.parameters()]


def distance(before: list[Tensor], after: list[Tensor]) -> float:
    """The norm of all differences between two states of the weights."""
    squares = [((new - old) ** 2).sum() for old, new in zip(before, after, strict=True)]
    return float(torch.stack(squares).sum().sqrt())


# --- one pass for what can share a batch --------------------------------------------------------


def loss_of_separate_passes(nets: Networks, a: Tensor, b: Tensor) -> Tensor:
    """The generators' loss, with a pass for each term."""
    fake_b, fake_a = nets.G_A(a), nets.G_B(b)
    return (
        ((nets.D_B(fake_b) - 1) ** 2).mean()
        + ((nets.D_A(fake_a) - 1) ** 2).mean()
        + 10 * F.l1_loss(nets.G_B(fake_b), a)
        + 8 * F.l1_loss(nets.G_A(fake_a), b)
        + 4 * F.l1_loss(nets.G_A(b), b)
        + 5 * F.l1_loss(nets.G_B(a), a)
    )


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("last", [False, True], ids=["contiguous", "channels last"])
@pytest.mark.parametrize(
    "cleaner",
    [
        lambda: build_generator("resnet_6blocks", ngf=2),
        lambda: small_eraser("instance"),
        lambda: small_eraser("batch").eval(),
        lambda: small_eraser("batch"),
    ],
    ids=["resnet", "eraser", "batch norm, evaluating", "batch norm, training"],
)
def test_generators_get_the_loss_and_gradient_of_separate_passes(
    cleaner: Callable[[], nn.Module], last: bool, count: int
) -> None:
    torch.manual_seed(1)
    nets, data = networks(cleaner()), batch(count, torch.float64)
    for module in vars(nets).values():
        module.to(torch.float64)
        module.to(memory_format=torch.channels_last if last else torch.contiguous_format)
    expected = loss_of_separate_passes(nets, data["real_A"], data["real_B"])
    loss, _, _ = generator_loss(nets, data, WEIGHTS)
    torch.testing.assert_close(loss, expected)
    of_parts = gradients(expected, nets.G_A, nets.G_B)
    for one, other in zip(gradients(loss, nets.G_A, nets.G_B), of_parts, strict=True):
        torch.testing.assert_close(one, other)


def test_pictures_share_a_pass_with_their_identity(start: Callable[..., Run]) -> None:
    """Four passes of both generators in place of the original's six."""
    run, passes = start(), []
    for module in (run.nets.G_A, run.nets.G_B):
        module.register_forward_hook(lambda module, inputs, output: passes.append(len(output)))
    generator_step(run, batch(2))
    assert sorted(passes) == [2, 2, 4, 4]


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_a_discriminator_gets_the_loss_and_gradient_of_separate_passes(norm: str) -> None:
    torch.manual_seed(1)
    judge, data = build_discriminator("basic", ndf=2, norm=norm).double(), batch(2, torch.float64)
    real, fake = data["real_A"], data["real_B"]
    expected = 0.5 * (((judge(real) - 1) ** 2).mean() + (judge(fake) ** 2).mean())
    loss = discriminator_loss(judge, real, fake)
    torch.testing.assert_close(loss, expected)
    for one, other in zip(gradients(loss, judge), gradients(expected, judge), strict=True):
        torch.testing.assert_close(one, other)


def test_only_a_training_batch_norm_mixes_pictures() -> None:
    assert is_per_image(build_generator("unet_128", ngf=2))
    assert is_per_image(build_generator("unet_128", ngf=2, norm="batch").eval())
    assert not is_per_image(build_generator("unet_128", ngf=2, norm="batch"))


# --- what is frozen -----------------------------------------------------------------------------


def test_the_generators_step_leaves_the_discriminators_as_they_were(
    start: Callable[..., Run],
) -> None:
    run = start()
    judges = nn.ModuleList([run.nets.D_A, run.nets.D_B])
    before, learning = weights(judges), [one.requires_grad for one in judges.parameters()]
    generator_step(run, batch())
    assert distance(before, weights(judges)) == 0
    assert all(one.grad is None for one in judges.parameters())
    assert [one.requires_grad for one in judges.parameters()] == learning


def test_pictures_made_carry_no_graph_to_the_discriminators(start: Callable[..., Run]) -> None:
    parts, made = generator_step(start(), batch())
    assert not any(one.requires_grad for one in (*parts.values(), *made.values()))


def test_what_was_frozen_before_stays_so_and_an_error_frees_the_rest() -> None:
    layer = nn.Conv2d(1, 1, 1)
    layer.bias.requires_grad_(False)
    with pytest.raises(ZeroDivisionError), frozen(layer):
        assert not layer.weight.requires_grad
        raise ZeroDivisionError
    assert layer.weight.requires_grad
    assert not layer.bias.requires_grad


def test_optimizers_hold_what_is_trained_and_biases_before_a_norm_keep_still(
    start: Callable[..., Run],
) -> None:
    run = start()
    makers = nn.ModuleList([run.nets.G_A, run.nets.G_B])
    held = {one for group in run.optimizers["G"].param_groups for one in group["params"]}
    assert held == {one for one in makers.parameters() if one.requires_grad}
    idle = [one.clone() for one in makers.parameters() if not one.requires_grad]
    assert len(idle) == 2 * (5 + 2 * 6), "all but the last convolution's"
    adversarial_step(run, batch())
    after = [one for one in makers.parameters() if not one.requires_grad]
    assert distance(idle, after) == 0


# --- clipping -----------------------------------------------------------------------------------


def with_plain_descent(run: Run, name: str, *modules: nn.Module) -> Run:
    """Weights then move by the gradient itself, whose length can be seen."""
    parameters = [p for one in modules for p in one.parameters() if p.requires_grad]
    run.optimizers[name] = run.accelerator.prepare(torch.optim.SGD(parameters, lr=1.0))
    return run


@pytest.mark.parametrize(("longest", "moved"), [(0.25, 0.25), (0.0, None)])
def test_gradients_of_the_generators_are_clipped_if_asked(
    start: Callable[..., Run], longest: float, moved: float | None
) -> None:
    run = start(max_grad_norm=longest)
    with_plain_descent(run, "G", run.nets.G_A, run.nets.G_B)
    before = weights(run.nets.G_A, run.nets.G_B)
    generator_step(run, batch())
    length = distance(before, weights(run.nets.G_A, run.nets.G_B))
    assert length == pytest.approx(moved, rel=1e-3) if moved else length > 1


def test_gradients_of_the_discriminators_are_clipped_on_their_own(
    start: Callable[..., Run],
) -> None:
    run, data = start(max_grad_norm=1e-3), batch()
    with_plain_descent(run, "D", run.nets.D_A, run.nets.D_B)
    _, made = generator_step(run, data)
    before = weights(run.nets.D_A, run.nets.D_B)
    discriminator_step(run, data, made)
    assert distance(before, weights(run.nets.D_A, run.nets.D_B)) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize(("asked", "longest"), [(0.0, 1.0), (0.25, 0.25)])
def test_gradients_of_the_warm_up_are_clipped_to_one_or_as_asked(
    start: Callable[..., Run], asked: float, longest: float
) -> None:
    run, data = start(max_grad_norm=asked, warmup_steps=5), batch()
    with_plain_descent(run, "warmup", run.nets.G_B)
    before = weights(run.nets.G_B)
    warmup_step(run, data)
    assert distance(before, weights(run.nets.G_B)) == pytest.approx(longest, rel=1e-3)


# --- GAN modes and averages ---------------------------------------------------------------------


@pytest.mark.parametrize("mode", CHOICES["gan_mode"])
def test_every_gan_mode_trains_all_four_networks(start: Callable[..., Run], mode: str) -> None:
    run, data = start(gan_mode=mode), batch()
    nets = vars(run.nets)
    before = {name: weights(one) for name, one in nets.items()}
    with torch.no_grad():
        of_a = gan_loss(run.nets.D_A(run.nets.G_B(data["real_B"])), True, mode)
    parts = adversarial_step(run, data)
    torch.testing.assert_close(parts["G_B"], of_a)
    assert all(torch.isfinite(one) for one in parts.values())
    for name, one in nets.items():
        assert distance(before[name], weights(one)) > 0, name


def test_wgangp_adds_the_gradients_penalty(start: Callable[..., Run]) -> None:
    """A discriminator that always says 0 has no gradient, where one of length 1 is wanted."""
    judge, data = start().nets.D_A, batch()
    for parameter in judge.parameters():
        nn.init.zeros_(parameter)
    loss = discriminator_loss(judge, data["real_A"], data["real_B"], "wgangp")
    assert loss.item() == pytest.approx(10 * (0 - 1) ** 2)


def test_g_as_average_begins_with_the_adversarial_stage(start: Callable[..., Run]) -> None:
    run = start(warmup_steps=1)
    first = weights(run.averages["G_A"].module)
    cleaner = weights(run.averages["G_B"].module)
    train_step(run, iter([batch()]), warmup=True)
    assert run.averages["G_A"].count == 0
    assert distance(cleaner, weights(run.averages["G_B"].module)) > 0
    train_step(run, iter([batch()]), warmup=False)
    assert distance(first, weights(run.averages["G_A"].module)) > 0
