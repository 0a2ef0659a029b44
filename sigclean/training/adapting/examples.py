"""Both sides of an adaptation: pairs written on scans, pairs with noise of every kind, the scans.

Pairs with noise of every kind are replayed so that the model does not forget what it could; pairs
with noise of one family each show whether it did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sigclean.corpus.signatures import Source, open_clean, read_content, seeded
from sigclean.errors import ImageError
from sigclean.noise import FAMILIES
from sigclean.training.adapting.pairs import write_on
from sigclean.training.adapting.scans import Scan
from sigclean.training.data.domains import Images, Rng
from sigclean.training.data.openers import Found, NoiseOnTheFly

ON_SCANS = 0.5  # share of the training pairs that are written on scans
FEWEST_HELD_OUT = 3  # scans that are held out, at least
SCAN = 17  # variant of the seed of pairs on scans


@dataclass(frozen=True)
class Example:
    """A pair of the test side, or the signature of training pairs."""

    source: Source  # the clean signature
    number: int  # decides, with the signature, what is random about a pair of the test side
    # written on a scan, or with noise of one family; None: on a scan or with any noise, by chance
    on_scan: bool | None


@dataclass(frozen=True)
class PairsOnScans:
    """Opens examples: writes clean signatures on the backdrops of scans, or makes other noise."""

    noise: NoiseOnTheFly
    scans: Sequence[Scan]

    def open(self, example: Example, rng: Rng | None) -> Images:
        """A noisy picture and its truth. Raises ImageError if the signature cannot be read."""
        source = example.source
        if rng is None:
            rng = seeded(self.noise.seed, read_content(source), SCAN + example.number)
        if example.on_scan is False:
            return self._alone(example.number).pair(source, rng)
        if example.on_scan is None and rng.random() >= ON_SCANS:
            return self.noise.pair(source, rng)
        scan, other = (self.scans[int(rng.integers(len(self.scans)))] for _ in range(2))
        return write_on(rng, scan.backdrop, open_clean(source, self.noise.seed), other.backdrop.pen)

    def _alone(self, number: int) -> NoiseOnTheFly:
        """Noise of one family, by the number of the pair: what was forgotten shows there.

        In a mix of several, which hardly any document has, F changes by tens of points with chance.
        """
        noise = self.noise.noise
        families = FAMILIES if isinstance(noise, str) else noise
        return replace(self.noise, noise=(families[number // 2 % len(families)],))


def adapting_sides(
    scans: Sequence[Scan],
    clean: tuple[Sequence[Source], Sequence[Source]],
    noise: NoiseOnTheFly,
    *,
    fraction: float,
    tested: int,
) -> tuple[Found, Found]:
    """The training side and the test side of an adaptation.

    Args:
        clean: the clean signatures of both sides.
        fraction: share of the scans that is held out, in [0, 1).
        tested: pairs of the test side, half of them on scans.
    """
    training, held_out = _divide(scans, fraction, noise.seed)
    examples = [Example(source, number, None) for number, source in enumerate(clean[0])]
    written = clean[1] or clean[0]
    tests = [Example(written[i // 2 % len(written)], i, i % 2 == 0) for i in range(tested)]
    return (
        Found(
            clean[0], noise.clean, examples, PairsOnScans(noise, training).open,
            [scan.source for scan in training], on_the_fly=True,
        ),
        Found(
            written, noise.clean, tests, PairsOnScans(noise, held_out).open,
            [scan.source for scan in held_out], on_the_fly=True,
        ),
    )  # fmt: skip


def _divide(scans: Sequence[Scan], fraction: float, seed: int) -> tuple[list[Scan], list[Scan]]:
    """Divide the scans by their content, so that the order of the files does not matter."""
    ranked = sorted(scans, key=lambda scan: _rank(scan.source, seed))
    count = min(max(FEWEST_HELD_OUT, round(fraction * len(ranked))), len(ranked) - 1)
    return ranked[count:], ranked[:count]


def _rank(source: Source, seed: int) -> bytes:
    try:
        content = read_content(source)
    except ImageError:  # it was there a moment ago
        content = b""
    return hashlib.sha256(f"{seed}/scan/".encode() + content).digest()
