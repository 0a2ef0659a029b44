"""3x3 convolutions with less arithmetic: Winograd's F(4x4, 3x3), for training on CPUs.

Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks" (arXiv 1509.09308): a tile
of 4x4 results costs 36 multiplications for each pair of channels in place of 144. The transforms
are matrix products too, of a picture's tiles side by side, so that everything runs in BLAS. PyTorch
has no such kernel for CPUs with AVX2: forward and backward of a resnet generator's residual
convolutions take half the time of its own (measured: 256 channels, 64x64, one thread). Results
differ from direct ones by rounding: 3e-6 of their norm against 9e-7.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

TILE = 4  # results on a side
SEEN = TILE + 2  # pixels that they depend on
FEWEST_CHANNELS = 128  # below, the transforms cost what the products save

# B^T, G and A^T of the paper's section 4.3: for the input, the kernel and the result.
_INPUT = (
    (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
)  # fmt: skip
_KERNEL = (
    (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
)  # fmt: skip
_RESULT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


def _both_ways(matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """What transforms rows and columns of a tile that lies as one vector."""
    one = torch.tensor(matrix, dtype=torch.float64)
    return torch.kron(one, one)


INPUT, KERNEL, RESULT = map(_both_ways, (_INPUT, _KERNEL, _RESULT))  # 36x36, 36x9, 16x36


class Conv3x3(nn.Conv2d):
    """A 3x3 convolution without stride: `nn.Conv2d` with its keys, faster in training on a CPU.

    Without gradients, in other precisions and on other devices it is `nn.Conv2d`.
    """

    def __init__(self, inputs: int, outputs: int, padding: int = 0, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 3, padding=padding, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """BxCxHxW to BxKxH'xW', as nn.Conv2d."""
        return super().forward(input) if not self._fits(input) else self._winograd(input)

    def _fits(self, x: Tensor) -> bool:
        height, width = (side + 2 * int(self.padding[0]) - 2 for side in x.shape[2:])
        return (
            torch.is_grad_enabled()
            and (x.requires_grad or self.weight.requires_grad)
            and x.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
            and min(self.in_channels, self.out_channels) >= FEWEST_CHANNELS
            and min(height, width) > 0
            and not (height % TILE or width % TILE)
        )

    def _winograd(self, x: Tensor) -> Tensor:
        edge = int(self.padding[0])
        y = conv3x3(F.pad(x, (edge,) * 4) if edge else x, self.weight)
        return y if self.bias is None else y + self.bias.view(1, -1, 1, 1)


def conv3x3(x: Tensor, weight: Tensor) -> Tensor:
    """The valid correlation of pictures with 3x3 kernels, in channels last.

    Args:
        x: BxCx(H+2)x(W+2); H and W are multiples of 4.
        weight: KxCx3x3.

    Returns:
        BxKxHxW.
    """
    return _Winograd.apply(x, weight)


class _Winograd(torch.autograd.Function):
    """Picture by picture: what one needs in between stays in the cache, and memory small."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, weight)  # not the transformed input: it is 2.25 times as large
        kernel = _transformed_kernel(weight)
        rows, columns = ((side - 2) // TILE for side in x.shape[2:])
        results = []
        for picture in x.permute(0, 2, 3, 1):
            product = torch.bmm(_transformed_input(picture), kernel)
            tiles = (RESULT.to(x) @ product.view(SEEN**2, -1)).view(TILE, TILE, rows, columns, -1)
            results.append(tiles.permute(2, 0, 3, 1, 4).reshape(rows * TILE, columns * TILE, -1))
        return torch.stack(results).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Each transform's transpose, in reverse order."""
        x, weight = ctx.saved_tensors
        of_input, of_weight = ctx.needs_input_grad
        kernel = _transformed_kernel(weight)
        inputs = torch.zeros_like(x) if of_input else None
        kernels = torch.zeros_like(kernel) if of_weight else None
        for index, picture in enumerate(gradient.permute(0, 2, 3, 1)):
            product = _transformed_gradient(picture)
            if inputs is not None:
                seen = torch.bmm(product, kernel.transpose(1, 2)).view(SEEN**2, -1)
                _add_tiles(inputs[index].permute(1, 2, 0), INPUT.to(x).t() @ seen)
            if kernels is not None:
                seen = _transformed_input(x[index].permute(1, 2, 0))
                kernels.baddbmm_(seen.transpose(1, 2), product)
        return inputs, None if kernels is None else _weight_gradient(kernels)


def _transformed_kernel(weight: Tensor) -> Tensor:
    """KxCx3x3 to 36xCxK."""
    k, c = weight.shape[:2]
    return (KERNEL.to(weight) @ weight.permute(2, 3, 1, 0).reshape(9, -1)).view(SEEN**2, c, k)


def _weight_gradient(kernels: Tensor) -> Tensor:
    """36xCxK to KxCx3x3."""
    weights = KERNEL.to(kernels).t() @ kernels.flatten(1)
    return weights.view(3, 3, *kernels.shape[1:]).permute(3, 2, 0, 1)


def _transformed_input(picture: Tensor) -> Tensor:
    """(H+2)x(W+2)xC to 36xTxC, T being the number of tiles."""
    height, width, c = picture.shape
    down, right, _ = picture.stride()
    tiles = picture.as_strided(
        (SEEN, SEEN, height // TILE, width // TILE, c),
        (down, right, TILE * down, TILE * right, 1),
    )
    return (INPUT.to(picture) @ tiles.reshape(SEEN**2, -1)).view(SEEN**2, -1, c)


def _transformed_gradient(picture: Tensor) -> Tensor:
    """HxWxK to 36xTxK."""
    height, width, k = picture.shape
    tiles = picture.reshape(height // TILE, TILE, width // TILE, TILE, k).permute(1, 3, 0, 2, 4)
    return (RESULT.to(picture).t() @ tiles.reshape(TILE**2, -1)).view(SEEN**2, -1, k)


def _add_tiles(picture: Tensor, tiles: Tensor) -> None:
    """Add 6x6 tiles, which overlap by 2, to the (H+2)x(W+2)xC that they were taken from."""
    height, width, c = picture.shape
    rows, columns = height // TILE, width // TILE
    parts = tiles.view(SEEN, SEEN, rows, columns, c)
    for i in range(SEEN):
        for j in range(SEEN):
            place = picture[i : i + TILE * rows : TILE, j : j + TILE * columns : TILE]
            place += parts[i, j]
