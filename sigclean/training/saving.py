"""The files that a run saves: checkpoints, and the weights folders with their card."""

import sys
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from sigclean.errors import SigcleanError, one_line
from sigclean.model_files.names import ONNX_FILE
from sigclean.model_files.weights_folder import save_generator
from sigclean.training import checkpoints
from sigclean.training.agreement import on_main_process
from sigclean.training.card_facts import CardWriter
from sigclean.training.options import TrainConfig
from sigclean.training.pushing import Publisher
from sigclean.training.run import Run


class Saver:
    """Saves a run, which continues when that fails: a full disk must not end days of training.

    Attributes:
        behind: True if the last attempt to save failed, and should be repeated soon.
    """

    def __init__(
        self, config: TrainConfig, run: Run, cards: CardWriter, publisher: Publisher
    ) -> None:
        self.config, self.run, self.cards, self.publisher = config, run, cards, publisher
        self.behind = False

    def save(self, step: int, figures: Mapping[str, float], *, last: bool, ended: bool) -> None:
        """Save a checkpoint and the weights; all processes call it.

        Args:
            figures: of the last validation, for an upload's message.
            last: there is no later chance to save.
            ended: the training is at its end, not stopped before.

        Raises SigcleanError if nothing can be written, and this was the last chance.
        """
        config, accelerator = self.config, self.run.accelerator
        try:
            checkpoints.save(
                accelerator, config.run_folder, step, config.public(), self.run.parts(),
                config.checkpoints_total_limit,
            )  # fmt: skip
            self.weights(step, ended=ended)
        except SigcleanError as error:
            if last:
                raise
            if accelerator.is_main_process and not self.behind:
                _warn(f"{error}; training continues and will try again")
            self.behind = True
            return
        self.behind = False
        self.publisher.checkpoint(config.run_folder / "G_B", step, figures)

    def weights(self, step: int, *, ended: bool = False) -> None:
        """Save the averaged generators as weights folders, the cleaner's with its card.

        Raises SigcleanError if they cannot be written.
        """
        on_main_process(self.run.accelerator, lambda: self._write(step, ended))

    def _write(self, step: int, ended: bool) -> None:
        folder, models = self.config.run_folder, self.run.model_config
        averages = {name: average.module for name, average in self.run.averages.items()}
        card = self.cards.fill(step, ended=ended)
        save_generator(averages["G_A"], models["G_A"], folder / "G_A")
        save_generator(
            averages["G_B"], models["G_B"], folder / "G_B", card=card.text, samples=card.samples
        )


def add_onnx(folder: Path) -> None:
    """Add `model.onnx` to a weights folder, so that it serves without PyTorch.

    A failure is a line on stderr: days of training must not end in an exporter's traceback.
    """
    from sigclean.export.onnx import write_onnx

    try:
        write_onnx(folder)
    except Exception as error:  # the exporter raises whatever it hits
        _warn(f"{folder} has no {ONNX_FILE}: {one_line(error)}")


def _warn(message: str) -> None:
    tqdm.write(f"train.py: warning: {message}", file=sys.stderr)
