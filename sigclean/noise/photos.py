"""Pictures as telephones take them: tinted, shaded, blurred, grainy, compressed; never bent."""

from __future__ import annotations

import cv2
import numpy as np

from sigclean.noise.page import Layer, Mask
from sigclean.noise.printing import cloud, spread


def photo(rng: np.random.Generator, picture: Layer) -> Layer:
    """Photograph `picture`; everything stays in its place.

    Args:
        picture: the finished page, HxWx3 in [0, 1].
    """
    seen = picture * _light(rng, *picture.shape[:2])
    if rng.random() < 0.6:
        seen = _blurred(rng, seen)
    seen = _exposed(rng, seen)
    if rng.random() < 0.12:
        seen = _glare(rng, seen)
    if rng.random() < 0.08:
        seen = _moire(rng, seen)
    if rng.random() < 0.7:
        seen = _grainy(rng, seen)
    if rng.random() < 0.35:
        seen = _sharpened(rng, seen)
    seen = np.clip(seen, 0, 1)
    return compressed(rng, seen) if rng.random() < 0.75 else seen.astype(np.float32)


def _light(rng: np.random.Generator, height: int, width: int) -> Layer:
    """The light that falls on the page, HxWx3: tinted, uneven, shadowed."""
    shrink = max(max(height, width) / 320, 1)  # light is smooth: drawn small, then enlarged
    light = _shading(rng, max(int(height / shrink), 1), max(int(width / shrink), 1))
    tint = 1 + rng.normal(0, 0.05, 3) * (1, 0.5, 1.3)
    coloured = (light[..., None] * tint / tint.max()).astype(np.float32)
    return np.asarray(cv2.resize(coloured, (width, height), interpolation=cv2.INTER_LINEAR))


