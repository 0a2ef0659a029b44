"""The losses of GANs, the image pool and batch norms, each also on two real processes."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from sigclean.networks.build import build_discriminator, build_generator
from sigclean.training.accelerator import average_statistics, share_batch_norms
from sigclean.training.losses.cyclegan import discriminator_loss
from sigclean.training.losses.gan_loss import gan_loss, gradient_penalty, interpolation_shares
from sigclean.training.losses.image_pool import ImagePool

Parts = list[Tensor]  # what a process found, to be compared


# --- two processes ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Parts]]:
    """The results of all work below on each of two processes that share a gloo group."""
    folder = tmp_path_factory.mktemp("two")
    mp.spawn(_one_of_two, (folder,), nprocs=2)
    parts = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]
    return {name: [one[name] for one in parts] for name in parts[0]}


def _one_of_two(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                   "MASTER_ADDR": "127.0.0.1", "ACCELERATE_USE_CPU": "true"}  # fmt: skip
    meeting = f"file://{folder / 'meeting'}"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    done = {"penalised": penalised(rank), "exchanged": exchanged(rank), "averaged": averaged(rank)}
    torch.save(done, folder / f"{rank}.pt")
    dist.destroy_process_group()


def share(rank: int, tensor: Tensor) -> Tensor:
    """The first or second half of a batch."""
    return tensor.chunk(2)[rank]


def joined(found: list[Parts]) -> Parts:
    """The parts of both processes, one batch after the other."""
    return [torch.cat(parts) for parts in zip(*found, strict=True)]


def random_batch(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


# --- GAN losses ---------------------------------------------------------------------------------


def test_least_squares_pull_real_scores_to_one_and_generated_ones_to_zero() -> None:
    scores = torch.tensor([0.0, 0.5, 2.0])
    assert gan_loss(scores, True).item() == pytest.approx((1 + 0.25 + 1) / 3)
    assert gan_loss(scores, False).item() == pytest.approx((0 + 0.25 + 4) / 3)


def test_cross_entropy_takes_raw_scores() -> None:
    scores = torch.tensor([-1.0, 0.0, 3.0])
    verdict = torch.sigmoid(scores)
    torch.testing.assert_close(gan_loss(scores, True, "vanilla"), -verdict.log().mean())
    torch.testing.assert_close(gan_loss(scores, False, "vanilla"), -(1 - verdict).log().mean())


def test_wassersteins_critic_tells_means_apart() -> None:
    scores = torch.tensor([-1.0, 0.0, 4.0])
    assert gan_loss(scores, True, "wgangp").item() == -1
    assert gan_loss(scores, False, "wgangp", for_discriminator=True).item() == 1


def test_a_hinge_leaves_discriminators_alone_beyond_its_margin_and_generators_never() -> None:
    scores = torch.tensor([-3.0, 0.5, 2.0])
    judge = partial(gan_loss, scores, mode="hinge", for_discriminator=True)
    assert judge(True).item() == pytest.approx((4 + 0.5 + 0) / 3)
    assert judge(False).item() == pytest.approx((0 + 1.5 + 3) / 3)
    assert gan_loss(scores, True, "hinge").item() == pytest.approx(0.5 / 3)


def test_an_unknown_mode_is_an_error() -> None:
    with pytest.raises(ValueError, match="'lsgan2'"):
        gan_loss(torch.zeros(1), True, "lsgan2")


class Slope(nn.Module):
    """Scores that rise by `slope` per unit of every pixel, the picture's own square beside it."""

    def __init__(self, slope: float, bend: float = 0.0) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))
        self.bend = bend

    def forward(self, x: Tensor) -> Tensor:
        return self.slope * x + self.bend * x.square() / 2


def test_the_penalty_is_ten_times_the_squared_distance_of_the_slope_from_one() -> None:
    critic, pixels = Slope(0.5), 3 * 4 * 4
    penalty = gradient_penalty(critic, random_batch(2, 3, 4, 4), random_batch(2, 3, 4, 4, seed=1))
    length = 0.5 * pixels**0.5
    assert penalty.item() == pytest.approx(10 * (length - 1) ** 2, rel=1e-5)
    penalty.backward()
    expected = 10 * 2 * (length - 1) * pixels**0.5
    assert critic.slope.grad is not None
    assert critic.slope.grad.item() == pytest.approx(expected, rel=1e-5)


