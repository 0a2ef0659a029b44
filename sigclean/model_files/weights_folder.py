"""Weights folders: `config.json`, `model.safetensors`, and the model card `README.md` with the
`samples.png` that it may show.

Reading is strict: weights of another architecture are an error and never leave random weights in
the network. Writing is checked the same way, so that a saved folder can be loaded.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sigclean.errors import SigcleanError, WeightsError, reason
from sigclean.files import sync_file, sync_folder
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import (
    CARD_FILE,
    CONFIG_FILE,
    ONNX_FILE,
    PUBLISHED,
    SAMPLES_FILE,
    WEIGHTS_FILE,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sigclean.model_files.storage import Storage
    from sigclean.networks.interface import Generator


def read_folder(folder: Path) -> tuple[Generator, ModelConfig]:
    """Load the generator of a weights folder: float32, on the CPU, in evaluation mode.

    Raises WeightsError, naming the file, if one is missing or broken, does not fit the other, or
    holds values that are not finite.
    """
    check_complete(folder, str(folder))
    config = ModelConfig.read(folder / CONFIG_FILE)
    try:
        generator = _build(config)
    except SigcleanError as error:
        raise WeightsError(f"{folder / CONFIG_FILE}: {error}") from error
    tensors = _read_tensors(folder / WEIGHTS_FILE)
    if unlike := difference(generator, tensors):
        raise WeightsError(
            f"{folder / WEIGHTS_FILE} was made for another architecture than the "
            f"{config.generator} of its {CONFIG_FILE}: {unlike}"
        )
    check_finite(tensors, folder / WEIGHTS_FILE)
    generator.load_state_dict(tensors, strict=True)  # copies float16 into float32
    return generator.eval(), config


def check_complete(folder: Path, name: str, also_there: Iterable[str] = ()) -> None:
    """Raise WeightsError if config or weights are missing.

    Args:
        name: the folder's name in the error.
        also_there: names of further files, if `folder` is an incomplete copy.
    """
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    missing = [file for file in (CONFIG_FILE, WEIGHTS_FILE) if file not in present]
    if not missing:
        return
    pickles = sorted(file for file in {*present, *also_there} if is_pickle(file))
    if not pickles:
        raise WeightsError(f"{name} holds no sigclean weights: {missing[0]} is missing")
    raise WeightsError(
        f"{name} holds {pickles[0]} but no {missing[0]}: "
        f"turn that file into a weights folder with `sigclean convert {pickles[0]} -o FOLDER`"
    )


def check_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raise WeightsError, naming the file, for values that are NaN or infinite: they come from a
    training that failed, and would turn every picture into a white page."""
    for key, value in tensors.items():
        if not value.isfinite().all():
            raise WeightsError(f"{path} is unusable: its {key} is not finite")


def is_pickle(name: str) -> bool:
    """Tell whether `torch.save` wrote a file, judging by its name."""
    return name.endswith((".pth", ".pt"))


def save_generator(
    module: nn.Module,
    config: ModelConfig,
    folder: str | os.PathLike[str],
    *,
    card: str | None = None,
    samples: Path | None = None,
    storage: Storage = "float32",
) -> Path:
    """Write a weights folder: a new one appears at once, complete; the files of an existing one
    are replaced when all new ones are complete.

    Args:
        module: the generator, which DDP and torch.compile may have wrapped.
        config: builds the generator; arguments that it leaves out are written with their defaults.
        folder: is made if need be; other files in it stay.
        card: the text of README.md; without it, an existing README.md stays.
        samples: the picture that the card shows as samples.png; a card without one removes an
            existing samples.png.
        storage: the precision of the file, see `storage.pack`.

    Returns:
        The folder.

    Raises WeightsError if the config builds another network, or the folder cannot be written.
    """
    from safetensors.torch import save

    from sigclean.model_files.storage import pack

    config = _with_all_arguments(config)
    tensors = plain_state(module)
    _check_made_by(config, tensors)
    tensors = pack(tensors, storage)
    with _filled_at_once(Path(folder)) as draft:
        # save_file would make a file that only its owner can read
        (draft / WEIGHTS_FILE).write_bytes(save(tensors, metadata={"format": "pt"}))
        (draft / CONFIG_FILE).write_text(config.to_json(), encoding="utf-8")
        if card is not None:
            (draft / CARD_FILE).write_text(card, encoding="utf-8")
        if samples is not None:
            shutil.copyfile(samples, draft / SAMPLES_FILE)
        elif card is not None:
            (Path(folder) / SAMPLES_FILE).unlink(missing_ok=True)
        (Path(folder) / ONNX_FILE).unlink(missing_ok=True)  # it belongs to the old weights
    return Path(folder)


