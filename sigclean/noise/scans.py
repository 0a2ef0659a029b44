"""Pictures as scanners, copiers and fax machines make them: coarse, bilevel, streaked, speckled."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from sigclean.noise.page import Layer, Mask
from sigclean.noise.photos import compressed
from sigclean.noise.printing import cloud, spread

_ENLARGERS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)
_BAYER = np.array(
    [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32
)  # ordered dither, ranks 0..15


def scan(rng: np.random.Generator, picture: Layer) -> Layer:
    """Scan, copy or fax `picture`; ink stays visible, and in its place within a pixel.

    Args:
        picture: the finished page, HxWx3 in [0, 1].
    """
    height, width = picture.shape[:2]
    scale = spread(rng, 0.4, 1.0) if rng.random() < 0.6 and min(height, width) > 60 else 1.0
    seen = _resized(picture, scale, cv2.INTER_AREA)
    if rng.random() < 0.35:
        seen = _copied(rng, seen)
    if rng.random() < 0.5:
        seen = _dirty(rng, seen)
    kind = rng.random()
    if kind < 0.5:
        seen = _bilevel(rng, seen)
    elif kind < 0.7:
        seen = _contrast(rng, _grey(seen)[..., None].repeat(3, 2))
    else:
        seen = _contrast(rng, seen)
    if rng.random() < 0.6:
        seen = _machine_faults(rng, seen)
    seen = np.clip(_enlarged(rng, seen, height, width), 0, 1)
    return compressed(rng, seen) if rng.random() < 0.2 else seen.astype(np.float32)


def _grey(picture: Layer) -> Mask:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def _resized(picture: Layer, scale: float, how: int) -> Layer:
    if scale >= 1:
        return picture.copy()
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.float32)


def _enlarged(rng: np.random.Generator, seen: Layer, height: int, width: int) -> Layer:
    """Enlarge to HxW, with stairs or smooth; now and then harden the soft edges again."""
    if seen.shape[:2] != (height, width):
        how = _ENLARGERS[int(rng.integers(len(_ENLARGERS)))]
        seen = np.asarray(cv2.resize(seen, (width, height), interpolation=how), np.float32)
        if rng.random() < 0.3:
            seen = _hardened(rng, seen)
    return seen


def _copied(rng: np.random.Generator, picture: Layer) -> Layer:
    """A copy of a copy: every stroke a little thicker or thinner, its corners rounded."""
    soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 1.1))
    return _hardened(rng, np.asarray(soft, np.float32))


def _hardened(rng: np.random.Generator, picture: Layer) -> Layer:
    """Raise the contrast about a level nearer to paper than to ink, so pale strokes get darker."""
    dark, paper = np.percentile(picture, (0.5, 80))
    level = np.float32(dark + (paper - dark) * rng.uniform(0.6, 0.85))
    return np.clip((picture - level) * np.float32(rng.uniform(1.3, 5)) + level, 0, 1)


def _bilevel(rng: np.random.Generator, picture: Layer) -> Layer:
    """Reduce to black and white, by one of the methods of scanners."""
    grey = _grey(picture)
    kind = rng.random()
    if kind < 0.2:
        bits = _diffused(rng, grey)
    elif kind < 0.35:
        tiles = (grey.shape[0] // 4 + 1, grey.shape[1] // 4 + 1)
        ranks = np.tile((_BAYER + 0.5) / 16, tiles)[: grey.shape[0], : grey.shape[1]]
        bits = (_stretched(rng, grey) > ranks).astype(np.float32)
    else:
        level = _level(rng, grey, local=kind < 0.65)
        grain = np.float32(spread(rng, 0.003, 0.08)) * rng.standard_normal(grey.shape, np.float32)
        bits = (grey + grain > level).astype(np.float32)
    if rng.random() < 0.4:  # a viewer's smoothing
        bits = np.asarray(cv2.GaussianBlur(bits, (0, 0), rng.uniform(0.4, 0.8)), np.float32)
    return bits[..., None].repeat(3, 2)


def _level(rng: np.random.Generator, grey: Mask, local: bool) -> Mask | np.float32:
    """A threshold between ink and paper, close enough to the paper that faint ink survives.

    On patterned paper such a threshold would blacken the page: then it moves towards the ink.
    """
    if local:
        reach = max(min(grey.shape) // 8, 3)
        paper = cv2.blur(cv2.dilate(grey, np.ones((5, 5), np.uint8)), (reach, reach))
    else:
        paper = np.full_like(grey, np.percentile(grey, 75))
    dark = np.percentile(grey, 0.5)
    step = rng.uniform(0.2, 0.45)
    while step < 0.75 and np.mean(grey < paper - step * (paper - dark)) > 0.3:
        step += 0.1
    return np.asarray(paper - step * (paper - dark), np.float32)


def _stretched(rng: np.random.Generator, grey: Mask) -> Mask:
    """`grey` with its paper at or near white and its ink near black, as before dithering."""
    dark, paper = np.percentile(grey, (0.5, 80))
    black = dark + (paper - dark) * rng.uniform(0.1, 0.6)  # a thin stroke never gets to `dark`
    white = paper - (paper - dark) * rng.uniform(0, 0.08)
    return np.clip((grey - black) / max(white - black, 0.03), 0, 1).astype(np.float32)


def _diffused(rng: np.random.Generator, grey: Mask) -> Mask:
    """Dither by Floyd-Steinberg error diffusion."""
    levels = (_stretched(rng, grey) * 255).astype(np.uint8)
    return np.asarray(Image.fromarray(levels).convert("1"), np.float32)


def _contrast(rng: np.random.Generator, picture: Layer) -> Layer:
    """Change contrast and brightness, and add fine grain, in grey or colour."""
    gain, paper = rng.uniform(0.6, 1.4), rng.uniform(0.85, 1.05)
    grain = rng.standard_normal((*picture.shape[:2], 1), np.float32)
    grain *= np.float32(spread(rng, 0.002, 0.05))
    return np.clip((picture - 1) * np.float32(gain) + np.float32(paper) + grain, 0, 1)


def _dirty(rng: np.random.Generator, picture: Layer) -> Layer:
    """Dust on the glass: grains, blobs, a hair."""
    height, width = picture.shape[:2]
    picture = picture.copy()
    grains = rng.poisson(spread(rng, 1e-5, 6e-3) * height * width)
    ys, xs = rng.integers(0, height, grains), rng.integers(0, width, grains)
    picture[ys, xs] *= rng.uniform(0, 0.8, (grains, 1)).astype(np.float32)
    unit = max(max(height, width) / 600, 0.3)
    for _ in range(int(rng.poisson(6)) if rng.random() < 0.6 else 0):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = tuple(max(round(unit * spread(rng, 0.4, 1.6)), 0) for _ in range(2))  # < a dot
        shade = float(rng.uniform(0, 0.7))
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(picture, centre, axes, turn, 0, 360, (shade,) * 3, -1, cv2.LINE_AA)
    if rng.random() < 0.12:
        _lay_hair(rng, picture, unit)
    return picture


def _lay_hair(rng: np.random.Generator, picture: Layer, unit: float) -> None:
    """A short fibre, much finer than a pen's stroke, in place."""
    height, width = picture.shape[:2]
    start = rng.uniform(0, 1, 2) * (width, height)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.15, 20))
    steps = np.stack([np.cos(heading), np.sin(heading)], 1) * unit * rng.uniform(0.8, 2.5)
    points = np.round((start + np.cumsum(steps, 0)) * 8).astype(np.int32)
    shade = float(rng.uniform(0.3, 0.75))
    cv2.polylines(picture, [points], False, (shade,) * 3, 1, cv2.LINE_AA, shift=3)


