"""Sheets of paper: the kinds of paper (`GROUNDS`), and traces of use and age (`SURFACES`)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import (
    chance,
    clouds,
    coverage,
    draw_material,
    grain,
    hsv,
    ramp,
    resized,
    smoothstep,
    soften,
    tint,
    turbulence,
    unit,
)
from sigclean.noise.page import Layer, Mask, Page
from sigclean.noise.stamps.words import phrase, scribe

Picture = npt.NDArray[np.uint8]
Sheet = Callable[[np.random.Generator, Page], Layer]

_FINEST = 1600  # pixels; longest side at which a picture of a paper is kept in memory


def pale(rng: np.random.Generator, strongest: float = 0.3) -> npt.NDArray[np.float32]:
    """Choose a pale colour of any hue: RGB in [0, 1], at most `strongest` away from white."""
    colour = hsv(rng.random(), 1.0, rng.uniform(0.3, 1.0))
    return np.asarray(1 - (1 - colour) * strongest * rng.random() ** 1.3, np.float32)


def plain(rng: np.random.Generator, page: Page) -> Layer:
    """Paper of one pale colour."""
    return _even(page, pale(rng))


def grey(rng: np.random.Generator, page: Page) -> Layer:
    """Newsprint or recycled paper: grey or brownish, with a brightness of about 0.5 to 1."""
    value, warmth = 0.97 - 0.45 * rng.random() ** 1.5, rng.normal(0, 0.03)
    colour = np.clip((value + warmth, value, value - warmth), 0, 1)
    return _even(page, colour)


def _even(page: Page, colour: npt.ArrayLike) -> Layer:
    return tint(np.ones((page.height, page.width), np.float32), colour)


def wash(rng: np.random.Generator, page: Page) -> Layer:
    """Paper of two or three pale colours that blend into each other."""
    shape, strongest = (page.height, page.width), rng.uniform(0.15, 0.5)
    layer = tint(ramp(rng, *shape), pale(rng, strongest))
    for _ in range(int(rng.integers(1, 3))):
        soft = chance(rng, 0.5)
        field = clouds(rng, *shape, rng.uniform(1, 3)) if soft else ramp(rng, *shape)
        layer *= tint(smoothstep(field, *sorted(rng.uniform(0, 1, 2))), pale(rng, strongest))
    return layer


def landscape(rng: np.random.Generator, page: Page) -> Layer:
    """Paper with a pale picture, like a landscape of hills and clouds."""
    shape, layer = (page.height, page.width), page.blank()
    strongest = rng.uniform(0.15, 0.55)
    for k in range(int(rng.integers(2, 6))):
        field = turbulence(rng, *shape, rng.uniform(1, 6))
        if chance(rng, 0.5):
            line = rng.uniform(0.1, 0.9)
            heights = np.linspace(0, 1, page.height, dtype=np.float32)[:, None]
            field = heights + 0.4 * (field[:1] - 0.5) - np.float32(line - 0.5)
        edge = 0.5 + rng.uniform(0.01, 0.4)
        layer *= tint(smoothstep(field, 1 - edge, edge), pale(rng, strongest * (0.6 + 0.1 * k)))
    return layer


def ruled(rng: np.random.Generator, page: Page) -> Layer:
    """Notebook, graph or ledger paper: thin coloured lines, sometimes with a margin line."""
    layer = plain(rng, page) if chance(rng, 0.4) else page.blank()
    colour = 1 - (1 - hsv(rng.choice((0.6, 0.5, 0.0, 0.35, rng.random())), 0.7, 0.7)) * np.float32(
        rng.uniform(0.25, 1)
    )
    step = max(unit(page) * float(np.exp(rng.uniform(1.1, 3.3))), 4)
    thick = max(1, round(step * rng.uniform(0.01, 0.09)))
    squared = chance(rng, 0.55)
    mask = np.zeros((page.height, page.width), np.uint8)
    every = int(rng.choice((0, 0, 5, 10)))
    for axis in range(1 + squared):
        length = (page.height, page.width)[axis]
        for k, place in enumerate(np.arange(rng.uniform(0, step), length, step).astype(int)):
            bold = thick + (every > 0 and k % every == 0) * max(1, thick // 2)
            lane = slice(place, place + bold)
            mask[(lane, slice(None)) if axis == 0 else (slice(None), lane)] = 255
    if chance(rng, 0.3):
        x = int(rng.uniform(0, page.width))
        layer[:, x : x + thick] *= hsv(rng.choice((0.0, 0.9)), 0.6, 0.9)
    return layer * tint(_leaning(rng, mask), colour)


def _leaning(rng: np.random.Generator, mask: Picture) -> Mask:
    """Turn ruled lines by a small angle, as on a scan; returns coverage in [0, 1]."""
    size = mask.shape[1], mask.shape[0]
    angle = float(rng.normal(0, 1.2)) if chance(rng, 0.6) else 0.0
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), angle, 1.0)
    turned = cv2.warpAffine(mask, turn, size, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned, np.float32) / np.float32(255)


def old(rng: np.random.Generator, page: Page) -> Layer:
    """Yellowed paper, darker towards the edges, with brown spots (foxing)."""
    shape = (page.height, page.width)
    colour = hsv(rng.uniform(0.07, 0.14), rng.uniform(0.15, 0.5), rng.uniform(0.75, 0.98))
    layer = tint(0.55 + 0.45 * turbulence(rng, *shape, rng.uniform(2, 8)), colour)
    y = np.abs(np.linspace(-1, 1, page.height, dtype=np.float32))[:, None]
    x = np.abs(np.linspace(-1, 1, page.width, dtype=np.float32))[None]
    layer *= tint(np.maximum(x, y) ** np.float32(rng.uniform(3, 12)), pale(rng, 0.5))
    spots = turbulence(rng, *shape, rng.uniform(40, 120)) * clouds(rng, *shape, 4)
    spots = smoothstep(spots, rng.uniform(0.55, 0.7), 0.85)
    return layer * tint(spots, hsv(0.08, 0.4, rng.uniform(0.6, 0.95)))


def from_folder(rng: np.random.Generator, page: Page) -> Layer | None:
    """A crop of a random picture of `material.papers`, varied; None if none can be read."""
    picture = draw_material(rng, page.material.papers, _FINEST)
    if picture is None:
        return None
    layer = coverage(_crop(rng, picture, page))
    if chance(rng, 0.5):
        layer = _recoloured(rng, layer)
    if chance(rng, 0.3):
        layer = soften(layer, unit(page) * rng.uniform(0.05, 0.3))
    if chance(rng, 0.25):
        layer = _wavy(rng, layer)
    contrast = rng.uniform(0.35, 1.3)
    return np.clip(1 - (1 - layer) * np.float32(contrast), 0, 1)


def _recoloured(rng: np.random.Generator, layer: Layer) -> Layer:
    """Rotate all hues by one random angle, and scale the saturation."""
    colours = np.asarray(cv2.cvtColor(layer, cv2.COLOR_RGB2HSV), np.float32)
    colours[:, :, 0] = (colours[:, :, 0] + np.float32(rng.uniform(0, 360))) % 360
    colours[:, :, 1] = np.clip(colours[:, :, 1] * np.float32(rng.uniform(0, 2)), 0, 1)
    return np.asarray(cv2.cvtColor(colours, cv2.COLOR_HSV2RGB), np.float32)


def _wavy(rng: np.random.Generator, layer: Layer) -> Layer:
    """Distort the sheet as if it were turned a little and did not lie flat."""
    height, width = layer.shape[:2]
    x = np.broadcast_to(np.arange(width, dtype=np.float32), (height, width)).copy()
    y = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], (height, width)).copy()
    reach = np.float32(max(height, width) * rng.uniform(0.01, 0.06))
    lean = np.float32(rng.normal(0, 0.05))
    x, y = x + lean * (y - height / 2), y - lean * (x - width / 2)
    x += reach * (clouds(rng, height, width, rng.uniform(1, 3)) - np.float32(0.5))
    y += reach * (clouds(rng, height, width, rng.uniform(1, 3)) - np.float32(0.5))
    bent = cv2.remap(layer, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(bent, np.float32)


def _crop(rng: np.random.Generator, picture: Picture, page: Page) -> Picture:
    """Crop a random part of about the page's aspect, sometimes flip it, resize it to the page."""
    height, width = picture.shape[:2]
    aspect = page.width / page.height * rng.uniform(0.85, 1.2)
    largest = min(width, height * aspect)
    wide = largest * (1 if chance(rng, 0.25) else rng.uniform(0.25, 1))
    w, h = max(int(wide), 1), max(int(min(wide / aspect, height)), 1)
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    part = picture[y : y + h, x : x + w]
    if chance(rng, 0.3):
        part = part[:, ::-1]
    if chance(rng, 0.15):
        part = part[::-1]
    shrinks = w > page.width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    size = page.width, page.height
    return np.asarray(cv2.resize(np.ascontiguousarray(part), size, interpolation=method), np.uint8)


