"""The default generator: a small U-Net that predicts which ink to keep.

Its finest level has half the picture's resolution (space-to-depth in, pixel shuffle out). All
convolutions are plain 3x3 ones: on a CPU they take less time than depthwise-separable ones with a
fraction of their arithmetic. Dilated convolutions at the coarsest level see the whole picture,
which tells a printed line from a long stroke. Global contexts in the decoder compare each place
with the rest of the picture: with the colour and the width of the signature's strokes.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sigclean.errors import SigcleanError
from sigclean.networks.interface import KeepMapGenerator
from sigclean.networks.layers import norm_layer

DILATIONS = (1, 2, 4, 1)  # pixels of the coarsest level, for the context blocks in turn


class ConvBlock(nn.Module):
    """A 3x3 convolution, norm and ReLU; `residual` adds the input before the ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        residual: bool = False,
        norm: str = "batch",
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=norm != "batch"
        )
        self.norm = norm_layer(norm, outputs)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        return F.relu(y + x if self.residual else y, inplace=True)

    def fuse(self) -> None:
        """Fold the batch norm into the convolution, which saves a pass; needs evaluation mode."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


class GlobalContext(nn.Module):
    """The global context block (Cao et al. 2019, arXiv 1904.11492), with several heads.

    Each head pools the features over a softmax of places of its own, say over the signature's
    strokes or a stamp's. The pooled features are added to every place, so that later layers can
    compare it with both.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        hidden = max(channels // 2, 1)
        self.where = nn.Conv2d(channels, heads, 1, bias=False)  # a softmax forgets a bias
        self.gather = nn.Conv2d(channels, hidden, (1, heads))
        self.tell = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        shares = self.where(x).flatten(2).float().softmax(-1).to(x.dtype)  # B x heads x places
        pooled = x.flatten(2) @ shares.transpose(1, 2)
        return x + self.tell(F.relu(self._gathered(pooled)))

    def _gathered(self, pooled: Tensor) -> Tensor:
        """BxCx`heads` to BxHx1x1; in training without a convolution, whose gradient in bfloat16
        took a quarter of a step on a CPU."""
        if not self.training:
            return self.gather(pooled.unsqueeze(2))
        return F.linear(pooled.flatten(1), self.gather.weight.flatten(1), self.gather.bias)[
            ..., None, None
        ]


def _stage(channels: int, depth: int, norm: str) -> nn.Sequential:
    return nn.Sequential(
        *(ConvBlock(channels, channels, residual=True, norm=norm) for _ in range(depth))
    )


class Eraser(KeepMapGenerator):
    """A U-Net that predicts a keep map.

    Args:
        widths: channels of each level, at 1/2, 1/4, ... of the picture's size.
        encoder_depths: residual blocks of each level.
        decoder_depths: residual blocks of each level but the coarsest, coarser levels first.
        context: how many dilated residual blocks the coarsest level has.
        norm: batch (folded away for serving), instance or none.
        heads: heads of the global context before each stage of the decoder; 0 for no contexts.
    """

    def __init__(
        self,
        widths: Sequence[int] = (24, 48, 80, 112, 144),
        encoder_depths: Sequence[int] = (1, 1, 3, 3, 2),
        decoder_depths: Sequence[int] = (3, 2, 1, 1),
        context: int = 3,
        norm: str = "batch",
        heads: int = 4,
    ) -> None:
        super().__init__()
        if not len(widths) == len(encoder_depths) == len(decoder_depths) + 1:
            raise SigcleanError(
                "an eraser needs one encoder depth per width and one decoder depth fewer, "
                f"not {len(widths)}, {len(encoder_depths)} and {len(decoder_depths)}"
            )
        self.multiple = 2 ** len(widths)
        self.takes_cuts = norm != "instance"  # whose means depend on the strips
        self.unshuffle: nn.Module = nn.PixelUnshuffle(2)
        self.stem = ConvBlock(12, widths[0], norm=norm)
        self.encoder = nn.ModuleList(
            _stage(width, depth, norm) for width, depth in zip(widths, encoder_depths, strict=True)
        )
        self.down = nn.ModuleList(
            ConvBlock(fine, coarse, stride=2, norm=norm) for fine, coarse in pairwise(widths)
        )
        self.context = nn.Sequential(
            *(
                ConvBlock(
                    widths[-1],
                    widths[-1],
                    dilation=DILATIONS[i % len(DILATIONS)],
                    residual=True,
                    norm=norm,
                )
                for i in range(context)
            )
        )
        self.up = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1)
            for fine, coarse in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )
        self.decoder = nn.ModuleList(
            _stage(width, depth, norm)
            for width, depth in zip(widths[-2::-1], decoder_depths, strict=True)
        )
        self.contexts = nn.ModuleList(
            GlobalContext(width, heads) if heads else nn.Identity() for width in widths[-2::-1]
        )
        self.head = nn.Conv2d(widths[0], 4, 3, padding=1)

    def keep_logits(self, x: Tensor) -> Tensor:
        """See `KeepMapGenerator`."""
        y = self.stem(self.unshuffle(x))
        skips = []
        for stage, down in zip(self.encoder[:-1], self.down, strict=True):
            y = stage(y)
            skips.append(y)
            y = down(y)
        y = self.context(self.encoder[-1](y))
        for up, context, stage in zip(self.up, self.contexts, self.decoder, strict=True):
            y = F.interpolate(up(y), scale_factor=2.0, mode="nearest") + skips.pop()
            y = stage(context(y))
        return F.pixel_shuffle(self.head(y), 2)

    def fuse(self) -> None:
        """Fold the batch norms and the space-to-depth into convolutions, see `Generator`."""
        for module in self.modules():
            if isinstance(module, ConvBlock):
                module.fuse()
        if not isinstance(self.unshuffle, nn.Identity):
            self.stem.conv = _on_pixels(self.stem.conv)
            self.unshuffle = nn.Identity()


def _on_pixels(conv: nn.Conv2d) -> nn.Conv2d:
    """Turn a 3x3 convolution of the space-to-depth into the 6x6 one of stride 2 on pixels that
    equals it. Moving the pixels first took a twelfth of the network's time."""
    wide = nn.Conv2d(3, conv.out_channels, 6, 2, padding=2, bias=conv.bias is not None)
    parts = conv.weight.detach().reshape(conv.out_channels, 3, 2, 2, 3, 3)  # o, c, i, j, ky, kx
    wide.weight = nn.Parameter(parts.permute(0, 1, 4, 2, 5, 3).reshape(wide.weight.shape))
    if conv.bias is not None:
        wide.bias = nn.Parameter(conv.bias.detach())
    return wide
