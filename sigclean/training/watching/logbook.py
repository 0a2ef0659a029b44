"""The record of a run in its folder and in its tracker: losses, speed, figures and sample grids."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from sigclean.errors import SigcleanError, reason
from sigclean.files import atomic_write
from sigclean.training.watching import journal
from sigclean.training.watching.history import SAMPLES_FOLDER

if TYPE_CHECKING:
    from PIL import Image

    from sigclean.training.watching.trackers import Reporter

DIGITS = 5  # significant digits of what is logged


class Logbook:
    """Writes the record of a run; for the main process alone.

    A full disk must not end days of training: the first failure is a warning, and lines are lost.

    Args:
        start: steps done; records of later ones, which a killed run left, are removed.
        pictures: in a step of all processes.
        write_page: writes `samples.html` from the folder's contents; None for no page.

    Raises:
        SigcleanError or OSError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        reporter: Reporter,
        start: int,
        pictures: int,
        write_page: Callable[[], object] | None,
    ) -> None:
        self._folder, self._reporter, self._pictures = folder, reporter, pictures
        self._write_page = write_page
        self._began, self._since = time.monotonic(), (start, time.monotonic())
        self._page_is_old = self._complained = False
        for name in (journal.LOG_FILE, journal.SPEED_FILE):
            journal.cut(folder / name, start)
        for path in (folder / SAMPLES_FOLDER).glob("*.png"):
            if path.stem.isdecimal() and int(path.stem) > start:
                path.unlink()

    def figures(self) -> dict[str, float]:
        """The figures of the last validation in the log; empty if there was none."""
        records = [one for one in journal.read(self._folder / journal.LOG_FILE) if "f" in one]
        return {name: value for name, value in (records or [{}])[-1].items() if name != "step"}

    def add_losses(self, step: int, losses: Mapping[str, float], lrs: Mapping[str, float]) -> None:
        """Log mean losses and learning rates of a step, and the speed since the last such line."""
        self._attempt(partial(self._add_losses, step, losses, lrs))

    def add_validation(
        self, step: int, figures: Mapping[str, float], grid: Image.Image | None
    ) -> None:
        """Log the figures of a step, and show them and its samples on the page."""
        self._attempt(partial(self._add_validation, step, figures, grid))

    def pause(self, seconds: float) -> None:
        """Leave out time in which nothing was trained, from the speed of training."""
        step, since = self._since
        self._since = (step, since + seconds)

    def close(self) -> None:
        """Bring a page up to date that shows samples, but not the last losses."""
        if self._page_is_old:
            self._attempt(self._update_page)

    def _add_losses(self, step: int, losses: Mapping[str, float], lrs: Mapping[str, float]) -> None:
        losses = {name: _rounded(value) for name, value in losses.items()}
        rates = {f"lr_{name}": _rounded(value) for name, value in lrs.items()}
        journal.append(self._folder / journal.LOG_FILE, {"step": step, **losses, **rates})
        speed = self._speed(step)
        journal.append(self._folder / journal.SPEED_FILE, {"step": step, **speed})
        for group, values in (("loss", losses), ("rate", rates), ("speed", speed)):
            self._reporter.scalars(step, group, values)
        self._page_is_old = True

    def _speed(self, step: int) -> dict[str, float]:
        """Seconds since the process began, and pictures a second since the last line."""
        now = time.monotonic()
        before, since = self._since
        self._since = (step, now)
        rate = (step - before) * self._pictures / max(now - since, 1e-9)
        return {"seconds": round(now - self._began, 2), "pictures_per_second": _rounded(rate)}

    def _add_validation(
        self, step: int, figures: Mapping[str, float], grid: Image.Image | None
    ) -> None:
        if figures:
            journal.append(self._folder / journal.LOG_FILE, {"step": step, **figures})
            self._reporter.scalars(step, "validation", figures)
        if grid is not None:
            with atomic_write(self._folder / SAMPLES_FOLDER / f"{step:08d}.png") as draft:
                grid.save(draft, format="png")
            self._reporter.picture(step, "samples", grid)
        self._update_page()

    def _update_page(self) -> None:
        if self._write_page is not None:
            self._write_page()
        self._page_is_old = False

    def _attempt(self, write: Callable[[], object]) -> None:
        try:
            write()
        except (SigcleanError, OSError) as error:
            if not self._complained:
                why = reason(error) if isinstance(error, OSError) else error
                tqdm.write(f"train.py: warning: the log is not written: {why}", file=sys.stderr)
            self._complained = True


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
