"""What happens in one step of training: what tests call is what trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sigclean.training.accelerator import average_statistics
from sigclean.training.losses.cyclegan import (
    LossWeights,
    discriminator_loss,
    generator_loss,
    warmup_loss,
)
from sigclean.training.options import TrainConfig
from sigclean.training.run import Run

Tensors = dict[str, Tensor]
LONGEST_GRADIENT = 1.0  # norm to which the warm-up's gradients are cut


def train_step(run: Run, batches: Iterator[Tensors], *, warmup: bool) -> Tensors:
    """One step of the optimizers, on as many batches as are accumulated.

    Returns the losses by name, the mean of those batches.
    """
    nets, all_parts = run.nets, []
    for _ in range(run.config.gradient_accumulation_steps):
        with run.accelerator.accumulate(nets.G_A, nets.G_B, nets.D_A, nets.D_B):
            all_parts.append((warmup_step if warmup else adversarial_step)(run, next(batches)))
    for name in ("G_B",) if warmup else ("G_A", "G_B", "D_A", "D_B"):
        average_statistics(run.accelerator, run.bare(name))
    for name in ("G_B",) if warmup else ("G_A", "G_B"):
        run.averages[name].update(run.bare(name))
    return {name: torch.stack([one[name] for one in all_parts]).mean() for name in all_parts[0]}


def warmup_step(run: Run, batch: Tensors) -> Tensors:
    """Train G_B alone on pairs: `real_B`, `truth`, `paired`."""
    loss = warmup_loss(run.nets.G_B, batch)
    run.accelerator.backward(loss)
    _advance(run, "warmup", run.config.max_grad_norm or LONGEST_GRADIENT)
    return {"paired": loss.detach()}


def adversarial_step(run: Run, batch: Tensors) -> Tensors:
    """Train the generators, then the discriminators on what those made."""
    parts, made = generator_step(run, batch)
    return parts | discriminator_step(run, batch, made)


def generator_step(run: Run, batch: Tensors) -> tuple[Tensors, Tensors]:
    """Train both generators; returns the losses and the pictures made."""
    _keep_statistics(run)
    config, nets = run.config, run.nets
    with frozen(nets.D_A, nets.D_B):  # else the adversarial gradient is added to theirs
        loss, parts, made = generator_loss(nets, batch, _weights(config), config.gan_mode)
        run.accelerator.backward(loss)
    # Before the next backward: with fp16 each step changes the loss's scale.
    _advance(run, "G", config.max_grad_norm)
    return _detached(parts), _detached(made)


def discriminator_step(run: Run, batch: Tensors, made: Tensors) -> Tensors:
    """Train both discriminators on real pictures and on made ones, some out of the pools."""
    nets, parts = run.nets, {}
    for name, network, real, fake in (
        ("D_A", nets.D_A, batch["real_A"], "fake_A"),
        ("D_B", nets.D_B, batch["real_B"], "fake_B"),
    ):
        shown = run.pools[fake].query(made[fake])
        loss = discriminator_loss(network, real, shown, run.config.gan_mode)
        run.accelerator.backward(loss)
        parts[name] = loss.detach()
    _advance(run, "D", run.config.max_grad_norm)
    return parts


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """No gradients for their parameters within; what was frozen before stays so after."""
    trained = [one for module in modules for one in module.parameters() if one.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def _weights(config: TrainConfig) -> LossWeights:
    return LossWeights(
        config.lambda_A, config.lambda_B, config.lambda_identity, config.lambda_paired
    )


def _keep_statistics(run: Run) -> None:
    """After a warm-up, batch norm keeps its statistics: A, B and generated B differ too much."""
    if not run.config.warmup_steps:
        return
    for module in run.nets.G_B.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # SyncBatchNorm, too
            module.eval()


def _advance(run: Run, name: str, longest: float) -> None:
    """The optimizer's step and the schedule's, if this is the last batch that is accumulated.

    Args:
        longest: norm to which the gradients of all its parameters together are cut; 0 for none.
    """
    optimizer = run.optimizers[name]
    if run.accelerator.sync_gradients and longest:
        # Of this optimizer only: accelerate's own clipping unscales all, and G_B is in two.
        run.accelerator.unscale_gradients(optimizer)
        nn.utils.clip_grad_norm_(_parameters(optimizer), longest)
    optimizer.step()
    optimizer.zero_grad()
    if run.accelerator.sync_gradients:
        run.schedules[name].step()


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [one for group in optimizer.param_groups for one in group["params"]]


def _detached(tensors: Tensors) -> Tensors:
    """So that the graph that made them is freed before the next one is built."""
    return {name: one.detach() for name, one in tensors.items()}
