"""The ResNet generator of CycleGAN (Zhu et al. 2017, appendix; after Johnson et al. 2016).

In the paper's shorthand it is c7s1-64, d128, d256, R256 x blocks, u128, u64, c7s1-3. State-dict
keys are those of the original PyTorch CycleGAN, so that its `latest_net_G*.pth` files fit.
"""

import torch
from torch import nn

from sigclean.networks.interface import Generator
from sigclean.networks.layers import norm_layer, uses_bias


class ResnetBlock(nn.Module):
    """A residual block of two reflect-padded 3x3 convolutions: BxCxHxW to the same."""

    def __init__(self, channels: int, norm: str, dropout: bool) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            *_padded_conv(channels, norm),
            nn.ReLU(inplace=True),
            *([nn.Dropout(0.5)] if dropout else []),
            *_padded_conv(channels, norm),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv_block(x).add_(x)


class ResnetGenerator(Generator):
    """The ResNet generator.

    Args:
        blocks: residual blocks at a quarter of the size; 9 for 256 pixels and more, 6 for 128.
        ngf: channels after the first convolution; the blocks have 4 times as many.
        norm: instance, batch or none.
        dropout: 50 % dropout inside each block.
    """

    multiple = 4  # pixels: two halvings

    def __init__(
        self, blocks: int = 9, ngf: int = 64, norm: str = "instance", dropout: bool = False
    ) -> None:
        super().__init__()
        bias = uses_bias(norm)
        self.model = nn.Sequential(
            nn.ReflectionPad2d(3),
            nn.Conv2d(3, ngf, 7, bias=bias),
            norm_layer(norm, ngf),
            nn.ReLU(inplace=True),
            *_down(ngf, norm),
            *_down(ngf * 2, norm),
            *(ResnetBlock(ngf * 4, norm, dropout) for _ in range(blocks)),
            *_up(ngf * 4, norm),
            *_up(ngf * 2, norm),
            nn.ReflectionPad2d(3),
            nn.Conv2d(ngf, 3, 7),
            nn.Tanh(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


def _padded_conv(channels: int, norm: str) -> list[nn.Module]:
    return [
        nn.ReflectionPad2d(1),
        nn.Conv2d(channels, channels, 3, bias=uses_bias(norm)),
        norm_layer(norm, channels),
    ]


def _down(channels: int, norm: str) -> list[nn.Module]:
    """Halve the size, double the channels."""
    return [
        nn.Conv2d(channels, channels * 2, 3, stride=2, padding=1, bias=uses_bias(norm)),
        norm_layer(norm, channels * 2),
        nn.ReLU(inplace=True),
    ]


def _up(channels: int, norm: str) -> list[nn.Module]:
    """Double the size, halve the channels."""
    half = channels // 2
    return [
        nn.ConvTranspose2d(
            channels, half, 3, stride=2, padding=1, output_padding=1, bias=uses_bias(norm)
        ),
        norm_layer(norm, half),
        nn.ReLU(inplace=True),
    ]
