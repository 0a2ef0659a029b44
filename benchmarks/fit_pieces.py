"""Fit the judge of `sigclean.pieces` to what the model keeps; writes `sigclean/pieces/judge.json`.

    python benchmarks/fit_pieces.py --clean SIGNATURES --documents PAGES --stamps STAMPS \
        --papers PAPERS --real CROPS
    python benchmarks/fit_pieces.py                            # all is drawn

Run it again when the cleaner's weights have changed. CROPS has real pictures in `noisy` and the
ink of their signatures in `truth`, under the same names. A piece is a signature's if `TRUE` of its
pixels are the truth's; one with much ink counts more than one with little, as it does for the eye.
Prints the shares of wrong pieces that go and of true ink that is lost, on a fifth of the pictures,
from which it was not fitted; some of their signatures are on the others, too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
from logistic_fit import fit, save
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.compositing.kept_ink import measure_kept_ink
from sigclean.compositing.paper import paper_levels
from sigclean.corpus.signatures import Source, make_dirty, open_clean
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.images import find_images
from sigclean.noise import Material, find_material
from sigclean.pieces.components import find_components
from sigclean.pieces.logistic import Judge
from sigclean.pieces.remains import FILE, LEAST, measure_pieces

TRUE = 0.3  # share of a piece's pixels that are the truth's, from which it is a signature's
PAPER = 235  # level of the truth from which a pixel is paper
RIDGE = 50.0  # penalty of the weights' squares
REAL = 4.0  # how much a real picture counts, where a drawn one counts 1
SEEN = 8  # pixels of a piece that anybody sees
DRAWN = 0.15  # share of the signatures that are drawn, where there are files


@dataclass(frozen=True)
class Kept:
    """The N kept pieces of a picture.

    Attributes:
        measures: NxM.
        true: N, whether each is a signature's.
        areas: N, pixels.
        worth: how much the picture counts in the fit.
    """

    measures: np.ndarray
    true: np.ndarray
    areas: np.ndarray
    worth: float


def main() -> None:
    """Make the pictures, fit the judge, write it."""
    args = _arguments()
    begin = time.perf_counter()
    material = find_material(None, args.documents, args.papers, args.stamps)
    files = find_images(args.clean) if args.clean else []
    make = partial(_drawn, material=material, files=files, weights=args.weights, seed=args.seed)
    names = find_images(args.real / "noisy") if args.real else []
    with ProcessPoolExecutor(args.workers) as pool:
        made = [*pool.map(make, range(args.pictures), chunksize=16)]
        made += pool.map(partial(_real, weights=args.weights), names, chunksize=16)
    pictures = [one for one in made if one is not None]
    learned = [one for number, one in enumerate(pictures) if number % 5]
    _print_shares(fit_to(learned), pictures[::5])
    save(fit_to(pictures), args.output)
    print(f"{args.output}: {len(pictures)} pictures, {time.perf_counter() - begin:.0f} s")


def fit_to(pictures: Sequence[Kept]) -> Judge:
    """Fit a judge to the pieces of pictures."""
    measures = np.concatenate([one.measures for one in pictures])
    true = np.concatenate([one.true for one in pictures]).astype(np.float64)
    worth = np.concatenate([one.worth * np.sqrt(one.areas) for one in pictures])
    return fit(measures, true, RIDGE, worth)


def _print_shares(judge: Judge, pictures: Sequence[Kept]) -> None:
    true = np.concatenate([one.true for one in pictures])
    areas = np.concatenate([one.areas for one in pictures])
    scores = judge.scores(np.concatenate([one.measures for one in pictures]))
    wrong = ~true & (areas >= SEEN)
    for least in sorted({0.1, 0.2, LEAST, 0.4, 0.5}):
        gone = scores < least
        print(
            f"below {least}: {gone[wrong].mean():.1%} of {wrong.sum()} wrong pieces go, "
            f"and {areas[gone & true].sum() / areas[true].sum():.3%} of the true ink"
        )


def _drawn(
    number: int, material: Material, files: Sequence[Path], weights: str | None, seed: int
) -> Kept | None:
    """Add noise to a signature, clean it, and measure the pieces that are kept."""
    rng = np.random.default_rng([seed, number])
    if files and rng.random() > DRAWN:
        path = files[int(rng.integers(len(files)))]
        try:
            clean = open_clean(Source(str(path), path), 0)
        except SigcleanError:  # not ink on white paper
            return None
    else:
        clean = draw_signature(rng, 700)
    made = make_dirty(rng, clean, "all", material)
    return _kept(made.noisy, made.truth, weights, 1.0)


def _real(path: Path, weights: str | None) -> Kept | None:
    truth = path.parent.parent / "truth" / path.name
    return _kept(Image.open(path).convert("RGB"), Image.open(truth), weights, REAL)


def _kept(noisy: Image.Image, truth: Image.Image, weights: str | None, worth: float) -> Kept | None:
    """Measure the pieces that a model keeps of a picture; None without any."""
    cleaner = _cleaner(weights)
    view = cleaner.prepare(noisy)
    keep = cleaner.keep([view])[0]
    found = measure_kept_ink(view.inner, paper_levels(view.inner, keep), keep)
    if not len(found.where):
        return None
    pieces = measure_pieces(find_components(found.shown), found.kept, found.dark)
    small = truth.convert("L").crop(view.reading.box).resize(view.inner.size, Image.Resampling.BOX)
    ink = cv2.dilate((np.asarray(small) < PAPER).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    labels = pieces.found.labels.take(found.where)
    hits = np.bincount(labels, ink.take(found.where), minlength=len(pieces.amounts))
    areas = pieces.found.areas
    return Kept(pieces.measures, hits > TRUE * areas, areas, worth)


@cache
def _cleaner(weights: str | None) -> SignatureCleaner:
    cv2.setNumThreads(1)
    return SignatureCleaner.from_pretrained(weights, threads=1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("clean", "documents", "stamps", "papers", "real"):
        parser.add_argument(f"--{name}", type=Path, help="a folder; drawn without it")
    parser.add_argument("--weights", help="a folder or Hub repository; the packaged model without")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--output", type=Path, default=FILE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
