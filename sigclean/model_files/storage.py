"""How weights are stored: as they are, in half the bytes, or in a quarter of them.

Only the file is smaller: weights are float32 again when they are loaded, so a network computes as
fast as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

Storage = Literal["float32", "float16", "int8"]

_SCALE = "_scale"  # is added to the name of what it scales
_LARGEST = 127


def pack(tensors: Mapping[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    """What is written to the file.

    With `int8`, tensors of two and more dimensions are rounded to 255 levels, evenly spaced for
    each index of the first (of a convolution: an output channel), whose spacing is stored beside
    them as `<name>_scale`; all others are float16.
    """
    if storage == "float32":
        return dict(tensors)
    packed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if not value.is_floating_point():
            packed[name] = value
        elif storage == "int8" and value.dim() > 1:
            packed[name], packed[name + _SCALE] = _round(value.float())
        else:
            packed[name] = value.half()
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a file, those of int8 as float32; all else is left as it is."""
    tensors = dict(packed)
    for name, value in packed.items():
        scale = packed.get(name + _SCALE)
        if value.dtype == torch.int8 and scale is not None and scale.shape == value.shape[:1]:
            tensors[name] = value.float() * _along(tensors.pop(name + _SCALE).float(), value)
    return tensors


def _round(value: Tensor) -> tuple[Tensor, Tensor]:
    scale = value.flatten(1).abs().amax(1) / _LARGEST
    levels = torch.round(value / _along(scale.clamp_min(torch.finfo(scale.dtype).tiny), value))
    return levels.to(torch.int8), scale


def _along(scale: Tensor, value: Tensor) -> Tensor:
    """One number for each index of the first dimension of `value`, to be multiplied with it."""
    return scale.reshape(-1, *[1] * (value.dim() - 1))
