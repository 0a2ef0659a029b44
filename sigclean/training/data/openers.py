"""Examples become pictures: files as they are, or clean signatures made noisy on the fly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sigclean.corpus.placing import place
from sigclean.corpus.signatures import (
    Source,
    draw_signed,
    make_dirty,
    open_clean,
    open_picture,
    read_content,
    seeded,
)
from sigclean.errors import ImageError
from sigclean.noise import Material
from sigclean.training.data.domains import Images, Opener, Rng
from sigclean.training.data.stream_cursor import EpochStream


@dataclass(frozen=True)
class Found:
    """The examples of one side of a data set, and the functions that open them; see `Domains`."""

    clean: Sequence[Any]  # examples of domain A
    open_clean: Opener
    pairs: Sequence[Any]  # examples of domain B whose truth is known
    open_pair: Opener
    unpaired: Sequence[Source] = ()  # the other pictures of domain B
    order: tuple[int, ...] = ()  # place of each picture of B in pairs + unpaired, if not its order
    stream: EpochStream | None = None  # of a side that is streamed; `pairs` are its first few rows
    on_the_fly: bool = False  # noise is made while training: no header tells the pictures' sizes
    notes: tuple[str, ...] = ()  # warnings about the pictures, a sentence each

    def files(self) -> Iterable[Source]:
        """All pictures that are stored, one after the other."""
        yield from self.clean
        for pair in self.pairs:
            yield from pair
        yield from self.unpaired


def open_one(source: Source, rng: Rng | None = None) -> Images:
    """A picture as it is. Raises ImageError if it cannot be read."""
    return (open_picture(source),)


def open_both(sources: tuple[Source, Source], rng: Rng | None = None) -> Images:
    """Noisy picture and truth as they are. Raises ImageError if they are not of one size."""
    noisy, truth = (open_picture(source) for source in sources)
    if noisy.size != truth.size:
        raise ImageError(
            f"{sources[0]} is {noisy.width}x{noisy.height}, but its truth {sources[1]} is "
            f"{truth.width}x{truth.height}"
        )
    return noisy, truth


@dataclass(frozen=True)
class NoiseOnTheFly:
    """Places clean signatures on pages of their own and adds noise.

    Without a random generator, seed and content decide: the pictures are then those that
    `sigclean prepare` makes with the same seed.
    """

    seed: int
    noise: str | tuple[str, ...]  # `all`, or the families to draw from
    material: Material  # fonts and pictures that noise is made of
    unsigned_share: float = 0.0  # of the random pairs: those that show noise without a signature

    def clean(self, source: Source, rng: Rng | None) -> Images:
        """A signature placed on a page. Raises ImageError if it cannot be read."""
        return (place(rng or self._fixed(source), open_clean(source, self.seed)),)

    def pair(self, source: Source, rng: Rng | None) -> Images:
        """A page with noise, and the same page without. Raises ImageError if it cannot be read."""
        clean = open_clean(source, self.seed)
        signed = rng is None or draw_signed(rng, self.unsigned_share)
        rng = rng or self._fixed(source)
        made = make_dirty(rng, clean, self.noise, self.material, signed=signed)
        return made.noisy, made.truth

    def found(self, sources: Sequence[Source], unpaired: Sequence[Source]) -> Found:
        """A side whose pairs are made of clean signatures, beside real noisy pictures."""
        return Found(sources, self.clean, sources, self.pair, unpaired, on_the_fly=True)

    def _fixed(self, source: Source) -> Rng:
        return seeded(self.seed, read_content(source))
