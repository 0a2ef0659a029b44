"""Plots of an evaluation as SVG: figures by family, recall against precision, error rates.

They are themed by the page's CSS, need neither library nor script, and tell series apart by the
shape of their marks as well as by colour. All shares are in [0, 1] here and shown in per cent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sigclean.reports.charts import ticks

WIDTH, HEIGHT = 340, 260  # of a drawing, in its own units: about the pixels it is shown at
RIGHT, TOP, BOTTOM = 12, 8, 32  # margins, with room for the labels of the axes
ROW = 22  # height of a family
LETTER = 6  # width of one, about
MOST_POINTS = 1200  # of a series: more would be a blot, and megabytes


@dataclass(frozen=True)
class Series:
    """Points under a name.

    Attributes:
        style: the CSS class of its colour; "plain" is drawn hollow.
        points: (x, y, what it is) each.
    """

    name: str
    style: str
    points: Sequence[tuple[float, float, str]]


def family_plot(title: str, series: Sequence[tuple[str, str, Mapping[str, float]]]) -> str:
    """One row a family, one mark a series, joined by a line.

    Args:
        series: name, style and {family: share} each.
    """
    families = list(dict.fromkeys(family for _, _, shares in series for family in shares))
    if not families:
        return ""
    left = 14 + LETTER * max(len(family) for family in families)
    lowest = min(share for _, _, shares in series for share in shares.values())
    frame = _Frame(left, ROW * len(families) + TOP + BOTTOM, (_below(lowest), 1.0), (0.0, 1.0))
    rows = []
    for number, family in enumerate(families):
        y = TOP + ROW * (number + 0.5)
        found = [(frame.x(shares[family]), name, style, shares[family])
                 for name, style, shares in series if family in shares]  # fmt: skip
        ends = min(x for x, *_ in found), max(x for x, *_ in found)
        rows.append(
            f'<text class="label" x="{left - 8}" y="{y + 4}" text-anchor="end">{escape(family)}'
            f'</text><path class="join" d="M{ends[0]} {y}H{ends[1]}"/>'
        )
        rows += [
            _mark(x, y, style, f"{family}, {name}: {per_cent(share)} %", size=4.5)
            for x, name, style, share in found
        ]
    legend = [(name, style, "") for name, style, shares in series if shares]
    return _figure(title, legend, frame.height, frame.columns() + "".join(rows))


def scatter_plot(
    title: str, series: Sequence[Series], axes: tuple[str, str], low: tuple[float, float]
) -> str:
    """Points in the square from `low` to 1 on both axes; those beyond lie on its border."""
    shown = [one for one in series if one.points]
    if not shown:
        return ""
    frame = _Frame(42, HEIGHT, (low[0], 1.0), (low[1], 1.0))
    marks = [
        _mark(frame.x(x), frame.y(y), one.style, said, size=2.6)
        for one in shown
        for x, y, said in _some(one.points)
    ]
    legend = [(one.name, one.style, "") for one in shown]
    return _figure(title, legend, HEIGHT, frame.axes(axes) + "".join(marks))


def error_plot(title: str, series: Sequence[Series], rates: Mapping[str, float]) -> str:
    """False rejects over false accepts; the equal error rate lies where a curve meets the diagonal.

    Args:
        series: points from threshold to threshold, in order.
        rates: the equal error rate of each series, by its name.
    """
    shown = [one for one in series if one.points]
    if not shown:
        return ""
    end = min(1.0, math.ceil(max(rates.values(), default=0.0) * 25 + 1) / 10)
    frame = _Frame(42, HEIGHT, (0.0, end), (0.0, end))
    diagonal = f'<path class="join" d="M{frame.x(0)} {frame.y(0)}L{frame.x(end)} {frame.y(end)}"/>'
    drawn = [diagonal]
    for one in shown:
        line = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in _within(one.points, end))
        rate = rates[one.name]
        said = f"{one.name}: equal error rate {per_cent(rate)} %"
        drawn.append(f'<polyline class="{one.style}" points="{line}"/>')
        drawn.append(_mark(frame.x(rate), frame.y(rate), one.style, said, size=4))
    legend = [(one.name, one.style, f"{per_cent(rates[one.name])} %") for one in shown]
    body = frame.axes(("False accepts", "False rejects")) + "".join(drawn)
    return _figure(title, legend, HEIGHT, body)


def lower_limit(shares: Sequence[float], keep: float = 0.98) -> float:
    """Where an axis begins that shows the highest `keep` of the shares: a tenth, below 1."""
    ordered = sorted(shares)
    return _below(ordered[int((1 - keep) * len(ordered))]) if ordered else 0.0


def per_cent(share: float) -> str:
    """With one digit after the point, two where it is within 1 % of an end and not at it."""
    value = 100 * share
    return f"{value:.2f}" if 99 < value < 100 or 0 < abs(value) < 1 else f"{value:.1f}"


@dataclass(frozen=True)
class _Frame:
    """Where shares lie in the drawing."""

    left: int
    height: int
    across: tuple[float, float]
    up: tuple[float, float]

    def x(self, share: float) -> float:
        return round(self.left + (WIDTH - self.left - RIGHT) * _place(share, self.across), 1)

    def y(self, share: float) -> float:
        floor = self.height - BOTTOM
        return round(floor - (floor - TOP) * _place(share, self.up), 1)

    def columns(self) -> str:
        """The horizontal axis alone."""
        lines = "".join(
            f'<path d="M{self.x(one / 100)} {TOP}V{self.height - BOTTOM}"/>'
            f'<text x="{self.x(one / 100)}" y="{self.height - BOTTOM + 14}" text-anchor="middle">'
            f"{one:g}</text>"
            for one in ticks(100 * self.across[0], 100 * self.across[1])
        )
        return f'<g class="axes">{lines}</g>'

    def axes(self, names: tuple[str, str]) -> str:
        """Both axes, in per cent, with their names."""
        middle = self.left + (WIDTH - self.left - RIGHT) / 2, (self.height - BOTTOM + TOP) / 2
        rows = "".join(
            f'<path d="M{self.left} {self.y(one / 100)}H{WIDTH - RIGHT}"/>'
            f'<text x="{self.left - 6}" y="{self.y(one / 100) + 3.5}" text-anchor="end">{one:g}'
            "</text>"
            for one in ticks(100 * self.up[0], 100 * self.up[1])
        )
        words = (
            f'<text x="{middle[0]}" y="{self.height - 4}" text-anchor="middle">{names[0]}, %</text>'
            f'<text transform="translate(10 {middle[1]}) rotate(-90)" text-anchor="middle">'
            f"{names[1]}, %</text>"
        )
        return f'{self.columns()}<g class="axes">{rows}{words}</g>'


def _place(share: float, limits: tuple[float, float]) -> float:
    low, high = limits
    return min(max((share - low) / (high - low), 0.0), 1.0)


def _below(share: float) -> float:
    """The tenth at or below a share, less than 1."""
    return min(max(math.floor(10 * share + 1e-9), 0), 9) / 10


def _some(points: Sequence[tuple[float, float, str]]) -> Sequence[tuple[float, float, str]]:
    """At most `MOST_POINTS`, evenly spread."""
    return points[:: math.ceil(len(points) / MOST_POINTS)]


def _within(
    points: Sequence[tuple[float, float, str]], end: float
) -> Sequence[tuple[float, float]]:
    """The part of a curve inside the frame, with its neighbours at the border."""
    inside = [i for i, (x, y, _) in enumerate(points) if x <= end and y <= end]
    if not inside:
        return []
    part = points[max(inside[0] - 1, 0) : inside[-1] + 2]
    return [(x, y) for x, y, _ in part]


def _mark(x: float, y: float, style: str, said: str, size: float) -> str:
    """A circle, or for the second model a square; its title is shown under a pointer."""
    title = f"<title>{escape(said)}</title>"
    if style != "c1":
        return f'<circle class="{style}" cx="{x}" cy="{y}" r="{size}">{title}</circle>'
    side = round(1.8 * size, 1)
    corner = f'x="{x - side / 2:.1f}" y="{y - side / 2:.1f}"'
    return f'<rect class="{style}" {corner} width="{side}" height="{side}">{title}</rect>'


def _figure(title: str, legend: Sequence[tuple[str, str, str]], height: int, body: str) -> str:
    keys = "".join(
        f'<span class="key {style}">{escape(name)}{f" <b>{value}</b>" if value else ""}</span>'
        for name, style, value in legend
    )
    said = f"{title}: " + ", ".join(f"{name} {value}".strip() for name, _, value in legend)
    return (
        f'<figure class="chart"><figcaption>{escape(title)}<span>{keys}</span></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(said)}">'
        f"{body}</svg></figure>"
    )
