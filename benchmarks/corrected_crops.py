"""Make pairs of real noisy crops: what a model makes of them, corrected by hand, is their truth.

    python benchmarks/corrected_crops.py CROPS -o PAIRS --weights MODEL
    python benchmarks/corrected_crops.py CROPS -o PAIRS --weights MODEL --compare default RUN/G_B

The corrections are a line of JSON for each crop: its `name` without a suffix; a `verdict` ("good":
the result is right as it is; "mend"; "drop": it gets no truth); and polygons within which ink is
erased (`erase`) or the input's ink comes back (`restore`), in pixels of the crop at the scale of
the network, where its longer side has 512. Those in `corrected_crops.jsonl` are of what MODEL, step
32 of docs/experiments.md, made of 425 crops, each looked at by one of eight judges. The crops are
research data and not part of the repository.

PAIRS gets `noisy` and `truth` in `learned` and in `held`: the sixth of the crops, chosen by their
names, that no training should see. `--compare` measures models on both: F with a tolerance of one
pixel; ink that is lost, and that is left, farther than 2 pixels from ink of the other picture; and
the share of "good" pictures, without a piece of 8 pixels lost or left at the network's scale.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from sigclean import SignatureCleaner
from sigclean.arrays import Mask
from sigclean.images import find_images, read_image
from sigclean.metrics import dilate, grey, ink_lost, ink_mask, ink_scores

CORRECTIONS = Path(__file__).with_suffix(".jsonl")
HELD = 6  # one crop of so many is held out
NEAR = 2  # pixels up to which ink lies at ink of the other picture
SEEN = 8  # pixels of a piece that anybody sees


def main() -> None:
    """Make the pairs, say how many there are, and measure models."""
    args = _arguments()
    lines = args.corrections.read_text(encoding="utf-8").splitlines()
    corrections = {one["name"]: one for one in map(json.loads, lines)}
    cleaner = _cleaner(args.weights)
    verdicts: Counter[str] = Counter()
    for path in find_images(args.crops):
        correction = corrections.get(path.stem, {"verdict": "not corrected"})
        verdicts[correction["verdict"]] += 1
        if correction["verdict"] in ("good", "mend"):
            noisy = read_image(path)
            part = args.output / ("held" if is_held(path.stem) else "learned")
            for kind, picture in (("noisy", noisy), ("truth", truth(noisy, correction, cleaner))):
                (part / kind).mkdir(parents=True, exist_ok=True)
                picture.save(part / kind / f"{path.stem}.png")
    print(f"{args.output}: " + ", ".join(f"{count} {name}" for name, count in verdicts.items()))
    for weights in args.compare:
        for part in sorted(args.output.iterdir()):
            print(f"{weights}, {part.name}: {figures(_cleaner(weights), part)}")


def is_held(name: str) -> bool:
    """Tell whether a crop is for measuring alone."""
    return zlib.crc32(name.encode()) % HELD == 0


def truth(noisy: Image.Image, correction: dict[str, Any], cleaner: SignatureCleaner) -> Image.Image:
    """The signature alone: what a model makes of a crop, corrected within the polygons."""
    masks = {
        name: inside(noisy.size, correction.get(name, []), cleaner) for name in ("erase", "restore")
    }
    return cleaner.clean_with(noisy, **masks)


def inside(
    size: tuple[int, int], polygons: list[list[list[float]]], cleaner: SignatureCleaner
) -> Image.Image:
    """An L picture, 255 within polygons that are given at the network's scale."""
    mask = Image.new("L", size)
    scale = max(size) / cleaner.letterbox.size
    for polygon in polygons:
        corners = [(x * scale, y * scale) for x, y in polygon]
        ImageDraw.Draw(mask).polygon(corners, fill=255, outline=255)
    return mask


def figures(cleaner: SignatureCleaner, pairs: Path) -> str:
    """Mean F, lost and left ink and the share of good pictures, in per cent."""
    rows = []
    for path in find_images(pairs / "noisy"):
        wanted = Image.open(pairs / "truth" / path.name).convert("RGB")
        result = cleaner(path)
        assert isinstance(result, Image.Image)
        small = [cleaner.letterbox.shrink(one)[0] for one in (result, wanted)]
        rows.append((
            ink_scores(result, wanted).f,
            ink_lost(result, wanted),
            ink_lost(wanted, result),
            not differs(*small),
        ))  # fmt: skip
    f, lost, left, good = 100 * np.mean(rows, axis=0)
    return f"{len(rows)} pictures, F {f:.2f}, lost {lost:.2f}, left {left:.2f}, good {good:.1f}"


def differs(result: Image.Image, wanted: Image.Image) -> bool:
    """Tell whether a piece that anybody sees is in one picture and not in the other."""
    one, other = (ink_mask(grey(picture)) for picture in (result, wanted))
    return _has_piece(one & ~dilate(other, NEAR)) or _has_piece(other & ~dilate(one, NEAR))


def _has_piece(mask: Mask) -> bool:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return bool((stats[1:, cv2.CC_STAT_AREA] >= SEEN).any())


def _cleaner(weights: str | None) -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(None if weights == "default" else weights)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("crops", type=Path, help="a folder of real noisy crops")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder of the pairs")
    text = "the corrections (default: %(default)s)"
    parser.add_argument("--corrections", type=Path, default=CORRECTIONS, help=text)
    text = "the model whose results were corrected (default: the packaged one)"
    parser.add_argument("--weights", help=text)
    text = "models to measure: folders, Hub repositories or `default`"
    parser.add_argument("--compare", nargs="+", default=[], metavar="WEIGHTS", help=text)
    return parser.parse_args()


if __name__ == "__main__":
    main()
