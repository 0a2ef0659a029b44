"""Normalisation as the reference networks use it, shared by generators and discriminators."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigclean.errors import SigcleanError

NORMS = ("instance", "batch", "none")
EPS = 1e-5  # added to the variance, as in torch's norms


def norm_layer(norm: str, channels: int) -> nn.Module:
    """The normalisation that follows a convolution of `channels` maps.

    Instance norm has neither weights nor running statistics, so it adds no key to a state dict;
    `none` is an identity that keeps the positions, and so the keys, of everything after it.
    """
    check_norm(norm)
    if norm == "instance":
        return InstanceNorm()
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
        if convolution and isinstance(following, InstanceNorm) and layer.bias is not None:
            layer.bias.requires_grad_(False)


def is_per_image(module: nn.Module) -> bool:
    """Whether what the network makes of a picture does not depend on the others in its batch.

    Only a batch norm that is training mixes them.
    """
    norms = (one for one in module.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm))
    return not any(one.training or one.running_mean is None for one in norms)


class InstanceNorm(nn.Module):
    """nn.InstanceNorm2d without weights or statistics, BxCxHxW to the same in its memory format.

    torch's own copies a channels-last picture to the other format and back: on a CPU it takes seven
    times as long there, and for a batch of one its gradient is wrong without a word (2.15). Group
    norm is as fast, but loses digits there where a channel's mean is ten times its deviation.
    """

    def forward(self, x: Tensor) -> Tensor:
        # What is compiled or exported is best served by the operator itself; so are GPUs.
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return F.instance_norm(x, eps=EPS)
        if x.shape[2] * x.shape[3] == 1:
            raise ValueError(f"nothing to normalise in pictures of one pixel: {tuple(x.shape)}")
        return _Normalise.apply(x)


class _Normalise(torch.autograd.Function):
    """Instance norm as the batch norm of each picture alone, whose CPU kernels know channels last.

    The backward can be differentiated again, for a gradient penalty.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = _dense(x, x)
        parts = [
            torch.ops.aten.native_batch_norm(one, None, None, None, None, True, 0.0, EPS)
            for one in x.split(1)
        ]
        normal, mean, invstd = zip(*parts, strict=True)
        ctx.save_for_backward(x, *mean, *invstd)
        return _together(normal)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x, *statistics = ctx.saved_tensors
        gradient = _dense(gradients[0], x)  # the kernel reads it in the format of x, unchecked
        mean, invstd = statistics[: len(x)], statistics[len(x) :]
        pictures = zip(gradient.split(1), x.split(1), mean, invstd, strict=True)
        return _together([_batch_norm_backward(*one) for one in pictures])


def _batch_norm_backward(gradient: Tensor, x: Tensor, mean: Tensor, invstd: Tensor) -> Tensor:
    """Of one picture, 1xCxHxW, whose statistics are C each."""
    return torch.ops.aten.native_batch_norm_backward(
        gradient, x, None, None, None, mean, invstd, True, EPS, [True, False, False]
    )[0]


def _together(pictures: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(pictures)) if len(pictures) > 1 else pictures[0]


def _dense(pictures: Tensor, like: Tensor) -> Tensor:
    """Without gaps, in the memory format of `like`."""
    last = like.is_contiguous(memory_format=torch.channels_last) and not like.is_contiguous()
    return pictures.contiguous(
        memory_format=torch.channels_last if last else torch.contiguous_format
    )
