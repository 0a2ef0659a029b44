"""Tells outlines that a stamp or a form prints (rings, boxes, triangles) from strokes of a hand.

Nearly all of an outline's ink lies on one ellipse, or on three or four straight lines. Nobody
writes so, with a pen of its own colour for it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigclean.arrays import Mask

Array = npt.NDArray[np.float64]

LEAST_PIXELS = 40  # fewer pixels tell no shape
EXPLAINED = 0.8  # least share of the ink on the shape
ROUND = 0.7  # least share of an ellipse's circumference that has ink
SECTORS = 36  # into which the circumference is divided
NEAR = 1.5  # pixels: largest distance of a thin outline's pixels from the shape, and
WIDTH = 0.012  # so much more, as a share of the outline's longest side
FITS = 4  # fits of the ellipse, each without the pixels far from the one before
ANGLES = 90  # directions of lines that are tried
LINES = (3, 4)  # sides of a polygon
SIDE = 0.08  # least share of the ink on one side
UNBROKEN = 0.75  # least share of a side's length that has ink
PARALLEL = 0.35  # sine of the angle below which two sides do not meet
CORNER = 0.25  # largest distance of two sides' ends in a corner, as a share of the longest side
STRAIGHT_ON = 0.1  # sine of the angle below which two sides of a box are parallel
OPEN = 5  # least distance, in multiples of the reach, of such sides, and of an ellipse's half axis
POINTS = 2000  # pixels that are looked at, at most


def is_outline(x: npt.ArrayLike, y: npt.ArrayLike) -> bool:
    """Tell whether pixels are a printed outline.

    Args:
        x, y: the places of an ink's pixels, in pixels of any scale: N each.
    """
    places = np.stack([np.asarray(x), np.asarray(y)], 1).astype(np.float64)
    if len(places) < LEAST_PIXELS:
        return False
    places = places[:: -(-len(places) // POINTS)]
    side = float(np.ptp(places, axis=0).max())
    if side < 1:
        return False
    places = (places - places.mean(axis=0)) / side
    reach = WIDTH + NEAR / side
    return _is_ellipse(places, reach) or _is_polygon(places, reach)


def _is_ellipse(places: Array, reach: float) -> bool:
    """Tell whether places (Nx2) lie within reach of an ellipse, all along it."""
    near, conic = np.ones(len(places), np.bool_), None
    for _ in range(FITS):
        conic = _conic(places[near])
        if conic is None:
            return False
        distance = _distance(places, conic)
        near = distance < max(reach, float(np.quantile(distance, 0.5)))
        if near.sum() < LEAST_PIXELS:
            return False
    near = distance < reach
    return (
        conic is not None
        and bool(near.mean() > EXPLAINED)
        and _goes_round(places[near], conic, reach)
    )


def _conic(places: Array) -> Array | None:
    """The coefficients of x2, xy, y2, x, y and 1 of the best conic; None if it is no ellipse."""
    x, y = places.T
    design = np.stack([x * x, x * y, y * y, x, y, np.ones_like(x)], 1)
    values, vectors = np.linalg.eigh(design.T @ design)
    conic = np.asarray(vectors[:, int(values.argmin())], np.float64)
    a, b, c = conic[:3]
    return conic if b * b < 4 * a * c else None


def _distance(places: Array, conic: Array) -> Array:
    """The distances of places (Nx2) from a conic, to first order (Sampson): N."""
    x, y = places.T
    a, b, c, d, e, f = conic
    value = a * x * x + b * x * y + c * y * y + d * x + e * y + f
    slope = np.hypot(2 * a * x + b * y + d, b * x + 2 * c * y + e)
    return np.asarray(np.abs(value) / np.maximum(slope, 1e-9), np.float64)


def _goes_round(places: Array, conic: Array, reach: float) -> bool:
    """Tell whether places (Nx2) on an ellipse are spread over its circumference, and it is open."""
    a, b, c, d, e, f = conic
    quadratic = np.array([[2 * a, b], [b, 2 * c]])
    middle = np.linalg.solve(quadratic, np.array([-d, -e]))
    level = float(f + middle @ np.array([d, e]) / 2)
    axes = np.sqrt(np.maximum(-2 * level / np.linalg.eigvalsh(quadratic), 0))
    if axes.min() < OPEN * reach:
        return False
    x, y = (places - middle).T
    return _filled((np.arctan2(y, x) / (2 * np.pi) + 0.5) * SECTORS, SECTORS) >= ROUND


def _is_polygon(places: Array, reach: float) -> bool:
    """Tell whether places (Nx2) lie on three or four straight lines that enclose an area."""
    left = places
    sides: list[tuple[float, float]] = []
    ends: list[Array] = []
    while len(sides) < LINES[1] and len(left) > SIDE * len(places):
        angle, offset, on = _longest_line(left, reach)
        along = left[on] @ np.array([-np.sin(angle), np.cos(angle)])
        extent = max(float(np.ptp(along)), 1e-6)
        steps = max(int(extent / reach), 1)
        filled = _filled((along - along.min()) / extent * steps, steps)
        if on.sum() < SIDE * len(places) or filled < UNBROKEN:
            break
        beside = [abs(offset - one[1]) for one in sides if abs(np.sin(angle - one[0])) < PARALLEL]
        if min(beside, default=1) < OPEN * reach:
            break
        sides.append((angle, offset))
        ends.append(left[on][[along.argmin(), along.argmax()]])
        left = left[~on]
    explained = len(left) < (1 - EXPLAINED) * len(places)
    if not explained or len(sides) < LINES[0]:
        return False
    loose = [side[0] for side, own in zip(sides, _open_ends(ends), strict=True) if own]
    return not loose or float(np.ptp(np.sin(np.subtract(loose, loose[0])))) < STRAIGHT_ON


def _open_ends(ends: list[Array]) -> list[bool]:
    """Tell for each side (2x2: x and y of two ends) whether an end of it meets no other side's.

    The chords of an arc, which a pen draws, are open at two ends. A box that the picture's edge
    cuts is, too, but there the open sides are parallel.
    """
    result = []
    for number, own in enumerate(ends):
        others = np.concatenate(ends[:number] + ends[number + 1 :])
        apart = np.hypot(*(own[:, None] - others).transpose(2, 0, 1)).min(axis=1)
        result.append(bool(apart.max() > CORNER))
    return result


def _filled(at: Array, count: int) -> float:
    """The share of `count` bins, each one unit long, that hold a position."""
    return len(np.unique(np.minimum(at.astype(np.intp), count - 1))) / count


def _longest_line(places: Array, reach: float) -> tuple[float, float, Mask]:
    """The straight line that has most of the places (Hough): its angle, its distance from the
    origin, and which places lie within reach of it."""
    angles = np.arange(ANGLES) * np.pi / ANGLES
    offsets = places @ np.stack([np.cos(angles), np.sin(angles)])
    bins = np.floor(offsets / reach).astype(np.intp)
    bins -= bins.min()
    count = int(bins.max()) + 2
    votes = np.bincount((bins + np.arange(ANGLES) * count).ravel(), minlength=ANGLES * count)
    votes = votes.reshape(ANGLES, count)
    pairs = votes[:, :-1] + votes[:, 1:]
    angle, place = np.unravel_index(int(pairs.argmax()), pairs.shape)
    on = (bins[:, angle] == place) | (bins[:, angle] == place + 1)
    return float(angles[angle]), float(offsets[on, angle].mean()), np.asarray(on, np.bool_)
