"""PatchGAN discriminators (Isola et al. 2017), which score each patch of a picture.

State-dict keys are those of the original PyTorch CycleGAN.
"""

import torch
from torch import nn

from sigclean.networks.layers import norm_layer, uses_bias


class PatchDiscriminator(nn.Module):
    """The PatchGAN: Bx3xHxW in [-1, 1] to Bx1xhxw raw scores, without a sigmoid.

    Args:
        n_layers: strided convolutions. With 3, each score sees 70x70 pixels; each further one
            halves h and w.
        ndf: channels after the first convolution; later ones have up to 8 times as many.
        norm: instance, batch or none.
    """

    def __init__(self, n_layers: int = 3, ndf: int = 64, norm: str = "instance") -> None:
        super().__init__()
        widths = [ndf * min(2**level, 8) for level in range(n_layers + 1)]
        layers: list[nn.Module] = [
            nn.Conv2d(3, ndf, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for level in range(n_layers):
            stride = 1 if level == n_layers - 1 else 2
            layers += _conv(widths[level], widths[level + 1], stride, norm)
        self.model = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class PixelDiscriminator(nn.Module):
    """A discriminator of single pixels: Bx3xHxW in [-1, 1] to Bx1xHxW raw scores."""

    def __init__(self, ndf: int = 64, norm: str = "instance") -> None:
        super().__init__()
        bias = uses_bias(norm)
        self.net = nn.Sequential(
            nn.Conv2d(3, ndf, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, ndf * 2, 1, bias=bias),
            norm_layer(norm, ndf * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 2, 1, 1, bias=bias),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def _conv(inner: int, outer: int, stride: int, norm: str) -> list[nn.Module]:
    return [
        nn.Conv2d(inner, outer, 4, stride=stride, padding=1, bias=uses_bias(norm)),
        norm_layer(norm, outer),
        nn.LeakyReLU(0.2, inplace=True),
    ]
