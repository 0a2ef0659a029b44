"""Charts as SVG: lines over steps, figures by family, points in a square, error rates.

They are themed by the page's CSS, need neither library nor script, and tell series apart by the
shape of their marks as well as by colour.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from sigclean.reports.drawing import BOTTOM, LEFT, RIGHT, TOP, WIDTH, Drawing
from sigclean.reports.numbers import per_cent, short, thousands

LOW, HIGH = 170, 260  # units: heights of a chart over steps, and of a square one
NAMED_BOTTOM = 32  # units: the lower margin with the axis's name
ROW = 22  # units: height of a family
LETTER = 6  # units: width of a letter, about
MAX_BUCKETS = 240  # points of a line: more would be finer than the screen
MAX_MARKS = 1200  # marks of a series: more would be a blot, and megabytes
CLIPPED = 0.02  # share of a line's highest points that may lie above the chart

Points = Sequence[tuple[int, float]]
"""Steps and values, in order."""

Marks = Sequence[tuple[float, float, str]]
"""Horizontal and vertical value in per cent, and the text shown under a pointer."""


@dataclass(frozen=True)
class Curve:
    """A named line of values over steps."""

    name: str
    points: Points


@dataclass(frozen=True)
class Series:
    """Named marks; `style` is the CSS class of their colour: c0 to c3, or plain for hollow ones."""

    name: str
    style: str
    points: Marks


@dataclass(frozen=True)
class Bucket:
    """Neighbouring points of a curve: the last step, and the values' mean and extremes."""

    step: int
    mean: float
    low: float
    high: float


def line_chart(
    title: str, curves: Sequence[Curve], steps: int, *, limits: tuple[float, float] | None = None
) -> Markup:
    """Draw values over steps; the page's script shows the values at a step.

    Args:
        curves: at most four, which is how many colours there are; empty ones are left out. A curve
            of many points is drawn as the mean of neighbours, with their range behind it.
        steps: the end of the horizontal axis.
        limits: the ends of the vertical axis; by default those of the values, few spikes clipped.
    """
    thinned = [(curve.name, thin(curve.points)) for curve in curves if curve.points]
    if not thinned:
        return Markup()
    steps = max(steps, 1)
    limits = limits or _limits([bucket.mean for _, buckets in thinned for bucket in buckets])
    chart = Drawing(title, (0, steps), limits, height=LOW)
    chart.rows(short)
    chart.columns(thousands, lines=False)
    for number, (name, buckets) in enumerate(thinned):
        chart.key(name, f"c{number}", short(buckets[-1].mean))
        _draw_curve(chart, f"c{number}", buckets)
    values = [[[one.step, short(one.mean)] for one in buckets] for _, buckets in thinned]
    axis = {"steps": steps, "left": LEFT, "right": WIDTH - RIGHT, "width": WIDTH}
    chart.figure.set("data-chart", json.dumps({**axis, "curves": values}))
    chart.draw("line", class_="cursor", y1=TOP, y2=LOW - BOTTOM, hidden="")
    return chart.html()


def family_chart(title: str, series: Sequence[tuple[str, str, Mapping[str, float]]]) -> Markup:
    """Draw a row for each family: a mark for each series, joined by a line.

    Args:
        series: name, style and {family: per cent} of each.
    """
    families = list(dict.fromkeys(family for _, _, values in series for family in values))
    if not families:
        return Markup()
    lowest = min(value for _, _, values in series for value in values.values())
    left = 14 + LETTER * max(map(len, families))
    limits = (_ten_below(lowest), 100.0), (len(families), 0)
    chart = Drawing(title, *limits, height=ROW * len(families) + TOP + BOTTOM, left=left)
    chart.columns("{:g}".format)
    for row, family in enumerate(families):
        y = chart.y(row + 0.5)
        found = [(*one[:2], one[2][family]) for one in series if family in one[2]]
        ends = [chart.x(value) for _, _, value in found]
        chart.draw("text", family, class_="label", x=left - 8, y=y + 4, text_anchor="end")
        chart.draw("path", class_="join", d=f"M{min(ends)} {y}H{max(ends)}")
        for name, style, value in found:
            said = f"{family}, {name}: {per_cent(value)} %"
            chart.mark(chart.x(value), y, style, said, size=4.5)
    for name, style, values in series:
        if values:
            chart.key(name, style)
    return chart.html()


