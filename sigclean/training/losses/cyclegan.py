"""CycleGAN (Zhu et al. 2017, arXiv 1703.10593): its four networks and their losses.

Domain A holds clean pictures, domain B noisy ones. G_A translates A to B; G_B, the cleaner, B to A.
D_A judges pictures of A, and D_B pictures of B. In the paper G_A is called G, G_B F, D_A D_X and
D_B D_Y. "The original" is the PyTorch CycleGAN (junyanz/pytorch-CycleGAN-and-pix2pix). The
generators' losses have its names, but its D_A judges the pictures of G_A, as D_B does here.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigclean.networks.interface import KeepMapGenerator
from sigclean.networks.layers import is_per_image
from sigclean.training.losses.gan_loss import gan_loss, gradient_penalty
from sigclean.training.losses.paired_loss import paired_loss


@dataclass
class Networks:
    """The four networks, with or without the wrappers of accelerate."""

    G_A: nn.Module
    G_B: nn.Module
    D_A: nn.Module
    D_B: nn.Module


@dataclass(frozen=True)
class LossWeights:
    """Weights of the generators' losses; defaults are the original's, which has no `paired`."""

    cycle_A: float = 10.0
    cycle_B: float = 10.0
    identity: float = 0.5
    paired: float = 0.0


@dataclass(frozen=True)
class Translation:
    """One generator's pictures of both domains."""

    fake: Tensor  # the translation of pictures of the other domain
    logits: Tensor | None  # the logits of the keep map of `fake`; None if there is no keep map
    identity: Tensor | None  # its pictures of its own domain, to be unchanged; None if not needed


def translate(generator: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return the generator's pictures, and the logits of its keep map or None.

    The network is called through its wrapper, which averages the gradients of all processes.
    """
    if isinstance(unwrapped(generator), KeepMapGenerator):
        return generator(pictures, return_logits=True)
    return generator(pictures), None


def unwrapped(network: nn.Module) -> nn.Module:
    """The network without the wrapper that averages gradients over processes; autocast stays."""
    return getattr(network, "module", network)


def warmup_loss(generator: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The loss of the warm-up: the paired loss alone."""
    clean, logits = translate(generator, batch["real_B"])
    return paired_loss(clean, logits, batch["real_B"], batch["truth"], batch["paired"])


def generator_loss(
    nets: Networks, batch: dict[str, Tensor], weights: LossWeights, mode: str = "lsgan"
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """The loss of both generators on one batch; freeze the discriminators first.

    Args:
        mode: the adversarial loss, see `gan_loss`.

    Returns:
        The sum, its weighted parts by name, and the generated pictures by name.
    """
    real_a, real_b = batch["real_A"], batch["real_B"]
    to_b = translate_both(nets.G_A, real_a, real_b if weights.identity else None)
    to_a = translate_both(nets.G_B, real_b, real_a if weights.identity else None)
    rec_a, rec_b = nets.G_B(to_b.fake), nets.G_A(to_a.fake)
    # Unwrapped, since the wrapper would wait for gradients, which frozen networks do not get.
    judge_a, judge_b = unwrapped(nets.D_A), unwrapped(nets.D_B)
    parts = {
        "G_A": gan_loss(judge_b(to_b.fake), True, mode),
        "G_B": gan_loss(judge_a(to_a.fake), True, mode),
        "cycle_A": weights.cycle_A * F.l1_loss(rec_a, real_a),
        "cycle_B": weights.cycle_B * F.l1_loss(rec_b, real_b),
    }
    if to_b.identity is not None and to_a.identity is not None:
        parts["idt_A"] = weights.cycle_B * weights.identity * F.l1_loss(to_b.identity, real_b)
        parts["idt_B"] = weights.cycle_A * weights.identity * F.l1_loss(to_a.identity, real_a)
    if weights.paired:
        loss = paired_loss(to_a.fake, to_a.logits, real_b, batch["truth"], batch["paired"])
        parts["paired"] = weights.paired * loss
    made = {"fake_A": to_a.fake, "fake_B": to_b.fake, "rec_A": rec_a, "rec_B": rec_b}
    return torch.stack(list(parts.values())).sum(), parts, made


def translate_both(generator: nn.Module, source: Tensor, target: Tensor | None) -> Translation:
    """Translate `source`; for the identity loss, feed `target`, too, unless it is None.

    Both go through the network in one batch, unless its batch norms would mix their statistics:
    then each is a batch of its own, as in the original.
    """
    if target is None:
        return Translation(*translate(generator, source), None)
    if not is_per_image(generator):
        return Translation(*translate(generator, source), generator(target))
    pictures, logits = translate(generator, torch.cat([source, target]))
    fake, identity = pictures.split([len(source), len(target)])
    return Translation(fake, None if logits is None else logits[: len(source)], identity)


def discriminator_loss(
    discriminator: nn.Module, real: Tensor, fake: Tensor, mode: str = "lsgan"
) -> Tensor:
    """Half the sum of the losses on real and generated pictures, as in the original.

    With `wgangp` the gradient penalty is added.
    """
    fake = fake.detach()
    if is_per_image(discriminator):
        of_real, of_fake = discriminator(torch.cat([real, fake])).split([len(real), len(fake)])
    else:
        of_real, of_fake = discriminator(real), discriminator(fake)
    loss = 0.5 * (
        gan_loss(of_real, True, mode, for_discriminator=True)
        + gan_loss(of_fake, False, mode, for_discriminator=True)
    )
    return loss + gradient_penalty(discriminator, real, fake) if mode == "wgangp" else loss
