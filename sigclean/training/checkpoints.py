"""Checkpoints of a training run: written aside and renamed, found by number, pruned."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from sigclean.errors import DataError

if TYPE_CHECKING:
    from accelerate import Accelerator

    from sigclean.image_pool import ImagePool

STATE_FILE = "state.json"
SHAPES = ("netG", "netG_A", "netD", "ngf", "ngf_A", "ndf")  # options that a resumed run must share
_NAME = re.compile(r"checkpoint-(\d+)")


def checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if (path / STATE_FILE).is_file()]
    return sorted((path for path in found if _NAME.fullmatch(path.name)), key=step_of)


def step_of(checkpoint: Path) -> int:
    """The step after which it was taken."""
    return int(checkpoint.name.rpartition("-")[2])


def find(folder: Path, wanted: str) -> Path:
    """`latest`, or a checkpoint's path or name. Raises DataError if it is not there."""
    if wanted == "latest":
        if found := checkpoints(folder):
            return found[-1]
        raise DataError(f"{folder} holds no checkpoint to resume from")
    for path in (Path(wanted), folder / wanted):
        if (path / STATE_FILE).is_file():
            return path
    raise DataError(f"{wanted} is not a checkpoint")


def save(
    accelerator: Accelerator, folder: Path, step: int, options: dict, pools: dict[str, ImagePool],
    keep: int,
) -> None:  # fmt: skip
    """Write checkpoint `step`: all processes call it; the name appears when all is written."""
    import torch

    draft, final = folder / f".checkpoint-{step}", folder / f"checkpoint-{step}"
    if accelerator.is_main_process:
        shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed
    accelerator.wait_for_everyone()
    accelerator.save_state(str(draft))
    kept = {name: pool.state_dict() for name, pool in pools.items()}
    torch.save(kept, draft / f"pools-{accelerator.process_index}.pt")
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        content = {"step": step, "processes": accelerator.num_processes, "options": options}
        (draft / STATE_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
        for old in _outdated(folder, step, keep):
            shutil.rmtree(old)
    accelerator.wait_for_everyone()


def _outdated(folder: Path, step: int, keep: int) -> list[Path]:
    """All but the last `keep` up to `step`: later ones are of a run that went on from elsewhere."""
    found = [path for path in checkpoints(folder) if step_of(path) <= step]
    return found[:-keep] if keep else []


def check(checkpoint: Path, processes: int, options: dict) -> None:
    """Raises DataError if `checkpoint` is of another number of processes or other networks."""
    try:
        state = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
        written, others = state["processes"], state["options"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{checkpoint / STATE_FILE} cannot be read: {error}") from error
    if written != processes:
        raise DataError(
            f"{checkpoint} was written by {written} processes: "
            f"resume it with as many, not {processes}"
        )
    for name in SHAPES:
        if others.get(name) != options[name]:
            raise DataError(
                f"{checkpoint} was made with --{name} {others.get(name)}, not {options[name]}"
            )


def load(accelerator: Accelerator, checkpoint: Path, pools: dict[str, ImagePool]) -> int:
    """Restore everything that `save` wrote; returns the number of steps done.

    Raises DataError if a file of it is missing or broken.
    """
    import torch
    from safetensors import SafetensorError

    try:
        accelerator.load_state(str(checkpoint))
        kept = torch.load(
            checkpoint / f"pools-{accelerator.process_index}.pt",
            map_location="cpu",  # accelerate's own name for it, cpu:0, is none that load knows
            weights_only=True,
        )
        for name, pool in pools.items():
            images = [image.to(accelerator.device) for image in kept[name]["images"]]
            pool.load_state_dict({**kept[name], "images": images})
        return int(json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))["step"])
    except (
        OSError, RuntimeError, ValueError, KeyError, EOFError, SafetensorError, UnpicklingError,
    ) as error:  # fmt: skip
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{checkpoint} cannot be resumed from: {reason}") from error
