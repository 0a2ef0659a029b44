"""What a run leaves behind at a checkpoint: its state, the weights folders with their card."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tqdm import tqdm

from sigclean.errors import SigcleanError
from sigclean.training import checkpoints
from sigclean.training.agreement import on_main_process
from sigclean.training.run import Run
from sigclean.weights_folder import save_generator


class Keeper:
    """Saves a run, and goes on when it cannot: a full disk must not end days of training.

    Attributes:
        behind: the last attempt to save failed, and should be repeated soon.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.behind = False

    def save(self, step: int, figures: Mapping[str, float], *, last: bool) -> None:
        """Checkpoint and weights; all processes call it.

        Raises SigcleanError if it cannot be done and this was the last chance.
        """
        config, accelerator = self.run.config, self.run.accelerator
        try:
            checkpoints.save(
                accelerator, config.run_folder, step, config.public(), self.run.parts(),
                config.checkpoints_total_limit,
            )  # fmt: skip
            self.weights(step, figures)
        except SigcleanError as error:
            if last:
                raise
            if accelerator.is_main_process and not self.behind:
                said = f"train.py: warning: {error}; training goes on and will try again"
                tqdm.write(said, file=sys.stderr)
            self.behind = True
            return
        self.behind = False

    def weights(self, step: int, figures: Mapping[str, float]) -> None:
        """The averaged generators as weights folders, with the card; written by one process.

        Raises SigcleanError if they cannot be written.
        """
        on_main_process(self.run.accelerator, lambda: self._write(step, figures))

    def _write(self, step: int, figures: Mapping[str, float]) -> None:
        folder = self.run.config.run_folder
        for name in ("G_A", "G_B"):
            save_generator(
                self.run.averages[name].module, self.run.model_config[name], folder / name
            )
