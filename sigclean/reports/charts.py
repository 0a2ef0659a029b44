"""Line charts as SVG, drawn small and themed by the page's CSS: no library, no script needed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 340, 170  # of the drawing, in its own units: about the pixels it is shown at
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 8, 20  # margins for the labels of the axes
MOST_POINTS = 240  # of a curve: more would be finer than the screen
SPIKES = 0.02  # share of the highest points that may lie above the chart

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Curve:
    """Values over steps, in order, under a name."""

    name: str
    points: Points


@dataclass(frozen=True)
class Bucket:
    """Some neighbouring points of a curve: the last step, and the values' mean and extremes."""

    step: int
    mean: float
    low: float
    high: float


def thin(points: Points, most: int = MOST_POINTS) -> list[Bucket]:
    """At most `most` buckets of as many points each, the last one perhaps of fewer."""
    each = math.ceil(len(points) / most)
    found = []
    for start in range(0, len(points), each or 1):
        part = points[start : start + each]
        values = [value for _, value in part]
        found.append(Bucket(part[-1][0], sum(values) / len(values), min(values), max(values)))
    return found


def draw_chart(
    title: str, curves: Sequence[Curve], steps: int, *, limits: tuple[float, float] | None = None
) -> str:
    """A <figure>: title, legend with the last values, the drawing, and its data for the pointer.

    Args:
        curves: those without points are left out; at most four, which is how many colours there
            are. A curve of many points is drawn as the mean of neighbours, with their range behind.
        steps: where the horizontal axis ends.
        limits: of the vertical axis; else those of the values, a few spikes cut off.
    """
    thinned = [(curve.name, thin(curve.points)) for curve in curves if curve.points]
    if not thinned:
        return ""
    low, high = limits or _limits([bucket for _, buckets in thinned for bucket in buckets])
    plot = _Plot(max(steps, 1), low, high)
    drawn = [plot.curve(number, buckets) for number, (_, buckets) in enumerate(thinned)]
    legend = "".join(
        f'<span class="key c{number}">{escape(name)} <b>{short(buckets[-1].mean)}</b></span>'
        for number, (name, buckets) in enumerate(thinned)
    )
    data = {
        "steps": plot.steps,
        "curves": [[[one.step, short(one.mean)] for one in buckets] for _, buckets in thinned],
    }
    said = ", ".join(f"{name} {short(buckets[-1].mean)}" for name, buckets in thinned)
    return (
        f'<figure class="chart" data-chart="{escape(json.dumps(data))}">'
        f"<figcaption>{escape(title)}<span>{legend}</span></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(f"{title}: at the end {said}")}">'
        f"{plot.axes()}{''.join(drawn)}"
        f'<line class="cursor" y1="{TOP}" y2="{HEIGHT - BOTTOM}" hidden /></svg></figure>'
    )


def short(value: float) -> str:
    """Three significant digits, or whole numbers grouped in threes; 2e-04 for small rates."""
    if value == 0 or 1e-3 <= abs(value) < 1000:
        return f"{value:.3g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.2g}"


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`: 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    unit = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)
    return [round(number * unit, 12) for number in range(first, last + 1)]


def _limits(buckets: Sequence[Bucket]) -> tuple[float, float]:
    means = sorted(bucket.mean for bucket in buckets)
    low, high = means[0], means[max(math.ceil(len(means) * (1 - SPIKES)) - 1, 0)]
    if low >= 0 and low < 0.7 * high:
        low = 0.0  # where it is near, the axis begins at nothing
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return (low if low == 0 else low - room), high + room


@dataclass(frozen=True)
class _Plot:
    """Where steps and values lie in the drawing."""

    steps: int
    low: float
    high: float

    def x(self, step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / self.steps, 1)

    def y(self, value: float) -> float:
        """Values beyond the limits lie on the border."""
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    def curve(self, number: int, buckets: Sequence[Bucket]) -> str:
        if len(buckets) == 1:
            x, y = self.x(buckets[0].step), self.y(buckets[0].mean)
            return f'<circle class="c{number}" cx="{x}" cy="{y}" r="2.5"/>'
        line = " ".join(f"{self.x(one.step)},{self.y(one.mean)}" for one in buckets)
        upper = [f"{self.x(one.step)},{self.y(one.high)}" for one in buckets]
        lower = [f"{self.x(one.step)},{self.y(one.low)}" for one in reversed(buckets)]
        band = ""
        if any(one.high > one.low for one in buckets):
            band = f'<polygon class="c{number}" points="{" ".join(upper + lower)}"/>'
        return f'{band}<polyline class="c{number}" points="{line}"/>'

    def axes(self) -> str:
        rows = "".join(
            f'<path d="M{LEFT} {self.y(one)}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 6}" y="{self.y(one) + 3.5}" text-anchor="end">{short(one)}</text>'
            for one in ticks(self.low, self.high)
        )
        columns = "".join(
            f'<text x="{self.x(one)}" y="{HEIGHT - 5}" text-anchor="{_anchor(one, self.steps)}">'
            f"{_thousands(one)}</text>"
            for one in ticks(0, self.steps)
        )
        return f'<g class="axes">{rows}{columns}</g>'


def _anchor(step: float, steps: int) -> str:
    """Labels at the ends stay inside the drawing."""
    return "start" if step == 0 else "end" if step > 0.93 * steps else "middle"


def _thousands(step: float) -> str:
    if step >= 1_000_000:
        return f"{step / 1_000_000:g}M"
    return f"{step / 1000:g}k" if step >= 1000 else f"{step:g}"
