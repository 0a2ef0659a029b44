"""Measure a model on the kinds of real pictures that used to fail, with signatures drawn here.

    python benchmarks/robustness.py                                   # the packaged weights
    python benchmarks/robustness.py --weights RUN/G_B --compare       # beside the packaged ones
    python benchmarks/robustness.py --cases DIR                       # and the F of each case

Each row is a kind: pictures made here, by other means than the noise of training, of which it is
known pixel by pixel what should stay and what should go. "kept" is the share of the former that is
there in the result, "stays" the share of the latter, both in per cent; a pixel is there when at
least `THERE` of its darkness is. Cases are pairs NAME.noisy.png and NAME.truth.png, measured as
`sigclean evaluate` does (F with a tolerance of one pixel).
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image
from robustness_kinds import KINDS, Kind, Probe, darkness, to_image

from sigclean.cleaner import SignatureCleaner
from sigclean.metrics import ink_scores

THERE = 0.35  # of its darkness on its paper: a pixel that has so much left is there


def main() -> None:
    """Print the table as Markdown, and the cases if there are any."""
    args = parse_args()
    models = {"packaged": SignatureCleaner.from_pretrained()} if args.compare else {}
    named = args.weights or "packaged"
    models[named] = SignatureCleaner.from_pretrained(*([args.weights] if args.weights else []))
    print("| kind | asked |" + "".join(f" {name}: kept | stays |" for name in models))
    print("|---|---|" + "---|---|" * len(models))
    for kind in KINDS:
        probes = [kind.make(np.random.default_rng([args.seed, i])) for i in range(args.count)]
        cells = "".join(f" {row(cleaner, probes)} |" for cleaner in models.values())
        print(f"| {kind.name} | {asked(kind)} |{cells}", flush=True)
    if args.cases:
        print_cases(args.cases, models)


def parse_args() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", help="a weights folder or user/repo (default: packaged)")
    parser.add_argument("--compare", action="store_true", help="measure the packaged ones, too")
    parser.add_argument("--cases", type=Path, help="folder of NAME.noisy.png, NAME.truth.png")
    parser.add_argument("--count", type=int, default=12, help="pictures a row (default: 12)")
    parser.add_argument("--seed", type=int, default=29)
    return parser.parse_args()


def asked(kind: Kind) -> str:
    """The figures that the row should reach."""
    parts = []
    if kind.least_kept is not None:
        parts.append(f"kept {kind.least_kept:g}")
    if kind.most_staying is not None:
        parts.append(f"stays {kind.most_staying:g}")
    return ", ".join(parts)


def row(cleaner: SignatureCleaner, probes: list[Probe]) -> str:
    """Two cells: means over the pictures."""
    kept, stays = zip(*(shares(cleaner, probe) for probe in probes), strict=True)
    return " | ".join("" if np.isnan(part).all() else f"{100 * np.nanmean(part):.1f}"
                      for part in (kept, stays))  # fmt: skip


def shares(cleaner: SignatureCleaner, probe: Probe) -> tuple[float, float]:
    """Share of what should stay that does, and of what should go; NaN where there is nothing."""
    result = cleaner(to_image(probe.noisy))
    assert isinstance(result, Image.Image)
    left = darkness(np.asarray(result, np.float32) / 255)
    paper = np.median(probe.noisy, axis=(0, 1))
    before = darkness(np.clip(probe.noisy / np.maximum(paper, 0.02), 0, 1))
    there = left >= THERE * np.maximum(before, 0.1)
    stay, go = (there[part].mean() if part.any() else math.nan for part in (probe.stay, probe.go))
    return float(stay), float(go)


def print_cases(folder: Path, models: dict[str, SignatureCleaner]) -> None:
    """F of each case, in per cent."""
    print("\n| case |" + "".join(f" {name} |" for name in models))
    print("|---|" + "---|" * len(models))
    for path in sorted(folder.glob("*.noisy.png")):
        name = path.name.removesuffix(".noisy.png")
        truth = Image.open(path.with_name(f"{name}.truth.png")).convert("RGB")
        cells = []
        for cleaner in models.values():
            result = cleaner(path)
            assert isinstance(result, Image.Image)
            cells.append(f" {100 * ink_scores(result, truth).f:.1f} |")
        print(f"| {name} |" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
