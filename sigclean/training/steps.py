"""One step of training: the functions that tests call are those that train."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from sigclean.training.accelerator import average_statistics
from sigclean.training.losses.cyclegan import discriminator_loss, generator_loss, warmup_loss
from sigclean.training.run import Run

Tensors = dict[str, Tensor]
WARMUP_GRAD_NORM = 1.0  # norm that the warm-up's gradients are clipped to, unless options say more


def train_step(run: Run, batches: Iterator[Tensors], *, warmup: bool) -> Tensors:
    """One step of the optimizers, on as many batches as are accumulated.

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
    """Train G_B alone on pairs: `real_B`, `truth`, `paired`."""
    loss = warmup_loss(run.nets.G_B, batch)
    run.accelerator.backward(loss)
    _advance(run, "warmup", run.options.max_grad_norm or WARMUP_GRAD_NORM)
    return {"paired": loss.detach()}


def adversarial_step(run: Run, batch: Tensors) -> Tensors:
    """Train the generators, then the discriminators on the pictures that those generated."""
    losses, generated = generator_step(run, batch)
    return losses | discriminator_step(run, batch, generated)


def generator_step(run: Run, batch: Tensors) -> tuple[Tensors, Tensors]:
    """Train both generators; returns their losses and the generated pictures, detached."""
    options, nets = run.options, run.nets
    if options.fixed_norms:
        _fix_norms(nets.G_B)
    with frozen(nets.D_A, nets.D_B):  # else the adversarial gradient is added to theirs
        loss, losses, generated = generator_loss(nets, batch, options.weights, options.gan_mode)
        run.accelerator.backward(loss)
    # Before the next backward pass: with fp16 each step changes the scale of the loss.
    _advance(run, "G", options.max_grad_norm)
    return _detached(losses), _detached(generated)


def discriminator_step(run: Run, batch: Tensors, generated: Tensors) -> Tensors:
    """Train both discriminators on real pictures and on generated ones, some from the pools."""
    nets, losses = run.nets, {}
    for name, network, real, fake in (
        ("D_A", nets.D_A, batch["real_A"], "fake_A"),
        ("D_B", nets.D_B, batch["real_B"], "fake_B"),
    ):
        shown = run.pools[fake].query(generated[fake])
        loss = discriminator_loss(network, real, shown, run.options.gan_mode)
        run.accelerator.backward(loss)
        losses[name] = loss.detach()
    _advance(run, "D", run.options.max_grad_norm)
    return losses


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Compute no gradients for the modules' parameters; what was frozen before stays so after."""
    trained = [one for module in modules for one in module.parameters() if one.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def _fix_norms(network: nn.Module) -> None:
    """Let batch norms normalise by the statistics of the warm-up.

    In the adversarial stage the network sees pictures of A, of B and generated ones of B, which
    differ too much for one set of statistics.
    """
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.eval()


def _advance(run: Run, name: str, max_norm: float) -> None:
    """Step the optimizer, and the schedule after the last batch that is accumulated.

    Args:
        max_norm: norm that the gradients of all its parameters together are clipped to; 0 for none.
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
