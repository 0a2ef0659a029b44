"""Security print as coverage: line screens, guilloches, rosettes, rasters, text, watermarks."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import chance, clouds, coverage, ramp, resized, unit
from sigclean.noise.page import Mask, Page
from sigclean.noise.stamps.emblems import emblem
from sigclean.noise.stamps.words import digits, phrase, scribe

Pattern = Callable[[np.random.Generator, Page], Mask]
"""HxW coverage in [0, 1] of one ink."""

_SUBPIXEL = 4  # bits of fraction in OpenCV's fixed-point coordinates


def pattern(rng: np.random.Generator, page: Page) -> Mask:
    """One of the patterns, now and then kept to a part of the page."""
    mask = PATTERNS[int(rng.choice(len(PATTERNS), p=_WEIGHTS))](rng, page)
    if chance(rng, 0.2):
        edge = rng.uniform(0.1, 0.6)
        fade = ramp(rng, page.height, page.width) if chance(rng, 0.5) else None
        field = clouds(rng, page.height, page.width, rng.uniform(1, 5)) if fade is None else fade
        mask = mask * np.clip((field - edge) * rng.uniform(1, 8) + 0.5, 0, 1)
    return mask


def _axes(page: Page, angle: float) -> tuple[Mask, Mask]:
    """Turned coordinates in pixels, from the page's middle: along and across."""
    x = np.arange(page.width, dtype=np.float32) - page.width / 2
    y = (np.arange(page.height, dtype=np.float32) - page.height / 2)[:, None]
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cos + y * sin, y * cos - x * sin


def _period(rng: np.random.Generator, page: Page) -> float:
    """A distance between lines in pixels: from a fine screen to ruled paper."""
    return max(unit(page) * float(np.exp(rng.uniform(-0.5, 2.2))), 2.5)


def _rule(phase: Mask, period: float, share: float | Mask) -> Mask:
    """Anti-aliased lines where `phase` (in periods) is whole; `share` of a period is ink."""
    distance = np.abs((phase + 0.5) % 1 - 0.5)
    return np.clip((share / 2 - distance) * period + 0.5, 0, 1)


def wavy_screen(rng: np.random.Generator, page: Page) -> Mask:
    """Parallel lines that wave, swell or run round a relief."""
    period, angle = _period(rng, page), rng.choice((0, np.pi / 2, rng.uniform(0, np.pi)))
    along, across = _axes(page, angle)
    side = 100 * unit(page)
    wave = rng.uniform(0.3, 6) * np.sin(along * (rng.uniform(1, 25) * 2 * np.pi / side))
    phase = across / np.float32(period) + wave.astype(np.float32)
    if chance(rng, 0.5):
        relief = clouds(rng, page.height, page.width, rng.uniform(2, 9))
        phase = phase + relief * np.float32(rng.uniform(0.5, 5))
    share = rng.uniform(0.15, 0.6)
    if chance(rng, 0.7):
        return _rule(phase, period, share)
    swell = 0.4 + clouds(rng, page.height, page.width, rng.uniform(2, 8))
    return _rule(phase, period, swell * np.float32(share))


def rings(rng: np.random.Generator, page: Page) -> Mask:
    """Concentric, radial or spiral lines from a point, often outside the page."""
    x, y = _axes(page, 0)
    middle = rng.uniform(-0.8, 0.8, 2) * (page.width, page.height)
    dx, dy = np.broadcast_arrays(x - np.float32(middle[0]), y - np.float32(middle[1]))
    radius, angle = (np.asarray(field, np.float32) for field in cv2.cartToPolar(dx, dy))
    period, petals = _period(rng, page), int(rng.integers(0, 24))
    flower = np.float32(rng.uniform(0, 2)) * np.sin(angle * petals)
    turns = np.float32(int(rng.choice((0, 0, 1, 3))) / (2 * np.pi))
    if chance(rng, 0.25):
        spokes = np.float32(int(rng.integers(24, 240)) / (2 * np.pi))
        return _rule(angle * spokes + radius / (period * 9), 4.0, 0.35)
    return _rule(
        radius / np.float32(period) + flower + angle * turns, period, rng.uniform(0.15, 0.5)
    )


def moire(rng: np.random.Generator, page: Page) -> Mask:
    """Two fine grids, a little turned against each other."""
    period, angle = max(_period(rng, page) / 2, 2.2), rng.uniform(0, np.pi)
    first = _rule(_axes(page, angle)[1] / period, period, rng.uniform(0.2, 0.5))
    turn, other = angle + rng.normal(0, 0.08), period * rng.uniform(0.92, 1.08)
    return np.maximum(first, _rule(_axes(page, turn)[1] / other, other, rng.uniform(0.2, 0.5)))


