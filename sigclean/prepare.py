"""Build a data set: `trainA testA trainB testB`, letterboxed pictures, the same name = a pair.

A picture of B that was made from one of A carries its name, so its truth is known; real noisy
pictures (`real-...`) stand alone. What was drawn for a picture depends on the seed, the file's
content and the variant only: a run that was cut off continues, and adding files changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from sigclean.drawn import draw_signature
from sigclean.errors import DataError, ImageError
from sigclean.images import find_images, read_image
from sigclean.letterbox import SIZE, Letterbox
from sigclean.noise import Material, compose, draw_families
from sigclean.placing import place

DOMAINS = ("trainA", "testA", "trainB", "testB")
RECIPE_FILE = "dataset.json"
FAMILIES_KEY = "sigclean:families"  # PNG text chunk: the noise of a picture of B
REAL_PREFIX = "real-"
DARKEST_PAPER = 235  # median grey of a clean picture: most of it must be white


@dataclass(frozen=True)
class Recipe:
    """What decides the pictures; saved as dataset.json, so that nobody mixes two data sets.

    Attributes:
        noise: `all`, or the families to draw from.
        variants: noisy pictures made of each clean one, each placed anew.
        test_fraction: share of the clean files, by content, that only testA and testB show.
        keep_layout: leave each clean picture's size, place and ink as they are.
    """

    noise: str | tuple[str, ...] = "all"
    variants: int = 1
    test_fraction: float = 0.1
    seed: int = 0
    size: int = SIZE
    keep_layout: bool = False

    def __post_init__(self) -> None:
        """Raises DataError for values that cannot be."""
        if self.variants < 1:
            raise DataError(f"variants must be at least 1, not {self.variants}")
        if not 0 <= self.test_fraction < 1:
            raise DataError(f"test-fraction must be from 0 to below 1, not {self.test_fraction}")


@dataclass(frozen=True)
class Signature:
    """A clean signature to be: a file, or the number of a drawn one."""

    name: str
    source: Path | int


@dataclass
class Summary:
    """What a run did: pictures made, already there, and files left out with the reason."""

    made: int = 0
    kept: int = 0
    broken: list[str] = field(default_factory=list)


def prepare(
    clean: Path | None,
    output: Path,
    recipe: Recipe,
    *,
    drawn: int = 0,
    noisy: Path | None = None,
    material: Material | None = None,
    workers: int = 1,
    progress: bool = False,
) -> Summary:
    """Build the data set in `output`, or go on where an earlier run stopped.

    Args:
        clean: folder of clean signatures, searched with its sub-folders.
        drawn: how many drawn signatures to add.
        noisy: folder of real noisy pictures for domain B.
        progress: show a bar on stderr.

    Raises:
        DataError: no signatures, or `output` holds a data set of another recipe.
    """
    signatures = _signatures(clean, drawn)
    real = find_images(noisy) if noisy else []
    if noisy and not real:
        raise DataError(f"{noisy} holds no pictures")
    _open_dataset(output, recipe)
    work = partial(_make, output=output, recipe=recipe, material=material)
    take = partial(_take_real, output=output, recipe=recipe)
    summary = Summary()
    jobs = [(work, signature) for signature in signatures] + [(take, path) for path in real]
    for made, kept, broken in _run(jobs, workers, progress):
        summary.made += made
        summary.kept += kept
        summary.broken += broken
    return summary


def in_test(content: bytes, recipe: Recipe) -> bool:
    """Whether a signature belongs to the test side: decided by its content, so copies agree."""
    digest = hashlib.sha256(f"{recipe.seed}/split/".encode() + content).digest()
    return int.from_bytes(digest[:8], "big") < recipe.test_fraction * 2**64


def _signatures(clean: Path | None, drawn: int) -> list[Signature]:
    paths = find_images(clean) if clean else []
    if not paths and not drawn:
        where = f"{clean} holds no pictures" if clean else "a folder of clean signatures is needed"
        raise DataError(f"{where} (or --drawn N, to draw some)")
    names = _flat_names(paths, clean) if clean else []
    found = [Signature(name, path) for name, path in zip(names, paths, strict=True)]
    return found + [Signature(f"drawn-{i:06d}", i) for i in range(drawn)]


def _flat_names(paths: list[Path], root: Path) -> list[str]:
    """`sub/a.jpg` becomes `sub-a`, or `sub-a-jpg` where another file has that name already."""
    flat = ["-".join(path.relative_to(root).with_suffix("").parts) for path in paths]
    twice = {name for name in flat if flat.count(name) > 1} if len(set(flat)) < len(flat) else ()
    return [
        f"{name}{path.suffix.replace('.', '-')}" if name in twice else name
        for name, path in zip(flat, paths, strict=True)
    ]


def _open_dataset(output: Path, recipe: Recipe) -> None:
    content = json.dumps({"format": 1, **asdict(recipe)}, indent=2) + "\n"
    path = output / RECIPE_FILE
    if path.exists() and path.read_text(encoding="utf-8") != content:
        raise DataError(f"{output} holds a data set made with other options (see {path.name})")
    if not path.exists() and output.is_dir() and any(output.iterdir()):
        raise DataError(f"{output} is not empty and not a data set: name a new folder")
    for domain in DOMAINS:
        (output / domain).mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def _run(jobs: list, workers: int, progress: bool) -> Iterator[tuple[int, int, list[str]]]:
    from tqdm import tqdm

    with tqdm(total=len(jobs), unit="file", disable=not progress) as bar:
        for result in _results(jobs, workers):
            bar.update()
            yield result


def _results(jobs: list, workers: int) -> Iterable[tuple[int, int, list[str]]]:
    if workers <= 1:
        yield from (function(item) for function, item in jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        pending = [pool.submit(function, item) for function, item in jobs]
        try:
            yield from (future.result() for future in as_completed(pending))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _make(
    signature: Signature, output: Path, recipe: Recipe, material: Material | None
) -> tuple[int, int, list[str]]:
    """All variants of one signature: pictures made, pictures that were there, broken files."""
    try:
        content, clean = _open(signature, recipe)
    except (ImageError, OSError) as error:
        return 0, 0, [str(error)]
    side = "test" if in_test(content, recipe) else "train"
    made = 0
    for variant in range(recipe.variants):
        name = f"{signature.name}-{variant}.png" if recipe.variants > 1 else f"{signature.name}.png"
        noisy_path = output / f"{side}B" / name
        if noisy_path.exists():
            continue
        rng = _generator(recipe.seed, content, variant)
        page = clean if recipe.keep_layout else place(rng, clean)
        families = draw_families(rng, recipe.noise)
        noisy, truth = compose(rng, families, page, material)
        _save(Image.fromarray(truth), output / f"{side}A" / name, recipe.size)
        _save(Image.fromarray(noisy), noisy_path, recipe.size, families)  # last: it marks the pair
        made += 1
    return made, recipe.variants - made, []


def _open(signature: Signature, recipe: Recipe) -> tuple[bytes, Image.Image]:
    """What identifies the signature's content, and its picture.

    Raises ImageError for a file that is not a picture of ink on white paper: its tint or shade
    would be taken for part of the truth, and teach the cleaner to leave it.
    """
    if isinstance(signature.source, Path):
        content, picture = signature.source.read_bytes(), read_image(signature.source)
        if np.median(np.asarray(picture).min(axis=2)) < DARKEST_PAPER:
            raise ImageError(f"{signature.source} is not on white paper")
        return content, picture
    content = f"drawn/{signature.source}".encode()
    return content, draw_signature(_generator(recipe.seed, content, -1), width=640)


def _take_real(path: Path, output: Path, recipe: Recipe) -> tuple[int, int, list[str]]:
    """A real noisy picture into domain B."""
    try:
        content = path.read_bytes()
        side = "test" if in_test(content, recipe) else "train"
        target = output / f"{side}B" / f"{REAL_PREFIX}{path.stem}.png"
        if target.exists():
            return 0, 1, []
        _save(read_image(path), target, recipe.size)
    except (ImageError, OSError) as error:
        return 0, 0, [str(error)]
    return 1, 0, []


def _generator(seed: int, content: bytes, variant: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}/{variant}/".encode() + content).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _save(image: Image.Image, path: Path, size: int, families: Iterable[str] = ()) -> None:
    """Letterbox and write whole, or not at all."""
    square, _ = Letterbox(size).fit(image)
    text = PngImagePlugin.PngInfo()
    text.add_text(FAMILIES_KEY, ",".join(families))
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    square.save(draft, "PNG", compress_level=1, pnginfo=text)
    draft.replace(path)
