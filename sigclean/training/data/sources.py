"""Where pictures for training come from: folders, a data set of the Hub, or a drawing hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

from sigclean.corpus.signatures import Source, read_content
from sigclean.errors import DataError, ImageError
from sigclean.images import picture_size
from sigclean.letterbox import SIZE
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.domains import Domains, Pairs, Pictures
from sigclean.training.data.folders import (
    Found,
    clean_files,
    drawn,
    has_domains,
    noise_on_the_fly,
    paired_folders,
    real_pictures,
    side,
)
from sigclean.training.data.framing import Crop, Framing
from sigclean.training.data.openers import open_one
from sigclean.training.options import TrainConfig

SAMPLED = 8  # pictures of each kind whose headers tell whether a data set is of squares


@overload
def open_domains(config: TrainConfig, phase: Literal["train"]) -> Domains: ...
@overload
def open_domains(config: TrainConfig, phase: str) -> Domains | None: ...
def open_domains(config: TrainConfig, phase: str) -> Domains | None:
    """The pictures that the options name.

    Args:
        phase: `train`, or `test`: the side held out, whose pairs are the same every time.

    Returns:
        None for a test side that has no pairs with truth.

    Raises:
        SigcleanError: the pictures are missing, or cannot be used with these options.
    """
    train = _find(config, "train")
    size = config.size or _side_of_squares(train) or SIZE
    found = train if phase == "train" else _find(config, phase)
    if phase != "train" and not len(found.pairs):
        return None
    framing = Framing(
        config.preprocess,
        config.load_size or size,
        Crop.parse(config.crop_size, flip=not config.no_flip),
    )
    bad = BadFiles(config.max_bad_files)
    domains = Domains(
        Pictures(found.clean, found.open_clean, size, bad),
        Pairs(found.pairs, found.open_pair, size, bad),
        Pictures(found.unpaired, open_one, size, bad),
        size,
        framing,
        _shapes(framing, found) if phase == "train" else {},
        found.order,
        found.stream,
    )
    domains.check_batch(config.batch_size)
    return domains


def _find(config: TrainConfig, phase: str) -> Found:
    """Raises SigcleanError if there is nothing to train on."""
    if config.direction == "BtoA" and not has_domains(config):
        raise DataError("--direction BtoA needs a --dataroot with trainA and trainB to swap")
    if config.dataset:
        from sigclean.training.data.tables import find_table

        return find_table(config, phase)
    if has_domains(config):
        return paired_folders(config, phase)
    sources = clean_files(config) if config.dataroot else drawn(config)
    kept = side(sources, config, phase)
    noise = noise_on_the_fly(config)
    return Found(kept, noise.clean, kept, noise.pair, real_pictures(config, phase))


# --- sizes --------------------------------------------------------------------------------------


def _side_of_squares(found: Found) -> int:
    """The side that pictures of the data set have if they are squares of one size, else 0."""
    if found.on_the_fly:
        return 0
    sizes = set()
    for examples in (found.clean, [noisy for noisy, _ in _few(found.pairs)], found.unpaired):
        sizes |= {_size(source) for source in _few(examples)} - {None}
    only = sizes.pop() if len(sizes) == 1 else None
    return only[0] if only and only[0] == only[1] else 0


def _few(examples: Sequence[Any]) -> list[Any]:
    """Some of them, evenly apart."""
    count = min(SAMPLED, len(examples))
    return [examples[place * len(examples) // count] for place in range(count)]


def _shapes(framing: Framing, found: Found) -> dict[tuple[int, int], str]:
    """Width and height of what the networks will see, each with a picture that has it.

    Raises DataError if they cannot be known before training, or the crop is too large.
    """
    if framing.fixed:
        return {framing.fixed: "--crop_size"}
    if found.on_the_fly or found.stream:
        made = "noise on the fly makes pages" if found.on_the_fly else "a stream may have pictures"
        raise DataError(
            f"--preprocess {framing.preprocess} without a --crop_size takes pictures as they are, "
            f"but {made} of every size"
        )
    shapes: dict[tuple[int, int], str] = {}
    for source in found.files():
        if size := _size(source):
            shapes.setdefault(size, str(source))
    return shapes


def _size(source: Source) -> tuple[int, int] | None:
    """None for a picture that is broken: it is reported when its turn comes."""
    content = source.content
    try:
        if not isinstance(content, Path):
            content = read_content(source)
        return picture_size(content)
    except ImageError:
        return None
