"""Finds the pen colours of a signature, so that kept remains of other ink can be erased.

The network keeps the signature's ink nearly completely, and a stamp's ink only in part. So the ink
colour that is kept most completely is the pen's, even if the stamp has more ink.

Ink lies on the page in layers that multiply, so a pixel with the signature's ink is at least as
dark as that ink in every channel, whatever lies over it. A red ring beside a black stroke lacks the
darkness in red; where it crosses the stroke, it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sigclean.arrays import Float, Mask, brightest_channel, darkest_channel, smoothstep
from sigclean.compositing.outlines import is_outline
from sigclean.errors import SigcleanError

Colour = tuple[int, int, int]

AUTO = "auto"
COLOURS: dict[str, Colour] = {  # typical inks by the names that people give them: red, green, blue
    "black": (0, 0, 0), "grey": (120, 120, 120), "blue": (26, 54, 152), "red": (190, 30, 40),
    "green": (20, 120, 60), "violet": (110, 40, 150), "turquoise": (0, 140, 150),
    "orange": (225, 120, 30), "brown": (110, 70, 40), "pink": (220, 60, 140),
}  # fmt: skip

DARK = 0.2  # darkness of the darkest channel below which an ink has no reliable colour
LEVELS = 8  # histogram bins per colour channel, to find the most frequent colour
ALIKE = 0.2  # largest difference, in any channel, between two colours of the same ink
FOREIGN, OWN = 0.65, 0.8  # below 0.65 a pixel is foreign ink, above 0.8 the pen's, smooth between
SLACK = 0.02  # darkness up to which a difference may be noise
PALE = 0.1  # darkness of the darkest channel up to which a pixel's colour means nothing
PURE = 0.2  # darkness of the darkest channel from which a pixel shows a pen's colour for sure
GREY = 0.2  # difference of an ink's channels, as a share of its darkness, below which it is grey
HUE = 0.77  # least cosine of the angle between the hues of an ink and a named colour: 40 degrees
INKS = 5  # largest number of inks that are distinguished
LEAST_INK = 0.03  # least share of all ink for an ink to count
LEAST_KEPT = 0.1  # least share of the kept ink for an ink to be a pen's
COMPLETE = 0.85  # kept share of an ink above which it may be a pen's, even if there is little of it
KEPT = 0.5  # kept share of an ink above which its shape is looked at
MOST_KEPT = 0.6  # least share of the kept ink for its colour to be the main one
AS_COMPLETE = 0.1  # largest difference in kept shares between two pens of one signature
# If no ink is kept completely, the pen is the most frequent kept ink, under two conditions:
ERASED = 0.15  # least share of the other ink that the network erased
MOST_FOREIGN = 0.5  # largest share of other ink in the kept ink


@dataclass(frozen=True, eq=False)
class Ink:
    """The ink of one colour on a picture.

    Attributes:
        colour: its darkness in red, green and blue, the largest being 1.
        amount: the sum of the darkness of its pixels.
        kept: the part of the amount that is kept.
        where: the indices of its pixels among those with ink.
    """

    colour: Float
    amount: float
    kept: float
    where: npt.NDArray[np.intp]

    @property
    def completeness(self) -> float:
        """The share of the ink that is kept, 0 to 1."""
        return self.kept / self.amount

    @property
    def is_grey(self) -> bool:
        """True for grey and black ink."""
        return bool(self.colour.min() > 1 - GREY)


@dataclass(frozen=True)
class Pens:
    """The colours of a signature's ink.

    Attributes:
        colours: the darkness of each pen in red, green and blue, the largest being 1: Kx3.
        crossing: for each pen the amount of its darkness (see `amounts`) above which a pixel of
            another colour must be a crossing of both inks: K.
        black_is_print: true if the user named a coloured pen: then black ink is erased, except
            where it crosses the pen's.
    """

    colours: Float
    crossing: Float
    black_is_print: bool

    def shares(self, dark: Float) -> Float:
        """Rate pixels by their darkness (Nx3): from 0, other ink, to 1, a pen's ink (N)."""
        own = smoothstep(own_share(dark, self.colours), FOREIGN, OWN)
        own[is_alike(dark, self.colours)] = 1  # also where a stroke's colour is deeper than usual
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


def find_pens(
    dark: Float, share: Float, pen: Float | None = None, width: int | None = None
) -> Pens | None:
    """Find the colours of the signature's ink.

    Args:
        dark: the darkness of pixels relative to their paper, Nx3 in [0, 1].
        share: the share of their ink that is kept, N in [0, 1].
        width: the pixels of a row, if the pixels are a whole picture, row by row: then an ink that
            draws a printed outline is no pen's (see `outlines`) if there is another.
        pen: the colour that the user named, see `parse_pen`; None to find it from the kept ink.

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
    if width is not None:
        inks, share = _without_outlines(inks, share, inked, width)
    pens = _most_complete(inks)
    if pens and len(pens) < len(inks):
        return _pens(np.stack([ink.colour for ink in pens]), dark)
    return _commonest_kept(dark, deepest, share)


def main_colour(dark: Float, share: Float) -> Float | None:
    """The colour of most of the kept ink, for pictures whose pens cannot be told from other ink.

    Args:
        dark: the darkness of pixels relative to their paper, Nx3 in [0, 1].
        share: the share of their ink that is kept, N in [0, 1].

    Returns:
        Its darkness in red, green and blue, the largest being 1: 1x3. None if it is grey, or the
        colour of less than `MOST_KEPT` of the ink.
    """
    deepest = brightest_channel(dark)
    amount = deepest * share * (deepest > DARK)
    if not amount.any():
        return None
    colours = dark / np.maximum(deepest, SLACK)[:, None]
    colour = _commonest(colours, amount)
    alike = float(amount[brightest_channel(np.abs(colours - colour)) < ALIKE].sum())
    grey = colour.min() > 1 - GREY
    return None if grey or alike < MOST_KEPT * float(amount.sum()) else colour[None]


def own_share(dark: Float, colours: Float) -> Float:
    """The largest share of a pixel's darkness (Nx3) that a pen (Kx3) can explain: N in [0, 1]."""
    most = np.maximum.reduce([amounts(dark, pen) for pen in colours])
    return np.minimum(most / np.maximum(brightest_channel(dark), SLACK), 1)


