"""Finds the pen of a signature, so that kept remains of ink of another colour can be erased.

Ink lies on the page in layers that multiply, so a pixel with the signature's ink is at least as
dark as that ink in every channel, whatever lies over it. A red ring beside a black stroke lacks the
darkness in red; where it crosses the stroke, it does not.
"""

from __future__ import annotations

import numpy as np

from sigclean.arrays import Float, across_channels, darkest_channel

DARK = 0.2  # darkness of the darkest channel below which an ink has no reliable colour
LEVELS = 8  # bins for each channel of a colour, to find the commonest
ALIKE = 0.2  # difference in any channel from the commonest colour, up to which an ink is the same
FOREIGN, OWN = 0.65, 0.8  # below 0.65 a pixel is foreign ink, above 0.8 the pen's, smooth between
SLACK = 0.02  # darkness that is mere noise
GREY = 0.2  # difference of an ink's channels, as a share of its darkness, below which it is grey
ERASED_SHARE = 0.15  # share of the foreign ink that is erased, at least; else it is the writer's
KEPT_SHARE = 0.5  # share of the kept ink that is foreign, at most; else the pen is not clear


def pen_colour(dark: Float, share: Float) -> Float | None:
    """Find the colour of the signature's ink.

    Args:
        dark: the darkness of pixels relative to their paper, Nx3 in [0, 1].
        share: the share of their ink that is kept, N in [0, 1].

    Returns:
        Its darkness in red, green and blue, the largest being 1; None if there is one ink only, or
        it is not clear which one is the signature's.
    """
    deepest = across_channels(np.maximum, dark)
    inked = np.flatnonzero(deepest > DARK)
    dark, deepest, share = dark.take(inked, axis=0), deepest.take(inked), share.take(inked)
    if not (deepest - darkest_channel(dark) > GREY * deepest).any():
        return None  # nothing has a colour
    amount = deepest**2  # the core of a stroke says more than its edges
    pen = _commonest(dark / deepest[:, None], amount * share)
    if pen is None:
        return None
    foreign = own_share(dark, pen) < (FOREIGN + OWN) / 2
    kept, erased = amount * share, amount * (1 - share)
    kept_foreign, erased_foreign = float(kept[foreign].sum()), float(erased[foreign].sum())
    told = erased_foreign > ERASED_SHARE * (
        kept_foreign + erased_foreign
    ) and 0 < kept_foreign < KEPT_SHARE * float(kept.sum())
    return pen if told else None


def own_share(dark: Float, pen: Float) -> Float:
    """The share of each pixel's darkness (Nx3) that can be the pen's: N in [0, 1]."""
    most = darkest_channel((dark + SLACK) / np.maximum(pen, SLACK))
    return np.minimum(most / np.maximum(across_channels(np.maximum, dark), SLACK), 1)


def _commonest(colours: Float, weight: Float) -> Float | None:
    """The mean of the colours (Nx3 in [0, 1]) that are like the one with the most weight."""
    total = float(weight.sum())
    if not total:
        return None
    levels = np.minimum((colours * LEVELS).astype(np.intp), LEVELS - 1)
    cells = (levels[:, 0] * LEVELS + levels[:, 1]) * LEVELS + levels[:, 2]
    heaviest = int(np.bincount(cells, weight, LEVELS**3).argmax())
    place = np.array(np.unravel_index(heaviest, (LEVELS,) * 3), np.float32)
    middle = ((place + np.float32(0.5)) / np.float32(LEVELS)).astype(np.float32)
    alike = across_channels(np.maximum, np.abs(colours - middle)) < ALIKE
    mean = np.average(colours[alike], axis=0, weights=weight[alike])
    return (mean / mean.max()).astype(np.float32)
