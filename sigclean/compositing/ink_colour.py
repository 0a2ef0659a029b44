"""One signature is written with one pen: what is kept of another colour, and mostly erased, goes.

Ink lies on the page in layers that multiply, so a pixel with the signature's ink is at least as
dark as that ink in every channel, whatever lies over it. A red ring beside a black stroke lacks the
darkness in red; where it crosses the stroke, it does not.
"""

from __future__ import annotations

import numpy as np

from sigclean.arrays import Float, across_channels, darkest_channel

DARK = 0.2  # of an ink's darkest channel: what is lighter has no colour to rely on
LEVELS = 8  # of each channel's share in an ink, to find the commonest
ALIKE = 0.2  # by how much channels may differ from the commonest to be the same ink
FOREIGN, OWN = 0.65, 0.8  # share of a pixel's darkness that can be of the pen: none up to, all from
SLACK = 0.02  # of darkness: noise
GREY = 0.2  # of the darkest channel: inks whose channels differ by less are of each other's colour
ERASED_SHARE = 0.15  # of the foreign ink in a picture: if less is erased, it is the writer's too
KEPT_SHARE = 0.5  # of the ink kept: if more is foreign, nobody knows which is the signature's


def pen_colour(dark: Float, share: Float) -> Float | None:
    """The signature's ink, its darkness in red, green and blue, the largest being 1.

    None if nothing is to be told by colour: there is one ink only, or it is not clear whose it is.

    Args:
        dark: Nx3 in [0, 1], the darkness of pixels relative to their paper.
        share: N in [0, 1], what share of the ink is kept.
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
    """How much of each pixel's darkness can be the pen's: N, from Nx3; 1 is all of it."""
    most = darkest_channel((dark + SLACK) / np.maximum(pen, SLACK))
    return np.minimum(most / np.maximum(across_channels(np.maximum, dark), SLACK), 1)


def _commonest(colours: Float, weight: Float) -> Float | None:
    """The mean of the colours (Nx3 in [0, 1]) like the one that has the most weight."""
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
