"""Finds the pens of a signature, so that kept remains of other ink can be erased.

The network keeps the signature's ink nearly completely, and that of a stamp in pieces: the colour
that is kept most completely is the pen's, however thin the pen and bold the stamp.

Ink lies on the page in layers that multiply, so a pixel with the signature's ink is at least as
dark as that ink in every channel, whatever lies over it. A red ring beside a black stroke lacks the
darkness in red; where it crosses the stroke, it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sigclean.arrays import Float, Mask, brightest_channel, darkest_channel, smoothstep
from sigclean.errors import SigcleanError

Colour = tuple[int, int, int]

AUTO = "auto"
COLOURS: dict[str, Colour] = {  # typical inks by the names that people give them: red, green, blue
    "black": (0, 0, 0), "grey": (120, 120, 120), "blue": (26, 54, 152), "red": (190, 30, 40),
    "green": (20, 120, 60), "violet": (110, 40, 150), "turquoise": (0, 140, 150),
    "orange": (225, 120, 30), "brown": (110, 70, 40), "pink": (220, 60, 140),
}  # fmt: skip

DARK = 0.2  # darkness of the darkest channel below which an ink has no reliable colour
LEVELS = 8  # bins for each channel of a colour, to find the commonest
ALIKE = 0.2  # difference in any channel from the commonest colour, up to which an ink is the same
FOREIGN, OWN = 0.65, 0.8  # below 0.65 a pixel is foreign ink, above 0.8 the pen's, smooth between
SLACK = 0.02  # darkness that is mere noise
PALE = 0.1  # darkness of the darkest channel up to which a pixel's colour says nothing at all
GREY = 0.2  # difference of an ink's channels, as a share of its darkness, below which it is grey
HUE = 0.77  # cosine of the angle between the hues of an ink and of a named colour, at least: 40 deg
INKS = 5  # inks that are told apart, at most
LEAST_INK = 0.03  # share of all ink that an ink needs
LEAST_KEPT = 0.1  # share of the kept ink that a pen's ink needs
COMPLETE = 0.85  # share of an ink that is kept, above which it may be a pen's, however thin
AS_COMPLETE = 0.1  # difference in kept shares up to which two inks are two pens of the signature
ERASED = 0.15  # share of the foreign ink that is erased, if the pen is told by its amount alone
MOST_FOREIGN = 0.5  # share of the kept ink that is foreign, at most, in that case


@dataclass(frozen=True)
class Ink:
    """The ink of one colour on a picture.

    Attributes:
        colour: its darkness in red, green and blue, the largest being 1.
        amount: the sum of the darkness of its pixels.
        kept: the part of the amount that is kept.
    """

    colour: Float
    amount: float
    kept: float

    @property
    def completeness(self) -> float:
        """The share that is kept."""
        return self.kept / self.amount

    @property
    def is_grey(self) -> bool:
        """True for black, too."""
        return bool(self.colour.min() > 1 - GREY)


@dataclass(frozen=True)
class Pens:
    """The colours of a signature's ink.

    Attributes:
        colours: the darkness of each pen in red, green and blue, the largest being 1: Kx3.
        crossing: for each pen the amount of its darkness (see `amounts`) from which other ink must
            have the pen's below it: K.
        black_is_print: somebody named a coloured pen, so black ink goes unless it crosses that.
    """

    colours: Float
    crossing: Float
    black_is_print: bool

    def shares(self, dark: Float) -> Float:
        """Weigh the darkness of pixels (Nx3) from 0, foreign ink, to 1, a pen's own (N)."""
        own = smoothstep(own_share(dark, self.colours), FOREIGN, OWN)
        for pen, level in zip(self.colours, self.crossing, strict=True):
            own = np.maximum(own, smoothstep(amounts(dark, pen), 0.9 * level, level))
        return own


def parse_code(code: str) -> Colour | None:
    """Parse `#rrggbb` into red, green and blue; None for anything else."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", code):
        return None
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def parse_pen(pen: str) -> Float | None:
    """Parse a pen's colour into its darkness in red, green and blue, the largest being 1.

    Args:
        pen: a name in `COLOURS`, `#rrggbb`, or `auto`, which gives None.

    Raises:
        SigcleanError: it is none of these, or white.
    """
    if pen == AUTO:
        return None
    levels = COLOURS.get(pen) or parse_code(pen)
    if levels is None:
        names = ", ".join((AUTO, *COLOURS))
        raise SigcleanError(f"unknown pen {pen!r}: choose {names} or #rrggbb")
    dark = 1 - np.array(levels, np.float32) / 255
    if dark.max() < DARK:
        raise SigcleanError(f"the pen {pen} is too bright to be seen on white paper")
    return (dark / dark.max()).astype(np.float32)


def find_pens(dark: Float, share: Float, pen: Float | None = None) -> Pens | None:
    """Find the colours of the signature's ink.

    Args:
        dark: the darkness of pixels relative to their paper, Nx3 in [0, 1].
        share: the share of their ink that is kept, N in [0, 1].
        pen: the colour that somebody named, see `parse_pen`; None to tell it by what is kept.

    Returns:
        The pens, or None if all ink may be the signature's.
    """
    deepest = brightest_channel(dark)
    inked = np.flatnonzero(deepest > DARK)
    dark, deepest, share = dark.take(inked, axis=0), deepest.take(inked), share.take(inked)
    if pen is None and not (deepest - darkest_channel(dark) > GREY * deepest).any():
        return None  # nothing has a colour
    inks = list(_inks(dark / deepest[:, None], deepest, deepest * share))
    if pen is not None:
        grey = bool(pen.min() > 1 - GREY)
        return _pens(_named(inks, pen), dark, black_is_print=not grey)
    pens = _most_complete(inks)
    if pens and len(pens) < len(inks):
        return _pens(np.stack([ink.colour for ink in pens]), dark)
    return _commonest_kept(dark, deepest, share)


def own_share(dark: Float, colours: Float) -> Float:
    """The share of each pixel's darkness (Nx3) that can be one of the pens' (Kx3): N in [0, 1]."""
    most = np.maximum.reduce([amounts(dark, pen) for pen in colours])
    return np.minimum(most / np.maximum(brightest_channel(dark), SLACK), 1)


def amounts(dark: Float, pen: Float) -> Float:
    """The most darkness that can be a pen's (3) in pixels (Nx3): N."""
    return darkest_channel((dark + SLACK) / np.maximum(pen, SLACK))


