"""The U-Net generator of pix2pix (Isola et al. 2017, appendix): down to one pixel and up again.

Each level wraps the next one, as in the original PyTorch CycleGAN and pix2pix, so that state-dict
keys (`model.model.1.model.3...`) are the same.
"""

from __future__ import annotations

import torch
from torch import nn

from sigclean.networks.interface import Generator
from sigclean.networks.layers import norm_layer, uses_bias


class SkipBlock(nn.Module):
    """One level: down, the level below (if any), up, and concatenation with the input.

    BxCxHxW to Bx2CxHxW, the input's channels first; H and W are even. The leaky ReLU works in
    place, as the original's does, so the skip carries its result: the ReLU after the concatenation
    gives the same for it as for the input.

    Args:
        outer: channels outside this level.
        inner: channels inside it.
        below: the level inside it; None for the innermost.
    """

    def __init__(
        self, outer: int, inner: int, below: SkipBlock | None, norm: str, dropout: bool = False
    ) -> None:
        super().__init__()
        bias = uses_bias(norm)
        down: list[nn.Module] = [
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(outer, inner, 4, stride=2, padding=1, bias=bias),
        ]
        if below is not None:  # the innermost picture may be a single pixel, which has no variance
            down += [norm_layer(norm, inner), below]
        wide = inner if below is None else 2 * inner
        up = [
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(wide, outer, 4, stride=2, padding=1, bias=bias),
            norm_layer(norm, outer),
        ]
        self.model = nn.Sequential(*down, *up, *([nn.Dropout(0.5)] if dropout else []))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.model(x)], dim=1)


class OuterBlock(nn.Module):
    """The outermost level, which has no skip: Bx3xHxW to the same."""

    def __init__(self, ngf: int, below: SkipBlock, norm: str) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(3, ngf, 4, stride=2, padding=1, bias=uses_bias(norm)),
            below,
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * ngf, 3, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class UnetGenerator(Generator):
    """The U-Net generator.

    Args:
        downs: how often the size is halved, at least 5 times.
        ngf: channels of the outermost level; inner ones have up to 8 times as many.
        norm: instance, batch or none.
        dropout: 50 % dropout in the middle levels.
    """

    def __init__(
        self, downs: int = 8, ngf: int = 64, norm: str = "instance", dropout: bool = False
    ) -> None:
        super().__init__()
        self.multiple = 2**downs  # pixels
        block = SkipBlock(ngf * 8, ngf * 8, None, norm)
        for _ in range(downs - 5):
            block = SkipBlock(ngf * 8, ngf * 8, block, norm, dropout)
        for outer in (ngf * 4, ngf * 2, ngf):
            block = SkipBlock(outer, outer * 2, block, norm)
        self.model = OuterBlock(ngf, block, norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)
