"""The frame of a chart as SVG: margins, axes with round values, a legend, lines and marks."""

import math
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

WIDTH = 340  # units of a drawing, about the pixels that it is shown at
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 8, 20  # units: margins with room for the labels of the axes


class Drawing:
    """A <figure>: a caption with a legend, and a drawing with two axes.

    Args:
        across, up: the values at the ends of the axes.
        height, left, bottom: the drawing's height and margins, in its units.
    """

    def __init__(
        self,
        title: str,
        across: tuple[float, float],
        up: tuple[float, float],
        *,
        height: int,
        left: int = LEFT,
        bottom: int = BOTTOM,
    ) -> None:
        self._across, self._up = across, up
        self._left, self._floor, self._height = left, height - bottom, height
        self.figure = Element("figure", {"class": "chart"})
        caption = SubElement(self.figure, "figcaption")
        caption.text = title
        self._keys = SubElement(caption, "span")
        size = f"0 0 {WIDTH} {height}"
        self._svg = SubElement(self.figure, "svg", {"viewBox": size, "role": "img"})
        self._axes = SubElement(self._svg, "g", {"class": "axes"})

    def x(self, value: float) -> float:
        width = WIDTH - self._left - RIGHT
        return round(self._left + width * _share(value, self._across), 1)

    def y(self, value: float) -> float:
        return round(self._floor - (self._floor - TOP) * _share(value, self._up), 1)

    def rows(self, write: Callable[[float], str]) -> None:
        """Draw the vertical axis: a line and a label at each round value."""
        for value in ticks(*self._up):
            y = self.y(value)
            _add(self._axes, "path", d=f"M{self._left} {y}H{WIDTH - RIGHT}")
            self._label(self._left - 6, y + 3.5, write(value), anchor="end")

    def columns(self, write: Callable[[float], str], *, lines: bool = True) -> None:
        """Draw the horizontal axis: a label at each round value, and a line if there are any."""
        for value in ticks(*self._across):
            x = self.x(value)
            if lines:
                _add(self._axes, "path", d=f"M{x} {TOP}V{self._floor}")
            self._label(x, self._floor + 14, write(value))

    def named_axes(self, across: str, up: str) -> None:
        """Draw both axes in per cent, with their names."""
        self.columns("{:g}".format)
        self.rows("{:g}".format)
        self._label(self._left + (WIDTH - self._left - RIGHT) / 2, self._height - 4, f"{across}, %")
        middle = (self._floor + TOP) / 2
        self._label(10, middle, f"{up}, %", transform=f"rotate(-90 10 {middle})")

    def key(self, name: str, style: str, value: str = "") -> None:
        """Add a series to the legend."""
        key = _add(self._keys, "span", f"{name} " if value else name, class_=f"key {style}")
        if value:
            _add(key, "b", value)

    def draw(self, tag: str, text: str = "", **attributes: object) -> None:
        """Add an SVG element; `text_anchor` and `class_` stand for text-anchor and class."""
        _add(self._svg, tag, text, **attributes)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        """The places of points, as an SVG attribute."""
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)

    def mark(self, x: float, y: float, style: str, said: str, size: float) -> None:
        """Draw a circle, or a square for the second model, that says `said` under a pointer."""
        if style == "c1":
            side = round(1.8 * size, 1)
            left, top = round(x - side / 2, 1), round(y - side / 2, 1)
            mark = _add(self._svg, "rect", class_=style, x=left, y=top, width=side, height=side)
        else:
            mark = _add(self._svg, "circle", class_=style, cx=x, cy=y, r=size)
        _add(mark, "title", said)

    def html(self) -> Markup:
        """The figure; whatever a person named is escaped."""
        legend = ", ".join("".join(key.itertext()) for key in self._keys)
        self._svg.set("aria-label", f"{self.figure[0].text}: {legend}")
        return Markup(tostring(self.figure, encoding="unicode"))

    def _label(self, x: float, y: float, text: str, anchor: str = "middle", **more: object) -> None:
        _add(self._axes, "text", text, x=x, y=y, text_anchor=anchor, **more)


def _add(parent: Element, tag: str, text: str = "", **attributes: object) -> Element:
    names = (name.rstrip("_").replace("_", "-") for name in attributes)
    element = SubElement(parent, tag, dict(zip(names, map(str, attributes.values()), strict=True)))
    element.text = text
    return element


def _share(value: float, limits: tuple[float, float]) -> float:
    """The place of a value between two limits, in [0, 1]; those beyond lie on the border."""
    low, high = limits
    return min(max((value - low) / (high - low), 0.0), 1.0)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`: 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    unit = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)
    return [round(number * unit, 12) for number in range(first, last + 1)]
