"""Figures in rows and columns: their names and units, as HTML and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sigclean.evaluation.scores import LOWER_IS_BETTER, WORST, Table

Row = Mapping[str, float]


@dataclass(frozen=True)
class Figure:
    """How a figure is called and written.

    Attributes:
        meaning: what it is, in a few words.
        scale: what it is multiplied by: 100 for shares, which are shown in per cent.
    """

    label: str
    meaning: str
    scale: float = 100.0
    digits: int = 2

    def written(self, value: float, signed: bool = False) -> str:
        return f"{self.scale * value:{'+' if signed else ''}.{self.digits}f}"


FIGURES = {
    "f": Figure("F", "harmonic mean of recall and precision, one pixel of tolerance, %"),
    "recall": Figure("Recall", "truth ink within one pixel of result ink, %"),
    "precision": Figure("Precision", "result ink within one pixel of truth ink, %"),
    "exact_f": Figure("Exact F", "F without tolerance, %"),
    "exact_recall": Figure("Exact R", "recall without tolerance, %"),
    "exact_precision": Figure("Exact P", "precision without tolerance, %"),
    "pseudo_f": Figure("Pseudo-F", "F of exact P and the share of the skeleton that is found, %"),
    "drd": Figure("DRD", "distance reciprocal distortion, lower is better", 1.0),
    "psnr": Figure("PSNR", "of the grey pictures, dB", 1.0),
    "ssim": Figure("SSIM", "of the grey pictures, 1 is equal", 1.0, 4),
    "kept": Figure("Kept", "input ink that is in the result, %"),
    "lost": Figure("Lost", "truth ink that is not in the result, %"),
    "invented": Figure("Invented", "result ink more than two pixels from input ink, %", digits=3),
    "invented_same_level": Figure(
        "Invented*", "the same, ink taken at the higher of both pictures' levels, %", digits=3
    ),
}

EITHER_WAY = frozenset(("kept",))  # more of it is print that stays, or strokes that do


@dataclass(frozen=True)
class Line:
    """One line of every family.

    Attributes:
        style: CSS class.
        figures: by family; those that a family lacks are left empty.
        signed: the values are differences, which are better or worse.
    """

    label: str
    style: str
    figures: Mapping[str, Row]
    signed: bool = False


def side(table: Table, name: str, worst: bool = False) -> dict[str, Row]:
    """One side of every family, "noisy" or "cleaned": the means, or those of the worst tenth."""
    return {
        family: {
            figure.removesuffix(WORST): value
            for figure, value in sides[name].items()
            if figure.endswith(WORST) == worst
        }
        for family, sides in table.items()
    }


def difference(one: Mapping[str, Row], other: Mapping[str, Row]) -> dict[str, Row]:
    """Other minus one, where both have the figure."""
    return {
        family: {name: other[family][name] - one[family][name]
                 for name in one[family] if name in other[family]}
        for family in one
        if family in other
    }  # fmt: skip


def better(name: str, change: float) -> bool:
    """Whether a change of a figure is for the better."""
    return change < 0 if name in LOWER_IS_BETTER else change > 0


def html_table(caption: str, lines: Sequence[Line], counts: Mapping[str, int]) -> str:
    """All figures that any line has, by family; scrolls by keyboard where the screen is narrow.

    Args:
        counts: pictures of each family; its order is that of the rows.
    """
    names = [name for name in FIGURES if any(_has(line, name) for line in lines)]
    heads = "".join(
        f'<th scope="col"><abbr title="{escape(FIGURES[name].meaning)}">{FIGURES[name].label}'
        "</abbr></th>"
        for name in names
    )
    bodies = "".join(_family(family, count, lines, names) for family, count in counts.items())
    return (
        f'<div class="card scroll wide" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="figures"><thead><tr><th scope="col">Family</th><th scope="col"></th>{heads}'
        f"</tr></thead>{bodies}</table></div>"
    )


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns wide enough for their cells: the first to the left, the others to the right."""
    everything = [list(heads), *map(list, rows)]
    widths = [max(len(row[column]) for row in everything) for column in range(len(heads))]
    lines = []
    for row in everything:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def cell(name: str, row: Row, signed: bool = False) -> str:
    """A figure of a row as text; a dash where it has none."""
    return FIGURES[name].written(row[name], signed) if name in row else "-"


def _has(line: Line, name: str) -> bool:
    return any(name in row for row in line.figures.values())


def _family(family: str, count: int, lines: Sequence[Line], names: Sequence[str]) -> str:
    shown = [line for line in lines if line.figures.get(family)]
    rows = []
    for number, line in enumerate(shown):
        head = (
            f'<th scope="rowgroup" rowspan="{len(shown)}">{escape(family)}<small>{count}</small>'
            "</th>"
        )
        cells = "".join(_cell(name, line, family) for name in names)
        rows.append(
            f'<tr class="{line.style}">{head if number == 0 else ""}'
            f'<th scope="row">{escape(line.label)}</th>{cells}</tr>'
        )
    return f"<tbody>{''.join(rows)}</tbody>"


def _cell(name: str, line: Line, family: str) -> str:
    value = line.figures[family].get(name)
    if value is None:
        return "<td>–</td>"
    written = FIGURES[name].written(value, line.signed)
    if not line.signed or float(written) == 0 or name in EITHER_WAY:
        return f"<td>{written}</td>"
    return f'<td class="{"better" if better(name, value) else "worse"}">{written}</td>'


def count_by(families: Sequence[str], everything: str, *, apart: str) -> dict[str, int]:
    """How many cases each family has, and under `everything` all but the family set `apart`."""
    counts = {family: families.count(family) for family in dict.fromkeys(families)}
    total = sum(count for family, count in counts.items() if family != apart)
    return {everything: total, **counts} if total else counts