def fibres(rng: np.random.Generator, page: Page) -> Layer:
    """The texture of the paper: grain and loose coloured fibres."""
    shape = (page.height, page.width)
    texture = grain(rng, *shape)
    if chance(rng, 0.6):
        size = int(rng.choice((1, 2, 3, 5))), int(rng.choice((1, 2, 3, 5)))
        texture = np.asarray(cv2.blur(texture, size), np.float32)
    depth = np.float32(rng.uniform(0.02, 0.18))
    layer = tint(texture, np.full(3, 1 - depth))
    threads = np.zeros(shape, np.uint8)
    for _ in range(int(rng.integers(0, 40))):
        walk = np.cumsum(rng.normal(0, unit(page), (4, 2)), axis=0)
        points = walk + rng.random(2) * (page.width, page.height)
        cv2.polylines(threads, [points.astype(np.int32)], False, 255, 1, cv2.LINE_AA)
    return layer * tint(coverage(threads), pale(rng, 0.7))


def creases(rng: np.random.Generator, page: Page) -> Layer:
    """One to four folds: a thin dark line, light on one side, shade on the other."""
    layer = page.blank()
    for _ in range(int(rng.integers(1, 5))):
        angle = rng.choice((0.0, np.pi / 2, rng.uniform(0, np.pi))) + rng.normal(0, 0.03)
        x = np.arange(page.width, dtype=np.float32) - rng.uniform(0, page.width)
        y = (np.arange(page.height, dtype=np.float32) - rng.uniform(0, page.height))[:, None]
        far = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
        far = far + (clouds(rng, page.height, page.width, 8) - 0.5) * unit(page)
        wide, line = unit(page) * rng.uniform(2, 25), max(unit(page) * rng.uniform(0.1, 0.5), 0.7)
        shade = np.where(far > 0, np.exp(-np.abs(far) / wide) * rng.uniform(0.05, 0.3), 0)
        shade = np.maximum(shade, np.exp(-((far / line) ** 2)) * rng.uniform(0.05, 0.45))
        layer *= tint(shade.astype(np.float32), (0, 0, 0))
    return layer


