"""Ink of any colour on paper of any colour: kraft, brown, grey, pastel; always to be seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import chance, clouds, grain, hsv, turbulence
from sigclean.noise.page import Layer, Mask

Colour = npt.NDArray[np.float32]

_TRIES = 40
_DARKER = 0.16  # by which ink is darker than its paper, in one channel at least
_APART = 0.24  # distance of the two colours
_INKED = 0.1  # darkness from which a pixel says how dark the pen is


def coloured(rng: np.random.Generator, clean: Layer) -> tuple[Layer, Layer]:
    """A signature in another ink on coloured paper, and its truth: that ink on white.

    Args:
        clean: HxWx3 in [0, 1], ink on white.
    """
    cover = _strength(clean)[..., None]
    ink, paper = ink_and_paper(rng)
    sheet = _sheet(rng, paper, clean.shape[0], clean.shape[1])
    noisy = sheet + cover * (ink - sheet)
    return noisy.astype(np.float32), (1 + cover * (ink - 1)).astype(np.float32)


def ink_and_paper(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Two colours that a person tells apart: the ink as it looks on the paper, and the paper.

    Ink is opaque, as gel and paint markers are, or the paper shows through it.
    """
    for _ in range(_TRIES):
        paper, ink = _paper(rng), _ink(rng)
        seen = ink if chance(rng, 0.5) else ink * paper
        if (paper - seen).max() > _DARKER and np.linalg.norm(paper - seen) > _APART:
            return seen, paper
    return np.full(3, 0.08, np.float32), np.full(3, 0.8, np.float32)


def _paper(rng: np.random.Generator) -> Colour:
    """Brown and kraft, grey, pastel, or any colour that is not dark."""
    kind = rng.random()
    if kind < 0.3:
        return hsv(rng.uniform(0.05, 0.13), rng.uniform(0.25, 0.65), rng.uniform(0.45, 0.9))
    if kind < 0.5:
        return np.full(3, rng.uniform(0.4, 0.9), np.float32)
    if kind < 0.8:
        return hsv(rng.random(), rng.uniform(0.08, 0.4), rng.uniform(0.75, 1))
    return hsv(rng.random(), rng.uniform(0.2, 0.85), rng.uniform(0.5, 1))


def _ink(rng: np.random.Generator) -> Colour:
    """Any hue, light or dark; pencil and black as well."""
    kind = rng.random()
    if kind < 0.25:
        return np.full(3, rng.uniform(0.05, 0.5), np.float32)
    return hsv(rng.random(), rng.uniform(0.35, 1), rng.uniform(0.25, 0.95))


def _strength(clean: Layer) -> Mask:
    """HxW, 1 where the pen covers most."""
    darkness = 1 - np.minimum(np.minimum(clean[..., 0], clean[..., 1]), clean[..., 2])
    strokes = darkness[darkness > _INKED]
    full = max(float(np.percentile(strokes, 80)), 0.2) if strokes.size else 1.0
    return np.clip(darkness / np.float32(full), 0, 1)


def _sheet(rng: np.random.Generator, paper: Colour, height: int, width: int) -> Layer:
    """The paper with its grain and cloudiness, and fibres in kraft."""
    field = np.zeros((height, width), np.float32)
    if chance(rng, 0.7):
        field += (grain(rng, height, width) - 0.5) * np.float32(rng.uniform(0, 0.08))
    if chance(rng, 0.5):
        field += (clouds(rng, height, width, 5) - 0.5) * np.float32(rng.uniform(0, 0.12))
    if chance(rng, 0.25):
        field += (turbulence(rng, height, width, 40) - 0.5) * np.float32(rng.uniform(0, 0.12))
    return np.clip(paper * (1 + field[..., None]), 0, 1).astype(np.float32)
