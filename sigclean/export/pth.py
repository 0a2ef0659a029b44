"""The `latest_net_G*.pth` files of the original PyTorch CycleGAN, in and out.

Such a file is the state dict of a bare generator; its keys and shapes tell which one.
"""

import os
import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sigclean.errors import WeightsError, reason
from sigclean.files import atomic_write
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.weights_folder import check_finite, difference, plain_key, plain_state
from sigclean.networks.build import build_generator

ORIGINAL_GENERATORS = ("resnet_9blocks", "resnet_6blocks", "unet_256", "unet_128")

_RUNNING_STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
_RESNET_BLOCK = re.compile(r"model\.(\d+)\.conv_block\.1\.weight")
_UNET_DOWN = re.compile(r"model\.model\.1(\.model\.3)*\.model\.1\.weight")


def read_pth(
    path: str | os.PathLike[str], generator: str = "auto", size: int = 512
) -> tuple[nn.Module, ModelConfig]:
    """Load a generator that the original saved, now or with an old version of PyTorch.

    Keys may have the prefix of a wrapper, such as `module.`. Only tensors are unpickled.

    Args:
        generator: the name of the generator that the file must hold; "auto" for any.
        size: the side in pixels of the pictures it was trained on, which the file does not tell.

    Returns:
        The generator in evaluation mode, and its config.

    Raises WeightsError if the file is broken, holds more than tensors, or none of the original's
    generators.
    """
    state = _read_state(Path(path))
    name, arguments = _recognise(state, path)
    if generator not in ("auto", name):
        raise WeightsError(f"{path} holds a {name}, not a {generator}")
    state = _modernise(state, arguments["norm"])
    module = build_generator(name, **arguments)
    if unlike := difference(module, state):
        raise WeightsError(f"{path} is not quite a {name} of the original CycleGAN: {unlike}")
    check_finite(state, Path(path))
    module.load_state_dict(state, strict=True)
    return module.eval(), ModelConfig(name, arguments, size=size)


def write_pth(module: nn.Module, config: ModelConfig, path: str | os.PathLike[str]) -> Path:
    """Write a generator as the original does, for its `test.py`; returns the path.

    The file appears complete or not at all.

    Raises:
        WeightsError: the original does not have this generator.
        SigcleanError: the file cannot be written.
    """
    if config.generator not in ORIGINAL_GENERATORS:
        raise WeightsError(
            f"the original CycleGAN has no generator {config.generator!r}: "
            f"only {', '.join(ORIGINAL_GENERATORS)} can be written as .pth"
        )
    path = Path(path)
    with atomic_write(path) as draft, draft.open("wb") as file:
        torch.save(OrderedDict(plain_state(module)), file)
    return path


def _read_state(path: Path) -> dict[str, Tensor]:
    try:
        data = BytesIO(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {reason(error)}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the protocol of files that are refused
            content = torch.load(data, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than tensors, and sigclean never unpickles Python objects: "
            "it needs a file that was saved from the generator's state_dict()"
        ) from error
    except Exception as error:  # for damaged bytes the unpickler raises errors of any class
        raise WeightsError(f"{path} is broken or not a PyTorch file") from error
    if not _is_state_dict(content):
        raise WeightsError(f"{path} is not the state_dict() of a generator")
    return {plain_key(key): value for key, value in content.items()}


def _is_state_dict(content: Any) -> bool:
    return isinstance(content, Mapping) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    )


def _recognise(
    state: Mapping[str, Tensor], path: str | os.PathLike[str]
) -> tuple[str, dict[str, Any]]:
    """Return name and arguments of the generator that a state dict comes from."""
    blocks = [found[1] for found in map(_RESNET_BLOCK.fullmatch, state) if found]
    downs = 1 + sum(bool(_UNET_DOWN.fullmatch(key)) for key in state)
    if blocks:
        name, first, hidden = f"resnet_{len(blocks)}blocks", "model.1", "model.4"
    else:
        name, first, hidden = f"unet_{2**downs}", "model.model.0", "model.model.1.model.1"
    stem = state.get(f"{first}.weight")
    if name not in ORIGINAL_GENERATORS or stem is None or stem.ndim != 4:
        raise WeightsError(
            f"{path} holds no generator of the original CycleGAN ({', '.join(ORIGINAL_GENERATORS)})"
        )
    # A dropout layer has no weights, but moves the layers after it in a ResNet block.
    dropout = bool(blocks) and f"model.{blocks[0]}.conv_block.5.weight" not in state
    arguments = {
        "ngf": len(stem),
        "norm": _recognise_norm(state, hidden),
        "dropout": dropout,
    }
    return name, arguments


def _recognise_norm(state: Mapping[str, Tensor], hidden: str) -> str:
    if any(key.endswith(".weight") and value.ndim == 1 for key, value in state.items()):
        return "batch"
    return "instance" if f"{hidden}.bias" in state else "none"


def _modernise(state: Mapping[str, Tensor], norm: str) -> dict[str, Tensor]:
    """Convert a state dict of an old PyTorch to today's norms: before 0.4 instance norm stored
    running statistics, though it never used them, and before 0.4.1 batch norm did not count its
    batches."""
    if norm == "batch":
        norms = [key.removesuffix("running_var") for key in state if key.endswith("running_var")]
        return {f"{key}num_batches_tracked": torch.tensor(0) for key in norms} | dict(state)
    return {key: value for key, value in state.items() if not key.endswith(_RUNNING_STATISTICS)}