def stains(rng: np.random.Generator, page: Page) -> Layer:
    """Coffee rings and water stains: a pale disc with a darker edge."""
    layer, shape = page.blank(), (page.height, page.width)
    for _ in range(int(rng.integers(1, 4))):
        size = 100 * unit(page) * rng.uniform(0.08, 0.5)
        x = (np.arange(page.width, dtype=np.float32) - rng.uniform(0, page.width)) / size
        y = ((np.arange(page.height, dtype=np.float32) - rng.uniform(0, page.height)) / size)[
            :, None
        ]
        rough = (turbulence(rng, *shape, rng.uniform(3, 12)) - 0.5) * rng.uniform(0.05, 0.7)
        radius = np.sqrt(x * x + y * y) + rough.astype(np.float32)
        shore = np.exp(-(((radius - 1) / rng.uniform(0.01, 0.08)) ** 2)) * rng.uniform(0.3, 1)
        pool = smoothstep(-radius, -1, -0.97) * rng.uniform(0, 0.5)
        wet = np.maximum(shore, pool) * (0.4 + 0.6 * clouds(rng, *shape, 4))
        layer *= tint(
            wet.astype(np.float32), hsv(rng.uniform(0.05, 0.12), 0.6, rng.uniform(0.45, 0.9))
        )
    return layer


