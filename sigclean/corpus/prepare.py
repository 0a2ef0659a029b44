"""Build a data set of letterboxed pictures in the folders trainA, testA, trainB and testB.

A picture of B that was made from one of A has the same name, so its truth is known; real noisy
pictures (`real-...`) stand alone. Names end in a digest of the file, and only the seed, the file's
content and the variant decide a picture. So an interrupted run can be resumed, and adding files
changes no other picture.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image, PngImagePlugin
from tqdm import tqdm

from sigclean.corpus.signatures import (
    Source,
    draw_signed,
    held_out,
    make_dirty,
    open_clean,
    open_picture,
    read_content,
    seeded,
)
from sigclean.errors import DataError, ImageError, reason
from sigclean.files import atomic_write, remove_stale_drafts
from sigclean.images import find_images
from sigclean.letterbox import SIZE, Letterbox
from sigclean.noise import FAMILIES_KEY, Material, check_families
from sigclean.processes.workers import run_jobs

DOMAINS = ("trainA", "testA", "trainB", "testB")
RECIPE_FILE = "dataset.json"
REAL_PREFIX = "real-"
SIZES = (16, 4096)  # smallest and largest side of the squares, pixels
LONGEST_NAME = 120  # longest part of a file's own name in its pictures' names, bytes


@dataclass(frozen=True)
class Recipe:
    """The options that decide the pictures; saved as dataset.json, so that nobody mixes two data
    sets.

    Attributes:
        noise: `all`, or the families to draw from.
        variants: number of noisy pictures made of each clean one, each placed anew.
        test_fraction: share of the clean files, by content, that is in testA and testB only.
        size: side of the squares, pixels.
        unsigned_share: share of the noisy pictures for training, in [0, 1], that show noise alone.
        keep_layout: keep each clean picture's own size, place and ink.
    """

    noise: str | tuple[str, ...] = "all"
    variants: int = 1
    test_fraction: float = 0.1
    seed: int = 0
    size: int = SIZE
    keep_layout: bool = False
    unsigned_share: float = 0.0

    def __post_init__(self) -> None:
        """Raises DataError for invalid values, SigcleanError for an unknown noise."""
        if self.variants < 1:
            raise DataError(f"variants must be at least 1, not {self.variants}")
        if not 0 <= self.test_fraction < 1:
            raise DataError(f"test-fraction must be from 0 to below 1, not {self.test_fraction}")
        if not 0 <= self.unsigned_share <= 1:
            raise DataError(f"unsigned-share must be from 0 to 1, not {self.unsigned_share}")
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise DataError(f"size must be from {SIZES[0]} to {SIZES[1]}, not {self.size}")
        if self.noise != "all":
            check_families(self.noise)


@dataclass
class Summary:
    """The result of a run: numbers of pictures made and kept, and a sentence for each broken file.

    Attributes:
        kept: pictures that existed already.
    """

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
    """Build the data set in `output`, or resume an earlier run of the same recipe.

    Args:
        clean: folder of clean signatures, searched with its sub-folders.
        drawn: number of drawn signatures to add.
        noisy: folder of real noisy pictures for domain B.
        material: fonts and pictures that noise is made of; the system's fonts if None.
        workers: number of processes.
        progress: show a bar on stderr.

    Raises:
        DataError: there are no signatures, or `output` holds a data set of another recipe.
        SigcleanError: `output` cannot be written, or a worker process was killed.
    """
    signatures = _signatures(clean, drawn, output)
    real = _pictures(noisy, output) if noisy else []
    _open_dataset(output, recipe)
    jobs = [partial(_make, one, output, recipe, material) for one in signatures]
    jobs += [partial(_take_real, one, output, recipe) for one in real]
    summary = Summary()
    for outcome in tqdm(
        run_jobs(jobs, workers), total=len(jobs), unit="file", disable=not progress
    ):
        summary.made += outcome.made
        summary.kept += outcome.kept
        summary.broken += outcome.broken
    summary.broken.sort()
    return summary


def in_test(content: bytes, recipe: Recipe) -> bool:
    """Return whether a signature belongs to the test side: its content decides, so copies agree."""
    return held_out(content, recipe.seed, recipe.test_fraction)


def _signatures(clean: Path | None, drawn: int, output: Path) -> list[Source]:
    if drawn < 0:
        raise DataError(f"the number of drawn signatures must not be negative, but is {drawn}")
    if clean is None and not drawn:
        raise DataError("a folder of clean signatures is needed (or --drawn N, to draw some)")
    found = _pictures(clean, output) if clean else []
    return found + [Source(f"drawn-{i:06d}", i) for i in range(drawn)]


def _pictures(folder: Path, output: Path) -> list[Source]:
    """The pictures of a folder without those of the data set, which may be in it."""
    made = [(output / domain).resolve() for domain in DOMAINS]
    found = [path for path in find_images(folder) if path.parent.resolve() not in made]
    if not found:
        raise DataError(f"{folder} holds no pictures")
    return [
        Source("-".join(path.relative_to(folder).with_suffix("").parts), path) for path in found
    ]


def _open_dataset(output: Path, recipe: Recipe) -> None:
    """Make the folders and write the recipe first, so that it describes all other files.

    Raises SigcleanError if `output` cannot be written, or holds a data set of another recipe.
    """
    options = asdict(recipe)
    if not recipe.unsigned_share:  # data sets that were begun before the option existed go on
        del options["unsigned_share"]
    content = json.dumps({"format": 1, **options}, indent=2) + "\n"
    path = output / RECIPE_FILE
    try:
        output.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            if any(not entry.name.startswith(".") for entry in output.iterdir()):
                raise DataError(f"{output} is not empty and not a data set: name a new folder")
            with atomic_write(path) as draft:
                draft.write_text(content, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != content:
            raise DataError(f"{output} holds a data set made with other options (see {path.name})")
        for domain in DOMAINS:
            (output / domain).mkdir(exist_ok=True)
            remove_stale_drafts(output / domain)
    except OSError as error:
        raise DataError(f"{output} cannot be written: {reason(error)}") from error


def _make(source: Source, output: Path, recipe: Recipe, material: Material | None) -> Summary:
    """Make the missing variants of one signature."""
    try:
        content = read_content(source)
        side = "test" if in_test(content, recipe) else "train"
        names = _names(source, content, recipe)
        missing = [i for i, name in enumerate(names) if not (output / f"{side}B" / name).exists()]
        clean = open_clean(source, recipe.seed) if missing else None
    except ImageError as error:
        return Summary(broken=[str(error)])
    if clean is None:
        return Summary(kept=len(names))
    for variant in missing:
        rng = seeded(recipe.seed, content, variant)
        share = recipe.unsigned_share if side == "train" else 0.0
        signed = draw_signed(rng, share)
        made = make_dirty(
            rng, clean, recipe.noise, material, keep_layout=recipe.keep_layout, signed=signed
        )
        _save(made.truth, output / f"{side}A" / names[variant], recipe.size)
        noisy_path = output / f"{side}B" / names[variant]
        _save(made.noisy, noisy_path, recipe.size, made.families)  # last: it marks the pair
    return Summary(made=len(missing), kept=len(names) - len(missing))


def _take_real(source: Source, output: Path, recipe: Recipe) -> Summary:
    """Copy a real noisy picture into domain B, letterboxed."""
    assert isinstance(source.content, Path), source.content
    try:
        content = read_content(source)
        side = "test" if in_test(content, recipe) else "train"
        target = output / f"{side}B" / f"{REAL_PREFIX}{_stem(source, content)}.png"
        if target.exists():
            return Summary(kept=1)
        picture = open_picture(source)
    except ImageError as error:
        return Summary(broken=[str(error)])
    _save(picture, target, recipe.size)
    return Summary(made=1)


def _names(source: Source, content: bytes, recipe: Recipe) -> list[str]:
    stem = _stem(source, content)
    if recipe.variants == 1:
        return [f"{stem}.png"]
    return [f"{stem}-{variant}.png" for variant in range(recipe.variants)]


def _stem(source: Source, content: bytes) -> str:
    """`sub/a.jpg` becomes `sub-a-` and eight digits of a digest, so that files of different content
    never share a name."""
    if not isinstance(source.content, Path):
        return source.name
    short = source.name.encode("utf-8", "replace")[:LONGEST_NAME].decode("utf-8", "ignore")
    return f"{short}-{hashlib.sha256(content).hexdigest()[:8]}"


def _save(image: Image.Image, path: Path, size: int, families: Iterable[str] = ()) -> None:
    """Letterbox a picture and write it whole or not at all. Raises SigcleanError if that fails."""
    square, _ = Letterbox(size).fit(image)
    text = PngImagePlugin.PngInfo()
    text.add_text(FAMILIES_KEY, ",".join(families))
    with atomic_write(path) as draft:
        square.save(draft, "PNG", compress_level=1, pnginfo=text)
