"""One training step: the warm-up of the cleaner, or a CycleGAN step of all four networks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from sigclean.training.accelerator import average_statistics
from sigclean.training.graphs import GraphedPass
from sigclean.training.losses.cyclegan import discriminator_loss, generator_loss, warmup_loss
from sigclean.training.run import Run

Tensors = dict[str, Tensor]
WARMUP_GRAD_NORM = 1.0  # gradients of the warm-up are clipped to this norm by default


def train_step(run: Run, batches: Iterator[Tensors], *, warmup: bool) -> Tensors:
    """Train for one step of the optimizers, on `run.options.batches` batches.

    Returns the losses by name, each the mean over those batches.
    """
    nets, losses = run.nets, []
    for _ in range(run.options.batches):
        with run.accelerator.accumulate(nets.G_A, nets.G_B, nets.D_A, nets.D_B):
            losses.append((warmup_step if warmup else adversarial_step)(run, next(batches)))
    for name in ("G_B",) if warmup else ("G_A", "G_B", "D_A", "D_B"):
        average_statistics(run.accelerator, run.bare(name))
    for name in ("G_B",) if warmup else ("G_A", "G_B"):
        run.averages[name].update(run.bare(name))
    return {name: torch.stack([one[name] for one in losses]).mean() for name in losses[0]}


def warmup_step(run: Run, batch: Tensors) -> Tensors:
    """Train G_B alone, on the pairs of a batch: `real_B`, `truth`, `paired`."""
    losses = _computed(run, "warmup", warmup_pass, batch)
    _advance(run, "warmup", run.options.max_grad_norm or WARMUP_GRAD_NORM)
    return losses


def warmup_pass(run: Run, batch: Tensors) -> Tensors:
    """Compute the gradients of the warm-up; return its loss, detached."""
    if run.options.freeze_norms:
        _fix_norms(run.nets.G_B)
    loss = warmup_loss(run.nets.G_B, batch)
    run.accelerator.backward(loss)
    return {"paired": loss.detach()}


def adversarial_step(run: Run, batch: Tensors) -> Tensors:
    """Train the generators, then the discriminators on the generators' pictures."""
    losses, generated = generator_step(run, batch)
    return losses | discriminator_step(run, batch, generated)


def generator_step(run: Run, batch: Tensors) -> tuple[Tensors, Tensors]:
    """Train both generators; return their losses and the generated pictures, detached."""
    if run.options.fixed_norms:
        _fix_norms(run.nets.G_B)
    made = _computed(run, "G", generator_pass, batch)
    # Step before the next backward pass: with fp16 each step changes the scale of the loss.
    _advance(run, "G", run.options.max_grad_norm)
    generated = {name: made.pop(name) for name in ("fake_A", "fake_B")}
    return made, generated


def generator_pass(run: Run, batch: Tensors) -> Tensors:
    """Compute the generators' gradients; return their losses and pictures, detached."""
    options, nets = run.options, run.nets
    with frozen(nets.D_A, nets.D_B):  # else they would collect gradients of the generators' loss
        loss, losses, generated = generator_loss(nets, batch, options.weights, options.gan_mode)
        run.accelerator.backward(loss)
    return _detached(losses | {name: generated[name] for name in ("fake_A", "fake_B")})


def discriminator_step(run: Run, batch: Tensors, generated: Tensors) -> Tensors:
    """Train both discriminators on real pictures and on new or earlier generated ones."""
    shown = {name: run.pools[name].query(generated[name]) for name in ("fake_A", "fake_B")}
    real = {name: batch[name] for name in ("real_A", "real_B")}
    losses = _computed(run, "D", discriminator_pass, real | shown)
    _advance(run, "D", run.options.max_grad_norm)
    return losses


def discriminator_pass(run: Run, batch: Tensors) -> Tensors:
    """Compute the discriminators' gradients on `real_A`, `fake_A`, `real_B`, `fake_B`; return their
    losses, detached."""
    losses = {}
    for name, network in (("A", run.nets.D_A), ("B", run.nets.D_B)):
        real, fake = batch[f"real_{name}"], batch[f"fake_{name}"]
        loss = discriminator_loss(network, real, fake, run.options.gan_mode)
        run.accelerator.backward(loss)
        losses[f"D_{name}"] = loss.detach()
    return losses


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Compute no gradients for the modules' parameters while the block runs.

    Parameters that were frozen before stay frozen afterwards.
    """
    trained = [one for module in modules for one in module.parameters() if one.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def _fix_norms(network: nn.Module) -> None:
    """Keep the batch norms' statistics, of the warm-up or of the weights that a run began with.

    In the adversarial stage the network sees pictures of A, of B and generated ones of B, which
    differ too much for one set of statistics.
    """
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.eval()


def _computed(
    run: Run, name: str, compute: Callable[[Run, Tensors], Tensors], batch: Tensors
) -> Tensors:
    """Compute a pass: from a recording where the run has them, else launching each operator."""
    if not run.options.graphs:
        return compute(run, batch)
    if name not in run.graphs:
        parameters = _parameters(run.optimizers[name])
        run.graphs[name] = GraphedPass(partial(compute, run), parameters)
    graphed = run.graphs[name]
    return graphed(batch) if graphed.takes(batch) else compute(run, batch)


def _advance(run: Run, name: str, max_norm: float) -> None:
    """Step an optimizer; step its schedule, too, after the last of the accumulated batches.

    Args:
        max_norm: the norm that the gradients of the optimizer are clipped to; 0 does not clip.
    """
    optimizer = run.optimizers[name]
    if run.accelerator.sync_gradients and max_norm:
        # accelerate's own clipping would unscale all optimizers, and G_B is in two of them
        run.accelerator.unscale_gradients(optimizer)
        nn.utils.clip_grad_norm_(_parameters(optimizer), max_norm)
    optimizer.step()
    optimizer.zero_grad()
    if run.accelerator.sync_gradients:
        run.schedules[name].step()


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [one for group in optimizer.param_groups for one in group["params"]]


def _detached(tensors: Tensors) -> Tensors:
    """Detach tensors, so that their graph is freed before the next one is built."""
    return {name: one.detach() for name, one in tensors.items()}
