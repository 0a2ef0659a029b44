"""Papers under the signature: tinted, ruled, old, security-printed; and whole cheques."""

from __future__ import annotations

import numpy as np

from sigclean.noise.fields import chance, clouds, hsv, ramp, tint
from sigclean.noise.page import Layer, Page
from sigclean.noise.papers.cheque import print_cheque
from sigclean.noise.papers.patterns import pattern
from sigclean.noise.papers.sheets import GROUNDS, SURFACES, Sheet, from_folder

_DARKEST = 0.3  # a paper darker than this would hide the signature on it
_BOLD = 0.16  # share of patterns nearly as dark as ink, as on copies of cheques
_BLACKEST = 0.05  # printing ink is never quite black
_FROM_FOLDER = 0.3  # share of sheets from `material.papers`, when there are any
_GROUND_WEIGHTS = (0.28, 0.1, 0.22, 0.14, 0.16, 0.1)
_SURFACES = (0.35, 0.1, 0.08, 0.1, 0.05, 0.04)  # share of sheets with each of SURFACES


def paper(rng: np.random.Generator, page: Page) -> Layer:
    """A sheet of any kind, from hardly visible to strong."""
    layer = from_folder(rng, page) if chance(rng, _FROM_FOLDER) else None
    if layer is None:
        layer = _patterned(rng, page, GROUNDS, (0.3, 0.45, 0.2, 0.05))
    return np.maximum(_surfaced(rng, page, layer), np.float32(_DARKEST))


def cheque(rng: np.random.Generator, page: Page) -> Layer:
    """A cheque's corner or the whole of it: security print, rules, boxes, captions, figures."""
    layer = from_folder(rng, page) if chance(rng, _FROM_FOLDER) else None
    if layer is not None:
        return np.maximum(_copied(rng, layer), np.float32(_BLACKEST))
    layer = _patterned(rng, page, GROUNDS[:4], (0.08, 0.52, 0.3, 0.1))
    layer = np.maximum(_surfaced(rng, page, layer), np.float32(_DARKEST))
    print_cheque(rng, page, layer)
    return _copied(rng, layer)


def _copied(rng: np.random.Generator, layer: Layer) -> Layer:
    """Now and then a photocopy: grey, its darker tints black, its paler ones gone."""
    if not chance(rng, 0.15):
        return layer
    grey = layer @ np.array([0.3, 0.59, 0.11], np.float32)
    level = float(np.median(grey)) * rng.uniform(0.6, 0.9)
    hard = (grey - np.float32(level)) * np.float32(rng.uniform(1.5, 6)) + np.float32(0.5)
    return np.repeat(np.clip(hard, _BLACKEST, 1)[..., None], 3, axis=2)


def _patterned(
    rng: np.random.Generator, page: Page, grounds: tuple[Sheet, ...], counts: tuple[float, ...]
) -> Layer:
    """A ground, or white, with k patterns at probability counts[k]; white gets at least one."""
    if chance(rng, 0.15):
        layer, least = page.blank(), 1
    else:
        weights = np.array(_GROUND_WEIGHTS[: len(grounds)])
        index = int(rng.choice(len(grounds), p=weights / weights.sum()))
        layer, least = grounds[index](rng, page), 0
    for _ in range(max(int(rng.choice(len(counts), p=counts)), least)):
        layer *= _printed_pattern(rng, page)
    return layer


def _printed_pattern(rng: np.random.Generator, page: Page) -> Layer:
    """A pattern in one ink, or in a rainbow of two."""
    coverage = pattern(rng, page)
    strength = np.float32(0.05 + 0.6 * rng.random() ** 2.2)
    if chance(rng, _BOLD):
        strength = np.float32(rng.uniform(0.55, 0.95))
    first = 1 - (1 - hsv(rng.random(), rng.uniform(0, 1), rng.uniform(0, 0.9))) * strength
    layer = tint(coverage, first)
    if chance(rng, 0.35):
        second = 1 - (1 - hsv(rng.random(), 0.8, 0.6)) * strength
        straight, shape = chance(rng, 0.6), (page.height, page.width)
        mix = ramp(rng, *shape) if straight else clouds(rng, *shape, 3)
        layer += mix[:, :, None] * (tint(coverage, second) - layer)
    return layer


def _surfaced(rng: np.random.Generator, page: Page, layer: Layer) -> Layer:
    """The sheet with traces of use and age."""
    for surface, usual in zip(SURFACES, _SURFACES, strict=True):
        if chance(rng, usual):
            layer = layer * surface(rng, page)
    return layer
