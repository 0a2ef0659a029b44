"""What is measured: pictures with the noise they have and, where it is known, their truth.

A case is made when it is wanted, and made again for the report: it always gives the same pictures.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.corpus.prepare import FAMILIES_KEY
from sigclean.errors import DataError, ImageError
from sigclean.evaluation.scores import CLEAN_INPUT
from sigclean.images import find_images, read_image
from sigclean.noise import FAMILIES, Material, check_families, compose, draw_families

MIX = "mix"  # several families on one page
PAIRS, REAL = "pairs", "real"  # families of pictures whose noise nobody named


@dataclass(frozen=True)
class Pictures:
    """A noisy picture and its truth, of one size; the truth is None where nobody knows it."""

    noisy: Image.Image
    truth: Image.Image | None = None


@dataclass(frozen=True)
class Case:
    """One picture to measure on.

    Attributes:
        name: tells it from the others of its family.
        family: of its noise.
        load: makes the pictures, the same ones every time; can be sent to another process. Raises
            ImageError if a file cannot be read, or two do not fit each other.
    """

    name: str
    family: str
    load: Callable[[], Pictures]


def chosen_families(noise: str) -> tuple[str, ...]:
    """What `--noise` says: `all` (clean input, each family, and their mix) or names with commas.

    Raises SigcleanError for a name that is none of these.
    """
    if noise == "all":
        return (CLEAN_INPUT, *FAMILIES, MIX)
    names = tuple(name.strip() for name in noise.split(","))
    check_families([name for name in names if name not in (CLEAN_INPUT, MIX)])
    return tuple(dict.fromkeys(names))


def noise_cases(
    clean: Path, families: tuple[str, ...], count: int, seed: int, material: Material
) -> list[Case]:
    """`count` signatures, spread over a folder, each with every family of noise.

    Args:
        families: names of families, `none` and `mix`.

    Raises:
        DataError: the folder holds no pictures, or the count is not positive.
    """
    if count < 1:
        raise DataError(f"count must be at least 1, not {count}")
    paths = spread(_found(clean), count)
    return [
        Case(label(path), family, partial(dirty, path, family, seed, material))
        for family in families
        for path in paths
    ]


def paired_cases(clean: Path, noisy: Path) -> tuple[list[Case], list[str]]:
    """Two folders in which pictures that belong together have one name, up to the suffix.

    Returns:
        The cases, and one sentence for each picture that has no counterpart.

    Raises:
        DataError: no two pictures belong together, or several of a folder share a name.
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
    """The test side of a data set that `sigclean prepare` built, without the letterbox's strips.

    Families are those that it wrote into the pictures; those of B alone are real ones. Raises
    DataError if there is no picture in testB.
    """
    truths = {path.name: path for path in find_images(dataset / "testA")}
    return [
        Case(path.stem, _family(path), partial(square_pair, path, truths[path.name]))
        if path.name in truths
        else Case(path.stem, REAL, partial(square_alone, path))
        for path in _found(dataset / "testB")
    ]


def real_cases(noisy: Path) -> list[Case]:
    """Noisy pictures whose truth nobody knows. Raises DataError if the folder holds none."""
    names = {path: str(path.relative_to(noisy)) for path in _found(noisy)}
    return [Case(name, REAL, partial(alone, path)) for path, name in names.items()]


def spread(paths: list[Path], count: int) -> list[Path]:
    """At most `count` of the files, evenly spread over their order."""
    count = min(count, len(paths))
    return [paths[place * len(paths) // count] for place in range(count)]


def label(path: Path) -> str:
    """`049/genuine_0005.jpg`: a file and the folder it is in, which is often its writer's."""
    return f"{path.parent.name}/{path.name}"


def dirty(path: Path, family: str, seed: int, material: Material) -> Pictures:
    """A clean picture with noise; a file's name, a family and a seed always give the same."""
    rng = np.random.default_rng((seed, zlib.crc32(label(path).encode())))
    families: tuple[str, ...] = () if family in (CLEAN_INPUT, MIX) else (family,)
    while family == MIX and len(families) < 2:  # single families have rows of their own
        families = draw_families(rng)
    noisy, truth = compose(rng, families, read_image(path), material)
    return Pictures(Image.fromarray(noisy), Image.fromarray(truth))


def pair(noisy: Path, truth: Path) -> Pictures:
    """Two files. Raises ImageError if their sizes differ."""
    pictures = read_image(noisy), read_image(truth)
    sizes = [f"{picture.width}x{picture.height}" for picture in pictures]
    if sizes[0] != sizes[1]:
        raise ImageError(f"{noisy} is {sizes[0]} pixels, but {truth} is {sizes[1]}")
    return Pictures(*pictures)


def alone(noisy: Path) -> Pictures:
    """One file."""
    return Pictures(read_image(noisy))


def square_pair(noisy: Path, truth: Path) -> Pictures:
    """Two letterboxed files; the truth, whose paper is white, tells where the strips are."""
    pictures = pair(noisy, truth)
    assert pictures.truth is not None
    box = content_box(pictures.truth)
    return Pictures(pictures.noisy.crop(box), pictures.truth.crop(box))


def square_alone(noisy: Path) -> Pictures:
    """One letterboxed file."""
    picture = read_image(noisy)
    return Pictures(picture.crop(content_box(picture)))


def content_box(square: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what lies between the black strips of a letterboxed picture."""
    shown = np.asarray(square).max(axis=2) > 0
    top, bottom = _extent(shown.max(axis=1))
    left, right = _extent(shown.max(axis=0))
    return left, top, right, bottom


def _extent(shown: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """From the first true place to past the last; everything if none is true."""
    places = np.flatnonzero(shown)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, len(shown))


def _family(path: Path) -> str:
    """What `sigclean prepare` noted in a picture of B; PAIRS if it comes from elsewhere."""
    try:
        with Image.open(path) as picture:
            noted = picture.info.get(FAMILIES_KEY)
    except (OSError, ValueError, SyntaxError):  # reported when the case is made
        return PAIRS
    if noted is None:
        return PAIRS
    families = [name for name in noted.split(",") if name]
    return MIX if len(families) > 1 else (*families, CLEAN_INPUT)[0]


def _found(folder: Path) -> list[Path]:
    found = find_images(folder)
    if not found:
        raise DataError(f"{folder} holds no pictures")
    return found


def _by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their path in it, without the suffix."""
    named: dict[str, Path] = {}
    for path in _found(folder):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in named:
            raise DataError(f"{named[stem]} and {path} have the same name")
        named[stem] = path
    return named
