"""Measure how well `sigclean.regions` finds signatures, on pages made of print and signatures.

    python benchmarks/regions.py --documents PAGES --clean SIGNATURES
    python benchmarks/regions.py --documents PAGES                     # signatures are drawn

PAGES are scans without handwriting, 8.5 inches wide; a third of them stays bilevel, the others
become grey or colour scans. They get 0, 1 and 2 signatures, 1.5 to 3 inches wide, by
multiplication, mostly where there is room. Prints the share found (overlap with the ink's box above
one half), and the number of false suggestions.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from sigclean import SignatureCleaner
from sigclean.compositing.compose import ink_box
from sigclean.drawn import draw_signature
from sigclean.images import find_images, read_image
from sigclean.regions import Region, suggest_regions

Box = tuple[int, int, int, int]

INCHES = 8.5  # width of a page
WIDEST, TALLEST = 3.0, 1.4  # inches; largest width and height of a signature
TRIES = 8  # places examined to find an empty one
APART = 0.3  # inches between signatures


@dataclass
class Count:
    """The counts for the pages with the same number of signatures."""

    pages: int = 0
    signatures: int = 0
    found: int = 0
    false: int = 0
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    """Make the pages, look for the signatures, print the figures."""
    args = _arguments()
    cleaner = SignatureCleaner.from_pretrained(args.weights)
    documents = find_images(args.documents)
    clean = find_images(args.clean) if args.clean else []
    for signatures in range(3):
        count = Count()
        for number in range(args.pages):
            rng = np.random.default_rng([args.seed, signatures, number])
            page, boxes = make_page(rng, documents, clean, signatures)
            begin = time.perf_counter()
            found = suggest_regions(page, cleaner)
            count.seconds.append(time.perf_counter() - begin)
            hits = matched(found, boxes)
            count.pages += 1
            count.signatures += len(boxes)
            count.found += hits
            count.false += len(found) - hits
        print(
            f"{signatures} signatures: {count.pages} pages, found {count.found} of "
            f"{count.signatures}, false {count.false}, "
            f"{statistics.median(count.seconds):.2f} s a page",
            flush=True,
        )


def make_page(
    rng: np.random.Generator, documents: Sequence[Path], clean: Sequence[Path], signatures: int
) -> tuple[Image.Image, list[Box]]:
    """Make a page; returns it with the boxes of its signatures' ink."""
    page = read_image(documents[int(rng.integers(len(documents)))])
    kind = str(rng.choice(["bilevel", "grey", "colour"]))
    if kind != "bilevel":
        page = page.filter(ImageFilter.GaussianBlur(0.6 * page.width / 2500))
    boxes: list[Box] = []
    for _ in range(signatures):
        ink = _sized(rng, _signature(rng, clean), page.width / INCHES)
        place = _place(rng, page, ink.size, boxes)
        if place is None:
            continue
        layer = Image.new("RGB", page.size, "white")
        layer.paste(ink, place)
        boxes.append(ink_box(layer))
        page = ImageChops.multiply(page, layer)
    return _captured(rng, page, kind), boxes


def matched(found: Sequence[Region], boxes: Sequence[Box]) -> int:
    """Count the boxes that a region overlaps by more than half; each region counts once."""
    left, hits = list(found), 0
    for box in boxes:
        best = max(left, key=lambda region: overlap(region, box), default=None)
        if best is not None and overlap(best, box) > 0.5:
            left.remove(best)
            hits += 1
    return hits


def overlap(region: Region, box: Box) -> float:
    """Return the intersection over union of two boxes."""
    width = min(region.right, box[2]) - max(region.left, box[0])
    height = min(region.bottom, box[3]) - max(region.top, box[1])
    common = max(width, 0) * max(height, 0)
    own = (region.right - region.left) * (region.bottom - region.top)
    return common / (own + (box[2] - box[0]) * (box[3] - box[1]) - common)


def _signature(rng: np.random.Generator, clean: Sequence[Path]) -> Image.Image:
    picture = read_image(clean[int(rng.integers(len(clean)))]) if clean else draw_signature(rng)
    return picture.crop(ink_box(picture))


def _sized(rng: np.random.Generator, ink: Image.Image, inch: float) -> Image.Image:
    width = rng.uniform(WIDEST / 2, WIDEST) * inch
    height = min(width * ink.height / ink.width, TALLEST * inch)
    size = (round(height * ink.width / ink.height), round(height))
    return ink.resize(size, Image.Resampling.LANCZOS)


def _place(
    rng: np.random.Generator, page: Image.Image, size: tuple[int, int], boxes: Sequence[Box]
) -> tuple[int, int] | None:
    """Choose left and top: mostly, of several places, the one with the least print."""
    apart = round(APART * page.width / INCHES)
    grey = page.convert("L")
    places = []
    for _ in range(TRIES if rng.random() < 0.75 else 1):
        left = int(rng.uniform(0.06, 0.94) * (page.width - size[0]))
        top = int(rng.uniform(0.06, 0.96) * (page.height - size[1]))
        box = (left, top, left + size[0], top + size[1])
        if all(_apart(box, other, apart) for other in boxes):
            print_share = 255 - float(np.asarray(grey.crop(box)).mean())
            places.append((print_share, left, top))
    return min(places)[1:] if places else None


def _apart(one: Box, other: Box, distance: int) -> bool:
    return (
        one[2] + distance < other[0]
        or other[2] + distance < one[0]
        or one[3] + distance < other[1]
        or other[3] + distance < one[1]
    )


def _captured(rng: np.random.Generator, page: Image.Image, kind: str) -> Image.Image:
    """Turn a page into a fax, or a JPEG scan in grey or colour, with noise and shade."""
    if kind == "bilevel":
        level = int(rng.uniform(115, 190))
        return page.convert("L").point([0] * level + [255] * (256 - level)).convert("RGB")
    pixels = np.asarray(page.convert("L").convert("RGB") if kind == "grey" else page) / 255
    tint = 0.93 if kind == "grey" else np.array([0.97, 0.94, 0.86])
    shade = np.linspace(1, rng.uniform(0.8, 1), page.width)[None, :, None]
    noise = rng.normal(0, 0.02, (page.height, page.width, 1))
    seen = (0.06 + 0.94 * pixels) * tint * shade + noise
    file = io.BytesIO()
    levels = np.rint(np.clip(seen, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(levels).save(file, "JPEG", quality=int(rng.integers(60, 92)))
    return read_image(file)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure where signatures are suggested.")
    parser.add_argument("--documents", type=Path, required=True, help="pages without handwriting")
    parser.add_argument("--clean", type=Path, help="signatures on white; drawn ones without")
    parser.add_argument("--weights", help="a folder or Hub repository; the packaged model without")
    parser.add_argument("--pages", type=int, default=30, help="with 0, 1 and 2 signatures each")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
