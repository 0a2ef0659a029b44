"""The page samples.html of a run folder: figures, losses and sample grids of the run so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from PIL import Image

from sigclean.files import atomic_write_text
from sigclean.reports.charts import Curve, line_chart
from sigclean.reports.figures import FIGURES, VALIDATED
from sigclean.reports.numbers import grouped, short
from sigclean.reports.pages import render_page
from sigclean.training.options import TrainConfig
from sigclean.training.watching import journal

PAGE_FILE = "samples.html"
SAMPLES_FOLDER = "samples"
TEMPLATE = Path(__file__).parent / "templates" / PAGE_FILE
LOSS_CHARTS = {  # losses that are worth comparing share a chart; each other loss has its own
    "Generators, adversarial": ("G_A", "G_B"),
    "Discriminators": ("D_A", "D_B"),
    "Cycle": ("cycle_A", "cycle_B"),
    "Identity": ("idt_A", "idt_B"),
    "Pairs": ("paired",),
}


@dataclass(frozen=True)
class Grid:
    """A picture of samples in the run folder."""

    step: int  # the training step that it was made after
    source: str  # the address relative to the page
    size: tuple[int, int]  # width and height in pixels, which the page keeps free


@dataclass(frozen=True)
class History:
    """The content of a run folder."""

    name: str  # the folder's name
    records: Sequence[journal.Record]  # the records of the log, in order
    speed: journal.Record  # the last record of the speed log, or an empty one
    grids: Sequence[Grid]  # the sample grids, in order
    options: Mapping[str, Any]  # the options of the run, without secrets
    end: int  # the last step planned

    @property
    def step(self) -> int:
        """The last step with a record or a grid."""
        steps = [record["step"] for record in self.records] + [grid.step for grid in self.grids]
        return max(steps, default=0)

    @property
    def validations(self) -> list[journal.Record]:
        """The records that hold the figures of a validation."""
        return [record for record in self.records if "f" in record]

    def curve(self, name: str, label: str | None = None) -> Curve:
        """The values with one name over the steps."""
        points = [(one["step"], float(one[name])) for one in self.records if name in one]
        return Curve(label or name, points)


def write_page(config: TrainConfig, end: int) -> Path:
    """Write `samples.html` into the run folder from the logs and grids there.

    Args:
        end: the last step planned.

    Raises SigcleanError if the page cannot be written.
    """
    path = config.run_folder / PAGE_FILE
    atomic_write_text(path, render(read_history(config, end)))
    return path


def read_history(config: TrainConfig, end: int) -> History:
    """Read the logs and grids of a run folder."""
    folder = config.run_folder
    speeds = journal.read(folder / journal.SPEED_FILE)
    return History(
        name=folder.resolve().name,
        records=journal.read(folder / journal.LOG_FILE),
        speed=speeds[-1] if speeds else {},
        grids=[_read_grid(path) for path in sorted((folder / SAMPLES_FOLDER).glob("[0-9]*.png"))],
        options=config.public(),
        end=end,
    )


def render(history: History) -> str:
    """The whole page; names that a run or a person gave are escaped."""
    validations = history.validations
    by_step = {one["step"]: one for one in validations}
    return render_page(
        TEMPLATE,
        name=history.name,
        step=history.step,
        end=max(history.end, history.step, 1),
        numbers=_numbers(history),
        grids=[_grid(grid, by_step.get(grid.step, {})) for grid in history.grids],
        curves=_curves(history),
        figures=FIGURES,
        validated=VALIDATED,
        validations=validations,
        best=max(validations, key=lambda one: one["f"], default=None),
        options=history.options,
    )


def _read_grid(path: Path) -> Grid:
    with Image.open(path) as image:
        return Grid(int(path.stem), f"{SAMPLES_FOLDER}/{path.name}", image.size)


def _numbers(history: History) -> list[tuple[str, str, str]]:
    """The last figures and the speed, for large letters: label, value and unit of each."""
    found: list[tuple[str, str, str]] = []
    if validations := history.validations:
        last, best = validations[-1], max(validations, key=lambda one: one["f"])
        found += [(FIGURES[name].name, f"{last[name]:g}", FIGURES[name].unit) for name in VALIDATED]
        found.append((f"Best F, step {grouped(best['step'])}", f"{best['f']:g}", "%"))
    if speed := history.speed.get("pictures_per_second"):
        found.append(("Speed", short(speed), "pictures/s"))
    return found


def _grid(grid: Grid, record: journal.Record) -> dict[str, Any]:
    """A grid as the page's script wants it, with the figures of its step in words."""
    figures = [f"{FIGURES[name].name} {record[name]:g}" for name in VALIDATED if name in record]
    return {
        "step": grid.step,
        "src": grid.source,
        "title": f"step {grouped(grid.step)}",
        "figures": " · ".join(figures),
        "width": grid.size[0],
        "height": grid.size[1],
    }


def _curves(history: History) -> list[Markup]:
    shares = [history.curve(name, FIGURES[name].name) for name in ("f", "recall", "precision")]
    lowest = min((value for curve in shares for _, value in curve.points), default=0.0)
    limits = (min(10 * (lowest // 10), 90.0), 100.0)
    drawn = [
        line_chart("Ink found, %", shares, history.end, limits=limits),
        line_chart("PSNR, dB", [history.curve("psnr", "PSNR")], history.end),
    ]
    names = list(dict.fromkeys(name for record in history.records for name in record))
    for title, losses in _loss_charts(names).items():
        drawn.append(line_chart(title, [history.curve(name) for name in losses], history.end))
    rates = [history.curve(name, name[3:]) for name in sorted(names) if name.startswith("lr_")]
    if len(rates) > 1 and all(curve.points == rates[0].points for curve in rates):
        rates = [Curve("all", rates[0].points)]
    return [*drawn, line_chart("Learning rate", rates, history.end)]


def _loss_charts(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The losses of each chart: the known charts, and one for each other loss."""
    known = {name for losses in LOSS_CHARTS.values() for name in losses} | {"step", *VALIDATED}
    others = [name for name in names if name not in known and not name.startswith("lr_")]
    return LOSS_CHARTS | {name: (name,) for name in others}