def hatching(rng: np.random.Generator, page: Page) -> Mask:
    """Straight hatching, one to three ways."""
    period, angle = _period(rng, page), rng.choice((0.0, np.pi / 4, rng.uniform(0, np.pi)))
    share, mask = rng.uniform(0.1, 0.5), np.zeros((page.height, page.width), np.float32)
    for k in range(int(rng.choice((1, 2, 2, 3)))):
        _, across = _axes(page, angle + k * np.pi / (2 if share < 0.3 else 3))
        mask = np.maximum(mask, _rule(across / np.float32(period), period, share))
    return mask


def raster(rng: np.random.Generator, page: Page) -> Mask:
    """A halftone of dots, diamonds or squares whose size follows a soft picture."""
    period, angle = max(_period(rng, page), 3.0), rng.uniform(0, np.pi / 2)
    along, across = (np.cos(axis * np.float32(2 * np.pi / period)) for axis in _axes(page, angle))
    wave = along + across if chance(rng, 0.6) else 2 * np.maximum(along, across)
    level = clouds(rng, page.height, page.width, rng.uniform(1, 8)) * rng.uniform(0.4, 1.6)
    return np.clip((wave + level - rng.uniform(0.6, 1.6)) * period / 6, 0, 1)


def _curves(
    page: Page, curves: list[npt.NDArray[np.float64]], closed: bool, thickness: int = 1
) -> Mask:
    """Thin anti-aliased lines through the points (Nx2, pixels) of each curve."""
    canvas = np.zeros((page.height, page.width), np.uint8)
    limit = 2**14  # OpenCV's fixed-point coordinates overflow far outside the page
    fixed = [np.rint(np.clip(c, -limit, limit) * 2**_SUBPIXEL).astype(np.int32) for c in curves]
    cv2.polylines(canvas, fixed, closed, 255, thickness, cv2.LINE_AA, _SUBPIXEL)
    return coverage(canvas)


def _thread(rng: np.random.Generator, page: Page) -> int:
    """The thickness of an engraved line in pixels."""
    return max(1, round(unit(page) * rng.uniform(0.1, 0.5)))


def guilloche(rng: np.random.Generator, page: Page) -> Mask:
    """Bands of lines that swing between two envelopes, straight across or up the page."""
    upright = chance(rng, 0.25)
    length, breadth = (page.height, page.width) if upright else (page.width, page.height)
    t = np.linspace(0, 1, int(np.clip(length, 40, 500)))
    curves, thick = [], _thread(rng, page)
    for _ in range(int(rng.integers(1, 5))):
        middle, swing = rng.uniform(0, breadth), breadth * rng.uniform(0.04, 0.6)
        waves = rng.uniform(1, 22)
        # So many lines that ink fills two fifths of the band: more would run into a flat tint.
        most = 0.4 * length * swing / (thick * (2 * swing * waves + length))
        lines = int(rng.integers(2, 3 + int(np.clip(most, 0, 24))))
        envelope = 1 + 0.7 * np.sin(2 * np.pi * (t * rng.uniform(0.3, 5) + rng.random()))
        drift = np.sin(2 * np.pi * (t * rng.uniform(0.2, 2) + rng.random())) * swing
        spread = rng.choice((1.0, rng.uniform(0.1, 1)))
        for k in range(lines):
            wave = np.sin(2 * np.pi * (t * waves + spread * k / lines))
            across = middle + drift + swing * envelope * wave / 2
            points = np.stack([t * length, across], axis=1)
            curves.append(points[:, ::-1] if upright else points)
    return _curves(page, curves, False, thick)


def rosette(rng: np.random.Generator, page: Page) -> Mask:
    """One to five spirographs (hypotrochoids) or nested flower curves."""
    curves, angles = [], np.linspace(0, 2 * np.pi, 700, endpoint=False)
    for _ in range(int(rng.integers(1, 6))):
        middle = rng.random(2) * (page.width, page.height)
        size = min(page.width, page.height) * rng.uniform(0.15, 0.9)
        if chance(rng, 0.5):
            loops, turns = int(rng.integers(5, 40)), int(rng.integers(2, 9))
            reach, a = rng.uniform(0.2, 0.9), angles * turns
            x = (1 - reach) * np.cos(a) + reach * np.cos(a * loops / turns)
            y = (1 - reach) * np.sin(a) - reach * np.sin(a * loops / turns)
            curves.append(np.stack([x, y], 1) * size + middle)
            continue
        petals, count, depth = (
            int(rng.integers(3, 30)),
            int(rng.integers(3, 16)),
            rng.uniform(0.05, 0.4),
        )
        for k in range(count):
            turn, shrink = rng.choice((k / count, 0.0)), 1 - rng.choice((0.0, 0.7)) * k / count
            radius = size * shrink * (1 + depth * np.cos(petals * angles + 2 * np.pi * turn))
            curves.append(np.stack([radius * np.cos(angles), radius * np.sin(angles)], 1) + middle)
    return _curves(page, curves, True, _thread(rng, page))


