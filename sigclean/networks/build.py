"""Generators and discriminators by name: a name and its arguments are all that a config stores."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from sigclean.errors import SigcleanError
from sigclean.networks.eraser import Eraser
from sigclean.networks.patchgan import PatchDiscriminator, PixelDiscriminator
from sigclean.networks.resnet import ResnetGenerator
from sigclean.networks.unet import UnetGenerator

INIT_TYPES = ("normal", "xavier", "kaiming", "orthogonal")
MIN_SIZE = 8  # pixels; below it reflect padding is wider than the picture at a quarter of its size


def resnet_9blocks(ngf: int = 64, norm: str = "instance", dropout: bool = False) -> ResnetGenerator:
    """The reference generator for pictures of 256 pixels and more: 11.4 M weights."""
    return ResnetGenerator(9, ngf, norm, dropout)


def resnet_6blocks(ngf: int = 64, norm: str = "instance", dropout: bool = False) -> ResnetGenerator:
    """The reference generator for pictures of 128 pixels: 7.8 M weights."""
    return ResnetGenerator(6, ngf, norm, dropout)


def unet_256(ngf: int = 64, norm: str = "instance", dropout: bool = False) -> UnetGenerator:
    """The reference U-Net of 8 halvings: 54.4 M weights."""
    return UnetGenerator(8, ngf, norm, dropout)


def unet_128(ngf: int = 64, norm: str = "instance", dropout: bool = False) -> UnetGenerator:
    """The reference U-Net of 7 halvings: 41.8 M weights."""
    return UnetGenerator(7, ngf, norm, dropout)


def basic(ndf: int = 64, norm: str = "instance") -> PatchDiscriminator:
    """The 70x70 PatchGAN."""
    return PatchDiscriminator(3, ndf, norm)


GENERATORS: Mapping[str, Callable[..., nn.Module]] = {
    "eraser": Eraser,
    "resnet_9blocks": resnet_9blocks,
    "resnet_6blocks": resnet_6blocks,
    "unet_256": unet_256,
    "unet_128": unet_128,
}

DISCRIMINATORS: Mapping[str, Callable[..., nn.Module]] = {
    "basic": basic,
    "n_layers": PatchDiscriminator,
    "pixel": PixelDiscriminator,
}


def build_generator(name: str, **arguments: Any) -> nn.Module:
    """A generator, Bx3xHxW in [-1, 1] to the same, with PyTorch's own random weights.

    Raises SigcleanError for a name, an argument or a value that does not exist.
    """
    return _build("generator", GENERATORS, name, arguments)


def build_discriminator(name: str, **arguments: Any) -> nn.Module:
    """A discriminator, Bx3xHxW in [-1, 1] to Bx1xhxw raw scores. Raises as `build_generator`."""
    return _build("discriminator", DISCRIMINATORS, name, arguments)


def complete_arguments(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of generator `name`, defaults filled in: a later default cannot change them.

    Raises SigcleanError as `build_generator`.
    """
    known = _parameters("generator", GENERATORS, name, arguments)
    return {key: arguments.get(key, parameter.default) for key, parameter in known.items()}


def check_size(generator: nn.Module, size: int) -> None:
    """Raises SigcleanError if the generator cannot take pictures of `size` x `size` pixels.

    Every generator says in `multiple` which sizes come out as they went in.
    """
    multiple = getattr(generator, "multiple", 1)
    if size < MIN_SIZE or size % multiple:
        raise SigcleanError(
            f"a size of {size} pixels does not fit this generator: "
            f"it must be at least {MIN_SIZE} and a multiple of {multiple}"
        )


def init_weights(module: nn.Module, init_type: str = "normal", init_gain: float = 0.02) -> None:
    """Draw new weights in place, as the reference does before training.

    Convolution weights come from N(0, gain), Xavier normal (gain), Kaiming normal (fan in; it has
    no gain) or an orthogonal matrix (gain); batch-norm weights from N(1, gain); biases are 0.
    """
    if init_type not in INIT_TYPES:
        raise SigcleanError(f"unknown init {init_type!r}: choose one of {', '.join(INIT_TYPES)}")
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            _draw(layer.weight, init_type, init_gain)
        elif isinstance(layer, nn.BatchNorm2d) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, init_gain)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _draw(weight: Tensor, init_type: str, gain: float) -> None:
    if init_type == "normal":
        nn.init.normal_(weight, 0.0, gain)
    elif init_type == "xavier":
        nn.init.xavier_normal_(weight, gain)
    elif init_type == "kaiming":
        nn.init.kaiming_normal_(weight)
    else:
        nn.init.orthogonal_(weight, gain)


def _build(
    kind: str,
    constructors: Mapping[str, Callable[..., nn.Module]],
    name: str,
    arguments: Mapping[str, Any],
) -> nn.Module:
    _parameters(kind, constructors, name, arguments)
    try:
        return constructors[name](**arguments)
    except (TypeError, ValueError, RuntimeError) as error:  # ngf="wide", ngf=-1, ...
        if isinstance(error, SigcleanError):
            raise
        raise SigcleanError(f"{kind} {name} cannot be built from {dict(arguments)}") from error


def _parameters(
    kind: str,
    constructors: Mapping[str, Callable[..., nn.Module]],
    name: str,
    arguments: Mapping[str, Any],
) -> Mapping[str, inspect.Parameter]:
    """What a constructor takes; raises SigcleanError unless it takes all of `arguments`."""
    if name not in constructors:
        raise SigcleanError(f"unknown {kind} {name!r}: choose one of {', '.join(constructors)}")
    known = inspect.signature(constructors[name]).parameters
    for argument in arguments:
        if argument not in known:
            raise SigcleanError(
                f"{kind} {name} has no argument {argument!r}: it takes {', '.join(known)}"
            )
    return known
