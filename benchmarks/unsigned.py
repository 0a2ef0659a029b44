"""Measure what a model leaves of pictures without a signature: of nothing but noise.

    python benchmarks/unsigned.py                                  # the packaged weights
    python benchmarks/unsigned.py default RUN/G_B --documents PAGES --stamps STAMPS --papers PAPERS

For each model and family of noise: the share of the noise's pixels that stays, in per cent, mean
over the pictures. A pixel stays when `THERE` of its darkness on its paper is left. The noise is
that of training: give it material that no training saw.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.arrays import darkest_channel
from sigclean.corpus.placing import place
from sigclean.drawn import draw_signature
from sigclean.noise import Material, compose, find_material

FAMILIES = ("stamp", "frame", "text", "form", "document", "rules", "cheque", "office")
INK = 0.3  # darkness on its paper from which a pixel is noise
THERE = 0.35  # share of its darkness from which a pixel is still there
LEAST = 20  # pixels of noise that a picture must have
WIDTH = 700  # pixels of the signature that noise is laid out around, and that is left out


def main() -> None:
    """Print a table as Markdown."""
    args = _arguments()
    material = find_material(None, args.documents, args.papers, args.stamps)
    print(f"| model | {' | '.join(FAMILIES)} |\n|---|{'---|' * len(FAMILIES)}")
    for weights in args.weights:
        cleaner = SignatureCleaner.from_pretrained(None if weights == "default" else weights)
        cells = [f"{staying(cleaner, family, args.count, material):.1f}" for family in FAMILIES]
        print(f"| {weights} | {' | '.join(cells)} |", flush=True)


def staying(cleaner: SignatureCleaner, family: str, count: int, material: Material) -> float:
    """The mean share of a family's pixels that stays, in per cent."""
    shares = []
    for number in range(count):
        noisy = picture(number, family, material)
        paper = np.maximum(np.median(noisy.reshape(-1, 3), axis=0), 5)
        before = 1 - np.clip(noisy / paper, 0, 1).min(axis=2)
        noise = before > INK
        if noise.sum() < LEAST:
            continue
        result = cleaner(Image.fromarray(noisy))
        left = 1 - darkest_channel(np.asarray(result)) / 255
        shares.append((left[noise] >= THERE * before[noise]).mean())
    return 100 * float(np.mean(shares))


def picture(number: int, family: str, material: Material) -> np.ndarray:
    """Noise of a family alone, HxWx3; the number decides it."""
    rng = np.random.default_rng([number, 900])
    page = place(rng, draw_signature(rng, WIDTH))
    return compose(rng, (family,), page, material, signed=False)[0]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    text = "weights folders, Hub repositories or `default`, the packaged model"
    parser.add_argument("weights", nargs="*", default=["default"], help=text)
    for name in ("documents", "papers", "stamps"):
        parser.add_argument(f"--{name}", type=Path, help="material; drawn without it")
    parser.add_argument("--count", type=int, default=30, help="pictures a family")
    return parser.parse_args()


if __name__ == "__main__":
    main()