def _machine_faults(rng: np.random.Generator, picture: Layer) -> Layer:
    """Streaks, lost lines, dark borders, punch holes, salt and pepper: one or two of them."""
    picture = picture.copy()
    faults = (_streaks, _lost_lines, _dark_border, _punch_holes, _salt_and_pepper)
    for index in rng.choice(5, int(rng.integers(1, 3)), False, (0.25, 0.1, 0.25, 0.1, 0.3)):
        faults[int(index)](rng, picture)
    return picture


def _streaks(rng: np.random.Generator, picture: Layer) -> None:
    """Thin lines from a dirty sensor along the direction of transport, grey to black."""
    lanes = picture if rng.random() < 0.35 else picture.transpose(1, 0, 2)
    thick = max(max(picture.shape) / 600, 0.5)
    for _ in range(int(rng.integers(1, 6))):
        lane = int(rng.integers(lanes.shape[0]))
        wide = max(round(thick * spread(rng, 0.5, 4)), 1)
        along = cloud(rng, 1, lanes.shape[1], lanes.shape[1] * spread(rng, 0.02, 1))[0]
        cover = np.clip(along * rng.uniform(0.3, 1.5), 0, 1)[None, :, None]
        lanes[lane : lane + wide] *= 1 - cover * np.float32(rng.uniform(0.1, 1))


