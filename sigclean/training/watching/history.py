"""samples.html: a run's figures, losses and sample grids on one page, written anew each time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from sigclean.files import atomic_write
from sigclean.reports import charts
from sigclean.reports.charts import Curve, draw_chart
from sigclean.reports.page import SCRIPT, STYLE
from sigclean.training.options import TrainConfig
from sigclean.training.watching import journal

PAGE_FILE = "samples.html"
SAMPLES_FOLDER = "samples"
FIGURES = {"f": "F-measure", "recall": "Recall", "precision": "Precision", "psnr": "PSNR"}
# Losses that are worth comparing share a chart; what none of them names gets one of its own.
LOSS_CHARTS = {
    "Generators, adversarial": ("G_A", "G_B"),
    "Discriminators": ("D_A", "D_B"),
    "Cycle": ("cycle_A", "cycle_B"),
    "Identity": ("idt_A", "idt_B"),
    "Pairs": ("paired",),
}


@dataclass(frozen=True)
class Grid:
    """A picture of samples in the run folder.

    Attributes:
        source: its address, relative to the page.
        size: width and height, so that the page does not move when it loads.
    """

    step: int
    source: str
    size: tuple[int, int]


@dataclass(frozen=True)
class History:
    """What a run folder tells about its run.

    Attributes:
        records: of the log, in order.
        speed: the last record of it, or nothing.
        end: the last step that the run is to have.
    """

    name: str
    records: Sequence[journal.Record]
    speed: journal.Record
    grids: Sequence[Grid]
    options: Mapping[str, Any]
    end: int

    @property
    def step(self) -> int:
        """The last one that anything is known of."""
        steps = [record["step"] for record in self.records] + [grid.step for grid in self.grids]
        return max(steps, default=0)

    @property
    def figures(self) -> dict[int, journal.Record]:
        """The figures of each validation, by its step."""
        return {record["step"]: record for record in self.records if "f" in record}

    def curve(self, name: str, label: str | None = None) -> Curve:
        """The values of one name over the steps."""
        points = [(one["step"], float(one[name])) for one in self.records if name in one]
        return Curve(label or name, points)


def write_page(config: TrainConfig, end: int) -> Path:
    """Write `samples.html` into the run folder from what lies there.

    Raises SigcleanError if it cannot be written.
    """
    path = config.run_folder / PAGE_FILE
    text = render(read_history(config, end))
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


def read_history(config: TrainConfig, end: int) -> History:
    """The run folder's log and grids."""
    folder = config.run_folder
    speeds = journal.read(folder / journal.SPEED_FILE)
    return History(
        name=folder.resolve().name,
        records=journal.read(folder / journal.LOG_FILE),
        speed=speeds[-1] if speeds else {},
        grids=[_grid(path) for path in sorted((folder / SAMPLES_FOLDER).glob("[0-9]*.png"))],
        options=config.public(),
        end=end,
    )


def render(history: History) -> str:
    """The whole page; whatever a run or a person named is escaped."""
    numbers = {"LEFT": charts.LEFT, "RIGHT": charts.RIGHT, "WIDTH": charts.WIDTH}
    script = SCRIPT.replace("[LEFT, RIGHT, WIDTH]", json.dumps([*numbers.values()]))
    body = (_head(history), _viewer(history), _charts(history), _table(history), _all(history),
            _options(history.options))  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(history.name)} · samples</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n{''.join(body)}</main>\n"
        f'<script type="application/json" id="samples">{_samples(history)}</script>\n'
        f"<script>{script}</script></body></html>\n"
    )


def _grid(path: Path) -> Grid:
    with Image.open(path) as image:
        return Grid(int(path.stem), f"{SAMPLES_FOLDER}/{path.name}", image.size)


def _head(history: History) -> str:
    step, end = history.step, max(history.end, history.step, 1)
    state = "finished" if step >= end else "this page is written anew at every validation"
    return (
        f"<h1>{escape(history.name)}</h1>"
        f'<p class="soft">Step {_grouped(step)} of {_grouped(end)} · {state}</p>'
        f'<div class="progress" role="progressbar" aria-label="Steps done" aria-valuemin="0" '
        f'aria-valuemax="{end}" aria-valuenow="{step}">'
        f'<i style="width:{100 * step / end:.1f}%"></i></div>'
        f"{_tiles(history)}"
    )


def _tiles(history: History) -> str:
    """The last figures in large letters, and how fast the training is."""
    tiles: list[tuple[str, str]] = []
    if figures := history.figures:
        last, best = figures[max(figures)], max(figures.values(), key=lambda one: one["f"])
        for name, label in FIGURES.items():
            unit = "dB" if name == "psnr" else "%"
            tiles.append((label, f"{last[name]:g} <small>{unit}</small>"))
        tiles.append((f"Best F, step {_grouped(best['step'])}", f"{best['f']:g} <small>%</small>"))
    if rate := history.speed.get("pictures_per_second"):
        tiles.append(("Speed", f"{charts.short(rate)} <small>pictures/s</small>"))
    inner = "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in tiles)
    return f'<dl class="tiles">{inner}</dl>' if tiles else ""


