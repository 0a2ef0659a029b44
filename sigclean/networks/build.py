"""Builds generators and discriminators from a name and arguments, as `config.json` stores them.

Apart from the eraser they are the networks of the original PyTorch CycleGAN.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from torch import Tensor, nn

from sigclean.errors import SigcleanError
from sigclean.networks.eraser import Eraser
from sigclean.networks.interface import Generator
from sigclean.networks.patchgan import PatchDiscriminator, PixelDiscriminator
from sigclean.networks.resnet import ResnetGenerator
from sigclean.networks.unet import UnetGenerator

INITS: Mapping[str, Callable[[Tensor, float], object]] = {
    "normal": lambda weight, gain: nn.init.normal_(weight, 0.0, gain),
    "xavier": nn.init.xavier_normal_,
    "kaiming": lambda weight, gain: nn.init.kaiming_normal_(weight),
    "orthogonal": nn.init.orthogonal_,
}
MIN_SIZE = 8  # pixels; reflect padding fails on smaller pictures, which shrink to a quarter

Network = TypeVar("Network", bound=nn.Module)

GENERATORS: Mapping[str, Callable[..., Generator]] = {
    "eraser": Eraser,
    "resnet_9blocks": partial(ResnetGenerator, 9),  # 11.4 M weights, for 256 pixels and more
    "resnet_6blocks": partial(ResnetGenerator, 6),  # 7.8 M weights, for 128 pixels
    "unet_256": partial(UnetGenerator, 8),  # 54.4 M weights
    "unet_128": partial(UnetGenerator, 7),  # 41.8 M weights
}

DISCRIMINATORS: Mapping[str, Callable[..., nn.Module]] = {
    "basic": partial(PatchDiscriminator, 3),  # the 70x70 PatchGAN
    "n_layers": PatchDiscriminator,
    "pixel": PixelDiscriminator,
}


def build_generator(name: str, **arguments: Any) -> Generator:
    """Build a generator with PyTorch's own random weights.

    Raises SigcleanError for an unknown name or argument, or an invalid value.
    """
    return _build("generator", GENERATORS, name, arguments)


def build_discriminator(name: str, **arguments: Any) -> nn.Module:
    """Build a discriminator: it maps Bx3xHxW in [-1, 1] to raw scores, Bx1xhxw.

    Raises SigcleanError as `build_generator`.
    """
    return _build("discriminator", DISCRIMINATORS, name, arguments)


def complete_arguments(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return all arguments of a generator, with the present default for each that is not given.

    Raises SigcleanError as `build_generator`.
    """
    known = _parameters("generator", GENERATORS, name, arguments)
    return {key: arguments.get(key, parameter.default) for key, parameter in known.items()}


def check_size(generator: Generator, size: int) -> None:
    """Raise SigcleanError if the generator cannot take pictures of `size` x `size` pixels."""
    if size < MIN_SIZE or size % generator.multiple:
        raise SigcleanError(
            f"a size of {size} pixels does not fit this generator: "
            f"it must be at least {MIN_SIZE} and a multiple of {generator.multiple}"
        )


def init_weights(module: nn.Module, init_type: str = "normal", init_gain: float = 0.02) -> None:
    """Initialise the weights in place, at random, as the original CycleGAN does.

    Biases become 0 and batch-norm weights are drawn from N(1, gain).

    Args:
        init_type: the distribution of convolution weights: N(0, gain), Xavier normal, Kaiming
            normal (by the fan-in, without the gain), or an orthogonal matrix.
        init_gain: the gain.

    Raises SigcleanError for an unknown `init_type`.
    """
    if init_type not in INITS:
        raise SigcleanError(f"unknown init {init_type!r}: choose one of {', '.join(INITS)}")
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            INITS[init_type](layer.weight, init_gain)
        elif isinstance(layer, nn.BatchNorm2d) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, init_gain)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _build(
    kind: str,
    constructors: Mapping[str, Callable[..., Network]],
    name: str,
    arguments: Mapping[str, Any],
) -> Network:
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
    """Return a constructor's parameters. Raises SigcleanError unless it takes all `arguments`."""
    if name not in constructors:
        raise SigcleanError(f"unknown {kind} {name!r}: choose one of {', '.join(constructors)}")
    known = inspect.signature(constructors[name]).parameters
    for argument in arguments:
        if argument not in known:
            raise SigcleanError(
                f"{kind} {name} has no argument {argument!r}: it takes {', '.join(known)}"
            )
    return known
