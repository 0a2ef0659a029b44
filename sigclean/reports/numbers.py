"""Numbers as reports write them: short, and grouped so that they can be read."""


def grouped(number: float) -> str:
    """A whole number with its digits in groups of three: `12 346`."""
    return f"{number:,.0f}".replace(",", " ")


def short(value: float) -> str:
    """Three significant digits, whole numbers from 1000 on, two digits below a thousandth."""
    if abs(value) >= 1000:
        return grouped(value)
    return f"{value:.3g}" if value == 0 or abs(value) >= 1e-3 else f"{value:.2g}"


def thousands(step: float) -> str:
    """A step as an axis shows it: `500`, `20k`, `1.5M`."""
    if step >= 1_000_000:
        return f"{step / 1_000_000:g}M"
    return f"{step / 1000:g}k" if step >= 1000 else f"{step:g}"


def per_cent(value: float) -> str:
    """A value in per cent with one digit after the point, or two within 1 % of 0 or 100."""
    return f"{value:.2f}" if 99 < value < 100 or 0 < abs(value) < 1 else f"{value:.1f}"