def _viewer(history: History) -> str:
    if not history.grids:
        return ""
    last, count = history.grids[-1], len(history.grids)
    return (
        '<h2>Samples</h2><section class="card viewer" aria-label="Samples">'
        '<div class="controls"><button id="before" aria-label="Earlier">‹</button>'
        f'<input id="slider" type="range" min="0" max="{count - 1}" value="{count - 1}" '
        'aria-label="Validation">'
        '<button id="after" aria-label="Later">›</button></div>'
        f'<output for="slider"><b id="at">{_title(last)}</b>'
        f'<span id="figures" class="soft">{escape(_said(history, last))}</span></output>'
        f'<a id="full" href="{escape(last.source)}">'
        f'<img id="grid" src="{escape(last.source)}" alt="Samples at {_title(last)}" '
        f'width="{last.size[0]}" height="{last.size[1]}"></a></section>'
    )


def _charts(history: History) -> str:
    shares = [history.curve(name, FIGURES[name]) for name in ("f", "recall", "precision")]
    lowest = min((value for curve in shares for _, value in curve.points), default=0.0)
    drawn = [
        draw_chart("Ink found, %", shares, history.end, limits=(10 * (lowest // 10), 100.0)
                   if lowest < 100 else (90.0, 100.0)),
        draw_chart("PSNR, dB", [history.curve("psnr", "PSNR")], history.end),
    ]  # fmt: skip
    for title, names in _loss_charts(history.records).items():
        drawn.append(draw_chart(title, [history.curve(name) for name in names], history.end))
    rates = sorted({name for record in history.records for name in record if name[:3] == "lr_"})
    curves = [history.curve(name, name[3:]) for name in rates]
    if len(curves) > 1 and all(curve.points == curves[0].points for curve in curves):
        curves = [Curve("all", curves[0].points)]
    drawn.append(draw_chart("Learning rate", curves, history.end))
    return f'<h2>Curves</h2><div class="charts">{"".join(drawn)}</div>' if any(drawn) else ""


def _loss_charts(records: Iterable[journal.Record]) -> dict[str, tuple[str, ...]]:
    """The known charts, and one for each other loss."""
    known = {name for names in LOSS_CHARTS.values() for name in names} | {"step", *FIGURES}
    found = dict.fromkeys(name for record in records for name in record)
    others = [name for name in found if name not in known and name[:3] != "lr_"]
    return LOSS_CHARTS | {name: (name,) for name in others}


def _table(history: History) -> str:
    figures = history.figures
    if not figures:
        return ""
    best = max(figures.values(), key=lambda one: one["f"])["step"]
    rows = "".join(
        f"<tr{' class=best' if step == best else ''}><td>{_grouped(step)}</td>"
        + "".join(f"<td>{record[name]:.2f}</td>" for name in FIGURES)
        + "</tr>"
        for step, record in sorted(figures.items(), reverse=True)
    )
    heads = "".join(f"<th>{label}</th>" for label in ("Step", *FIGURES.values()))
    return (
        '<h2>Figures</h2><div class="card scroll" tabindex="0" aria-label="Figures" role="region">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _all(history: History) -> str:
    """Every grid, the latest first; loaded when it is scrolled to."""
    shown = "".join(
        f'<figure><a href="{escape(grid.source)}"><img loading="lazy" src="{escape(grid.source)}" '
        f'alt="Samples at {_title(grid)}" width="{grid.size[0]}" height="{grid.size[1]}"></a>'
        f"<figcaption>{_title(grid)} {escape(_said(history, grid))}</figcaption></figure>"
        for grid in reversed(history.grids)
    )
    return f'<h2>All samples</h2><div class="all">{shown}</div>' if shown else ""


def _options(options: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>"
        for name, value in options.items()
    )
    return (
        '<h2>Options</h2><details class="card"><summary>All options of this run</summary>'
        f'<table class="options"><tbody>{rows}</tbody></table></details>'
    )


def _samples(history: History) -> str:
    """For the slider, as JSON that cannot end the script it stands in."""
    found = [
        {"step": grid.step, "src": grid.source, "title": _title(grid),
         "figures": _said(history, grid)}
        for grid in history.grids
    ]  # fmt: skip
    return json.dumps(found).replace("<", "\\u003c")


def _title(grid: Grid) -> str:
    return f"step {_grouped(grid.step)}"


def _said(history: History, grid: Grid) -> str:
    """The figures of a grid's step in words."""
    record = history.figures.get(grid.step, {})
    return " · ".join(
        f"{label} {record[name]:g}" for name, label in FIGURES.items() if name in record
    )


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")
