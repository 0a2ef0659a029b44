"""Pictures in folders: single ones, and pairs of the same name in two folders."""

from collections.abc import Sequence
from pathlib import Path

from sigclean.corpus.prepare import DOMAINS
from sigclean.corpus.signatures import Source
from sigclean.errors import DataError
from sigclean.images import find_images
from sigclean.training.data.openers import Found, open_both, open_one


def has_domains(root: Path) -> bool:
    """Return whether a folder holds trainA, trainB, testA or testB."""
    return any((root / name).is_dir() for name in DOMAINS)


def pictures_in(folder: Path) -> list[Source]:
    """The pictures of a folder and its sub-folders, by name. Raises DataError if there are none."""
    found = find_images(folder)
    if not found:
        raise DataError(f"{folder} holds no pictures")
    return [Source(str(path.relative_to(folder)), path) for path in found]


def paired_folders(clean: Path, noisy: Path, limit: int | None) -> Found:
    """Two folders as domains A and B: a picture of B with a namesake in A is a pair.

    Args:
        limit: number of pictures that are used of each folder; None for all.

    Raises DataError if a folder does not exist or holds no pictures.
    """
    sources = pictures_in(clean)
    truths = {source.name: source for source in sources}
    pictures = pictures_in(noisy)[:limit]
    pairs = [(one, truths[one.name]) for one in pictures if one.name in truths]
    unpaired = [one for one in pictures if one.name not in truths]
    order = _order([one.name in truths for one in pictures])
    return Found(sources[:limit], open_one, pairs, open_both, unpaired, order)


def _order(paired: Sequence[bool]) -> tuple[int, ...]:
    """The place of each picture of B, sorted by name, among the pairs followed by the others."""
    pairs, others = 0, sum(paired)
    places = []
    for pair in paired:
        places.append(pairs if pair else others)
        pairs, others = pairs + pair, others + (not pair)
    return tuple(places)