def copy_folder(source: Path, target: Path) -> Path:
    """Copy the files of a weights folder to `target`, where other files stay; returns `target`."""
    with _filled_at_once(target) as draft:
        for name in PUBLISHED:
            if (source / name).is_file():
                shutil.copyfile(source / name, draft / name)
    return target


def plain_state(module: nn.Module) -> dict[str, Tensor]:
    """Copy a module's weights to the CPU, contiguous, under the names of the bare network."""
    return {
        plain_key(key): value.detach().cpu().contiguous().clone()
        for key, value in module.state_dict().items()
    }


def plain_key(key: str) -> str:
    """Return a state-dict key without the prefixes of DDP, DataParallel and torch.compile."""
    return re.sub(r"^((module|_orig_mod)\.)+", "", key)


def difference(module: nn.Module, tensors: Mapping[str, Tensor]) -> str | None:
    """Describe the first tensor in which a module and stored weights differ; None if they fit."""
    wanted = module.state_dict()
    for key in [*wanted, *tensors]:
        if key not in tensors:
            return f"it has no {key}"
        if key not in wanted:
            return f"it has an additional {key}"
        if wanted[key].shape != tensors[key].shape:
            shapes = "x".join(map(str, tensors[key].shape)), "x".join(map(str, wanted[key].shape))
            return f"its {key} is {shapes[0]}, not {shapes[1]}"
        if wanted[key].is_floating_point() != tensors[key].is_floating_point():
            return f"its {key} is {tensors[key].dtype}, not {wanted[key].dtype}"
    return None


def _with_all_arguments(config: ModelConfig) -> ModelConfig:
    from sigclean.networks.build import complete_arguments

    return replace(config, arguments=complete_arguments(config.generator, config.arguments))


def _check_made_by(config: ModelConfig, tensors: Mapping[str, Tensor]) -> None:
    """Raise WeightsError unless the config builds a network of these weights."""
    import torch

    with torch.device("meta"):
        unlike = difference(_build(config), tensors)
    if unlike:
        raise WeightsError(
            f"these weights are not those of the {config.generator} that is to be saved: {unlike}"
        )


@contextmanager
def _filled_at_once(folder: Path) -> Iterator[Path]:
    """Yield a draft folder, which becomes `folder` after the block.

    If `folder` exists, its files are replaced one by one. Drafts of killed writers are removed.
    Raises WeightsError if it cannot be written.
    """
    place = folder.resolve()
    draft = place.with_name(f".{place.name}.{os.getpid()}.draft")
    try:
        _remove_drafts(place)
        draft.mkdir(parents=True)
        yield draft
        for path in draft.iterdir():
            sync_file(path)
        if place.is_dir():
            for path in draft.iterdir():
                path.replace(place / path.name)
            sync_folder(place)
        else:
            draft.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        raise WeightsError(f"{folder} cannot be written: {reason(error)}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_drafts(place: Path) -> None:
    for path in place.parent.glob(f".{glob.escape(place.name)}.*.draft"):
        shutil.rmtree(path, ignore_errors=True)


def _build(config: ModelConfig) -> Generator:
    from sigclean.networks.build import build_generator, check_size

    generator = build_generator(config.generator, **config.arguments)
    check_size(generator, config.size)
    return generator


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from sigclean.model_files.storage import unpack

    try:
        return unpack(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is broken or not a safetensors file: {error}") from error