def test_the_penalty_looks_between_the_real_and_the_generated_picture() -> None:
    """The gradient of the bent critic is the mixture itself."""
    real, fake = random_batch(2, 3, 4, 4), random_batch(2, 3, 4, 4, seed=1)
    shares = torch.tensor([0.25, 1.0]).view(-1, 1, 1, 1)
    mixed = shares * real + (1 - shares) * fake
    expected = 10 * ((mixed.flatten(1).norm(dim=1) - 1) ** 2).mean()
    torch.testing.assert_close(
        gradient_penalty(Slope(0.0, 1.0), real, fake, shares).detach(), expected
    )


@pytest.fixture
def fresh_state() -> Iterator[None]:
    """accelerate's state, which keeps the precision it was first made with, is of one test."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.usefixtures("fresh_state")
def test_the_penalty_is_of_single_precision_also_where_training_is_not() -> None:
    torch.manual_seed(3)
    critic = build_discriminator("basic", ndf=4)
    prepared = Accelerator(cpu=True, mixed_precision="bf16").prepare(critic)
    real, fake = random_batch(2, 3, 32, 32), random_batch(2, 3, 32, 32, seed=1)
    shares = torch.full((2, 1, 1, 1), 0.3)
    half = gradient_penalty(prepared, real, fake, shares)
    with torch.autocast("cpu", torch.bfloat16):
        within = gradient_penalty(prepared, real.bfloat16(), fake.bfloat16(), shares)
    bare = build_discriminator("basic", ndf=4)
    bare.load_state_dict(critic.state_dict())
    exact = gradient_penalty(bare, real, fake, shares)
    assert half.dtype == within.dtype == torch.float32
    torch.testing.assert_close(half, exact, rtol=1e-5, atol=0)
    rounded = gradient_penalty(bare, real.bfloat16(), fake.bfloat16(), shares)
    torch.testing.assert_close(within, rounded, rtol=1e-5, atol=0)


def penalised(rank: int) -> Parts:
    """Gradients of a critic wrapped for two processes, and the shares that were drawn."""
    critic = DistributedDataParallel(small_critic())
    real, fake = random_batch(4, 3, 32, 32), random_batch(4, 3, 32, 32, seed=1)
    torch.manual_seed(7 + rank)  # processes draw differently, as dropout must
    discriminator_loss(critic, share(rank, real), share(rank, fake), "wgangp").backward()
    torch.manual_seed(7 + rank)
    gradients = [one.grad for one in critic.module.parameters()]
    return [interpolation_shares(share(rank, real)), *gradients]


def small_critic() -> nn.Module:
    torch.manual_seed(3)
    return build_discriminator("basic", ndf=4)


def test_two_processes_penalise_as_one_with_their_whole_batch(
    found: dict[str, list[Parts]],
) -> None:
    critic = small_critic()
    real, fake = random_batch(4, 3, 32, 32), random_batch(4, 3, 32, 32, seed=1)
    torch.manual_seed(7)
    discriminator_loss(critic, real, fake, "wgangp").backward()
    torch.manual_seed(7)
    shares = interpolation_shares(real)
    (first, *gradients), (second, *others) = found["penalised"]
    assert torch.equal(torch.cat([first, second]), shares)
    for one, other, parameter in zip(gradients, others, critic.parameters(), strict=True):
        assert torch.equal(one, other)
        torch.testing.assert_close(one, parameter.grad, rtol=1e-4, atol=1e-5)


# --- the image pool -----------------------------------------------------------------------------


def pictures(*values: float) -> Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1)


def test_a_pool_gives_back_what_it_gets_until_it_is_full() -> None:
    pool = ImagePool(3)
    for first in (0.0, 2.0):
        given = pictures(first, first + 1)
        got = pool.query(given)[: 2 if first == 0 else 1]
        assert torch.equal(got, given[: len(got)])


def test_a_full_pool_exchanges_half_the_time_and_keeps_its_size() -> None:
    pool = ImagePool(5, seed=3)
    seen = [int(pool.query(pictures(float(i))).item()) for i in range(1005)]
    old = [i for i, got in enumerate(seen) if got != i]
    assert min(old) >= 5
    assert len(old) / 1000 == pytest.approx(0.5, abs=0.06)
    given_back = [got for i, got in enumerate(seen) if got != i]
    assert len(set(given_back)) == len(given_back), "a picture leaves the pool when it is given"
    assert len(pool.images) == 5


def test_a_pool_of_no_size_is_none() -> None:
    pool = ImagePool(0)
    given = pictures(1, 2)
    assert torch.equal(pool.query(given), given)
    assert pool.images == []


def test_a_pool_continues_where_its_state_was_taken(tmp_path: Path) -> None:
    pool, other = ImagePool(4, seed=5), ImagePool(4, seed=random.randrange(10**6))
    for i in range(9):
        pool.query(pictures(float(i)))
    torch.save(pool.state_dict(), tmp_path / "pool.pt")
    expected = [pool.query(pictures(float(i))).item() for i in range(20, 60)]
    other.load_state_dict(torch.load(tmp_path / "pool.pt", weights_only=True))
    assert [other.query(pictures(float(i))).item() for i in range(20, 60)] == expected


def test_a_pool_keeps_pictures_without_their_gradient_or_their_batch() -> None:
    pool = ImagePool(1)
    batch = torch.rand(8, 3, 4, 4, requires_grad=True) * 1.0
    assert not pool.query(batch).requires_grad
    assert pool.images[0].untyped_storage().nbytes() == 3 * 4 * 4 * 4


def test_a_pool_keeps_the_memory_format() -> None:
    pool = ImagePool(2)
    for _ in range(4):
        got = pool.query(random_batch(2, 3, 4, 4).to(memory_format=torch.channels_last))
        assert got.is_contiguous(memory_format=torch.channels_last)
        assert pool.query(random_batch(2, 3, 4, 4)).is_contiguous()


def numbered(step: int) -> Tensor:
    """Four pictures of one pixel that say which they are."""
    return pictures(*(float(10 * step + i) for i in range(4)))


def exchanged(rank: int) -> Parts:
    """The pictures that a process gets for its two of each step, from a shared pool."""
    pool = ImagePool(3, seed=5, accelerator=Accelerator(cpu=True))
    got = [pool.query(share(rank, numbered(step))) for step in range(12)]
    return [*got, *pool.images, torch.tensor(pool.random.getstate()[1])]


def test_two_processes_exchange_as_one_with_their_whole_batch(
    found: dict[str, list[Parts]],
) -> None:
    pool = ImagePool(3, seed=5)
    expected = [pool.query(numbered(step)) for step in range(12)]
    first, second = found["exchanged"]
    for step, whole in enumerate(expected):
        assert torch.equal(torch.cat([first[step], second[step]]), whole)
    assert all(map(torch.equal, first[12:], second[12:])), "one state for both"


def test_pictures_exchange_one_after_the_other_as_in_one_batch() -> None:
    """Accumulated batches find the same pool as one batch of all their pictures."""
    pool, other = ImagePool(3, seed=5), ImagePool(3, seed=5)
    for step in range(12):
        whole = pool.query(numbered(step))
        assert torch.equal(torch.cat([other.query(one[None]) for one in numbered(step)]), whole)


# --- batch norms of several processes ------------------------------------------------------------


def averaged(rank: int) -> Parts:
    """The statistics of a batch norm after each process has seen pictures of its own."""
    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5, momentum=1.0))
    network[1](random_batch(2, 5, 6, 7, seed=rank))
    average_statistics(Accelerator(cpu=True), network)
    return [buffer for buffer in network.buffers() if buffer.is_floating_point()]


def test_processes_share_the_mean_of_their_running_statistics(
    found: dict[str, list[Parts]],
) -> None:
    first, second = found["averaged"]
    assert all(map(torch.equal, first, second))
    pictures = [random_batch(2, 5, 6, 7, seed=rank) for rank in range(2)]
    means = torch.stack([one.mean((0, 2, 3)) for one in pictures]).mean(0)
    variances = torch.stack([one.var((0, 2, 3)) for one in pictures]).mean(0)
    torch.testing.assert_close(first, [means, variances])


def test_batch_norms_on_several_gpus_are_torchs_own_shared_ones() -> None:
    torch.manual_seed(1)
    network = build_generator("resnet_6blocks", ngf=2, norm="batch")
    x, names = random_batch(2, 3, 16, 16), list(network.state_dict())
    before = network.eval()(x)
    shared = share_batch_norms(network, torch.device("cuda"), 2)
    assert any(isinstance(module, nn.SyncBatchNorm) for module in shared.modules())
    assert list(shared.state_dict()) == names
    assert torch.equal(shared(x), before)


@pytest.mark.parametrize(("device", "processes"), [("cuda", 1), ("cpu", 2)])
def test_one_process_and_processes_on_cpus_keep_their_plain_norms(
    device: str, processes: int
) -> None:
    network = build_generator("resnet_6blocks", ngf=2, norm="batch")
    kinds = [type(module) for module in network.modules()]
    shared = share_batch_norms(network, torch.device(device), processes)
    assert [type(module) for module in shared.modules()] == kinds
