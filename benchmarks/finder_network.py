"""The network that finds signatures on a page, as it is trained; it is served as ONNX."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sigclean.finding.network import CLASSES

WIDTHS = (16, 32, 64, 96, 128)  # channels at a half to a 32nd of the page's size
NECK = 48  # channels of what the heads see
RARE = -4.6  # bias of the heat: at first every place is unlikely


class FinderNetwork(nn.Module):
    """Finds objects on pages, Bx3xHxW in [0, 1]; H and W are multiples of 32.

    Returns Bx8x(H/4)x(W/4): a heat for each class, whose peaks are centres of objects (logits); the
    distances of the object's four sides (left, top, right, bottom) in units of `UNIT`, as
    logarithms; and how likely a signature's ink is there (a logit).
    """

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth, last = WIDTHS
        self.stem = nn.Sequential(_conv(3, half, 2), _conv(half, quarter, 2), _Block(quarter))
        self.eighth = nn.Sequential(_conv(quarter, eighth, 2), _Block(eighth), _Block(eighth))
        self.sixteenth = nn.Sequential(
            _conv(eighth, sixteenth, 2), _Block(sixteenth), _Block(sixteenth)
        )
        self.last = nn.Sequential(
            _conv(sixteenth, last, 2), _Block(last), _Attention(last), _Block(last)
        )
        self.from_last = nn.Conv2d(last, sixteenth, 1)
        self.at_sixteenth = _conv(sixteenth, sixteenth)
        self.from_sixteenth = nn.Conv2d(sixteenth, eighth, 1)
        self.at_eighth = _conv(eighth, eighth)
        self.from_eighth = nn.Conv2d(eighth, NECK, 1)
        self.from_quarter = nn.Conv2d(quarter, NECK, 1)
        self.at_quarter = _conv(NECK, NECK)
        self.heads = nn.Sequential(_conv(NECK, NECK), nn.Conv2d(NECK, CLASSES + 5, 1))
        bias = self.heads[1].bias
        with torch.no_grad():
            bias.zero_()
            bias[:CLASSES] = RARE
            bias[CLASSES : CLASSES + 4] = 2.0
            bias[-1] = RARE

    def forward(self, pages: Tensor) -> Tensor:
        """Compute the output, see the class."""
        quarter = self.stem(pages * 4 - 3)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        last = self.last(sixteenth)
        sixteenth = self.at_sixteenth(sixteenth + _twice(self.from_last(last)))
        eighth = self.at_eighth(eighth + _twice(self.from_sixteenth(sixteenth)))
        joined = self.from_quarter(quarter) + _twice(self.from_eighth(eighth))
        return self.heads(self.at_quarter(joined))


class _Block(nn.Module):
    """Two convolutions, whose result is added to what they saw."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, values: Tensor) -> Tensor:
        return functional.relu(values + self.second(self.first(values)))


class _Attention(nn.Module):
    """Lets every place see the whole page, and know where on the page it is."""

    HEADS = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.place = nn.Conv2d(4, width, 1)
        self.ask = nn.Conv2d(width, 3 * width, 1)
        self.answer = nn.Conv2d(width, width, 1)

    def forward(self, values: Tensor) -> Tensor:
        batch, width, height, across = values.shape
        ones = torch.ones_like(values[:, :1])
        x, y = ones.cumsum(3) * (2 / across) - 1, ones.cumsum(2) * (2 / height) - 1
        places = self.place(torch.cat([x, y, x * x, y * y], dim=1))
        parts = self.ask(self.norm(values + places))
        parts = parts.reshape(batch, 3, self.HEADS, width // self.HEADS, height * across)
        query, key, value = parts.transpose(3, 4).unbind(1)
        scores = query @ key.transpose(2, 3) * (width // self.HEADS) ** -0.5
        seen = scores.softmax(dim=-1) @ value
        seen = seen.transpose(2, 3).reshape(batch, width, height, across)
        return values + self.answer(seen)


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _twice(values: Tensor) -> Tensor:
    return functional.interpolate(values, scale_factor=2.0, mode="nearest")
