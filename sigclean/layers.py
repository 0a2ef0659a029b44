"""Normalisation as the reference networks use it, shared by generators and discriminators."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from sigclean.errors import SigcleanError

NORMS = ("instance", "batch", "none")


def norm_layer(norm: str, channels: int) -> nn.Module:
    """The normalisation that follows a convolution of `channels` maps.

    Instance norm has neither weights nor running statistics, so it adds no key to a state dict;
    `none` is an identity that keeps the positions, and so the keys, of everything after it.
    """
    check_norm(norm)
    if norm == "instance":
        return nn.InstanceNorm2d(channels, affine=False, track_running_stats=False)
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity()


def uses_bias(norm: str) -> bool:
    """Whether convolutions before this norm carry a bias: the reference gives it to instance norm
    only (batch norm has its own; `none` goes without, and old files depend on that)."""
    check_norm(norm)
    return norm == "instance"


def check_norm(norm: str) -> None:
    """Raises SigcleanError for a norm that does not exist."""
    if norm not in NORMS:
        raise SigcleanError(f"unknown norm {norm!r}: choose one of {', '.join(NORMS)}")


def freeze_idle_biases(module: nn.Module) -> None:
    """Take the biases that stand before an instance norm out of training, in place.

    The norm subtracts them again: their gradient is rounding noise, which Adam turns into steps of
    full length that differ from machine to machine, and computing it costs a pass over the picture.
    """
    layers = [one for one in module.modules() if not list(one.children())]
    for layer, following in pairwise(layers):
        convolution = isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        if convolution and isinstance(following, nn.InstanceNorm2d) and layer.bias is not None:
            layer.bias.requires_grad_(False)
