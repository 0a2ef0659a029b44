"""Checkpoints of a training run: written aside and renamed, found by number, pruned."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sigclean.errors import DataError

if TYPE_CHECKING:
    from accelerate import Accelerator

    from sigclean.cyclegan import ImagePool

STATE_FILE = "state.json"
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
    accelerator: Accelerator, folder: Path, step: int, state: dict, pools: dict[str, ImagePool],
    keep: int,
) -> None:  # fmt: skip
    """Write checkpoint `step`: all processes call it; the name appears when all is written."""
    import torch

    draft, final = folder / f".checkpoint-{step}", folder / f"checkpoint-{step}"
    accelerator.save_state(str(draft))
    kept = {name: pool.state_dict() for name, pool in pools.items()}
    torch.save(kept, draft / f"pools-{accelerator.process_index}.pt")
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        content = {"step": step, "processes": accelerator.num_processes, **state}
        (draft / STATE_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
        for old in checkpoints(folder)[:-keep] if keep else ():
            shutil.rmtree(old)
    accelerator.wait_for_everyone()


def load(accelerator: Accelerator, checkpoint: Path, pools: dict[str, ImagePool]) -> int:
    """Restore everything that `save` wrote; returns the number of steps done.

    Raises DataError if it was written by another number of processes or for other networks.
    """
    import torch

    state = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
    if state["processes"] != accelerator.num_processes:
        raise DataError(
            f"{checkpoint} was written by {state['processes']} processes: "
            f"resume it with as many, not {accelerator.num_processes}"
        )
    try:
        accelerator.load_state(str(checkpoint))
    except (RuntimeError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{checkpoint} does not fit these options: {reason}") from error
    kept = torch.load(
        checkpoint / f"pools-{accelerator.process_index}.pt",
        map_location=accelerator.device,
        weights_only=True,
    )
    for name, pool in pools.items():
        pool.load_state_dict(kept[name])
    return int(state["step"])
