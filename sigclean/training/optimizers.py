"""The optimizers of a run: AdamW for the warm-up, the original PyTorch CycleGAN's Adam after it."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from sigclean.training.losses.cyclegan import Networks
from sigclean.training.options import TrainConfig


def make_optimizers(config: TrainConfig, nets: Networks) -> dict[str, Optimizer]:
    """Make `warmup` (of G_B), `G` (of both generators) and `D` (of both discriminators)."""
    betas = (config.beta1, 0.999)
    return {
        "warmup": AdamW(_trained(nets.G_B), config.warmup_lr, weight_decay=1e-2, fused=True),
        "G": Adam(_trained(nets.G_A, nets.G_B), config.lr, betas, fused=True),
        "D": Adam(_trained(nets.D_A, nets.D_B), config.lr, betas, fused=True),
    }


def _trained(*modules: nn.Module) -> Iterator[nn.Parameter]:
    return (one for module in modules for one in module.parameters() if one.requires_grad)
