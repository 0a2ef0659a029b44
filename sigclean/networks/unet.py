"""The U-Net generator of pix2pix (Isola et al. 2017, appendix): halve to one pixel, double back.

Each level wraps the next one, as in the authors' PyTorch implementation, whose state-dict keys
(`model.model.1.model.3...`) are therefore this module's own.
"""

from __future__ import annotations

import torch
from torch import nn

from sigclean.networks.layers import norm_layer, uses_bias


class SkipBlock(nn.Module):
    """One level: down, the level below (if any), up, joined to what came in.

    BxCxHxW in; Bx2CxHxW out, the input's channels first. H and W are even. The activation works
    in place, as the authors' does: the skip carries what the leaky ReLU let through, of which the
    ReLU that follows the join makes the same.

    Args:
        outer, inner: channels outside and inside this level.
        below: the level inside this one; None for the innermost.
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
        if below is not None:  # the innermost picture is a single pixel: nothing to normalise
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
    """The outermost level: picture in, picture out, without a skip around it."""

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


class UnetGenerator(nn.Module):
    """Bx3xHxW in [-1, 1] to the same. H and W are multiples of `self.multiple`.

    Args:
        downs: halvings, at least 5: 7 for `unet_128`, 8 for `unet_256`.
        ngf: channels of the outermost level; the inner ones have up to 8 times as many.
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
