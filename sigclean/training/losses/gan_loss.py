"""Adversarial losses of generators and discriminators.

The names of the modes are those of the original PyTorch CycleGAN; `hinge` is new here.
"""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

PENALTY_WEIGHT = 10.0  # lambda of Gulrajani et al. 2017, and of the original


def gan_loss(
    scores: Tensor, real: bool, mode: str = "lsgan", *, for_discriminator: bool = False
) -> Tensor:
    """The distance of raw scores from the wanted verdict, a mean over all of them.

    A generator wants its pictures to be judged real. A discriminator calls this twice: with True
    for its scores of real pictures, with False for those of generated ones. Every mode is a mean
    over pictures, so the mean over processes is the loss of the whole batch.

    Args:
        scores: raw, of any shape: no sigmoid before.
        real: the wanted verdict.
        mode: `lsgan` (Mao et al. 2017), `vanilla` (Goodfellow et al. 2014, the form that does not
            saturate), `wgangp` (Gulrajani et al. 2017; the discriminator adds
            `gradient_penalty`) or `hinge` (Lim & Ye 2017; Miyato et al. 2018).
        for_discriminator: apply the margin of `hinge`, which only discriminators have.
    """
    if mode == "lsgan":
        return F.mse_loss(scores, torch.full_like(scores, float(real)))
    if mode == "vanilla":
        return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, float(real)))
    towards = -scores if real else scores
    if mode == "hinge" and for_discriminator:
        return F.relu(1 + towards).mean()
    if mode in ("hinge", "wgangp"):
        return towards.mean()
    raise ValueError(f"unknown GAN mode {mode!r}")


def gradient_penalty(
    discriminator: nn.Module, real: Tensor, fake: Tensor, shares: Tensor | None = None
) -> Tensor:
    """The gradient penalty of `wgangp`: 10 (|gradient| - 1)^2, a mean over pictures.

    The gradient is that of the scores with respect to mixtures of a real and a generated picture,
    in float32 whatever the precision of training. Add the penalty to a loss that went through the
    discriminator's wrapper, and call backward once: then processes share its gradient.

    Args:
        discriminator: wrapped or bare. A batch norm in it would mix the pictures' gradients.
        real, fake: Bx3xHxW in [-1, 1]; neither is given a gradient.
        shares: Bx1x1x1 in [0, 1], of the real picture in each mixture; drawn if not given.
    """
    shares = interpolation_shares(real) if shares is None else shares
    with torch.autocast(real.device.type, enabled=False):
        mixed = torch.lerp(fake.detach().float(), real.detach().float(), shares.float())
        scores = _plain_forward(discriminator, mixed.requires_grad_())
        (gradient,) = torch.autograd.grad(scores.sum(), mixed, create_graph=True)
        return PENALTY_WEIGHT * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


def interpolation_shares(pictures: Tensor) -> Tensor:
    """Draw the share of the real picture in each mixture: Bx1x1x1 in [0, 1).

    The main process draws for the pictures of all processes, so that the numbers do not depend on
    how a batch is split; all must call it together.
    """
    count, rank, processes = len(pictures), 0, 1
    if dist.is_available() and dist.is_initialized():
        rank, processes = dist.get_rank(), dist.get_world_size()
    drawn = torch.rand(count * processes).to(pictures.device)  # a GPU's own would be other numbers
    if processes > 1:
        dist.broadcast(drawn, 0)
    return drawn[rank * count : (rank + 1) * count].view(-1, 1, 1, 1)


def _plain_forward(network: nn.Module, pictures: Tensor) -> Tensor:
    """Call the network's own forward, without its wrappers: autocast, which accelerate puts inside;
    compilation, which cannot be differentiated twice; the sharing of gradients."""
    bare = getattr(network, "module", network)
    return type(bare).forward(bare, pictures)
