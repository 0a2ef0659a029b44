"""Clean signatures, from files, bytes or drawn: opened on white, split by content, made noisy."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sigclean.arrays import WHITE, darkest_channel, level_at, level_counts
from sigclean.corpus.placing import place
from sigclean.drawn import draw_signature
from sigclean.drawn.additions import add_marks
from sigclean.errors import ImageError, reason
from sigclean.images import read_image
from sigclean.noise import Material, compose, draw_families
from sigclean.noise.visibility import is_visible

DARKEST_PAPER = 235  # lowest median grey (0..255) of a clean picture: most of it must be white
LARGEST_PAGE = 2048  # longest side of a page that keeps its layout, pixels
DRAWN_WIDTH = 640  # width of drawn signatures, pixels
TRIES = 4  # the most noises drawn until the strokes can be seen through one


@dataclass(frozen=True)
class Source:
    """The origin of a picture.

    Attributes:
        content: a file, a file's bytes or a function that fetches them, or the number of a drawn
            signature.
    """

    name: str
    content: Path | bytes | int | Callable[[], bytes]

    def __str__(self) -> str:
        """The name for messages."""
        return str(self.content) if isinstance(self.content, Path) else self.name


@dataclass(frozen=True)
class Dirty:
    """A noisy picture with its truth, of one size, and the families of its noise."""

    noisy: Image.Image
    truth: Image.Image
    families: tuple[str, ...]


def read_content(source: Source) -> bytes:
    """The bytes that identify a source: its file's. Raises ImageError if they cannot be read."""
    content = source.content
    if isinstance(content, int):
        return f"drawn/{content}".encode()
    if isinstance(content, bytes):
        return content
    try:
        return content.read_bytes() if isinstance(content, Path) else content()
    except OSError as error:
        raise ImageError(f"{source} cannot be read: {reason(error)}") from error


def open_picture(source: Source) -> Image.Image:
    """The picture of a file: RGB, upright, on white. Raises ImageError if it cannot be read."""
    if isinstance(source.content, Path):
        return read_image(source.content)
    file = io.BytesIO(read_content(source))
    file.name = str(source)
    return read_image(file)


def open_clean(source: Source, seed: int) -> Image.Image:
    """The clean picture of a source, on exactly white paper.

    Raises ImageError for a file that is not a picture of ink on white paper: its tint or shade
    would become part of the truth and teach the cleaner to keep it.
    """
    if isinstance(source.content, int):
        return draw_signature(seeded(seed, read_content(source), -1), width=DRAWN_WIDTH)
    pixels = np.asarray(open_picture(source))
    paper = level_at(level_counts(darkest_channel(pixels)), 0.5)
    if paper < DARKEST_PAPER:
        raise ImageError(f"{source} is not on white paper")
    return Image.fromarray(pixels) if paper == WHITE else _whitened(pixels)


def make_dirty(
    rng: np.random.Generator,
    clean: Image.Image,
    noise: str | tuple[str, ...] = "all",
    material: Material | None = None,
    *,
    keep_layout: bool = False,
    signed: bool = True,
) -> Dirty:
    """Place a clean signature on a page and add noise.

    On a page of its own it gets marks of its writer's now and then: see `add_marks`. Noise that
    hides it from a person is drawn anew, a few times.

    Args:
        rng: decides everything.
        noise: `all`, or the families to draw from.
        material: fonts and pictures that noise is made of; the system's fonts if None.
        keep_layout: use the clean picture as the page, at most 2048 pixels on a side.
        signed: False leaves the signature out: the noise stays, and the truth is white.
    """
    page = _bounded(clean) if keep_layout else place(rng, add_marks(rng, clean))
    for _ in range(TRIES):  # noise may bury a faint signature
        families = draw_families(rng, noise)
        noisy, truth = compose(rng, families, page, material, signed=signed)
        if is_visible(noisy, truth):
            break
    return Dirty(Image.fromarray(noisy), Image.fromarray(truth), families)


def draw_signed(rng: np.random.Generator, unsigned_share: float) -> bool:
    """Draw whether a picture has its signature. A share of 0 takes no random number, so that the
    pictures stay those of earlier versions."""
    return not unsigned_share or rng.random() >= unsigned_share


def seeded(seed: int, content: bytes, variant: int = 0) -> np.random.Generator:
    """The random generator of a picture, which depends on these three only."""
    digest = hashlib.sha256(f"{seed}/{variant}/".encode() + content).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def held_out(content: bytes, seed: int, fraction: float) -> bool:
    """Return whether a signature belongs to the test side: its content decides, so copies agree."""
    digest = hashlib.sha256(f"{seed}/split/".encode() + content).digest()
    return int.from_bytes(digest[:8], "big") < fraction * 2**64


def _whitened(pixels: np.ndarray) -> Image.Image:
    """The picture with its paper (the median colour) made white; a slight tint would show its
    edges on a page."""
    paper = np.array([level_at(level_counts(pixels[..., i]), 0.5) for i in range(3)])
    levels = np.arange(256)[:, None] * (255 / paper)
    table = np.minimum(np.rint(levels), 255).astype(np.uint8)
    return Image.fromarray(np.stack([table[pixels[..., i], i] for i in range(3)], axis=2))


def _bounded(picture: Image.Image) -> Image.Image:
    """The picture, at most 2048 pixels on a side: noise on 50 megapixels would take gigabytes."""
    bounded = picture.copy()
    bounded.thumbnail((LARGEST_PAGE, LARGEST_PAGE), Image.Resampling.BOX)
    return bounded
