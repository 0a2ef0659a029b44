"""Charts as SVG: over steps, by family, points, error rates."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from sigclean.reports.charts import (
    LOW,
    Curve,
    Series,
    error_chart,
    family_chart,
    line_chart,
    scatter_chart,
    thin,
)
from sigclean.reports.drawing import WIDTH, ticks
from sigclean.reports.numbers import per_cent, short, thousands


def parsed(chart: str) -> ElementTree.Element:
    return ElementTree.fromstring(chart)


def marks(figure: str) -> list[ElementTree.Element]:
    root = parsed(figure)
    return [*root.iter("circle"), *root.iter("rect")]


def heights(line: ElementTree.Element) -> list[float]:
    return [float(pair.split(",")[1]) for pair in line.attrib["points"].split()]


def test_a_curve_of_few_points_is_drawn_point_by_point() -> None:
    chart = parsed(line_chart("Loss", [Curve("G_A", [(1, 4.0), (5, 2.0), (10, 1.0)])], 10))
    (line,) = chart.iter("polyline")
    assert len(heights(line)) == 3
    assert heights(line) == sorted(heights(line)), "what falls goes down on the screen"
    assert list(chart.iter("polygon")) == []


def test_a_curve_of_thousands_of_points_becomes_means_with_their_range() -> None:
    points = [(step, float(step % 2)) for step in range(1, 10_001)]
    chart = parsed(line_chart("Loss", [Curve("G_A", points)], 10_000))
    (line,) = chart.iter("polyline")
    assert len(heights(line)) <= 240
    assert max(heights(line)) - min(heights(line)) < 3
    assert len(list(chart.iter("polygon"))) == 1


def test_thinning_keeps_means_extremes_and_the_last_step() -> None:
    buckets = thin([(step, float(step)) for step in range(1, 8)], most=3)
    assert [(one.step, one.mean, one.low, one.high) for one in buckets] == [
        (3, 2.0, 1.0, 3.0), (6, 5.0, 4.0, 6.0), (7, 7.0, 7.0, 7.0)
    ]  # fmt: skip
    assert thin([]) == []


def test_a_spike_does_not_flatten_the_rest() -> None:
    points = [(step, 1000.0 if step == 1 else 1.0 + step % 3) for step in range(1, 101)]
    (line,) = parsed(line_chart("Loss", [Curve("G_A", points)], 100)).iter("polyline")
    found = heights(line)
    assert all(0 <= height <= LOW for height in found)
    assert max(found[1:]) - min(found[1:]) > LOW / 4


@pytest.mark.parametrize("points", [[(3, 0.0)], [(3, 5.0)], [(1, 2.0), (2, 2.0)], [(1, -3.0)]])
def test_one_point_or_a_constant_is_drawn_too(points: list[tuple[int, float]]) -> None:
    chart = parsed(line_chart("Loss", [Curve("G_A", points)], 10))
    assert len([*chart.iter("polyline"), *chart.iter("circle")]) == 1


def test_curves_without_points_are_left_out() -> None:
    assert line_chart("Loss", [Curve("G_A", [])], 10) == ""
    chart = line_chart("Loss", [Curve("G_A", []), Curve("G_B", [(1, 2.0), (2, 1.0)])], 10)
    assert "G_A" not in chart
    assert "G_B <b>1</b>" in chart


def test_everything_stays_inside_the_drawing() -> None:
    chart = parsed(line_chart("Loss", [Curve("G_A", [(1, 1.0), (99_999, 3.0)])], 100_000))
    places = [pair.split(",") for line in chart.iter("polyline") for pair in
              line.attrib["points"].split()]  # fmt: skip
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= LOW for x, y in places)


def test_names_are_escaped() -> None:
    chart = line_chart('<script>"&', [Curve("<b>'", [(1, 1.0), (2, 2.0)])], 2)
    parsed(chart)
    assert "<script>" not in chart
    assert "<b>'" not in chart


def test_ticks_are_round_and_within_the_limits() -> None:
    assert ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert ticks(0.13, 0.52) == [0.2, 0.3, 0.4, 0.5]
    assert ticks(0, 2e-4) == pytest.approx([0, 5e-5, 1e-4, 1.5e-4, 2e-4])


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "0"), (0.12345, "0.123"), (23.456, "23.5"), (12345.6, "12 346"),
                         (0.0002, "0.0002"), (1.5e-6, "1.5e-06"), (-4.25, "-4.25")],
)  # fmt: skip
def test_numbers_are_short(value: float, words: str) -> None:
    assert short(value) == words


@pytest.mark.parametrize(
    ("step", "words"), [(0, "0"), (500, "500"), (20_000, "20k"), (1_500_000, "1.5M")]
)
def test_steps_are_short(step: float, words: str) -> None:
    assert thousands(step) == words


def test_the_better_model_is_drawn_further_right() -> None:
    series = [("A", "c0", {"rules": 80.0, "stamp": 70.0}), ("B", "c1", {"rules": 90.0})]
    figure = family_chart("F", series)
    first, last = (one for one in marks(figure) if "rules" in (one[0].text or ""))
    assert float(first.attrib["cx"]) < float(last.attrib["x"])
    assert len(marks(figure)) == 3


def test_a_point_beyond_the_axes_lies_on_their_border() -> None:
    points = [(10.0, 95.0, "far"), (90.0, 90.0, "low"), (100.0, 100.0, "best")]
    figure = scatter_chart("P", [Series("A", "c0", points)], ("x", "y"), (90.0, 90.0))
    far, low, best = marks(figure)
    assert far.attrib["cx"] == low.attrib["cx"]
    assert float(far.attrib["cy"]) < float(low.attrib["cy"])
    assert float(best.attrib["cx"]) > float(far.attrib["cx"])


def test_the_mark_of_an_error_curve_lies_on_the_diagonal() -> None:
    points = [(0.0, 100.0, ""), (10.0, 10.0, ""), (100.0, 0.0, "")]
    figure = error_chart("E", [Series("cleaned", "c0", points)], {"cleaned": 10.0})
    (mark,) = marks(figure)
    (line,) = parsed(figure).iter("polyline")
    assert f"{mark.attrib['cx']},{mark.attrib['cy']}" in line.attrib["points"].split()
    assert "cleaned <b>10.0 %</b>" in figure


def test_plots_without_points_are_left_out() -> None:
    assert family_chart("F", []) == ""
    assert scatter_chart("P", [Series("A", "c0", [])], ("x", "y"), (0, 0)) == ""
    assert error_chart("E", [], {}) == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [(100.0, "100.0"), (99.51, "99.51"), (50.0, "50.0"), (0.4, "0.40"), (0.0, "0.0")],
)
def test_shares_near_an_end_have_one_digit_more(value: float, words: str) -> None:
    assert per_cent(value) == words
