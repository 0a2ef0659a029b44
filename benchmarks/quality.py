"""How clean: figures by noise family, noisy against cleaned, on signatures dirtied with a seed.

    python benchmarks/quality.py SIGNATURES [--count 60] [--seed 7] [--weights FOLDER|user/repo]

Each of `count` signatures, spread over the folder, gets each family of noise once, and the mix of
families ("all"); "none" is the signature as it is and not in the mean. F-measure, recall and
precision are of ink masks with a tolerance of one pixel, in per cent; "worst" is the mean F of the
worst tenth; PSNR is in dB, at most 60 (equal pictures have no bound).
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.errors import SigcleanError
from sigclean.images import find_images, read_image
from sigclean.metrics import InkScores, ink_invented, ink_scores
from sigclean.noise import FAMILIES, Material, compose, draw_families, find_material

FIGURES = ("f", "worst", "recall", "precision", "exact_f", "psnr")
HIGHEST_PSNR = 60.0  # dB


def spread(paths: list[Path], count: int) -> list[Path]:
    """`count` of the files, evenly spread over their order."""
    return [paths[i * len(paths) // count] for i in range(min(count, len(paths)))]


def dirty(path: Path, family: str, seed: int, material: Material) -> tuple[Image.Image, ...]:
    """The noisy picture and the truth; a file, a family and a seed always give the same."""
    rng = np.random.default_rng((seed, zlib.crc32(f"{path.parent.name}/{path.name}".encode())))
    families: tuple[str, ...] = () if family == "none" else (family,)
    while family == "all" and len(families) < 2:  # a mix; single families have rows of their own
        families = draw_families(rng)
    pictures = compose(rng, families, read_image(path), material)
    return tuple(Image.fromarray(picture) for picture in pictures)


def summary(scores: Sequence[InkScores]) -> dict[str, float]:
    """Means of the figures; shares in per cent."""
    f = sorted(score.f for score in scores)
    tenth = f[: max(1, len(f) // 10)]
    means = {
        name: 100 * float(np.mean([getattr(score, name) for score in scores]))
        for name in ("f", "recall", "precision", "exact_f")
    }
    psnr = float(np.mean([min(score.psnr, HIGHEST_PSNR) for score in scores]))
    return {**means, "worst": 100 * float(np.mean(tenth)), "psnr": psnr}


def measure(
    cleaner: SignatureCleaner, paths: list[Path], seed: int, material: Material
) -> dict[str, dict[str, dict[str, float]]]:
    """For every family, and "mean" over all but "none": figures of noisy and of cleaned."""
    table, everything = {}, ([], [])
    for family in ("none", *FAMILIES, "all"):
        noisy_scores, clean_scores, invented = [], [], 0.0
        for path in paths:
            noisy, truth = dirty(path, family, seed, material)
            cleaned = cleaner(noisy)
            noisy_scores.append(ink_scores(noisy, truth))
            clean_scores.append(ink_scores(cleaned, truth))
            invented = max(invented, ink_invented(cleaned, noisy))
        table[family] = {"noisy": summary(noisy_scores), "cleaned": summary(clean_scores)}
        table[family]["cleaned"]["invented"] = 100 * invented
        if family != "none":
            everything[0].extend(noisy_scores)
            everything[1].extend(clean_scores)
        print(row(family, table[family]), flush=True)
    table["mean"] = {"noisy": summary(everything[0]), "cleaned": summary(everything[1])}
    return table


def row(name: str, figures: dict[str, dict[str, float]]) -> str:
    """One line of the table: noisy, then cleaned."""
    cells = [f"{figures[side][key]:9.2f}" for side in ("noisy", "cleaned") for key in FIGURES]
    return f"{name:10s}" + "".join(cells[:6]) + "  |" + "".join(cells[6:])


def main() -> int:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("signatures", type=Path, help="folder of clean signatures")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--weights")
    parser.add_argument("--documents", type=Path)
    parser.add_argument("--papers", type=Path)
    parser.add_argument("--stamps", type=Path)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    args = parser.parse_args()
    try:
        paths = spread(find_images(args.signatures), args.count)
        cleaner = SignatureCleaner.from_pretrained(args.weights)
        material = find_material(None, args.documents, args.papers, args.stamps)
        heads = "".join(f"{name:>9s}" for name in FIGURES)
        print(f"{'family':10s}{heads}  |{heads}\n{'':10s}{'noisy':>54s}  |{'cleaned':>54s}")
        table = measure(cleaner, paths, args.seed, material)
    except SigcleanError as error:
        print(f"quality.py: error: {error}", file=sys.stderr)
        return 1
    print(row("mean", table["mean"]))
    if args.json:
        args.json.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
