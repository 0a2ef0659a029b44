"""Fill holes of a picture with its own texture: rules, grids and guilloches go on through them."""

from __future__ import annotations

import cv2
import numpy as np

from sigclean.arrays import Mask, UInt8

SHIFTS = 48  # places of the picture that are tried as a patch for a hole
RING = 5  # pixels around a hole by which patches are compared
LEAST_COVERED = 0.5  # share of the hole that a patch has to fill
FULL_COVER = 0.25  # relative penalty on the match for the share of the hole that a patch leaves
PATCHES = 3  # the most patches of a hole, each for what the ones before left
REGIONS = 8  # holes that get patches of their own; smaller ones are filled smoothly


def fill_holes(rng: np.random.Generator, picture: UInt8, holes: Mask) -> UInt8:
    """Fill holes with shifted copies of the picture that match around them.

    What no copy covers is filled smoothly from its edge.

    Args:
        picture: HxWx3.
        holes: HxW, true where the picture is to be replaced.
    """
    filled, missing = picture.copy(), holes.copy()
    _, labels, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8), connectivity=8)
    largest = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA])[:REGIONS]
    for label in largest:
        for _ in range(PATCHES):
            rest = (labels == label) & missing
            if not rest.any():
                break
            _patch(rng, filled, missing, rest, holes)
    if missing.any():
        smooth = cv2.inpaint(filled, missing.astype(np.uint8), 3, cv2.INPAINT_TELEA)
        return np.asarray(smooth, np.uint8)
    return filled


def _patch(rng: np.random.Generator, filled: UInt8, missing: Mask, hole: Mask, holes: Mask) -> None:
    """Copy the best of some random shifts into one hole, in place."""
    rows, columns = np.nonzero(hole)
    ring = (cv2.dilate(hole.astype(np.uint8), disc(RING)) > 0) & ~holes
    around = np.nonzero(ring)
    if not len(around[0]):
        return
    best, chosen = np.inf, None
    for down, across in _shifts(rng, hole.shape):
        covered = _source(holes, rows + down, columns + across)
        if covered.mean() < LEAST_COVERED:
            continue
        known = _source(holes, around[0] + down, around[1] + across)
        if known.sum() < 0.5 * len(known):
            continue
        mine = filled[around[0][known], around[1][known]].astype(np.int16)
        its = filled[around[0][known] + down, around[1][known] + across]
        score = float(np.abs(mine - its).mean()) * (1 + FULL_COVER * (1 - covered.mean()))
        if score < best:
            best, chosen = score, (down, across, covered)
    if chosen is not None:
        down, across, covered = chosen
        into = rows[covered], columns[covered]
        filled[into] = filled[into[0] + down, into[1] + across]
        missing[into] = False


def _shifts(rng: np.random.Generator, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Random shifts, half of them small or along one axis: print repeats along rows and columns."""
    height, width = shape
    down = rng.integers(-height // 2, height // 2 + 1, SHIFTS)
    across = rng.integers(-width // 2, width // 2 + 1, SHIFTS)
    down[: SHIFTS // 4] = 0
    across[SHIFTS // 4 : SHIFTS // 2] = 0
    return [(int(one), int(other)) for one, other in zip(down, across, strict=True)]


def _source(holes: Mask, rows: np.ndarray, columns: np.ndarray) -> Mask:
    """True for places that lie in the picture and in no hole."""
    height, width = holes.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    clipped = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    return np.asarray(inside & ~holes[clipped], bool)


def disc(radius: int) -> UInt8:
    """The kernel that grows a mask by a radius in pixels."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), np.uint8)
