"""3x3 convolutions of training on a CPU: the same results with less arithmetic."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigclean.networks.winograd import FEWEST_CHANNELS, Conv3x3, conv3x3


def pictures(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return made.contiguous(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("batch", [1, 3])
def test_results_and_gradients_are_those_of_a_convolution(batch: int) -> None:
    x, weight = pictures(batch, 5, 14, 10), pictures(7, 5, 3, 3)
    direct, ours = F.conv2d(x, weight), conv3x3(x, weight)
    torch.testing.assert_close(ours, direct, rtol=1e-5, atol=1e-4)
    upstream = torch.randn_like(direct)
    expected = torch.autograd.grad(direct, (x, weight), upstream)
    for one, other in zip(torch.autograd.grad(ours, (x, weight), upstream), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=3e-4)


def test_gradients_are_those_of_the_function() -> None:
    x = pictures(2, 2, 6, 10, dtype=torch.float64)
    weight = pictures(3, 2, 3, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(conv3x3, (x, weight))
    exact = F.conv2d(x, weight)
    torch.testing.assert_close(conv3x3(x, weight), exact, rtol=1e-12, atol=1e-12)


def test_memory_formats_give_the_same() -> None:
    x, weight = pictures(2, 4, 10, 10), pictures(4, 4, 3, 3)
    assert torch.equal(conv3x3(x.contiguous(), weight), conv3x3(x, weight))
    assert conv3x3(x, weight).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_a_conv2d_with_its_keys(padding: int, bias: bool) -> None:
    torch.manual_seed(2)
    ours = Conv3x3(FEWEST_CHANNELS, FEWEST_CHANNELS, padding=padding, bias=bias)
    plain = nn.Conv2d(FEWEST_CHANNELS, FEWEST_CHANNELS, 3, padding=padding, bias=bias)
    plain.load_state_dict(ours.state_dict())
    x = pictures(1, FEWEST_CHANNELS, 10 - 2 * padding, 14 - 2 * padding)
    torch.testing.assert_close(ours(x), plain(x), rtol=1e-5, atol=1e-4)
    assert not torch.equal(ours(x), plain(x)), "or it was not the faster algorithm"
    with torch.no_grad():
        assert torch.equal(ours(x), plain(x)), "what is served is computed as ever"


@pytest.mark.parametrize(
    ("channels", "side"), [(FEWEST_CHANNELS, 13), (FEWEST_CHANNELS - 1, 14)], ids=["odd", "narrow"]
)
def test_what_does_not_fit_is_a_plain_convolution(channels: int, side: int) -> None:
    layer, x = Conv3x3(channels, channels), pictures(1, channels, side, side)
    assert torch.equal(layer(x), F.conv2d(x, layer.weight, layer.bias))
