"""Weights folders on disk: `config.json`, `model.safetensors` and `README.md`, the model card, with
the `samples.png` that it may show.

Reading is strict: a file of another architecture is an error, never a network with some random
weights. Writing is checked the same way, so that what was saved can be loaded.
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


def read_folder(folder: Path) -> tuple[nn.Module, ModelConfig]:
    """Load the generator of a weights folder: float32, on the CPU, in evaluation mode.

    Raises WeightsError, naming the file, if one is missing, broken, holds values that are no
    numbers, or does not fit the other.
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
    """Raises WeightsError if config or weights are missing.

    Args:
        name: what to call the folder in the error.
        also_there: names of files that the whole of it holds, if `folder` is only a part.
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
    """Raises WeightsError, naming the file, for values that are no numbers: results of a training
    that failed, which would clean every picture to a white page."""
    for key, value in tensors.items():
        if not value.isfinite().all():
            raise WeightsError(f"{path} is unusable: its {key} is not finite")


def is_pickle(name: str) -> bool:
    """Whether a file is, by its name, one that `torch.save` wrote."""
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
    """Write a weights folder: a new one appears whole, an old one's files are replaced when all are
    complete.

    Args:
        module: the generator; a wrapper's `module.` (DDP) and `_orig_mod.` (compile) are dropped.
        config: what builds it; arguments left to their defaults are written out.
        folder: made if it is not there; other files in it stay.
        card: the text of README.md; without it a README.md that is there stays.
        samples: the picture that the card shows as samples.png; with a card that has none, one
            that is there goes.
        storage: how exactly weights are stored, see `storage.pack`; loading gives float32 again.

    Raises:
        WeightsError: the module is not what the config builds, or the folder cannot be written.
    """
    from safetensors.torch import save

    from sigclean.model_files.storage import pack

    config = _with_all_arguments(config)
    tensors = plain_state(module)
    _check_made_by(config, tensors)
    tensors = pack(tensors, storage)
    with _filled_at_once(Path(folder)) as draft:
        # save_file would make a file that its owner alone can read
        (draft / WEIGHTS_FILE).write_bytes(save(tensors, metadata={"format": "pt"}))
        (draft / CONFIG_FILE).write_text(config.to_json(), encoding="utf-8")
        if card is not None:
            (draft / CARD_FILE).write_text(card, encoding="utf-8")
        if samples is not None:
            shutil.copyfile(samples, draft / SAMPLES_FILE)
        elif card is not None:
            (Path(folder) / SAMPLES_FILE).unlink(missing_ok=True)
        (Path(folder) / ONNX_FILE).unlink(missing_ok=True)  # it was made from the weights before
    return Path(folder)


def copy_folder(source: Path, target: Path) -> Path:
    """Copy the files of a weights folder; other files of `target`, made if need be, stay."""
    with _filled_at_once(target) as draft:
        for name in PUBLISHED:
            if (source / name).is_file():
                shutil.copyfile(source / name, draft / name)
    return target


def plain_state(module: nn.Module) -> dict[str, Tensor]:
    """A module's weights under the names of the bare network: contiguous copies on the CPU."""
    return {
        plain_key(key): value.detach().cpu().contiguous().clone()
        for key, value in module.state_dict().items()
    }


def plain_key(key: str) -> str:
    """A state-dict key without what wrappers (DDP, DataParallel, torch.compile) put before it."""
    return re.sub(r"^((module|_orig_mod)\.)+", "", key)


def difference(module: nn.Module, tensors: Mapping[str, Tensor]) -> str | None:
    """The first tensor in which a module and stored weights differ, in words; None if they fit."""
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
    """Compare with a network of the config that costs no memory."""
    import torch

    with torch.device("meta"):
        unlike = difference(_build(config), tensors)
    if unlike:
        raise WeightsError(
            f"these weights are not those of the {config.generator} that is to be saved: {unlike}"
        )


@contextmanager
def _filled_at_once(folder: Path) -> Iterator[Path]:
    """A draft beside `folder` that becomes it; files of a folder that is there are replaced one by
    one, when all of them are complete. Drafts of writers that were killed are removed.

    Raises WeightsError if it cannot be written there.
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


def _build(config: ModelConfig) -> nn.Module:
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
