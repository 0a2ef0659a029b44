"""What happens in one step of training: what tests call is what trains."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from sigclean.cyclegan import (
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

    Returns the losses by name, of the last batch.
    """
    nets, parts = run.nets, {}
    for _ in range(run.config.gradient_accumulation_steps):
        with run.accelerator.accumulate(nets.G_A, nets.G_B, nets.D_A, nets.D_B):
            parts = (warmup_step if warmup else adversarial_step)(run, next(batches))
    for name in ("G_B",) if warmup else ("G_A", "G_B"):
        run.averages[name].update(run.bare(name))
    return parts


def warmup_step(run: Run, batch: Tensors) -> Tensors:
    """Train G_B alone on pairs: `real_B`, `truth`, `paired`."""
    loss = warmup_loss(run.nets.G_B, batch)
    run.accelerator.backward(loss)
    if run.accelerator.sync_gradients:
        # Of this optimizer only: accelerate's own clipping unscales all, and G_B is in two.
        run.accelerator.unscale_gradients(run.optimizers["warmup"])
        nn.utils.clip_grad_norm_(run.nets.G_B.parameters(), LONGEST_GRADIENT)
    _advance(run, "warmup")
    return {"paired": loss.detach()}


def adversarial_step(run: Run, batch: Tensors) -> Tensors:
    """Train the generators, then the discriminators on what those made."""
    parts, made = generator_step(run, batch)
    return parts | discriminator_step(run, batch, made)


def generator_step(run: Run, batch: Tensors) -> tuple[Tensors, Tensors]:
    """Train both generators; returns the losses and the pictures made."""
    _keep_statistics(run)
    discriminators = nn.ModuleList([run.nets.D_A, run.nets.D_B])
    discriminators.requires_grad_(False)  # else the adversarial gradient is added to theirs
    loss, parts, made = generator_loss(run.nets, batch, _weights(run.config))
    run.accelerator.backward(loss)
    discriminators.requires_grad_(True)
    _advance(run, "G")  # before the next backward: with fp16 each step changes the loss's scale
    return {name: part.detach() for name, part in parts.items()}, made


def discriminator_step(run: Run, batch: Tensors, made: Tensors) -> Tensors:
    """Train both discriminators on real pictures and on made ones, some out of the pools."""
    nets, parts = run.nets, {}
    for name, network, real, fake in (
        ("D_A", nets.D_A, batch["real_A"], "fake_A"),
        ("D_B", nets.D_B, batch["real_B"], "fake_B"),
    ):
        loss = discriminator_loss(network, real, run.pools[fake].query(made[fake]))
        run.accelerator.backward(loss)
        parts[name] = loss.detach()
    _advance(run, "D")
    return parts


def _weights(config: TrainConfig) -> LossWeights:
    return LossWeights(
        config.lambda_A, config.lambda_B, config.lambda_identity, config.lambda_paired
    )


def _keep_statistics(run: Run) -> None:
    """After a warm-up, batch norm keeps its statistics: A, B and generated B differ too much."""
    if not run.config.warmup_steps:
        return
    for module in run.nets.G_B.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _advance(run: Run, name: str) -> None:
    """The optimizer's step and the schedule's, if this is the last batch that is accumulated."""
    run.optimizers[name].step()
    run.optimizers[name].zero_grad()
    if run.accelerator.sync_gradients:
        run.schedules[name].step()
