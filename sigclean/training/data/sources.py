"""The sources of training pictures: folders, a data set of the Hub, or drawn signatures.

This module alone turns the options of a training into what the others of this package need.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from sigclean.cleaner import SignatureCleaner
from sigclean.corpus.signatures import Source, read_content
from sigclean.errors import DataError, ImageError
from sigclean.hub.resolve import resolve_weights
from sigclean.images import find_images, picture_size
from sigclean.letterbox import SIZE, Letterbox
from sigclean.model_files.names import DEFAULT_MODEL
from sigclean.networks.interface import Generator
from sigclean.noise import find_material, parse_families
from sigclean.runtimes.torch_runtime import torch_runtime
from sigclean.training.adapting.checks import check_scans
from sigclean.training.adapting.examples import PairsOnScans, adapting_sides
from sigclean.training.adapting.scans import look_at
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.domains import Domains, Pairs, Pictures
from sigclean.training.data.folders import has_domains, paired_folders, pictures_in
from sigclean.training.data.framing import Crop, Framing
from sigclean.training.data.openers import Found, NoiseOnTheFly, open_both, open_one
from sigclean.training.data.row_stream import StreamedRows
from sigclean.training.data.split import Split
from sigclean.training.data.stream_cursor import EpochStream
from sigclean.training.data.tables import Examples, Table, TableOptions, Truths, load_table
from sigclean.training.options import TrainConfig
from sigclean.views.network import Network

SAMPLED = 8  # pictures of each kind whose headers tell whether a data set is of squares
FIRST = 8  # streamed rows that are read before training

BothSides = tuple[Found, Found | None]


def open_sides(config: TrainConfig, *, test: bool) -> tuple[Domains, Domains | None]:
    """The training side and, if `test`, the test side; every file is read and hashed once.

    The pairs of the test side are the same every time; None in its place if it has none.

    Raises SigcleanError if the pictures are missing, or cannot be used with these options.
    """
    train, held_out = _find(config, test)
    size = config.size or _side_of_squares(train) or SIZE
    framing = Framing(
        config.preprocess,
        config.load_size or size,
        Crop.parse(config.crop_size, flip=not config.no_flip),
    )
    opened = _domains(train, size, framing, config.max_bad_files)
    opened = replace(opened, shapes=_shapes(framing, train))
    opened.check_batch(config.batch_size)
    if not test or held_out is None or not len(held_out.pairs):
        return opened, None
    return opened, _domains(held_out, size, framing, config.max_bad_files)


def _domains(found: Found, size: int, framing: Framing, max_bad_files: int) -> Domains:
    bad = BadFiles(max_bad_files)
    return Domains(
        Pictures(found.clean, found.open_clean, size, bad),
        Pairs(found.pairs, found.open_pair, size, bad),
        Pictures(found.unpaired, open_one, size, bad),
        size,
        framing,
        order=found.order,
        stream=found.stream,
        on_the_fly=found.on_the_fly,
        notes=found.notes,
    )


# --- finding ------------------------------------------------------------------------------------


def _find(config: TrainConfig, test: bool) -> BothSides:
    """The training side and the test side. Raises SigcleanError if there is nothing to train on."""
    root = Path(config.dataroot) if config.dataroot else None
    split = Split(config.seed, config.test_fraction, config.max_dataset_size or None)
    folders = root if root and has_domains(root) else None
    if config.direction == "BtoA" and not folders:
        raise DataError("--direction BtoA needs a --dataroot with trainA and trainB to swap")
    if config.adapt and folders:
        raise DataError(f"--adapt needs clean signatures alone: give {root}/trainA as --dataroot")
    if config.dataset:
        return _find_rows(config, split, test)
    if folders:
        return _find_pairs(config, folders, split)
    drawn = [Source(f"drawn signature {number}", number) for number in range(config.drawn)]
    sources = pictures_in(root) if root else drawn
    sides = split.divide(sources, read_content)
    noise = _noise(config)
    if config.adapt:
        return _find_scans(config, sides, noise)
    train, held_out = map(noise.found, sides, _real_pictures(config, split))
    return train, held_out


def _find_pairs(config: TrainConfig, root: Path, split: Split) -> BothSides:
    """The folders of both domains, with the training side of the real pictures."""
    letters = "AB" if config.direction == "AtoB" else "BA"
    training, testing = ([root / f"{phase}{one}" for one in letters] for phase in ("train", "test"))
    train = paired_folders(training[0], training[1], split.limit)
    real = _real_pictures(config, split)[0]
    train = replace(train, unpaired=[*train.unpaired, *real])
    tested = all(folder.is_dir() and find_images(folder) for folder in testing)
    return train, paired_folders(testing[0], testing[1], split.limit) if tested else None


def _find_scans(
    config: TrainConfig, clean: tuple[list[Source], list[Source]], noise: NoiseOnTheFly
) -> BothSides:
    """Both sides of an adaptation. Raises SigcleanError if --adapt cannot teach anything."""
    source = None if config.weights == DEFAULT_MODEL else config.weights
    weights = resolve_weights(source, token=config.hub_token or None)
    files = pictures_in(Path(config.adapt))[: config.max_dataset_size or None]
    cleaner = SignatureCleaner.from_pretrained(weights, runtime="torch")
    scans = look_at(files, cleaner, config.seed, BadFiles(config.max_bad_files))
    notes = check_scans(scans, [*clean[0], *clean[1]])
    train, test = adapting_sides(
        scans, clean, noise, fraction=config.test_fraction, tested=config.num_validation_images
    )
    return replace(train, notes=tuple(notes)), test


def seen_anew(config: TrainConfig, train: Domains, teacher: nn.Module) -> Domains:
    """The training side of an adaptation, with backdrops that another model made of its scans.

    Args:
        teacher: a generator that is not changed.

    Raises DataError if too many scans cannot be read any more.
    """
    assert isinstance(teacher, Generator)
    cleaner = Network(torch_runtime(deepcopy(teacher)), Letterbox(train.size))
    bad = BadFiles(config.max_bad_files)
    scans = look_at(train.unpaired.examples, cleaner, config.seed, bad)
    return replace(train, pairs=replace(train.pairs, open=PairsOnScans(_noise(config), scans).open))


def _real_pictures(config: TrainConfig, split: Split) -> tuple[list[Source], list[Source]]:
    """Divide the pictures of --noisy into both sides. Raises DataError if the folder has none."""
    if not config.noisy:
        return [], []
    return split.divide(pictures_in(Path(config.noisy)), read_content)


def _noise(config: TrainConfig) -> NoiseOnTheFly:
    """Raises SigcleanError for a noise that does not exist, or material that cannot be found."""
    folders = (config.fonts, config.documents, config.papers, config.stamps)
    material = find_material(*(Path(folder) if folder else None for folder in folders))
    noise = parse_families(config.noise)
    return NoiseOnTheFly(config.seed, noise, material, config.unsigned_share)


# --- rows ---------------------------------------------------------------------------------------


def _find_rows(config: TrainConfig, split: Split, test: bool) -> BothSides:
    """The rows of --dataset.

    Raises DataError if it cannot be loaded, or has no such split, columns or pictures.
    """
    options = TableOptions(
        config.dataset, config.dataset_config, config.dataset_split, config.clean_column,
        config.noisy_column, config.test_fraction, config.streaming, config.hub_token,
    )  # fmt: skip
    table = load_table(options)
    tested = load_table(options, test=True) if test and not table.divided else table
    train: Sequence[Any]
    held_out: Sequence[Any]
    stream = None
    if config.streaming:
        rows = _streamed(table, split)
        train, stream = rows.first(FIRST), _epochs(config, rows, split)
        shown = max(config.num_validation_images, FIRST) if test else 0  # pairs of a validation
        held_out = _streamed(tested, split, held_out=True).first(shown)
    else:
        train, held_out = _stored(table, tested, split)
    if not len(train):
        raise DataError(f"--dataset {table.name} holds no pictures")
    real = _real_pictures(config, split)
    found = _found_pairs if table.columns.noisy else _noise(config).found
    return replace(found(train, real[0]), stream=stream), found(held_out, real[1])


def _found_pairs(pairs: Sequence[Any], unpaired: Sequence[Source]) -> Found:
    return Found(Truths(pairs), open_one, pairs, open_both, unpaired)


def _stored(table: Table, tested: Table, split: Split) -> tuple[Sequence[Any], Sequence[Any]]:
    """The rows that train, and those of the test side."""
    if not table.divided:
        both = (table, tested)
        train, held_out = (Examples(one, range(len(one.rows))[: split.limit]) for one in both)
        return train, held_out
    places = range(len(table.rows))
    sides = split.divide(places, lambda place: table.identity(table.rows[place]))
    return Examples(table, sides[0]), Examples(table, sides[1])


def _streamed(table: Table, split: Split, *, held_out: bool = False) -> StreamedRows:
    if split.limit:
        table = replace(table, rows=table.rows.take(split.limit))
    return StreamedRows(table, split if table.divided else None, held_out)


def _epochs(config: TrainConfig, rows: StreamedRows, split: Split) -> EpochStream:
    """The epochs of rows: in the order of the table, or shuffled anew in each."""
    lengths = _lengths(rows.table, split, config.dataset_split)
    seed = None if config.serial_batches else config.seed
    return EpochStream(rows.table.name, *lengths, partial(rows.epoch, seed))


def _lengths(table: Table, split: Split, name: str) -> tuple[int | None, int | None]:
    """The exact number of rows in an epoch, and the expected one; None where it is unknown."""
    info = (table.rows.info.splits or {}).get(name)
    if info is None or not info.num_examples:
        return None, None
    rows = info.num_examples
    most = min(rows, split.limit or rows)
    if table.divided:
        return None, min(most, round(rows * (1 - split.test_fraction)))
    return most, most


# --- sizes --------------------------------------------------------------------------------------


def _side_of_squares(found: Found) -> int:
    """The side of the data set's pictures if they are squares of one size, else 0."""
    if found.on_the_fly:
        return 0
    sizes = set()
    for examples in (found.clean, [noisy for noisy, _ in _few(found.pairs)], found.unpaired):
        sizes |= {_size(source) for source in _few(examples)} - {None}
    only = sizes.pop() if len(sizes) == 1 else None
    return only[0] if only and only[0] == only[1] else 0


def _few(examples: Sequence[Any]) -> list[Any]:
    """Some of the examples, evenly apart."""
    count = min(SAMPLED, len(examples))
    return [examples[place * len(examples) // count] for place in range(count)]


def _shapes(framing: Framing, found: Found) -> dict[tuple[int, int], str]:
    """Width and height of the networks' inputs, each with a picture that has them.

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
    """Width and height; None for a broken picture, which is reported in its turn."""
    content = source.content
    try:
        if not isinstance(content, Path):
            content = read_content(source)
        return picture_size(content)
    except ImageError:
        return None
