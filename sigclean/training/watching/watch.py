"""What a person sees of a run: progress bar, log, samples, figures, trackers; and what stops it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from tqdm import tqdm

from sigclean.errors import SigcleanError
from sigclean.files import atomic_write
from sigclean.training.agreement import on_main_process
from sigclean.training.checkpoints import checkpoints
from sigclean.training.data.domains import Domains
from sigclean.training.options import TrainConfig
from sigclean.training.watching import journal
from sigclean.training.watching.guards import STILL_NOISE, BrokenLoss, LossWatch, Tone, turned_over
from sigclean.training.watching.history import SAMPLES_FOLDER, write_page
from sigclean.training.watching.samples import FixedSamples, draw_grid, make_rows
from sigclean.training.watching.trackers import Reporter
from sigclean.training.watching.validation import validate

if TYPE_CHECKING:
    from accelerate import Accelerator
    from PIL import Image

    from sigclean.training.run import Run

DIGITS = 5  # significant ones of what is logged


class Watch:
    """All processes call its methods at the same steps; the main process alone draws and writes.

    Args:
        test: the held-out side with its truths, or None.
        start: steps done; what a killed run logged of later ones is dropped.
        end: the last step.
        train: the training side: it lends pictures to look at where there is no test side.

    Attributes:
        figures: of the last validation, the same on all processes.

    Raises:
        SigcleanError: the tracker cannot start, or the run folder not be written.
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
    ) -> None:
        self.config, self.accelerator, self.test = config, accelerator, test
        self.start, self.end = start, end
        self._losses = LossWatch()
        self._shown = test or train
        self._fixed: FixedSamples | None = None
        self._passed = 0  # the last step at which the generators were looked at
        self._began, self._since = time.monotonic(), (start, time.monotonic())
        self._page_due = self._complained = False
        self.figures: dict[str, float] = on_main_process(accelerator, self._open)
        self._bar = tqdm(
            total=end,
            initial=start,
            unit="step",
            dynamic_ncols=True,
            disable=not accelerator.is_main_process or None,  # None: where there is no terminal
        )

    def log(self, step: int, losses: dict[str, Tensor], rates: Mapping[str, float]) -> None:
        """Take note of a step; write it down every --logging_steps, and at the end.

        Args:
            losses: this process's, scalars on the device, which is not waited for in between.
            rates: learning rates of the optimizers at work, by their names.

        Raises:
            SigcleanError: a loss was no finite number, on any process, since the run began.
        """
        self._losses.see(step, losses)
        self._bar.update()
        if step % self.config.logging_steps and step != self.end:
            return
        self._refuse_broken_losses()
        means = self._means(losses)
        if self.accelerator.is_main_process:
            self._attempt(partial(self._write, step, means, rates))

    def validate(self, step: int, run: Run) -> dict[str, float]:
        """Draw the samples and measure the averaged cleaner; returns `figures`, on all processes.

        Raises SigcleanError if a generator turns pictures over.
        """
        self._refuse_broken_losses()
        began = time.monotonic()
        self.figures = on_main_process(self.accelerator, partial(self._validate, step, run))
        at, since = self._since
        self._since = (at, since + time.monotonic() - began)  # the rate is that of training
        self._refuse_turned_over(step, run)
        return self.figures

    def healthy(self, step: int, run: Run) -> None:
        """Call it before the weights of a step are saved.

        Raises SigcleanError if a loss was no finite number, or if a generator turns pictures over.
        """
        self._refuse_broken_losses()
        self._refuse_turned_over(step, run)

    def close(self) -> None:
        """End bar, page and trackers, and the group of processes: nothing can be shared after."""
        self._bar.close()
        if self.accelerator.is_main_process and self._page_due:
            self._attempt(self._write_page)
        self.accelerator.end_training()

    def _open(self) -> dict[str, float]:
        """Cut off what comes again, start the tracker; returns the figures of the last validation.

        Raises SigcleanError if that cannot be done.
        """
        folder = self.config.run_folder
        for name in (journal.LOG_FILE, journal.SPEED_FILE):
            journal.cut(folder / name, self.start)
        for path in (folder / SAMPLES_FOLDER).glob("*.png"):
            if path.stem.isdecimal() and int(path.stem) > self.start:
                path.unlink()
        self._reporter = Reporter(self.config, self.accelerator, self.start)
        measured = [one for one in journal.read(folder / journal.LOG_FILE) if "f" in one] or [{}]
        return {name: value for name, value in measured[-1].items() if name != "step"}

    # --- the log --------------------------------------------------------------------------------

    def _means(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Over all processes."""
        mine = torch.stack([value.detach().float() for value in losses.values()])
        means = self.accelerator.gather(mine).view(-1, len(losses)).mean(0).tolist()
        return {name: _rounded(value) for name, value in zip(losses, means, strict=True)}

    def _write(self, step: int, losses: dict[str, float], rates: Mapping[str, float]) -> None:
        folder = self.config.run_folder
        rates = {f"lr_{name}": _rounded(rate) for name, rate in rates.items()}
        journal.append(folder / journal.LOG_FILE, {"step": step, **losses, **rates})
        speed = self._speed(step)
        journal.append(folder / journal.SPEED_FILE, {"step": step, **speed})
        self._reporter.scalars(step, "loss", losses)
        self._reporter.scalars(step, "rate", rates)
        self._reporter.scalars(step, "speed", speed)
        self._bar.set_postfix_str(_in_short(losses, rates), refresh=False)
        self._page_due = bool(self.config.validation_steps)

    def _speed(self, step: int) -> dict[str, float]:
        """Seconds since the process began, and pictures a second since the last line."""
        config, now = self.config, time.monotonic()
        before, since = self._since
        self._since = (step, now)
        batch = config.batch_size * config.gradient_accumulation_steps
        pictures = (step - before) * batch * self.accelerator.num_processes
        return {
            "seconds": round(now - self._began, 2),
            "pictures_per_second": _rounded(pictures / max(now - since, 1e-9)),
        }

    # --- validation -----------------------------------------------------------------------------

    def _validate(self, step: int, run: Run) -> dict[str, float]:
        config, device = self.config, self.accelerator.device
        averages = {name: average.module for name, average in run.averages.items()}
        figures: dict[str, float] = {}
        if self.test is not None:
            figures = validate(averages["G_B"], self.test, config.num_validation_images, device)
        fixed, grid = self._samples(), None
        if fixed is not None:
            rows = make_rows(averages, fixed, device, cycle=self.end > config.warmup_steps)
            grid = draw_grid(rows)
        self._attempt(partial(self._keep, step, figures, grid))
        shown = ", ".join(f"{name} {value}" for name, value in figures.items()) or "samples drawn"
        tqdm.write(f"step {step}: {shown}", file=sys.stderr)
        return figures

    def _samples(self) -> FixedSamples | None:
        """Read when they are first wanted."""
        if self._fixed is None and self._shown is not None:
            self._fixed = FixedSamples.take(self._shown)
        return self._fixed

    def _keep(self, step: int, figures: dict[str, float], grid: Image.Image | None) -> None:
        folder = self.config.run_folder
        if figures:
            journal.append(folder / journal.LOG_FILE, {"step": step, **figures})
            self._reporter.scalars(step, "validation", figures)
        if grid is not None:
            with atomic_write(folder / SAMPLES_FOLDER / f"{step:08d}.png") as draft:
                grid.save(draft, format="png")
            self._reporter.picture(step, "samples", grid)
        self._write_page()

    def _write_page(self) -> None:
        write_page(self.config, self.end)
        self._page_due = False

    def _attempt(self, write: Callable[[], None]) -> None:
        """A full disk must not end days of training: it is said once, and lines are lost."""
        try:
            write()
        except (SigcleanError, OSError) as error:
            if not self._complained:
                reason = getattr(error, "strerror", None) or error
                tqdm.write(f"train.py: warning: the log is not written: {reason}", file=sys.stderr)
            self._complained = True

    # --- what stops a run -----------------------------------------------------------------------

    def _refuse_broken_losses(self) -> None:
        broken = self._losses.broken(self.accelerator)
        if broken is not None:
            on_main_process(self.accelerator, partial(self._stop, self._about_loss(broken)))

    def _refuse_turned_over(self, step: int, run: Run) -> None:
        """Once a step, and not before the adversarial stage has formed the generators."""
        if step <= max(self.config.warmup_steps + STILL_NOISE, self._passed):
            return
        on_main_process(self.accelerator, partial(self._look_at_tones, step, run))
        self._passed = step

    def _look_at_tones(self, step: int, run: Run) -> None:
        fixed = self._samples()
        if fixed is None:
            return
        generators = {name: average.module for name, average in run.averages.items()}
        turned = turned_over(generators, fixed.inputs(), self.accelerator.device)
        for name, tone in turned.items():
            self._stop(_about_tone(name, step, tone))

    def _about_loss(self, broken: BrokenLoss) -> str:
        rate = "--warmup_lr" if broken.step <= self.config.warmup_steps else "--lr"
        remedy = f"a lower {rate} than {getattr(self.config, rate[2:])}"
        if self.accelerator.mixed_precision == "fp16":
            remedy += " or --mixed_precision bf16"
        return (
            f"the loss {broken.name} was no finite number at step {broken.step}"
            f"{f' on process {broken.process}' if self.accelerator.num_processes > 1 else ''}: "
            f"steps too large let it grow without bound, so train with {remedy}"
        )

    def _stop(self, reason: str) -> None:
        saved = checkpoints(self.config.run_folder)
        how = (
            f"resume from the last good checkpoint, --resume_from_checkpoint {saved[-1]}"
            if saved
            else "begin anew, since there is no checkpoint yet"
        )
        raise SigcleanError(f"{reason}; {how}")


def _about_tone(name: str, step: int, tone: Tone) -> str:
    return (
        f"{name} makes bright strokes on dark at step {step} (where its input is lighter, its "
        f"picture is darker: slope {tone.slope:.2f}), which cycle consistency allows if the other "
        "generator turns them back: train with --lambda_identity 0.5 or more, with "
        "--warmup_steps, or with another --seed"
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _in_short(losses: Mapping[str, float], rates: Mapping[str, float]) -> str:
    """For the bar: the generators' losses together, the discriminators', the rate."""
    judges = {name: value for name, value in losses.items() if name.startswith("D_")}
    words = [f"G {sum(losses.values()) - sum(judges.values()):.3g}"]
    if judges:
        words.append(f"D {sum(judges.values()) / len(judges):.3g}")
    if rates:
        words.append(f"lr {max(rates.values()):.2g}")
    return ", ".join(words)
