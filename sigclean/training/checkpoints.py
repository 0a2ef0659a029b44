"""Checkpoints of a training run: a folder each, verified by checksums; old ones are removed.

    checkpoint-300/state.json           step, global batch, options, sizes and checksums of files
    checkpoint-300/G_B.safetensors      a network, under the names of the bare one
    checkpoint-300/optimizers-G.pt      any other part

The main process reads and writes, and sends the other processes what it read. A checkpoint is
written as the draft `.checkpoint-300.draft` and renamed when the disk has all of it, so that a
killed run leaves whole checkpoints and at most a draft, which the next save or start removes.
"""

from __future__ import annotations

import math
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from sigclean.errors import DataError, first_line, reason
from sigclean.files import sync_folder
from sigclean.training.checkpoint_files import (
    CorruptError,
    file_name,
    read_state,
    read_verified,
    restore_part,
    verify,
    write_part,
    write_state,
)
from sigclean.version import __version__

if TYPE_CHECKING:
    from accelerate import Accelerator

    from sigclean.training.run import Stateful

# Options that decide the shapes of the networks: those of a resumed run must be the same.
SHAPES = ("netG", "netG_A", "netD", "ngf", "ngf_A", "ndf", "n_layers_D", "norm", "dropout")
SCALER = "scaler"  # name of the part that only runs in fp16 have
_NAME = re.compile(r"checkpoint-(\d+)")
_LEFT = re.compile(r"\.checkpoint-(\d+)\.(draft|pruned|replaced)")


class NotSavedError(DataError):
    """A checkpoint could not be written; the earlier ones are as they were."""


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run in the order they were saved, corrupt ones included.

    One whose state cannot be read counts as the newest.
    """
    found = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: (_turn(path), step_of(path)))


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was taken."""
    return int(checkpoint.name.rpartition("-")[2])


def find(folder: Path, wanted: str) -> Path:
    """Find the checkpoint to resume from, which is intact. For the main process.

    Args:
        folder: the run's.
        wanted: `latest`, the one saved last; corrupt ones are named on stderr and skipped. Or a
            checkpoint's name or path.

    Raises DataError if there is none, or the one asked for is missing or corrupt.
    """
    tidy(folder)
    if wanted != "latest":
        return _named(folder, wanted)
    corrupt = []
    for path in reversed(checkpoints(folder)):
        try:
            verify(path)
        except CorruptError as error:
            corrupt.append(str(error))
            continue
        for one in corrupt:
            print(f"{one}: {path.name} is used", file=sys.stderr)
        return path
    if corrupt:
        raise DataError(f"{folder} holds no intact checkpoint: {'; '.join(corrupt)}")
    raise DataError(f"{folder} holds no checkpoint to resume from")


def check(checkpoint: Path, global_batch: int, options: Mapping[str, Any]) -> None:
    """Check that a run may resume from a checkpoint.

    Raises DataError if that is of other networks, or of another number of pictures a step.

    Args:
        global_batch: pictures a step: processes x --batch_size x --gradient_accumulation_steps.
        options: all of this run's.
    """
    state = read_state(checkpoint)
    written = _architecture(state["options"])
    for name, value in _architecture(options).items():
        if name in written and written[name] != value:
            before, now = _shown(written[name]), _shown(value)
            raise DataError(f"{checkpoint} was made with --{name} {before}, not {now}")
    before = state["processes"] * state["batch_size"] * state["gradient_accumulation_steps"]
    if before != global_batch:
        raise DataError(
            f"{checkpoint} was trained on {before} pictures a step, not {global_batch}: "
            f"{_fitting(before, global_batch, options)}"
        )


def save(
    accelerator: Accelerator,
    folder: Path,
    step: int,
    options: Mapping[str, Any],
    parts: Mapping[str, Stateful],
    keep: int,
) -> None:
    """Write checkpoint `step` and remove old ones. All processes call it; the main one writes.

    Args:
        options: all of the run's, for `check` when it is resumed.
        parts: what changes while training; each has a file of its own.
        keep: how many checkpoints up to this one stay; 0 = all. Later ones always stay: a run that
            was resumed from an earlier one has not reached them again.

    Raises:
        NotSavedError: on all processes, if the disk is full or the folder is gone.
    """
    from sigclean.training.agreement import on_main_process

    def write() -> str:
        try:
            tidy(folder)
            _write(folder, step, {**_facts(accelerator, options), "step": step}, parts)
        except OSError as error:
            with suppress(OSError):
                tidy(folder)
            return reason(error)
        _prune(folder, step, keep)
        return ""

    if problem := on_main_process(accelerator, write):
        raise NotSavedError(f"{folder}/checkpoint-{step} could not be saved: {problem}")


