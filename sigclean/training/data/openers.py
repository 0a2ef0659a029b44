"""How examples become pictures: files as they are, or clean signatures made noisy on the fly."""

from __future__ import annotations

from dataclasses import dataclass

from sigclean.corpus.placing import place
from sigclean.corpus.signatures import (
    Source,
    make_dirty,
    open_clean,
    open_picture,
    read_content,
    seeded,
)
from sigclean.errors import ImageError
from sigclean.noise import Material
from sigclean.training.data.domains import Images, Rng


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
    """Clean signatures on pages of their own, and what noise makes of those.

    Without a generator, seed and content decide: these are the pictures that `sigclean prepare`
    makes with the same seed.
    """

    seed: int
    noise: str | tuple[str, ...]
    material: Material

    def clean(self, source: Source, rng: Rng | None) -> Images:
        """A signature placed on a page. Raises ImageError if it cannot be read."""
        return (place(rng or self._fixed(source), open_clean(source, self.seed)),)

    def pair(self, source: Source, rng: Rng | None) -> Images:
        """The same with noise, and without. Raises ImageError if it cannot be read."""
        clean = open_clean(source, self.seed)
        made = make_dirty(rng or self._fixed(source), clean, self.noise, self.material)
        return made.noisy, made.truth

    def _fixed(self, source: Source) -> Rng:
        return seeded(self.seed, read_content(source))
