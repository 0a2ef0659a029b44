"""Batch norm over the pictures of all processes together, on any device.

torch has it for GPUs alone: its SyncBatchNorm refuses CPUs, already when DDP wraps it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

PER_CHANNEL = (1, -1, 1, 1)  # how C numbers are laid over BxCxHxW


def share_batch_norms(module: nn.Module, num_processes: int) -> nn.Module:
    """Let every BatchNorm2d in it take its statistics from the batches of all processes.

    Weights, running statistics and the names of a state dict stay as they are. Call it before the
    module is copied, moved or wrapped. With one process nothing is done.

    Returns:
        `module`, changed in place.
    """
    if num_processes > 1:
        for layer in module.modules():
            if type(layer) is nn.BatchNorm2d:
                layer.__class__ = SharedBatchNorm  # in place: its parents and hooks notice nothing
    return module


class SharedBatchNorm(nn.BatchNorm2d):
    """A batch norm that normalises by the mean and variance of all processes' pictures in training.

    So one process with four pictures and two with two compute the same, and the running statistics
    are equal everywhere. All processes must call it together. When evaluating it is a plain one.
    Its gradient cannot be differentiated again.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float
    process_group: dist.ProcessGroup | None = None  # None is all of them; SyncBatchNorm asks for it
    _check_non_zero_input_channels = nn.SyncBatchNorm._check_non_zero_input_channels

    def forward(self, input: Tensor) -> Tensor:
        """BxCxHxW to the same in the same precision and memory format."""
        if not (self.training and dist.is_initialized() and dist.get_world_size() > 1):
            return super().forward(input)
        if input.is_cuda:
            return nn.SyncBatchNorm.forward(self, input)  # type: ignore[arg-type]
        normal, mean, variance = _Normalise.apply(input, self.weight, self.bias, self.eps)
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        return normal


class _Normalise(torch.autograd.Function):
    """Ioffe & Szegedy 2015, with the sums of forward and backward taken over all processes.

    Arithmetic is in float32, whatever the pictures' precision; sums of processes in float64.
    """

    @staticmethod
    def forward(
        ctx: Any, pictures: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised, scaled, shifted; the mean and the unbiased variance, C each."""
        x = pictures.float()
        own_mean = x.mean((0, 2, 3))
        centred = x - own_mean.view(PER_CHANNEL)  # before it is squared: nothing cancels
        own_variance = centred.square().mean((0, 2, 3))
        mean, variance, count = _of_all(own_mean, own_variance, x.numel() // x.shape[1])
        centred += (own_mean - mean).view(PER_CHANNEL)
        invstd = (variance + eps).rsqrt()
        ctx.save_for_backward(centred, weight, invstd, count)
        unbiased = variance * (count / (count - 1))
        ctx.mark_non_differentiable(mean, unbiased)
        normal = torch.addcmul(bias.view(PER_CHANNEL), centred, (weight * invstd).view(PER_CHANNEL))
        return normal.to(pictures.dtype), mean, unbiased

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """By the pictures, and by weight and bias as far as this process's pictures go."""
        centred, weight, invstd, count = ctx.saved_tensors
        g = gradients[0].float()
        by_bias = g.sum((0, 2, 3))
        by_weight = (g * centred).sum((0, 2, 3)) * invstd
        sums = torch.cat([by_bias, by_weight]).double()
        dist.all_reduce(sums)
        of_mean, of_variance = (sums / count).float().chunk(2)
        scale = weight * invstd
        result = torch.addcmul(
            (-of_mean * scale).view(PER_CHANNEL),
            centred,
            (-of_variance * invstd * scale).view(PER_CHANNEL),
        )
        result.addcmul_(g, scale.view(PER_CHANNEL))
        return result.to(gradients[0].dtype), by_weight, by_bias, None


def _of_all(mean: Tensor, variance: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and biased variance (C each) over all processes from each one's own, and the count.

    In float64 the mean of squares less the square of the mean loses nothing.
    """
    mean, variance = mean.double(), variance.double()
    sums = torch.cat([mean, variance + mean.square(), torch.ones_like(mean[:1])]) * count
    dist.all_reduce(sums)
    means, squares = (sums[:-1] / sums[-1]).chunk(2)
    variance = (squares - means.square()).clamp(min=0)
    return means.float(), variance.float(), sums[-1].float()
