"""Scalars and sample grids for TensorBoard and Weights & Biases, through accelerate's trackers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sigclean.errors import SigcleanError
from sigclean.extras import is_installed
from sigclean.training.options import TrainConfig

if TYPE_CHECKING:
    from accelerate import Accelerator
    from accelerate.tracking import GeneralTracker
    from PIL import Image

LOG_FOLDER = "logs"  # in the run folder
WANDB_PROJECT = "sigclean"
WANDB_ID = "wandb_id"  # file in LOG_FOLDER with the id that all resumptions of a run share


def check_tracker(name: str) -> None:
    """Raises SigcleanError if the package of --report_to is not installed."""
    if name != "none" and not is_installed(name):
        raise SigcleanError(
            f"--report_to {name} needs a package that is not installed: pip install {name}"
        )


class Reporter:
    """Sends figures to the tracker of --report_to, if any; for the main process alone.

    Args:
        start: steps done; points of later ones, which a killed run left, are removed.

    Raises SigcleanError if the tracker is not installed, or it does not start.
    """

    def __init__(self, config: TrainConfig, accelerator: Accelerator, start: int) -> None:
        check_tracker(config.report_to)
        self.tracker: GeneralTracker | None = None
        if config.report_to == "tensorboard":
            self.tracker = _tensorboard(config, start)
        elif config.report_to == "wandb":
            self.tracker = _wandb(config, start)
        if self.tracker is not None:
            accelerator.trackers.append(self.tracker)  # whose end_training finishes it

    def scalars(self, step: int, group: str, values: Mapping[str, float]) -> None:
        """Report a point of each of the curves `group/name`."""
        if self.tracker is not None and values:
            self.tracker.log({f"{group}/{name}": one for name, one in values.items()}, step=step)

    def picture(self, step: int, name: str, picture: Image.Image) -> None:
        """Report a picture of this step."""
        if self.tracker is None:
            return
        pixels = {name: np.asarray(picture.convert("RGB"))[None]}
        if self.tracker.name == "tensorboard":
            self.tracker.log_images(pixels, step=step, dataformats="NHWC")
            self.tracker.writer.flush()  # a run may be stopped because of what is seen here
        else:
            self.tracker.log_images(pixels, step=step)


def _tensorboard(config: TrainConfig, start: int) -> GeneralTracker:
    """A tracker that writes event files into the run folder's `logs`.

    The options are shown as text: TensorBoard's own form of them makes every resumption a new run.
    """
    from accelerate.tracking import TensorBoardTracker

    # From purge_step on, what earlier event files hold is no longer shown.
    tracker = TensorBoardTracker(LOG_FOLDER, config.run_folder, purge_step=start + 1)
    tracker.start()
    rows = ["| option | value |", "|---|---|"]
    for name, value in config.public().items():
        rows.append(f"| {name} | {str(value).replace('|', '&#124;')} |")
    tracker.writer.add_text("options", "\n".join(rows), start)
    return tracker


def _wandb(config: TrainConfig, start: int) -> GeneralTracker:
    """A tracker that continues the same W&B run at each resumption: W&B ignores steps it knows."""
    import wandb
    from accelerate.tracking import WandBTracker

    folder = config.run_folder / LOG_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    tracker = WandBTracker(
        WANDB_PROJECT,
        name=config.run_folder.name,
        id=_wandb_id(folder / WANDB_ID, new=not start),
        resume="allow",
        dir=str(folder),
    )
    try:
        tracker.start()
    except wandb.errors.Error as error:  # nobody is logged in, or the server does not answer
        raise SigcleanError(f"--report_to wandb: {error}") from error
    tracker.store_init_configuration(config.public())
    return tracker


def _wandb_id(path: Path, *, new: bool) -> str:
    if new or not path.is_file():
        path.write_text(secrets.token_hex(4), encoding="utf-8")
    return path.read_text(encoding="utf-8")
