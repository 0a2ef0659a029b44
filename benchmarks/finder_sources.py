"""The files that the finder's training pages are made of: learned from, or held out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from page_sheets import Rng, Sources, drawn_letter, find_sources, fonts_of
from PIL import Image

from sigclean.finding.sheet import MAP
from sigclean.images import read_image

READERS = 8  # threads that read the files at the start
SIDES = {MAP: 0.8, 1800: 0.2}  # pixels of a page's longest side when it is made, and shares
WORDS = ("ahawp", "devanagari", "bengali")  # folders of words: answers, no signatures
CHEQUES = ("cheque_", "check_", "form_", "pattern_")  # how the names of such papers begin


@dataclass(frozen=True)
class Real:
    """Real pictures that show one signature and little else, and the ink of the signature."""

    noisy: Sequence[Path] = ()
    truths: Sequence[Path] = ()


def split_sources(folder: Path, held_out: bool) -> tuple[Sources, Real]:
    """List the files of a folder with `clean/*`, `documents`, `stamps`, `papers`, `fonts`, and if
    there are any `noisy` and `truth`: every eighth if held out, or the others."""
    words = [one for one in WORDS if (folder / "clean" / one).is_dir()]
    clean = [one for one in sorted((folder / "clean").iterdir()) if one.name not in words]
    found = find_sources(
        folder / "documents", clean, [folder / "clean" / one for one in words],
        folder / "stamps", folder / "papers",
    )  # fmt: skip
    parts = {
        name: [
            path for place, path in enumerate(getattr(found, name)) if (place % 8 == 5) == held_out
        ]
        for name in ("documents", "clean", "words", "stamps", "papers")
    }
    cheques = [one for one in parts["papers"] if one.name.startswith(CHEQUES)]
    parts["papers"] = [one for one in parts["papers"] if not one.name.startswith(CHEQUES)]
    fonts = sorted((folder / "fonts").glob("*.?t?"))
    noisy = sorted((folder / "noisy").glob("*"))
    noisy = [path for place, path in enumerate(noisy) if (place % 8 == 5) == held_out]
    truths = [folder / "truth" / path.name for path in noisy]
    parts["clean"] += truths
    return Sources(**parts, cheques=cheques, fonts=fonts, sides=SIDES), Real(noisy, truths)


def with_cache(sources: Sources, real: Real) -> Sources:
    """The same files, read once and kept: several processes that are forked share them."""
    lists = sources.documents, sources.clean, sources.words, sources.papers, sources.cheques
    paths = [path for one in (*lists, real.noisy, real.truths) for path in one]
    with ThreadPoolExecutor(READERS) as readers:
        pictures = dict(zip(paths, readers.map(read_image, paths), strict=True))
    for path in sources.documents:
        pictures[path] = _sized(pictures[path])
    return replace(sources, read=pictures.__getitem__)


def with_letters(rng: Rng, sources: Sources, count: int) -> Sources:
    """Draw letters that are used again and again, as every sixth document or so."""
    letters = {
        Path(f"letter {number}"): drawn_letter(rng, MAP, fonts_of(sources)).picture
        for number in range(count)
    }
    times = max(round(len(sources.documents) / 5 / max(count, 1)), 1)
    documents = [*sources.documents, *times * list(letters)]

    def read(path: Path) -> Image.Image:
        return letters[path] if path in letters else sources.read(path)

    return replace(sources, documents=documents, scanned=0.99, read=read)


def _sized(picture: Image.Image) -> Image.Image:
    scale = MAP / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)))
