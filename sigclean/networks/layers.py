"""Normalisation as in the original PyTorch CycleGAN, for generators and discriminators."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigclean.errors import SigcleanError

NORMS = ("instance", "batch", "none")
EPS = 1e-5  # is added to the variance, as in torch's norms


def norm_layer(norm: str, channels: int) -> nn.Module:
    """Build the normalisation after a convolution of `channels` maps.

    Instance norm has neither weights nor running statistics, so it adds no key to a state dict.
    `none` is an identity, so that the layers after it keep their positions and keys.
    """
    check_norm(norm)
    if norm == "instance":
        return InstanceNorm()
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity()


def uses_bias(norm: str) -> bool:
    """Tell whether convolutions before this norm have a bias.

    Only those before an instance norm do: batch norm has a bias of its own, and the original has
    none with `none`, which its files depend on.
    """
    check_norm(norm)
    return norm == "instance"


def check_norm(norm: str) -> None:
    """Raise SigcleanError for a norm that does not exist."""
    if norm not in NORMS:
        raise SigcleanError(f"unknown norm {norm!r}: choose one of {', '.join(NORMS)}")


def freeze_idle_biases(module: nn.Module) -> None:
    """Exclude biases before an instance norm from training, in place.

    The norm subtracts them again, so their gradient is rounding noise. Adam would turn it into
    steps of full length that differ between machines, and computing it costs a pass.
    """
    layers = [one for one in module.modules() if not list(one.children())]
    for layer, following in pairwise(layers):
        convolution = isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        if convolution and isinstance(following, InstanceNorm) and layer.bias is not None:
            layer.bias.requires_grad_(False)


def is_per_image(module: nn.Module) -> bool:
    """Tell whether the network's result for a picture is independent of the rest of its batch.

    Only a batch norm in training mode mixes the pictures.
    """
    norms = (one for one in module.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm))
    return not any(one.training or one.running_mean is None for one in norms)


class InstanceNorm(nn.Module):
    """nn.InstanceNorm2d without weights or statistics: BxCxHxW to the same, in its memory format.

    On a CPU, torch's own copies a channels-last picture to the other format and back, which takes
    seven times as long, and for a batch of one its gradient is silently wrong (2.15). Group norm
    is as fast, but loses digits if a channel's mean is ten times its deviation.
    """

    def forward(self, x: Tensor) -> Tensor:
        # The operator itself is best on GPUs, and for the compiler and the exporter.
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return F.instance_norm(x, eps=EPS)
        if x.shape[2] * x.shape[3] == 1:
            raise ValueError(f"pictures of one pixel cannot be normalised: {tuple(x.shape)}")
        return _Normalise.apply(x)


class _Normalise(torch.autograd.Function):
    """Instance norm as a batch norm of each picture alone: its CPU kernels know channels last.

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
        gradient = _dense(gradients[0], x)  # the kernel assumes the format of x, unchecked
        mean, invstd = statistics[: len(x)], statistics[len(x) :]
        pictures = zip(gradient.split(1), x.split(1), mean, invstd, strict=True)
        return _together([_batch_norm_backward(*one) for one in pictures])


def _batch_norm_backward(gradient: Tensor, x: Tensor, mean: Tensor, invstd: Tensor) -> Tensor:
    """Compute the gradient of one picture, 1xCxHxW; `mean` and `invstd` have C values."""
    return torch.ops.aten.native_batch_norm_backward(
        gradient, x, None, None, None, mean, invstd, True, EPS, [True, False, False]
    )[0]


def _together(pictures: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(pictures)) if len(pictures) > 1 else pictures[0]


def _dense(pictures: Tensor, like: Tensor) -> Tensor:
    """Return the pictures without gaps in memory, in the memory format of `like`."""
    last = like.is_contiguous(memory_format=torch.channels_last) and not like.is_contiguous()
    return pictures.contiguous(
        memory_format=torch.channels_last if last else torch.contiguous_format
    )
