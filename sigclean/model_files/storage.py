"""The storage of weights: as they are, in half the bytes, or in a quarter of them.

Only the file becomes smaller. Loading gives float32 again, so the network is as fast as before.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

Storage = Literal["float32", "float16", "int8"]

_SCALE = "_scale"  # the suffix of the name of the scales of a tensor
_LARGEST = 127  # level of int8, above and below 0


def pack(tensors: Mapping[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    """Convert weights to the tensors that are written to the file.

    With `int8`, each output channel of a tensor with two or more dimensions is rounded to 255
    evenly spaced levels; the spacings are stored as `<name>_scale`. Other tensors become float16.
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
    """Convert the tensors of a file to weights: int8 to float32, others stay as they are."""
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
    """Reshape one number for each output channel so that it multiplies `value`."""
    return scale.reshape(-1, *[1] * (value.dim() - 1))
