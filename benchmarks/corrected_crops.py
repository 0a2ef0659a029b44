"""Make pairs of real noisy crops: what a model makes of them, corrected by hand, is their truth.

    python benchmarks/corrected_crops.py CROPS -o PAIRS --weights MODEL_THAT_WAS_CORRECTED
    sigclean evaluate --clean PAIRS/held/truth --noisy PAIRS/held/noisy -o report

The corrections are lines of JSON: the name of a crop without its suffix, a verdict ("good": the
result is right as it is; "mend"; "drop": the crop gets no truth), and polygons, in pixels of the
crop at the network's scale, within which ink is erased, or all of the input's ink comes back. Those
of `corrected_crops.jsonl` are of what the weights of step 32 (docs/experiments.md) made of 425
crops, each looked at by one of eight judges. The crops are research data and not part of the
repository.

PAIRS gets `noisy` and `truth` in `learned` and `held`, the sixth of the crops, by name, that no
training should see.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.images import find_images, read_image

MARKS = Path(__file__).with_suffix(".jsonl")
HELD = 6  # one crop of so many is held out
INK = 0.2  # darkness, relative to the paper, from which ink comes back
PAPER = 31  # pixels, diameter of the largest stroke that paper is seen beside
DARKEST = 30  # level below which nothing is paper

Polygons = Sequence[Sequence[tuple[float, float]]]
Picture = np.ndarray  # HxWx3 of uint8


def main() -> None:
    """Make the pairs and say how many there are."""
    args = _arguments()
    marks = {one["name"]: one for one in map(json.loads, args.marks.read_text().splitlines())}
    cleaner = SignatureCleaner.from_pretrained(args.weights)
    count = {"good": 0, "mend": 0, "drop": 0, "without a mark": 0}
    for path in find_images(args.crops):
        mark = marks.get(path.stem)
        count[mark["verdict"] if mark else "without a mark"] += 1
        if mark and mark["verdict"] != "drop":
            picture = read_image(path)
            noisy, result = at_the_networks_scale(picture, cleaner)
            part = args.output / ("held" if is_held(path.stem) else "learned")
            for name, pixels in (("noisy", noisy), ("truth", corrected(noisy, result, mark))):
                (part / name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(part / name / f"{path.stem}.png")
    print(f"{args.output}: " + ", ".join(f"{number} {name}" for name, number in count.items()))


def is_held(name: str) -> bool:
    """Tell whether a crop is for measuring alone."""
    return zlib.crc32(name.encode()) % HELD == 0


def at_the_networks_scale(
    picture: Image.Image, cleaner: SignatureCleaner
) -> tuple[Picture, Picture]:
    """The picture, and what a model makes of it at full resolution, both at the network's scale."""
    noisy, _ = cleaner.letterbox.shrink(picture)
    result = cleaner(picture)
    assert isinstance(result, Image.Image)
    smaller = result.width > noisy.width
    how = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
    return np.asarray(noisy), np.asarray(result.resize(noisy.size, how))


def corrected(noisy: Picture, result: Picture, mark: dict[str, Any]) -> Picture:
    """A result with ink of the input brought back within some polygons, and erased within others.

    Args:
        mark: may have `restore` and `erase`.
    """
    truth = result.copy()
    if polygons := mark.get("restore"):
        relative = np.clip(noisy / np.maximum(paper(noisy), DARKEST), 0, 1)
        place = inside(noisy.shape[:2], polygons)
        ink = (place & (1 - relative.min(axis=2) > INK)).astype(np.uint8)
        ink = (cv2.dilate(ink, np.ones((3, 3), np.uint8)) > 0) & place
        truth[ink] = np.minimum(truth[ink], np.rint(255 * relative[ink]).astype(np.uint8))
    if polygons := mark.get("erase"):
        truth[inside(noisy.shape[:2], polygons)] = 255
    return truth


def paper(noisy: Picture) -> np.ndarray:
    """The paper's levels, without strokes: HxWx3."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (PAPER, PAPER))
    return np.asarray(cv2.GaussianBlur(cv2.morphologyEx(noisy, cv2.MORPH_CLOSE, disc), (0, 0), 10))


def inside(shape: tuple[int, ...], polygons: Polygons) -> np.ndarray:
    """HxW, true inside of some polygon or on its border."""
    mask = np.zeros(shape, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32)], 1)
    return mask > 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("crops", type=Path, help="folder of real noisy crops")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the pairs")
    parser.add_argument("--marks", type=Path, default=MARKS, help="the corrections")
    parser.add_argument("--weights", help="the model whose results were corrected (packaged)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