def scatter_chart(
    title: str, series: Sequence[Series], axes: tuple[str, str], low: tuple[float, float]
) -> Markup:
    """Draw points in the square from `low` to 100 %; those beyond lie on its border."""
    shown = [one for one in series if one.points]
    if not shown:
        return Markup()
    chart = Drawing(title, (low[0], 100.0), (low[1], 100.0), height=HIGH, bottom=NAMED_BOTTOM)
    chart.named_axes(*axes)
    for one in shown:
        chart.key(one.name, one.style)
        for x, y, said in one.points[:: math.ceil(len(one.points) / MAX_MARKS)]:
            chart.mark(chart.x(x), chart.y(y), one.style, said, size=2.6)
    return chart.html()


def error_chart(title: str, series: Sequence[Series], rates: Mapping[str, float]) -> Markup:
    """Draw false rejects over false accepts; a curve meets the diagonal at its equal error rate.

    Args:
        series: the points from threshold to threshold, in order.
        rates: the equal error rate of each series in per cent, by its name.
    """
    shown = [one for one in series if one.points]
    if not shown:
        return Markup()
    end = min(100.0, 10 * math.ceil(max(rates.values(), default=0.0) / 4 + 1))
    chart = Drawing(title, (0.0, end), (0.0, end), height=HIGH, bottom=NAMED_BOTTOM)
    chart.named_axes("False accepts", "False rejects")
    diagonal = f"M{chart.x(0)} {chart.y(0)}L{chart.x(end)} {chart.y(end)}"
    chart.draw("path", class_="join", d=diagonal)
    for one in shown:
        rate, written = rates[one.name], f"{per_cent(rates[one.name])} %"
        chart.key(one.name, one.style, written)
        chart.draw("polyline", class_=one.style, points=chart.path(_within(one.points, end)))
        said = f"{one.name}: equal error rate {written}"
        chart.mark(chart.x(rate), chart.y(rate), one.style, said, size=4)
    return chart.html()


def thin(points: Points, most: int = MAX_BUCKETS) -> list[Bucket]:
    """Join neighbouring points to at most `most` buckets of one size; the last may be smaller."""
    size = math.ceil(len(points) / most)
    found = []
    for start in range(0, len(points), size or 1):
        part = points[start : start + size]
        values = [value for _, value in part]
        found.append(Bucket(part[-1][0], sum(values) / len(values), min(values), max(values)))
    return found


def lower_limit(values: Sequence[float], keep: float = 0.98) -> float:
    """The start of an axis in per cent, a multiple of ten, that shows the highest `keep` of the
    values."""
    ordered = sorted(values)
    return _ten_below(ordered[int((1 - keep) * len(ordered))]) if ordered else 0.0


def _draw_curve(chart: Drawing, style: str, buckets: Sequence[Bucket]) -> None:
    """Draw means as a line with their ranges behind it, or a single one as a dot."""
    if len(buckets) == 1:
        x, y = chart.x(buckets[0].step), chart.y(buckets[0].mean)
        chart.draw("circle", class_=style, cx=x, cy=y, r=2.5)
        return
    if any(bucket.low < bucket.high for bucket in buckets):
        upper = [(bucket.step, bucket.high) for bucket in buckets]
        lower = [(bucket.step, bucket.low) for bucket in reversed(buckets)]
        chart.draw("polygon", class_=style, points=chart.path([*upper, *lower]))
    means = [(bucket.step, bucket.mean) for bucket in buckets]
    chart.draw("polyline", class_=style, points=chart.path(means))


def _limits(means: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis with some room; near 0 it begins there."""
    ordered = sorted(means)
    low, high = ordered[0], ordered[max(math.ceil(len(ordered) * (1 - CLIPPED)) - 1, 0)]
    if low >= 0 and low < 0.7 * high:
        low = 0.0
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return (low if low == 0 else low - room), high + room


def _ten_below(value: float) -> float:
    """The multiple of ten at or below a value in per cent, at most 90."""
    return 10.0 * min(max(math.floor(value / 10 + 1e-9), 0), 9)


def _within(points: Marks, end: float) -> list[tuple[float, float]]:
    """The part of a curve inside the square from 0 to `end`, with its neighbours outside."""
    inside = [place for place, (x, y, _) in enumerate(points) if x <= end and y <= end]
    if not inside:
        return []
    return [(x, y) for x, y, _ in points[max(inside[0] - 1, 0) : inside[-1] + 2]]
