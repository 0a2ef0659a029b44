"""The watch over a run: progress bar, log, validations, and the guard that stops a lost run."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from tqdm import tqdm

from sigclean.training.agreement import on_main_process
from sigclean.training.data.domains import Domains
from sigclean.training.options import TrainConfig
from sigclean.training.watching.guards import Guard
from sigclean.training.watching.history import write_page
from sigclean.training.watching.logbook import Logbook
from sigclean.training.watching.samples import FixedSamples, draw_grid, make_rows
from sigclean.training.watching.trackers import Reporter
from sigclean.training.watching.validation import validate

if TYPE_CHECKING:
    from accelerate import Accelerator

    from sigclean.training.adapting.judge import Judge
    from sigclean.training.run import Run


class Watch:
    """Follows a run; all processes call its methods at the same steps, the main one alone writes.

    Args:
        test: the held-out side with its truths, or None.
        start: steps done; what a killed run logged of later ones is removed.
        end: the last step.
        train: the training side: it lends pictures for the samples where there is no test side.
        judge: compares with the model that is adapted, in place of the plain validation; for the
            main process.

    Attributes:
        figures: of the last validation, the same on all processes.

    Raises SigcleanError if the tracker cannot start, or the run folder cannot be written.
    """

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Accelerator,
        test: Domains | None,
        start: int,
        end: int,
        *,
        train: Domains | None = None,
        judge: Judge | None = None,
    ) -> None:
        self.accelerator, self.test, self.end = accelerator, test, end
        self._judge = judge
        self._log_every, self._images = config.logging_steps, config.num_validation_images
        self._trains_g_a = end > config.warmup_steps
        self._shown = test or train
        self._guard = Guard(
            accelerator, config.run_folder, config.warmup_steps, self._inputs,
            (config.warmup_lr, config.lr),
        )  # fmt: skip
        self.figures: dict[str, float] = on_main_process(
            accelerator, partial(self._open, config, start)
        )
        self._bar = tqdm(
            total=end,
            initial=start,
            unit="step",
            dynamic_ncols=True,
            disable=not accelerator.is_main_process or None,  # None: where there is no terminal
        )

    def log(
        self, step: int, losses: dict[str, Tensor], lrs: Mapping[str, float], *, last: bool = False
    ) -> None:
        """Take note of a step; write it down every --logging_steps, and at the end.

        Args:
            last: the run ends with this step.
            losses: this process's, scalars on the device, which is not waited for in between.
            lrs: learning rates of the optimizers at work, by their names.

        Raises SigcleanError if a loss became NaN or infinite, on any process, since the run began.
        """
        self._guard.see(step, losses)
        self._bar.update()
        if step % self._log_every and not (last or step == self.end):
            return
        self._guard.check_losses()
        means = self._means(losses)
        if self.accelerator.is_main_process:
            self._logbook.add_losses(step, means, lrs)
            self._bar.set_postfix_str(_in_short(means, lrs), refresh=False)

    def validate(self, step: int, run: Run) -> dict[str, float]:
        """Draw the samples and measure the averaged cleaner; returns `figures`, on all processes.

        Raises SigcleanError if a loss became NaN or infinite, or a generator inverts brightness.
        """
        self._guard.check_losses()
        averages = _averages(run)
        self.figures = on_main_process(self.accelerator, partial(self._validate, step, averages))
        self._guard.check_tones(step, averages)
        return self.figures

    def check(self, step: int, run: Run) -> None:
        """Check the run before the weights of a step are saved.

        Raises SigcleanError if a loss became NaN or infinite, or a generator inverts brightness.
        """
        self._guard.check_losses()
        self._guard.check_tones(step, _averages(run))

    def close(self) -> None:
        """End bar, page and trackers, and the group of processes: nothing can be shared after."""
        self._bar.close()
        if self.accelerator.is_main_process:
            self._logbook.close()
        self.accelerator.end_training()

    def _open(self, config: TrainConfig, start: int) -> dict[str, float]:
        """Start the tracker and the logbook; returns the figures of the last validation."""
        batch = config.batch_size * config.gradient_accumulation_steps
        self._logbook = Logbook(
            config.run_folder,
            Reporter(config, self.accelerator, start),
            start,
            batch * self.accelerator.num_processes,
            partial(write_page, config, self.end) if config.validation_steps else None,
        )
        return self._logbook.figures()

    def _means(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """The means of the losses over all processes."""
        mine = torch.stack([value.detach().float() for value in losses.values()])
        means = self.accelerator.gather(mine).view(-1, len(losses)).mean(0).tolist()
        return dict(zip(losses, means, strict=True))

    def _validate(self, step: int, averages: Mapping[str, nn.Module]) -> dict[str, float]:
        began, device = time.monotonic(), self.accelerator.device
        figures: dict[str, float] = {}
        if self._judge is not None:
            figures = self._judge.figures(averages["G_B"])
        elif self.test is not None:
            figures = validate(averages["G_B"], self.test, self._images, device)
        grid = None
        if self._samples is not None:
            before = self._judge.before if self._judge else None
            rows = make_rows(averages, self._samples, device, cycle=self._trains_g_a, before=before)
            grid = draw_grid(rows)
        self._logbook.add_validation(step, figures, grid)
        shown = ", ".join(f"{name} {value}" for name, value in figures.items()) or "samples drawn"
        tqdm.write(f"step {step}: {shown}", file=sys.stderr)
        self._logbook.pause(time.monotonic() - began)
        return figures

    @cached_property
    def _samples(self) -> FixedSamples | None:
        """The pictures that are looked at, read when they are first wanted."""
        return FixedSamples.take(self._shown) if self._shown is not None else None

    def _inputs(self) -> Mapping[str, Sequence[Tensor]]:
        return self._samples.inputs() if self._samples is not None else {}


def _averages(run: Run) -> dict[str, nn.Module]:
    return {name: average.module for name, average in run.averages.items()}


def _in_short(losses: Mapping[str, float], lrs: Mapping[str, float]) -> str:
    """The bar's words: the generators' losses together, the discriminators', the learning rate."""
    judges = {name: value for name, value in losses.items() if name.startswith("D_")}
    words = [f"G {sum(losses.values()) - sum(judges.values()):.3g}"]
    if judges:
        words.append(f"D {sum(judges.values()) / len(judges):.3g}")
    if lrs:
        words.append(f"lr {max(lrs.values()):.2g}")
    return ", ".join(words)