def _shading(rng: np.random.Generator, height: int, width: int) -> Mask:
    """The brightness of each part of the page: about 1 in the brightest part, never black."""
    y, x = _coordinates(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + spread(rng, 0.05, 0.6) * (x * np.cos(angle) + y * np.sin(angle))
    if rng.random() < 0.4:  # vignette about a centre that need not be the picture's
        far = (x - rng.uniform(-0.5, 0.5)) ** 2 + (y - rng.uniform(-0.5, 0.5)) ** 2
        light = light * (1 - spread(rng, 0.05, 0.6) * far)
    if rng.random() < 0.3:
        light = light * (1 - rng.uniform(0.05, 0.25) * cloud(rng, height, width, width / 3 + 2))
    if rng.random() < 0.35:
        light = light * _shadow(rng, x, y)
    if rng.random() < 0.3:
        light = light * _dark_band(rng, x, y)
    brightest = max(float(np.percentile(light, 95)), 0.2)
    return np.asarray(np.clip(light / brightest, 0.15, 1.15), np.float32)


def _coordinates(height: int, width: int) -> tuple[Mask, Mask]:
    """Rows (Hx1) and columns (1xW) from -1 to 1."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    return y, np.linspace(-1, 1, width, dtype=np.float32)[None]


def _shadow(rng: np.random.Generator, x: Mask, y: Mask) -> Mask:
    """The shadow of a hand, a head or the telephone itself: a bounded shape with a soft edge."""
    angle = rng.uniform(0, 2 * np.pi)
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    wave = rng.uniform(0, 0.3) * np.sin(v * rng.uniform(1, 5) + rng.uniform(0, 6))
    inside = u + wave - rng.uniform(-0.3, 0.7)
    if rng.random() < 0.5:  # a second edge makes it a bar: an arm, a pen, the telephone
        inside = np.minimum(inside, rng.uniform(0.2, 1) - inside)
    soft = spread(rng, 0.01, 0.5)
    cover = 0.5 + 0.5 * np.tanh(inside / soft)
    return np.asarray(1 - rng.uniform(0.1, 0.75) * cover, np.float32)


def _dark_band(rng: np.random.Generator, x: Mask, y: Mask) -> Mask:
    """One or two dark edges, or a dark corner, where the page curls or ends."""
    near = np.full(np.broadcast_shapes(x.shape, y.shape), -2, np.float32)
    sides = (x, -x, y, -y, (x + y) / 2, (x - y) / 2, (y - x) / 2, -(x + y) / 2)
    for index in rng.integers(0, len(sides), int(rng.integers(1, 3))):
        near = np.maximum(near, sides[int(index)])
    depth, soft = rng.uniform(0.03, 0.35), spread(rng, 0.01, 0.2)
    cover = np.clip((near - (1 - depth)) / soft + 0.5, 0, 1)
    return np.asarray(1 - rng.uniform(0.3, 0.9) * cover, np.float32)


def _blurred(rng: np.random.Generator, picture: Layer) -> Layer:
    """Blur the picture: slightly out of focus, or slightly moved."""
    unit = np.clip(max(picture.shape) / 600, 0.4, 3)
    if rng.random() < 0.7:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), unit * spread(rng, 0.3, 2)))
    reach = max(round(unit * spread(rng, 1, 4)), 1) * 2 + 1
    way = np.zeros((reach, reach), np.float32)
    angle, middle = rng.uniform(0, np.pi), reach // 2
    step = np.round(middle * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    start, end = (middle - step).tolist(), (middle + step).tolist()
    cv2.line(way, start, end, 1.0, 1, cv2.LINE_AA)
    return np.asarray(cv2.filter2D(picture, -1, way / way.sum()), np.float32)


def _exposed(rng: np.random.Generator, picture: Layer) -> Layer:
    """Change exposure, gamma and black level; ink stays darker than paper."""
    gamma, gain = spread(rng, 0.6, 1.7), rng.uniform(0.65, 1.08)
    black = np.float32(rng.uniform(0, 0.15))
    seen = np.clip(picture * np.float32(gain), 0, 1) ** np.float32(gamma)
    return seen * (1 - black) + black


def _glare(rng: np.random.Generator, picture: Layer) -> Layer:
    """A lamp or a flash mirrored in the paper: a soft spot that fades what it covers."""
    y, x = _coordinates(*picture.shape[:2])
    across, down = rng.uniform(-1, 1, 2)
    far = ((x - across) / spread(rng, 0.2, 1)) ** 2 + ((y - down) / spread(rng, 0.2, 1)) ** 2
    spot = np.exp(-far)[..., None] * np.float32(rng.uniform(0.1, 0.45))
    return picture + (1 - picture) * spot


def _moire(rng: np.random.Generator, picture: Layer) -> Layer:
    """The faint bands of a screen or a print seen through the sensor's grid."""
    y, x = _coordinates(*picture.shape[:2])
    angle, waves = rng.uniform(0, np.pi), spread(rng, 20, 200)
    phase = (x * np.cos(angle) + y * np.sin(angle)) * waves + 3 * np.sin(3 * y + 2 * x)
    shift = rng.uniform(0, 2 * np.pi, 3).astype(np.float32)
    bands = np.cos(phase[..., None] + shift) * np.float32(rng.uniform(0.01, 0.05))
    return np.asarray(picture * (1 + bands), np.float32)


def _grainy(rng: np.random.Generator, picture: Layer) -> Layer:
    """Add sensor noise: brightness fine or blotchy, colour coarser; stronger in the dark."""
    height, width = picture.shape[:2]
    luma = _grain(rng, height, width, rng.uniform(1, 2.5), 1)
    chroma = _grain(rng, height, width, rng.uniform(1.5, 6), 3)
    strength = spread(rng, 0.004, 0.08)
    noise = luma * np.float32(strength) + chroma * np.float32(strength * rng.uniform(0, 0.8))
    return picture + noise * (np.float32(1.3) - np.float32(0.6) * picture)


def _grain(rng: np.random.Generator, height: int, width: int, cell: float, planes: int) -> Layer:
    """Normal noise of about unit strength, HxWx`planes`, in blotches of `cell` pixels."""
    size = (max(int(height / cell), 1), max(int(width / cell), 1), planes)
    noise = rng.standard_normal(size, np.float32)
    noise = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR))
    return noise.reshape(height, width, planes)


def _sharpened(rng: np.random.Generator, picture: Layer) -> Layer:
    """Sharpen as cameras do, with bright halos."""
    soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.7, 2.5))
    return picture + np.float32(rng.uniform(0.3, 1.8)) * (picture - soft)


def compressed(rng: np.random.Generator, picture: Layer) -> Layer:
    """Compress the picture as JPEG of quality 12 to 95, and decode it again."""
    levels = (picture[..., ::-1] * 255 + 0.5).astype(np.uint8)
    quality = int(rng.integers(12, 96))
    _, code = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.float32)
    return decoded[..., ::-1] / np.float32(255)
