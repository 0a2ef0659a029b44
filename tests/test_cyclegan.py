"""The losses against plain re-computation, and who is trained by which step."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigclean.networks.build import build_discriminator, build_generator
from sigclean.training.building import build, make_accelerator
from sigclean.training.data.domains import Domains
from sigclean.training.losses.cyclegan import (
    LossWeights,
    Networks,
    discriminator_loss,
    generator_loss,
    translate,
    warmup_loss,
)
from sigclean.training.losses.paired_loss import keep_target, paired_loss, strips
from sigclean.training.options import TrainConfig
from sigclean.training.steps import Run, discriminator_step, generator_step, train_step, warmup_step

SIDE = 32


@pytest.fixture
def nets() -> Networks:
    torch.manual_seed(1)
    return Networks(
        G_A=build_generator("resnet_6blocks", ngf=2),
        G_B=small_eraser(),
        D_A=build_discriminator("basic", ndf=2),
        D_B=build_discriminator("basic", ndf=2),
    )


def small_eraser() -> nn.Module:
    return build_generator(
        "eraser", widths=(8, 8), encoder_depths=(1, 1), decoder_depths=(1,), context=1
    )


def batch(count: int = 2, side: int = SIDE) -> dict[str, Tensor]:
    """Random pictures in [-1, 1]; the truth of B is B without every second row."""
    generator = torch.Generator().manual_seed(2)
    real_a, real_b = (torch.rand(count, 3, side, side, generator=generator) * 2 - 1 for _ in "AB")
    truth = real_b.clone()
    truth[:, :, ::2] = 1
    return {"real_A": real_a, "real_B": real_b, "truth": truth, "paired": torch.ones(count)}


def test_generators_are_judged_as_in_the_reference(nets: Networks) -> None:
    data = batch()
    a, b = data["real_A"], data["real_B"]
    for net in (nets.G_A, nets.G_B):
        net.eval()
    loss, parts, made = generator_loss(nets, data, LossWeights(10.0, 8.0, 0.5))
    fake_b, fake_a = nets.G_A(a), nets.G_B(b)
    expected = {
        "G_A": ((nets.D_B(fake_b) - 1) ** 2).mean(),
        "G_B": ((nets.D_A(fake_a) - 1) ** 2).mean(),
        "cycle_A": 10 * (nets.G_B(fake_b) - a).abs().mean(),
        "cycle_B": 8 * (nets.G_A(fake_a) - b).abs().mean(),
        "idt_A": 8 * 0.5 * (nets.G_A(b) - b).abs().mean(),
        "idt_B": 10 * 0.5 * (nets.G_B(a) - a).abs().mean(),
    }
    assert parts.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(parts[name], value)
    torch.testing.assert_close(loss, sum(expected.values()))
    torch.testing.assert_close(made["fake_A"], fake_a)
    torch.testing.assert_close(made["fake_B"], fake_b)


def test_identity_and_pairs_can_be_left_out_or_added(nets: Networks) -> None:
    _, plain, _ = generator_loss(nets, batch(), LossWeights(identity=0))
    assert not {"idt_A", "idt_B", "paired"} & plain.keys()
    _, paired, _ = generator_loss(nets, batch(), LossWeights(paired=3.0))
    assert paired["paired"] > 0


def test_a_discriminators_loss_is_half_of_real_and_generated(nets: Networks) -> None:
    data = batch()
    real, fake = data["real_A"], data["real_B"].requires_grad_()
    loss = discriminator_loss(nets.D_A, real, fake)
    expected = 0.5 * (((nets.D_A(real) - 1) ** 2).mean() + (nets.D_A(fake) ** 2).mean())
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert fake.grad is None, "what made the picture is not trained"


def on_white(side: int = 16) -> Tensor:
    return torch.ones(1, 3, side, side)


def test_strips_are_the_black_rows_and_columns_at_the_border() -> None:
    wide, tall = on_white(), on_white()
    wide[:, :, :3] = wide[:, :, -2:] = -1
    wide[:, :, 8] = -1  # a printed rule
    wide[:, :, 10:13, 4:6] = -1  # a blot
    tall[..., :4] = -1
    expected = torch.zeros(1, 1, 16, 16)
    expected[:, :, :3] = expected[:, :, -2:] = 1
    assert torch.equal(strips(wide), expected)
    assert strips(tall).sum() == 4 * 16
    assert strips(on_white()).sum() == 0


def test_what_is_to_be_kept_is_the_signatures_share_of_the_darkness() -> None:
    truth, noisy = on_white(), on_white()
    truth[:, :, 5] = noisy[:, :, 5] = -0.5  # a stroke on paper
    noisy[:, :, 9] = -0.8  # print
    truth[:, :, 12], noisy[:, :, 12] = 0.0, -1.0  # a stroke half as dark as the print on it
    noisy[:, :, 14] = truth[:, :, 14] = 0.9  # paper that is not quite white
    noisy[:, :, :2] = truth[:, :, :2] = -1  # strips
    target, weight = keep_target(noisy, truth)
    rows = target[0, 0, :, 0]
    assert rows[[5, 9, 12, 14, 0]].tolist() == pytest.approx([1, 0, 0.5, 0, 1])
    assert weight[0, 0, 5, 0] > weight[0, 0, 9, 0] > weight[0, 0, 7, 0] > weight[0, 0, 0, 0]


def test_the_paired_loss_is_least_for_the_truth() -> None:
    data = batch()
    noisy, truth, paired = data["real_B"], data["truth"], data["paired"]
    target, _ = keep_target(noisy, truth)
    right, wrong = (target * 2 - 1) * 12, (1 - target * 2) * 12
    best = paired_loss(truth, right, noisy, truth, paired)
    assert best < 0.01
    assert paired_loss(noisy, wrong, noisy, truth, paired) > 5
    assert paired_loss(truth, None, noisy, truth, paired) < 0.01
    assert paired_loss(noisy, None, noisy, truth, paired) > 0.5


@pytest.mark.parametrize("keep_map", [True, False])
def test_the_paired_loss_is_the_mean_of_all_pictures_own_however_they_are_split(
    keep_map: bool,
) -> None:
    data = batch(count=4)
    data["real_B"][0, :, :9] = data["truth"][0, :, :9] = -1  # strips: fewer pixels that count
    data["truth"][1] = 1  # no signature at all
    map_ = torch.randn(4, 1, SIDE, SIDE)
    clean = 1 - torch.sigmoid(map_) * (1 - data["real_B"])

    def loss(*rows: int) -> Tensor:
        rest = [data[name][list(rows)] for name in ("real_B", "truth", "paired")]
        return paired_loss(clean[list(rows)], map_[list(rows)] if keep_map else None, *rest)

    whole = loss(0, 1, 2, 3)
    torch.testing.assert_close(whole, torch.stack([loss(i) for i in range(4)]).mean())
    torch.testing.assert_close(whole, torch.stack([loss(0, 1), loss(2, 3)]).mean())


def test_pictures_without_a_truth_cost_nothing_and_still_count_in_the_mean() -> None:
    data = batch(count=2)
    logits = torch.randn(2, 1, SIDE, SIDE)
    half = torch.tensor([1.0, 0.0])
    clean = 1 - torch.sigmoid(logits) * (1 - data["real_B"])
    mixed = paired_loss(clean, logits, data["real_B"], data["truth"], half)
    alone = paired_loss(clean[:1], logits[:1], data["real_B"][:1], data["truth"][:1], torch.ones(1))
    torch.testing.assert_close(mixed, alone / 2)
    none = paired_loss(clean, logits, data["real_B"], data["truth"], torch.zeros(2))
    assert none == 0


def test_a_keep_map_comes_with_its_picture_and_other_generators_have_none(nets: Networks) -> None:
    noisy = batch()["real_B"]
    clean, logits = translate(nets.G_B.eval(), noisy)
    torch.testing.assert_close(clean, 1 - torch.sigmoid(logits) * (1 - noisy))
    assert translate(nets.G_A, noisy)[1] is None


@pytest.fixture
def run(tmp_path) -> Run:
    """A run of small networks on the CPU."""
    config = TrainConfig(
        netG="resnet_6blocks", netG_A="resnet_6blocks", ngf=2, ngf_A=2, ndf=2,
        crop_size=str(SIDE), output_dir=str(tmp_path), max_train_steps=9, n_epochs=9, pool_size=4,
        lr=1e-2,
    )  # fmt: skip
    domains = Domains(clean=(), pairs=(), unpaired=(tmp_path,) * 20, size=SIDE)
    torch.manual_seed(4)
    return build(config, make_accelerator(config), domains)


def weights(*modules: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for one in modules for parameter in one.parameters()]


def changed(before: list[Tensor], after: list[Tensor]) -> list[bool]:
    return [not torch.equal(old, new) for old, new in zip(before, after, strict=True)]


def test_the_generators_step_leaves_no_trace_in_the_discriminators(run: Run) -> None:
    nets = run.nets
    judges, makers = weights(nets.D_A, nets.D_B), (weights(nets.G_A), weights(nets.G_B))
    trained = [parameter.requires_grad for parameter in nets.D_A.parameters()]
    generator_step(run, batch())
    assert not any(changed(judges, weights(nets.D_A, nets.D_B)))
    assert all(parameter.grad is None for parameter in nets.D_A.parameters())
    assert [parameter.requires_grad for parameter in nets.D_A.parameters()] == trained
    assert any(changed(makers[0], weights(nets.G_A)))
    assert any(changed(makers[1], weights(nets.G_B)))


def test_the_discriminators_step_leaves_no_trace_in_the_generators(run: Run) -> None:
    nets, data = run.nets, batch()
    _, made = generator_step(run, data)
    makers, judges = weights(nets.G_A, nets.G_B), weights(nets.D_A, nets.D_B)
    discriminator_step(run, data, made)
    assert not any(changed(makers, weights(nets.G_A, nets.G_B)))
    assert all(parameter.grad is None for parameter in nets.G_B.parameters())
    assert any(changed(judges[: len(judges) // 2], weights(nets.D_A)))
    assert any(changed(judges[len(judges) // 2 :], weights(nets.D_B)))


def test_each_discriminator_learns_from_its_own_domain(run: Run) -> None:
    data = batch()
    _, made = generator_step(run, data)
    with torch.no_grad():
        expected = {
            "D_A": discriminator_loss(run.nets.D_A, data["real_A"], made["fake_A"]),
            "D_B": discriminator_loss(run.nets.D_B, data["real_B"], made["fake_B"]),
        }
    parts = discriminator_step(run, data, made)
    for name, value in expected.items():
        torch.testing.assert_close(parts[name], value)


def test_only_the_cleaner_is_trained_in_the_warm_up(run: Run) -> None:
    nets = run.nets
    others, cleaner = weights(nets.G_A, nets.D_A, nets.D_B), weights(nets.G_B)
    warmup_step(run, batch())
    assert not any(changed(others, weights(nets.G_A, nets.D_A, nets.D_B)))
    assert any(changed(cleaner, weights(nets.G_B)))


def test_the_averages_follow_the_generators_and_lag_behind(run: Run) -> None:
    train_step(run, iter([batch()]), warmup=False)
    before = weights(run.averages["G_B"].module)
    train_step(run, iter([batch()]), warmup=False)
    after = zip(before, weights(run.averages["G_B"].module), weights(run.nets.G_B), strict=True)
    for old, average, newest in after:
        assert ((average - old).abs() <= (newest - old).abs() + 1e-6).all()
    assert any(changed(before, weights(run.averages["G_B"].module)))
    assert any(changed(weights(run.averages["G_A"].module), weights(run.nets.G_A)))


def test_the_warm_up_learns() -> None:
    torch.manual_seed(6)
    eraser, data = small_eraser(), batch(count=4)
    optimizer = torch.optim.AdamW(eraser.parameters(), 2e-2)
    losses = []
    for _ in range(30):
        loss = warmup_loss(eraser, data)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    clean = eraser.eval()(data["real_B"])
    assert F.l1_loss(clean, data["truth"]) < 0.5 * F.l1_loss(data["real_B"], data["truth"])
