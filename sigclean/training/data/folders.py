"""Pictures in folders, pictures drawn, and how they are divided into two sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigclean.corpus.signatures import Source, held_out, read_content
from sigclean.errors import DataError, ImageError
from sigclean.images import find_images
from sigclean.noise import find_material, parse_families
from sigclean.training.data.domains import Opener
from sigclean.training.data.openers import NoiseOnTheFly, open_both, open_one
from sigclean.training.options import TrainConfig

if TYPE_CHECKING:
    from sigclean.training.data.row_stream import RowStream

FOLDERS = ("trainA", "trainB", "testA", "testB")


@dataclass(frozen=True)
class Found:
    """The examples of one side, and how they are opened."""

    clean: Sequence[Any]
    open_clean: Opener
    pairs: Sequence[Any]
    open_pair: Opener
    unpaired: Sequence[Source] = ()
    order: tuple[int, ...] = ()
    stream: RowStream | None = None

    @property
    def on_the_fly(self) -> bool:
        """Whether pictures are made, of sizes that no header tells."""
        return self.open_pair is not open_both

    def files(self) -> Iterable[Source]:
        """All there is to read, one after the other."""
        yield from self.clean
        for noisy, truth in self.pairs:
            yield from (noisy, truth)
        yield from self.unpaired


def noise_on_the_fly(config: TrainConfig) -> NoiseOnTheFly:
    """Raises SigcleanError for a noise that does not exist, or material that cannot be found."""
    folders = (config.fonts, config.documents, config.papers, config.stamps)
    material = find_material(*(Path(folder) if folder else None for folder in folders))
    return NoiseOnTheFly(config.seed, parse_families(config.noise), material)


def real_pictures(config: TrainConfig, phase: str) -> list[Source]:
    """Those of --noisy, split by content. Raises DataError if there are none."""
    if not config.noisy:
        return []
    return side(_files(Path(config.noisy)), config, phase)


def side(sources: Sequence[Source], config: TrainConfig, phase: str) -> list[Source]:
    """Those of the first --max_dataset_size that are of the training side, or of the test side.

    If chance would leave nothing to train on, nothing is held out.
    """
    sources = sources[: config.max_dataset_size or None]
    held = [_held_out(source, config) for source in sources]
    if all(held):
        held = [False] * len(sources)
    wanted = phase != "train"
    return [source for source, out in zip(sources, held, strict=True) if out == wanted]


def _held_out(source: Source, config: TrainConfig) -> bool:
    """A file that cannot be read trains, and is reported when its turn comes."""
    if not config.test_fraction:
        return False
    try:
        return held_out(read_content(source), config.seed, config.test_fraction)
    except ImageError:
        return False


def _files(folder: Path) -> list[Source]:
    """Raises DataError if there are none."""
    found = find_images(folder)
    if not found:
        raise DataError(f"{folder} holds no pictures")
    return [Source(str(path.relative_to(folder)), path) for path in found]


def clean_files(config: TrainConfig) -> list[Source]:
    return _files(Path(config.dataroot))


def drawn(config: TrainConfig) -> list[Source]:
    return [Source(f"drawn signature {number}", number) for number in range(config.drawn)]


# --- trainA, trainB -----------------------------------------------------------------------------


def has_domains(config: TrainConfig) -> bool:
    root = Path(config.dataroot)
    return bool(config.dataroot) and any((root / name).is_dir() for name in FOLDERS)


def paired_folders(config: TrainConfig, phase: str) -> Found:
    """A picture of B with a namesake in A is a pair.

    Raises DataError if a domain of the training side has no pictures.
    """
    letters = "AB" if config.direction == "AtoB" else "BA"
    folders = [Path(config.dataroot) / f"{phase}{letter}" for letter in letters]
    if phase != "train" and not all(folder.is_dir() and find_images(folder) for folder in folders):
        return Found((), open_one, (), open_both)
    clean, noisy = (_files(folder) for folder in folders)
    truth = {source.name: source for source in clean}
    limit = config.max_dataset_size or None
    noisy = noisy[:limit]
    paired = [source.name in truth for source in noisy]
    alone = [source for source, pair in zip(noisy, paired, strict=True) if not pair]
    return Found(
        clean[:limit],
        open_one,
        [(source, truth[source.name]) for source in noisy if source.name in truth],
        open_both,
        alone + (real_pictures(config, phase) if phase == "train" else []),
        _order(paired),
    )


def _order(paired: Sequence[bool]) -> tuple[int, ...]:
    """Where each picture of B, sorted by name, is among the pairs, then the others."""
    pairs, others = 0, sum(paired)
    places = []
    for pair in paired:
        places.append(pairs if pair else others)
        pairs, others = pairs + pair, others + (not pair)
    return tuple(places)