def amounts(dark: Float, pen: Float) -> Float:
    """The largest amount of a pen's ink (3) that pixels of this darkness (Nx3) can contain: N."""
    return darkest_channel((dark + SLACK) / np.maximum(pen, SLACK))


def is_alike(dark: Float, colours: Float) -> Mask:
    """Tell which pixels (Nx3) have the colour of one of the pens (Kx3), and no other ink."""
    deepest = brightest_channel(dark)
    own = dark / np.maximum(deepest, SLACK)[:, None]
    alike = [brightest_channel(np.abs(own - pen)) < ALIKE for pen in colours]
    return np.logical_or.reduce(alike) & (deepest > PALE)


def _without_outlines(
    inks: list[Ink], share: Float, inked: npt.NDArray[np.intp], width: int
) -> tuple[list[Ink], Float]:
    """Count printed outlines as erased, if another ink is kept.

    Args:
        share: the share of the ink that is kept, of the pixels with ink: N.
        inked: the indices of these pixels in the picture: N.
        width: the pixels of the picture's rows.
    """
    kept = [ink for ink in inks if ink.completeness > KEPT]
    if len(kept) < 2:
        return inks, share
    rows, columns = np.divmod(inked.astype(np.float32), width)
    outlines = [ink for ink in kept if is_outline(columns[ink.where], rows[ink.where])]
    if not outlines or len(outlines) == len(kept):
        return inks, share
    share = share.copy()
    for ink in outlines:
        share[ink.where] = 0
    return [replace(ink, kept=0.0) if ink in outlines else ink for ink in inks], share


def _most_complete(inks: list[Ink]) -> list[Ink]:
    """The inks that are kept most completely; none if no ink is kept nearly whole."""
    least = LEAST_KEPT * sum(ink.kept for ink in inks)
    whole = [ink for ink in inks if ink.kept > least and ink.completeness > COMPLETE]
    most = max((ink.completeness for ink in whole), default=0.0)
    return [ink for ink in inks if ink.completeness >= most - AS_COMPLETE > 0]


def _commonest_kept(dark: Float, deepest: Float, share: Float) -> Pens | None:
    """The most frequent colour of the kept ink, if other ink was partly erased; None if unclear."""
    kept = deepest * share
    if not kept.any():
        return None
    pen = _commonest(dark / deepest[:, None], kept)[None]
    foreign = own_share(dark, pen) < (FOREIGN + OWN) / 2
    limit = min((1 - ERASED) * float(deepest[foreign].sum()), MOST_FOREIGN * float(kept.sum()))
    return _pens(pen, dark) if 0 < float(kept[foreign].sum()) < limit else None


def _named(inks: list[Ink], pen: Float) -> Float:
    """The colours of the inks that match the named colour; without any, that colour: Kx3."""
    grey = bool(pen.min() > 1 - GREY)
    same = [ink.colour for ink in inks if ink.is_grey == grey and (grey or _hue(ink.colour, pen))]
    return np.stack(same or [pen])


def _pens(colours: Float, dark: Float, black_is_print: bool = False) -> Pens:
    """Measure the level of each pen above which a pixel is a crossing, see `Pens.crossing`.

    It lies clearly above the amount of the pen's ink that other ink alone seems to contain.

    Args:
        dark: the darkness of all inked pixels, Nx3.
    """
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
    """Sort pixels by colour (Nx3, the largest channel being 1) into inks, the largest first."""
    least = LEAST_INK * float(amount.sum())
    where = np.arange(len(amount))
    for _ in range(INKS):
        if float(amount.sum()) <= least:
            return
        colour = _commonest(colours, amount)
        alike = brightest_channel(np.abs(colours - colour)) < ALIKE
        ink = Ink(colour, float(amount[alike].sum()), float(kept[alike].sum()), where[alike])
        colours, amount, kept, where = (
            colours[~alike], amount[~alike], kept[~alike], where[~alike]
        )  # fmt: skip
        if ink.amount > least:
            yield ink


def _commonest(colours: Float, weight: Float) -> Float:
    """The mean of the colours (Nx3 in [0, 1]) near the one with the largest total weight."""
    levels = np.minimum((colours * LEVELS).astype(np.intp), LEVELS - 1)
    cells = (levels[:, 0] * LEVELS + levels[:, 1]) * LEVELS + levels[:, 2]
    heaviest = int(np.bincount(cells, weight, LEVELS**3).argmax())
    place = np.array(np.unravel_index(heaviest, (LEVELS,) * 3), np.float32)
    middle = ((place + np.float32(0.5)) / np.float32(LEVELS)).astype(np.float32)
    alike = brightest_channel(np.abs(colours - middle)) < ALIKE
    mean = np.average(colours[alike], axis=0, weights=weight[alike])
    return (mean / mean.max()).astype(np.float32)
