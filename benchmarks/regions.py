"""Measure how well `sigclean.regions` finds signatures, on pages made of print and signatures.

    python benchmarks/regions.py                                  # all is drawn
    python benchmarks/regions.py --documents PAGES --clean SIGNATURES --words WORDS \
        --stamps STAMPS --papers PAPERS --cheques CHEQUES --pages 40
    python benchmarks/regions.py --unsigned PAGES                 # your own pages, none signed

PAGES are scans without handwriting; what is not given is drawn. Prints for each kind of page that
`signed_pages.py` makes: the share of signatures found (overlap with the ink's box, both with a
margin, above one half); the false boxes; the share of the found signatures' ink inside their boxes,
and how many of them lost more than 1 % of it; the share of pages on which the likeliest box is a
signature, and not an answer on a form; and seconds a page.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from page_sheets import Sources, find_sources, ink_box
from PIL import Image
from signed_pages import KINDS, make_page

from sigclean import SignatureCleaner
from sigclean.compositing.results import MARGIN
from sigclean.finding.boxes import overlaps
from sigclean.images import find_images, read_image
from sigclean.regions import Region, suggest_regions

Box = tuple[int, int, int, int]
Find = Callable[[Image.Image, SignatureCleaner], list[Region]]

FOUND = 0.5  # overlap from which a signature counts as found
WHOLE = 0.99  # share of its ink that a found signature's box should hold


@dataclass
class Count:
    """The counts for the pages of one kind."""

    pages: int = 0
    signatures: int = 0
    found: int = 0
    false: int = 0
    first: int = 0  # pages whose likeliest box is a signature
    inside: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, found: Sequence[Region], truths: Sequence[Image.Image], seconds: float) -> None:
        """Count one page."""
        boxes = [(one.left, one.top, one.right, one.bottom) for one in found]
        pairs = paired(boxes, true_boxes(truths))
        visible = [truth for truth in truths if ink_box(truth)]
        self.pages += 1
        self.signatures += len(visible)
        self.found += len(pairs)
        self.false += len(boxes) - len(pairs)
        self.first += 0 in [number for number, _ in pairs]
        self.inside += [_inside(boxes[box], visible[truth]) for box, truth in pairs]
        self.seconds.append(seconds)

    def __add__(self, other: Count) -> Count:
        return Count(*(getattr(self, name) + getattr(other, name) for name in vars(self)))

    def row(self, kind: str) -> str:
        """Print the counts as a line of a table."""
        share = f"{self.found / self.signatures:.1%}" if self.signatures else "-"
        whole = f"{np.mean(self.inside):.2%}" if self.inside else "-"
        cut = f"{np.mean(np.array(self.inside) < WHOLE):.0%}" if self.inside else "-"
        seconds = statistics.median(self.seconds)
        return (
            f"{kind:9} {self.pages:5} pages  {self.found:4} of {self.signatures:4} found {share:>6}"
            f"  {self.false:3} false, {self.false / self.pages:.2f} a page  ink inside {whole:>7}, "
            f"cut {cut:>4}  first {self.first / self.pages:.0%}  {seconds:.2f} s"
        )


def main() -> None:
    """Make the pages, look for the signatures, print the figures."""
    args = _arguments()
    cleaner = SignatureCleaner.from_pretrained(args.weights)
    if args.unsigned:
        print(count_unsigned(args.unsigned, cleaner, suggest_regions).row("unsigned"))
        return
    sources = sources_of(args)
    total = Count()
    for kind in args.kinds:
        count = count_kind(kind, args.pages, args.seed, sources, cleaner, suggest_regions)
        print(count.row(kind), flush=True)
        total += count
    print(total.row("all"))


def count_kind(
    kind: str, pages: int, seed: int, sources: Sources, cleaner: SignatureCleaner, find: Find
) -> Count:
    """Look for the signatures of pages of one kind."""
    count = Count()
    for number in range(pages):
        rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
        page, truths = make_page(rng, kind, sources)
        begin = time.perf_counter()
        found = find(page, cleaner)
        count.add(found, truths, time.perf_counter() - begin)
    return count


def count_unsigned(folder: Path, cleaner: SignatureCleaner, find: Find) -> Count:
    """Look for signatures on pages that have none."""
    count = Count()
    for path in find_images(folder):
        page = read_image(path)
        begin = time.perf_counter()
        found = find(page, cleaner)
        count.add(found, [], time.perf_counter() - begin)
        if found:
            print(path.name, found)
    return count


def true_boxes(
    truths: Sequence[Image.Image], scale: float = 1, margin: float = MARGIN
) -> list[Box]:
    """The boxes of signatures' ink, scaled, with a margin as a share of the longest side."""
    boxes = []
    for truth in truths:
        box = ink_box(truth)
        if box is not None:
            left, top, right, bottom = (side * scale for side in box)
            room = margin * max(right - left, bottom - top)
            sides = left - room, top - room, right + room, bottom + room
            boxes.append(tuple(round(side) for side in sides))
    return boxes


def matches(found: Sequence[Box], boxes: Sequence[Box]) -> int:
    """Count the true boxes that were found."""
    return len(paired(found, boxes))


def paired(found: Sequence[Box], boxes: Sequence[Box]) -> list[tuple[int, int]]:
    """Pair found boxes with true ones that they overlap by more than `FOUND`, each only once."""
    left = list(range(len(found)))
    pairs = []
    for truth, box in enumerate(boxes):
        shares = {number: float(overlaps([found[number]], box)[0]) for number in left}
        best = max(shares, key=lambda number: shares[number], default=None)
        if best is not None and shares[best] > FOUND:
            left.remove(best)
            pairs.append((best, truth))
    return pairs


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add the folders that pages are made of."""
    parser.add_argument("--documents", type=Path, help="pages without handwriting")
    parser.add_argument("--clean", type=Path, nargs="*", default=[], help="signatures on white")
    parser.add_argument("--words", type=Path, nargs="*", default=[], help="handwritten words")
    parser.add_argument("--stamps", type=Path, help="impressions of stamps, with alpha")
    parser.add_argument("--papers", type=Path, help="pictures of paper and desks")
    parser.add_argument("--cheques", type=Path, help="cheques and security print, unsigned")


def sources_of(args: argparse.Namespace) -> Sources:
    """List the files of the folders given."""
    return find_sources(
        args.documents, args.clean, args.words, args.stamps, args.papers, args.cheques
    )


def _inside(box: Box, truth: Image.Image) -> float:
    """The share of a signature's ink that lies in a box."""
    dark = np.asarray(truth, np.float64)
    return float(dark[box[1] : box[3], box[0] : box[2]].sum() / dark.sum())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure where signatures are suggested.")
    add_sources(parser)
    parser.add_argument("--weights", help="a folder or Hub repository; the packaged model without")
    parser.add_argument("--pages", type=int, default=20, help="of each kind")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--unsigned", type=Path, help="own pages without signatures, as they are")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