def bleed_through(rng: np.random.Generator, page: Page) -> Layer:
    """The print of the other side, which shows through: mirrored, pale and blurred."""
    mask, hand = np.zeros((page.height, page.width), np.float32), scribe(rng, page.material)
    tall = max(unit(page) * rng.uniform(2, 9), 4)
    for y in np.arange(rng.uniform(-tall, tall), page.height, tall * rng.uniform(1.3, 2.2)):
        line = hand.write(rng, phrase(rng, hand.script, int(rng.integers(2, 7))))
        scale = tall / line.shape[0]
        small = resized(line, line.shape[1] * scale, tall)
        top, left = max(int(y), 0), int(rng.uniform(-0.2, 0.3) * page.width)
        part = small[: page.height - top, max(-left, 0) :][:, : page.width - max(left, 0)]
        mask[top : top + part.shape[0], max(left, 0) : max(left, 0) + part.shape[1]] = part
    soft = soften(mask[:, ::-1], unit(page) * rng.uniform(0.1, 0.5))
    return tint(
        soft * np.float32(rng.uniform(0.1, 0.6)), hsv(rng.random(), 0.2, rng.uniform(0.2, 0.6))
    )


def marker(rng: np.random.Generator, page: Page) -> Layer:
    """Highlighter strokes: broad, bright, a little darker where they end and cross."""
    layer, wide = page.blank(), max(unit(page) * rng.uniform(3, 14), 2)
    colour = hsv(rng.choice((0.16, 0.17, 0.3, 0.9, 0.08, 0.5)), rng.uniform(0.3, 0.8), 1)
    for _ in range(int(rng.integers(1, 4))):
        mask = np.zeros((page.height, page.width), np.uint8)
        steps = rng.normal(0, unit(page), (6, 2))
        steps[:, 0] += page.width * rng.uniform(0.05, 0.25)
        start = rng.uniform(-0.2, 1, 2) * (page.width, page.height)
        points = start + np.cumsum(steps, axis=0)
        cv2.polylines(mask, [points.astype(np.int32)], False, 255, round(wide), cv2.LINE_AA)
        streaks = 0.7 + 0.3 * clouds(rng, page.height, page.width, 40)
        layer *= tint(soften(coverage(mask), 0.6) * streaks, colour)
    return layer


def tape(rng: np.random.Generator, page: Page) -> Layer:
    """A strip of aged adhesive tape, with the line of its edges."""
    centre = rng.random(2) * (page.width, page.height)
    size = np.array([rng.uniform(40, 160), rng.uniform(8, 30)]) * unit(page)
    box = cv2.boxPoints((tuple(centre), tuple(size), rng.uniform(-90, 90)))
    strip, edge = (np.zeros((page.height, page.width), np.uint8) for _ in range(2))
    cv2.fillPoly(strip, [box.astype(np.int32)], 255, cv2.LINE_AA)
    cv2.polylines(edge, [box.astype(np.int32)], True, 255, 1, cv2.LINE_AA)
    film = coverage(strip) * (0.6 + 0.4 * turbulence(rng, page.height, page.width, 6))
    layer = tint(film, hsv(rng.uniform(0.08, 0.15), rng.uniform(0, 0.35), rng.uniform(0.75, 0.97)))
    return layer * tint(coverage(edge), np.full(3, rng.uniform(0.5, 0.9)))


GROUNDS: tuple[Sheet, ...] = (plain, grey, wash, landscape, ruled, old)
SURFACES: tuple[Sheet, ...] = (fibres, creases, stains, bleed_through, marker, tape)