def load(accelerator: Accelerator, checkpoint: Path, parts: Mapping[str, Stateful]) -> int:
    """Restore all parts on all processes; returns the number of steps done.

    Raises DataError if a file of it is missing, corrupt or does not fit.
    """
    from safetensors import SafetensorError

    from sigclean.training.agreement import on_main_process

    state = on_main_process(accelerator, lambda: read_state(checkpoint))
    for name, part in parts.items():
        file = file_name(name, part)
        if file not in state["files"]:
            if name == SCALER:  # fp16 begins here, with a scaler of its own
                continue
            raise DataError(f"{checkpoint} cannot be resumed from: it holds no {file}")
        read = partial(read_verified, checkpoint, file, state["files"][file])
        content = on_main_process(accelerator, read)
        try:
            restore_part(part, content)
        except (
            RuntimeError, ValueError, KeyError, TypeError, UnpicklingError, SafetensorError,
        ) as error:  # fmt: skip
            raise DataError(
                f"{checkpoint} cannot be resumed from: {file}: {first_line(error)}"
            ) from error
    return int(state["step"])


def tidy(folder: Path) -> None:
    """Remove what a killed run left half-written or half-removed. For the main process."""
    for path in folder.glob(".checkpoint-*"):
        if not (match := _LEFT.fullmatch(path.name)):
            continue
        final = folder / f"checkpoint-{match[1]}"
        if match[2] == "replaced" and not final.exists():  # killed between two renames
            path.rename(final)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _named(folder: Path, wanted: str) -> Path:
    for path in (folder / wanted, Path(wanted)):
        if path.is_dir() and _NAME.fullmatch(path.name):
            verify(path)
            return path
    raise DataError(f"{wanted} is not a checkpoint")


def _turn(checkpoint: Path) -> float:
    """The number of a checkpoint in the order of saving; steps repeat when a run is resumed."""
    try:
        return float(read_state(checkpoint)["turn"])
    except CorruptError:
        return math.inf


def _architecture(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that decide the shapes of the networks, without those that have no effect."""
    idle = {"n_layers_D"} if options.get("netD") != "n_layers" else set()
    idle |= {"ngf"} if options.get("netG") == "eraser" else set()
    return {name: options[name] for name in SHAPES if name in options and name not in idle}


def _shown(value: object) -> str:
    """An option's value as words of a sentence."""
    return str(value).lower() if isinstance(value, bool) else str(value) or "unset"


def _fitting(wanted: int, global_batch: int, options: Mapping[str, Any]) -> str:
    """Name options that make a step of `wanted` pictures with the present processes."""
    accumulated = int(options["gradient_accumulation_steps"])
    processes = global_batch // (int(options["batch_size"]) * accumulated)
    words = f"with {processes} process{'es' if processes > 1 else ''}"
    if wanted % processes:
        return f"that cannot be {words}, but with a number of them that divides {wanted}"
    if (wanted // processes) % accumulated == 0:
        return f"{words}, --batch_size {wanted // processes // accumulated} fits"
    return f"{words}, --batch_size {wanted // processes} --gradient_accumulation_steps 1 fits"


def _facts(accelerator: Accelerator, options: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    return {
        "processes": accelerator.num_processes,
        "batch_size": options["batch_size"],
        "gradient_accumulation_steps": options["gradient_accumulation_steps"],
        "sigclean": __version__,
        "torch": torch.__version__,
        "options": dict(options),
    }


def _write(folder: Path, step: int, state: dict[str, Any], parts: Mapping[str, Stateful]) -> None:
    """Write a draft and rename it. Raises OSError; `tidy` then removes what is left of it."""
    draft = folder / f".checkpoint-{step}.draft"
    draft.mkdir()
    checksums = {
        file_name(name, part): write_part(draft, name, part) for name, part in parts.items()
    }
    turns = [turn for turn in map(_turn, checkpoints(folder)) if turn < math.inf]
    write_state(draft, {**state, "turn": int(max(turns, default=0)) + 1, "files": checksums})
    sync_folder(draft)
    _put_in_place(draft, folder / f"checkpoint-{step}")
    sync_folder(folder)


def _put_in_place(draft: Path, final: Path) -> None:
    """Rename the draft; a checkpoint of the same step first steps aside, where `tidy` finds it."""
    replaced = final.with_name(f".{final.name}.replaced")
    if final.exists():
        final.rename(replaced)
    draft.rename(final)
    shutil.rmtree(replaced, ignore_errors=True)


def _prune(folder: Path, step: int, keep: int) -> None:
    """Remove all but the last `keep` up to `step`; each is renamed before its files are removed."""
    found = sorted((path for path in checkpoints(folder) if step_of(path) <= step), key=step_of)
    for old in found[:-keep] if keep else []:
        gone = old.with_name(f".{old.name}.pruned")
        with suppress(OSError):  # the next save tries again
            old.rename(gone)
            shutil.rmtree(gone)
