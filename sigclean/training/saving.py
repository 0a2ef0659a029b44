"""What a run leaves behind: checkpoints, and the weights folders with their card."""

from __future__ import annotations

import sys

from tqdm import tqdm

from sigclean.errors import SigcleanError
from sigclean.model_files.weights_folder import save_generator
from sigclean.training import checkpoints
from sigclean.training.agreement import on_main_process
from sigclean.training.card_facts import CardWriter
from sigclean.training.pushing import Publisher
from sigclean.training.run import Run
from sigclean.training.watching.watch import Watch


class Keeper:
    """Saves a run, and goes on when it cannot: a full disk must not end days of training.

    Attributes:
        behind: the last attempt to save failed, and should be repeated soon.
    """

    def __init__(self, run: Run, watch: Watch, cards: CardWriter, publisher: Publisher) -> None:
        self.run, self.watch, self.cards, self.publisher = run, watch, cards, publisher
        self.behind = False

    def save(self, step: int, *, last: bool) -> None:
        """Checkpoint and weights; all processes call it.

        Raises SigcleanError if weights are not to be kept, or if they cannot be written and this
        was the last chance.
        """
        config, accelerator = self.run.config, self.run.accelerator
        self.watch.healthy(step, self.run)
        try:
            checkpoints.save(
                accelerator, config.run_folder, step, config.public(), self.run.parts(),
                config.checkpoints_total_limit,
            )  # fmt: skip
            self.weights(step)
        except SigcleanError as error:
            if last:
                raise
            if accelerator.is_main_process and not self.behind:
                said = f"train.py: warning: {error}; training goes on and will try again"
                tqdm.write(said, file=sys.stderr)
            self.behind = True
            return
        self.behind = False
        self.publisher.checkpoint(config.run_folder / "G_B", step, self.watch.figures)

    def weights(self, step: int) -> None:
        """The averaged generators as weights folders, the cleaner's with its card.

        Raises SigcleanError if they cannot be written.
        """
        on_main_process(self.run.accelerator, lambda: self._write(step))

    def _write(self, step: int) -> None:
        folder, models = self.run.config.run_folder, self.run.model_config
        averages = {name: average.module for name, average in self.run.averages.items()}
        card = self.cards.fill(step)
        save_generator(averages["G_A"], models["G_A"], folder / "G_A")
        save_generator(
            averages["G_B"], models["G_B"], folder / "G_B", card=card.text, samples=card.samples
        )
