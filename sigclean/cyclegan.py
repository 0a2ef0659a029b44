"""CycleGAN (Zhu et al. 2017, arXiv 1703.10593): its four networks and their losses.

G_A: A to B, G_B: B to A (the cleaner); D_A judges pictures of A, D_B pictures of B. In the paper's
terms G_A is G, G_B is F, D_A is D_X and D_B is D_Y. Names of the generators' losses are the
reference's; its code calls D_A what judges G_A's pictures, which is D_B here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigclean.eraser import Eraser
from sigclean.gan_loss import gan_loss
from sigclean.paired_loss import paired_loss


@dataclass
class Networks:
    """The four networks, wrapped or bare."""

    G_A: nn.Module
    G_B: nn.Module
    D_A: nn.Module
    D_B: nn.Module


@dataclass(frozen=True)
class LossWeights:
    """The reference's weights; `paired` is the share of the direct loss on pairs."""

    cycle_A: float = 10.0
    cycle_B: float = 10.0
    identity: float = 0.5
    paired: float = 0.0


def translate(generator: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
    """The generator's pictures, and the logits of its keep map if it predicts one.

    It is called once, through its wrapper, so that gradients are shared between processes.
    """
    if isinstance(getattr(generator, "module", generator), Eraser):
        return generator(pictures, return_logits=True)
    return generator(pictures), None


def warmup_loss(generator: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The paired loss alone, before the discriminators join."""
    clean, logits = translate(generator, batch["real_B"])
    return paired_loss(clean, logits, batch["real_B"], batch["truth"], batch["paired"])


def generator_loss(
    nets: Networks, batch: dict[str, Tensor], weights: LossWeights
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """The loss of both generators on one batch; freeze the discriminators first.

    Returns:
        The sum, its parts under the reference's names, and the pictures made.
    """
    real_a, real_b = batch["real_A"], batch["real_B"]
    fake_b = nets.G_A(real_a)
    fake_a, logits = translate(nets.G_B, real_b)
    rec_a, rec_b = nets.G_B(fake_b), nets.G_A(fake_a)
    parts = {
        "G_A": gan_loss(nets.D_B(fake_b), True),
        "G_B": gan_loss(nets.D_A(fake_a), True),
        "cycle_A": weights.cycle_A * F.l1_loss(rec_a, real_a),
        "cycle_B": weights.cycle_B * F.l1_loss(rec_b, real_b),
    }
    if weights.identity:
        share_a, share_b = weights.cycle_A * weights.identity, weights.cycle_B * weights.identity
        parts["idt_A"] = share_b * F.l1_loss(nets.G_A(real_b), real_b)
        parts["idt_B"] = share_a * F.l1_loss(nets.G_B(real_a), real_a)
    if weights.paired:
        loss = paired_loss(fake_a, logits, real_b, batch["truth"], batch["paired"])
        parts["paired"] = weights.paired * loss
    made = {"fake_A": fake_a, "fake_B": fake_b, "rec_A": rec_a, "rec_B": rec_b}
    return torch.stack(list(parts.values())).sum(), parts, made


def discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Half the sum of the losses on real and generated pictures, as the reference weighs it."""
    loss_real = gan_loss(discriminator(real), True)
    return 0.5 * (loss_real + gan_loss(discriminator(fake.detach()), False))
