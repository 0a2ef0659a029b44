"""Cases: noisy pictures with their truth, if it is known, that a model is measured on.

A case makes its pictures when they are needed, and the same ones again for the report.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.errors import DataError, ImageError
from sigclean.evaluation.scores import CLEAN_INPUT
from sigclean.images import find_images, read_image
from sigclean.noise import FAMILIES, FAMILIES_KEY, Material, check_families, compose, draw_families

MIX = "mix"  # family of pages with several families of noise
PAIRS, REAL = "pairs", "real"  # families of pictures with unknown noise, with and without truth


@dataclass(frozen=True)
class Pictures:
    """A noisy picture and its truth, of one size; the truth is None if it is unknown."""

    noisy: Image.Image
    truth: Image.Image | None = None


@dataclass(frozen=True)
class Case:
    """One picture to measure on.

    Attributes:
        name: unique in its family.
        family: the family of its noise.
        load: makes the pictures, the same ones every time; can be sent to another process. Raises
            ImageError if a file cannot be read, or if two differ in size.
    """

    name: str
    family: str
    load: Callable[[], Pictures]


def chosen_families(noise: str) -> tuple[str, ...]:
    """Parse `--noise`: `all` (clean input, each family, and their mix) or names joined by commas.

    Raises SigcleanError for an unknown name.
    """
    if noise == "all":
        return (CLEAN_INPUT, *FAMILIES, MIX)
    names = tuple(name.strip() for name in noise.split(","))
    check_families([name for name in names if name not in (CLEAN_INPUT, MIX)])
    return tuple(dict.fromkeys(names))


def noise_cases(
    clean: Path, families: tuple[str, ...], count: int, seed: int, material: Material
) -> list[Case]:
    """Put every family of noise on each of `count` signatures.

    Args:
        clean: a folder of signatures; `count` of them are taken, evenly spread.
        families: names of families, `none` and `mix`.
        seed: the seed of the noise.
        material: fonts, pages, papers and stamps for the noise.

    Raises DataError if the folder holds no pictures, or the count is not positive.
    """
    if count < 1:
        raise DataError(f"count must be at least 1, not {count}")
    paths = _evenly_spread(_find(clean), count)
    return [
        Case(label(path), family, partial(dirty, path, family, seed, material))
        for family in families
        for path in paths
    ]


def paired_cases(clean: Path, noisy: Path) -> tuple[list[Case], list[str]]:
    """Pair the pictures of two folders by their names without the suffix.

    Returns:
        The cases, and one sentence for each picture that has no counterpart.

    Raises DataError if there is no pair, or two pictures of a folder share a name.
    """
    truths, pictures = _by_stem(clean), _by_stem(noisy)
    both = [stem for stem in pictures if stem in truths]
    if not both:
        raise DataError(f"no picture in {noisy} has the name of one in {clean}")
    alone = [f"{pictures[stem]} has no counterpart in {clean}" for stem in pictures.keys() - both]
    alone += [f"{truths[stem]} has no counterpart in {noisy}" for stem in truths.keys() - both]
    cases = [Case(stem, PAIRS, partial(pair, pictures[stem], truths[stem])) for stem in both]
    return cases, sorted(alone)


def dataset_cases(dataset: Path) -> list[Case]:
    """The test side of a data set built by `sigclean prepare`, without the letterbox's strips.

    Pairs have the family that was written into the picture; pictures of B alone are real ones.
    Raises DataError if there is no picture in testB.
    """
    truths = {path.name: path for path in find_images(dataset / "testA")}
    return [
        Case(path.stem, _family(path), partial(square_pair, path, truths[path.name]))
        if path.name in truths
        else Case(path.stem, REAL, partial(square_alone, path))
        for path in _find(dataset / "testB")
    ]


def real_cases(noisy: Path) -> list[Case]:
    """The pictures of a folder, without truth. Raises DataError if there are none."""
    names = {path: str(path.relative_to(noisy)) for path in _find(noisy)}
    return [Case(name, REAL, partial(alone, path)) for path, name in names.items()]


def _evenly_spread(paths: list[Path], count: int) -> list[Path]:
    count = min(count, len(paths))
    return [paths[place * len(paths) // count] for place in range(count)]


def label(path: Path) -> str:
    """Name a file with its folder, which is often the writer's: `049/genuine_0005.jpg`."""
    return f"{path.parent.name}/{path.name}"


def dirty(path: Path, family: str, seed: int, material: Material) -> Pictures:
    """Put noise on a clean picture; the file's name, family and seed decide it."""
    rng = np.random.default_rng((seed, zlib.crc32(label(path).encode())))
    families: tuple[str, ...] = () if family in (CLEAN_INPUT, MIX) else (family,)
    while family == MIX and len(families) < 2:  # a single family would be a case of its own
        families = draw_families(rng)
    noisy, truth = compose(rng, families, read_image(path), material)
    return Pictures(Image.fromarray(noisy), Image.fromarray(truth))


def pair(noisy: Path, truth: Path) -> Pictures:
    """Read a noisy picture and its truth. Raises ImageError if their sizes differ."""
    pictures = read_image(noisy), read_image(truth)
    sizes = [f"{picture.width}x{picture.height}" for picture in pictures]
    if sizes[0] != sizes[1]:
        raise ImageError(f"{noisy} is {sizes[0]} pixels, but {truth} is {sizes[1]}")
    return Pictures(*pictures)


def alone(noisy: Path) -> Pictures:
    """Read a noisy picture without truth."""
    return Pictures(read_image(noisy))


def square_pair(noisy: Path, truth: Path) -> Pictures:
    """Read a letterboxed pair without the strips, which the truth's white paper shows."""
    pictures = pair(noisy, truth)
    assert pictures.truth is not None
    box = content_box(pictures.truth)
    return Pictures(pictures.noisy.crop(box), pictures.truth.crop(box))


def square_alone(noisy: Path) -> Pictures:
    """Read a letterboxed picture without the strips."""
    picture = read_image(noisy)
    return Pictures(picture.crop(content_box(picture)))


def content_box(square: Image.Image) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) between the black strips of a letterboxed picture."""
    shown = np.asarray(square).max(axis=2) > 0
    top, bottom = _extent(shown.max(axis=1))
    left, right = _extent(shown.max(axis=0))
    return left, top, right, bottom


def _extent(shown: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The range from the first to behind the last true value; everything if none is true."""
    places = np.flatnonzero(shown)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, len(shown))


def _family(path: Path) -> str:
    """The family that `sigclean prepare` wrote into a picture of B; PAIRS if there is none."""
    try:
        with Image.open(path) as picture:
            noted = picture.info.get(FAMILIES_KEY)
    except (OSError, ValueError, SyntaxError):  # reported when the case is made
        return PAIRS
    if noted is None:
        return PAIRS
    families = [name for name in noted.split(",") if name]
    return MIX if len(families) > 1 else (*families, CLEAN_INPUT)[0]


def _find(folder: Path) -> list[Path]:
    found = find_images(folder)
    if not found:
        raise DataError(f"{folder} holds no pictures")
    return found


def _by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their relative paths without the suffix."""
    named: dict[str, Path] = {}
    for path in _find(folder):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in named:
            raise DataError(f"{named[stem]} and {path} have the same name")
        named[stem] = path
    return named