def is_alike(dark: Float, colours: Float) -> Mask:
    """Tell which pixels (Nx3) have the colour of one of the pens (Kx3), with nothing over it."""
    deepest = brightest_channel(dark)
    own = dark / np.maximum(deepest, SLACK)[:, None]
    alike = [brightest_channel(np.abs(own - pen)) < ALIKE for pen in colours]
    return np.logical_or.reduce(alike) & (deepest > PALE)


def _most_complete(inks: list[Ink]) -> list[Ink]:
    """The inks that are kept most completely; none if no ink is kept nearly whole."""
    least = LEAST_KEPT * sum(ink.kept for ink in inks)
    whole = [ink for ink in inks if ink.kept > least and ink.completeness > COMPLETE]
    most = max((ink.completeness for ink in whole), default=0.0)
    return [i for i in inks if i.kept > least and i.completeness >= most - AS_COMPLETE > 0]


def _commonest_kept(dark: Float, deepest: Float, share: Float) -> Pens | None:
    """The pen of most of the kept ink, if other ink was partly erased; None if it is not clear."""
    kept = deepest * share
    if not kept.any():
        return None
    pen = _commonest(dark / deepest[:, None], kept)[None]
    foreign = own_share(dark, pen) < (FOREIGN + OWN) / 2
    limit = min((1 - ERASED) * float(deepest[foreign].sum()), MOST_FOREIGN * float(kept.sum()))
    return _pens(pen, dark) if 0 < float(kept[foreign].sum()) < limit else None


def _named(inks: list[Ink], pen: Float) -> Float:
    """The inks on the picture that have the named colour; without any, that colour itself: Kx3."""
    grey = bool(pen.min() > 1 - GREY)
    same = [ink.colour for ink in inks if ink.is_grey == grey and (grey or _hue(ink.colour, pen))]
    return np.stack(same or [pen])


def _pens(colours: Float, dark: Float, black_is_print: bool = False) -> Pens:
    """Measure the darkness of the pens' ink, and of what other ink (Nx3, all inked pixels) seems to
    have of it: a crossing is clearly darker."""
    crossing = []
    foreign = dark[own_share(dark, colours) < (FOREIGN + OWN) / 2]
    for pen in colours:
        own = dark[is_alike(dark, pen[None])]
        strength = float(np.median(amounts(own, pen))) if len(own) else 1.0
        alone = float(np.quantile(amounts(foreign, pen), 0.9)) if len(foreign) else 0.0
        crossing.append(alone + 0.5 * strength * max(1 - alone, 0.2))
    return Pens(colours, np.array(crossing, np.float32), black_is_print)


def _hue(one: Float, other: Float) -> bool:
    """Tell whether two colours have about the same hue."""
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other) > HUE * float(np.linalg.norm(one) * np.linalg.norm(other))


def _inks(colours: Float, amount: Float, kept: Float) -> Iterator[Ink]:
    """Sort pixels by colour (Nx3, the largest channel being 1) into inks, the commonest first."""
    least = LEAST_INK * float(amount.sum())
    for _ in range(INKS):
        if float(amount.sum()) <= least:
            return
        colour = _commonest(colours, amount)
        alike = brightest_channel(np.abs(colours - colour)) < ALIKE
        ink = Ink(colour, float(amount[alike].sum()), float(kept[alike].sum()))
        colours, amount, kept = colours[~alike], amount[~alike], kept[~alike]
        if ink.amount > least:
            yield ink


def _commonest(colours: Float, weight: Float) -> Float:
    """The mean of the colours (Nx3 in [0, 1]) that are like the one with the most weight."""
    levels = np.minimum((colours * LEVELS).astype(np.intp), LEVELS - 1)
    cells = (levels[:, 0] * LEVELS + levels[:, 1]) * LEVELS + levels[:, 2]
    heaviest = int(np.bincount(cells, weight, LEVELS**3).argmax())
    place = np.array(np.unravel_index(heaviest, (LEVELS,) * 3), np.float32)
    middle = ((place + np.float32(0.5)) / np.float32(LEVELS)).astype(np.float32)
    alike = brightest_channel(np.abs(colours - middle)) < ALIKE
    mean = np.average(colours[alike], axis=0, weights=weight[alike])
    return (mean / mean.max()).astype(np.float32)