def _lost_lines(rng: np.random.Generator, picture: Layer) -> None:
    """Scan lines that a bad telephone line lost: repeats of their neighbour, or pale."""
    for row in rng.integers(1, max(picture.shape[0], 2), int(rng.integers(1, 5))):
        if row >= picture.shape[0]:
            continue
        pale = np.float32(rng.uniform(0.3, 0.7))
        lost = 1 - (1 - picture[row]) * pale
        picture[row] = picture[row - 1] if rng.random() < 0.6 else lost


def _dark_border(rng: np.random.Generator, picture: Layer) -> None:
    """The shadow at the lid's or the book's edge: one or two sides, hard or soft, often ragged."""
    for _ in range(int(rng.integers(1, 3))):
        side = int(rng.integers(4))
        lanes = picture if side < 2 else picture.transpose(1, 0, 2)
        lanes = lanes[::-1] if side % 2 else lanes
        depth = max(lanes.shape[0] * spread(rng, 0.01, 0.12), 1)
        ragged = cloud(rng, 1, lanes.shape[1], lanes.shape[1] * spread(rng, 0.02, 1))[0]
        edge = depth * (0.4 + rng.uniform(0, 1.2) * ragged)
        soft = max(depth * rng.uniform(0.02, 1), 0.5)
        rows = np.arange(lanes.shape[0], dtype=np.float32)[:, None]
        cover = np.clip((edge - rows) / soft + 0.5, 0, 1)[..., None]
        lanes *= 1 - cover.astype(np.float32) * np.float32(rng.uniform(0.4, 1))


def _punch_holes(rng: np.random.Generator, picture: Layer) -> None:
    """One or two filing holes, black, at the border."""
    height, width = picture.shape[:2]
    radius = max(round(max(height, width) * rng.uniform(0.015, 0.05)), 2)
    x = round(rng.uniform(-0.3, 1.5) * radius)
    x = x if rng.random() < 0.6 else width - x
    for _ in range(int(rng.integers(1, 3))):
        y = int(rng.integers(height))
        shade = float(rng.uniform(0, 0.5))
        cv2.circle(picture, (x, y), radius, (shade,) * 3, -1, cv2.LINE_AA)


def _salt_and_pepper(rng: np.random.Generator, picture: Layer) -> None:
    """Single pixels, or small clumps of them, black mostly, gathered in clouds or everywhere."""
    height, width = picture.shape[:2]
    share = spread(rng, 2e-4, 0.03)
    where = rng.random((height, width), np.float32)
    if rng.random() < 0.5:
        where /= np.clip(cloud(rng, height, width, max(height, width) / 4), 0.05, 1) * 1.5
    pepper = (where < share).astype(np.uint8)
    if rng.random() < 0.3:
        pepper = np.asarray(cv2.dilate(pepper, np.ones((2, 2), np.uint8)))
    picture[pepper > 0] *= np.float32(rng.uniform(0, 0.6))
    salt = rng.random((height, width), np.float32) < share / 4
    picture[salt] = 1
