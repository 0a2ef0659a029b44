"""Figures in rows and columns, for the report's tables and as text for a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sigclean.evaluation.scores import WORST, Table
from sigclean.reports.figures import FIGURES

Figures = Mapping[str, float]
"""Values by the names of their figures."""


@dataclass(frozen=True)
class TableRow:
    """One row of every family."""

    label: str
    style: str  # the CSS class
    figures: Mapping[str, Figures]  # by family; those that it lacks are left empty
    signed: bool = False  # the values are differences, which are coloured as better or worse

    def cell(self, family: str, name: str) -> tuple[str, str]:
        """The text and the CSS class of a figure's cell."""
        if name not in self.figures[family]:
            return "–", ""
        value = self.figures[family][name]
        written = FIGURES[name].written(value, self.signed)
        if not self.signed or float(written) == 0 or FIGURES[name].better == "neither":
            return written, ""
        return written, "better" if is_better(name, value) else "worse"


@dataclass(frozen=True)
class FigureTable:
    """All figures that any row has, family by family."""

    caption: str
    rows: Sequence[TableRow]
    counts: Mapping[str, int]  # the number of pictures of each family, in the order of the table

    def names(self) -> list[str]:
        """The figures that have a column."""
        known = {name for row in self.rows for values in row.figures.values() for name in values}
        return [name for name in FIGURES if name in known]

    def rows_of(self, family: str) -> list[TableRow]:
        """The rows that have figures of a family."""
        return [row for row in self.rows if row.figures.get(family)]


def side(table: Table, name: str, worst: bool = False) -> dict[str, Figures]:
    """One side of every family, "noisy" or "cleaned": the means, or those of the worst tenth."""
    return {
        family: {
            figure.removesuffix(WORST): value
            for figure, value in sides[name].items()
            if figure.endswith(WORST) == worst
        }
        for family, sides in table.items()
    }


def difference(one: Mapping[str, Figures], other: Mapping[str, Figures]) -> dict[str, Figures]:
    """Other minus one, where both have the figure."""
    return {
        family: {name: other[family][name] - one[family][name]
                 for name in one[family] if name in other[family]}
        for family in one
        if family in other
    }  # fmt: skip


def is_better(name: str, change: float) -> bool:
    """Tell whether a change of a figure is an improvement."""
    return change < 0 if FIGURES[name].better == "lower" else change > 0


@dataclass(frozen=True)
class TextColumn:
    """A column of a text table: one figure of every family, or its difference if `signed`."""

    heading: str
    figure: str
    values: Mapping[str, Figures]
    signed: bool = False

    def cell(self, family: str) -> str:
        """The figure of a family as text; a dash where there is none."""
        figures = self.values.get(family, {})
        if self.figure not in figures:
            return "-"
        return FIGURES[self.figure].written(figures[self.figure], self.signed)


def text_table(counts: Mapping[str, int], columns: Sequence[TextColumn]) -> str:
    """Write families, their numbers of pictures, and columns of figures, aligned to the right."""
    rows = [["family", "pictures", *(column.heading for column in columns)]]
    for family, count in counts.items():
        rows.append([family, str(count), *(column.cell(family) for column in columns)])
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = []
    for family, *numbers in rows:
        cells = [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([family.ljust(widths[0]), *cells]))
    return "\n".join(lines)