def microtext(rng: np.random.Generator, page: Page) -> Mask:
    """Rows of one small phrase over and over, straight or at an angle."""
    hand = scribe(rng, page.material, 40)
    text = phrase(rng, hand.script, 2)
    line = hand.write(rng, text)
    tall = max(unit(page) * rng.uniform(1, 4), 3)
    gap = int(line.shape[0] * rng.uniform(0.2, 2))
    tile = np.pad(line, ((0, gap), (0, line.shape[0] // 2)))
    tile = np.concatenate([tile, np.roll(tile, tile.shape[1] // int(rng.integers(1, 4)), axis=1)])
    angle = rng.choice((0.0, 0.0, rng.uniform(-np.pi / 2, np.pi / 2)))
    return _tiled(rng, page, tile, tall / line.shape[0], angle)


def watermark(rng: np.random.Generator, page: Page) -> Mask:
    """A word or an emblem repeated at an angle, or once and large."""
    side = 64
    motif = np.zeros((side, side), np.uint8)
    emblem(rng, motif, (side / 2, side / 2), side * 0.45)
    tile = coverage(motif)
    if chance(rng, 0.5):
        hand = scribe(rng, page.material, 40)
        text = digits(rng) if chance(rng, 0.2) else phrase(rng, hand.script, 1)
        line = hand.write(rng, text)
        tile = np.pad(line, (line.shape[0] // 3, line.shape[0] // 2))
    elif chance(rng, 0.5):
        tile = np.block([[tile, tile * 0], [tile * 0, tile]])
    size = unit(page) * float(np.exp(rng.uniform(1.3, 4.2)))
    return _tiled(rng, page, tile, size / max(tile.shape), rng.uniform(-np.pi / 3, np.pi / 3))


def tiles(rng: np.random.Generator, page: Page) -> Mask:
    """A small random ornament, mirrored to a seamless tile: basketwork, scales, stars, bricks."""
    side = 32
    canvas = np.zeros((side, side), np.uint8)
    for _ in range(int(rng.integers(1, 6))):
        (x0, y0, x1, y1), thick = rng.integers(0, side, 4).tolist(), int(rng.integers(1, 5))
        if chance(rng, 0.5):
            cv2.line(canvas, (x0, y0), (x1, y1), 255, thick, cv2.LINE_AA)
        else:
            fill = -1 if chance(rng, 0.3) else thick
            cv2.circle(canvas, (x0, y0), 2 + x1 // 2, 255, fill, cv2.LINE_AA)
    half = coverage(canvas)
    row = np.concatenate([half, half[:, ::-1]], axis=1)
    tile = np.concatenate([row, row[::-1] if chance(rng, 0.7) else np.roll(row, side, 1)])
    size = max(unit(page) * float(np.exp(rng.uniform(0.8, 3.2))), 6)
    return _tiled(
        rng, page, tile, size / (2 * side), rng.choice((0, np.pi / 4, rng.uniform(0, np.pi)))
    )


def _tiled(rng: np.random.Generator, page: Page, tile: Mask, scale: float, angle: float) -> Mask:
    """The tile repeated over the page, scaled and turned."""
    if scale < 1:  # shrink with all pixels counted first: the warp below only samples
        tile, scale = resized(tile, tile.shape[1] * scale, tile.shape[0] * scale), 1.0
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    shift = rng.random(2) * tile.shape[::-1]
    matrix = np.array([[cos, sin, shift[0]], [-sin, cos, shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (page.width, page.height)
    spread = cv2.warpAffine(tile, matrix, size, flags=flags, borderMode=cv2.BORDER_WRAP)
    return np.asarray(np.clip(spread, 0, 1), np.float32)


PATTERNS: tuple[Pattern, ...] = (
    wavy_screen, rings, moire, hatching, raster, guilloche, rosette, microtext, watermark, tiles,
)  # fmt: skip
_WEIGHTS = np.array((0.16, 0.07, 0.06, 0.07, 0.09, 0.19, 0.12, 0.07, 0.1, 0.07))
