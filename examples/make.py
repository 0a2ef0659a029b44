"""Draw the example pictures of the demo, and the strip of the README.

    python examples/make.py                  # 1-letter.png ... 6-photo.jpg
    python examples/make.py --before-after   # before_after.png: three of them above their cleaning

Signatures are drawn (sigclean.drawn), noise is composed (sigclean.noise): no person wrote any of
this. Print is set in the fonts of the system, so that another computer draws other letters.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.noise import compose

HERE = Path(__file__).parent
WIDTH, HEIGHT = 720, 360


@dataclass(frozen=True)
class Example:
    """A file with the families of its noise and the seeds of its signature and its noise."""

    file: str
    families: tuple[str, ...]
    signature: int
    noise: int

    def draw(self) -> Image.Image:
        """The noisy picture."""
        clean = draw_signature(np.random.default_rng(self.signature), WIDTH, HEIGHT)
        noisy, _ = compose(np.random.default_rng(self.noise), self.families, clean)
        return Image.fromarray(noisy)


EXAMPLES = (
    Example("1-letter.png", ("text",), signature=14, noise=8),
    Example("2-ruled.png", ("seed",), signature=35, noise=4),
    Example("3-stamp.png", ("text", "stamp"), signature=24, noise=6),
    Example("4-cheque.jpg", ("cheque",), signature=47, noise=6),
    Example("5-form.png", ("form",), signature=39, noise=5),
    Example("6-photo.jpg", ("rules", "photo"), signature=2, noise=8),
)
STRIP = ("1-letter.png", "4-cheque.jpg", "6-photo.jpg")


def write_examples(folder: Path) -> None:
    """Draw all examples into `folder`."""
    for example in EXAMPLES:
        picture = example.draw()
        if example.file.endswith(".png"):
            picture = _few_colours(picture)
        picture.save(folder / example.file, quality=85, optimize=True)


def before_after(
    pictures: Sequence[Image.Image], cleaner: SignatureCleaner, gap: int = 12
) -> Image.Image:
    """The pictures in a row, each above what the cleaner makes of it; all of the first's size."""
    width, height = pictures[0].size
    size = (len(pictures) * (width + gap) - gap, 2 * height + gap)
    strip = Image.new("RGB", size, (208, 212, 220))
    for column, noisy in enumerate(pictures):
        left = column * (width + gap)
        strip.paste(noisy, (left, 0))
        strip.paste(cleaner(noisy), (left, height + gap))
    return strip


def main() -> None:
    """Write what the arguments ask for beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before-after", action="store_true", help="write the README's strip")
    parser.add_argument("--weights", help="a weights folder or user/repo (default: the packaged)")
    args = parser.parse_args()
    if not args.before_after:
        write_examples(HERE)
        return
    cleaner = SignatureCleaner.from_pretrained(args.weights)
    pictures = [Image.open(HERE / name).convert("RGB") for name in STRIP]
    strip = before_after(pictures, cleaner)
    strip = strip.resize((strip.width // 2, strip.height // 2), Image.Resampling.LANCZOS)
    _few_colours(strip).save(HERE / "before_after.png", optimize=True)


def _few_colours(picture: Image.Image) -> Image.Image:
    """At most 128 colours, so that the file stays small; white stays white."""
    return picture.quantize(128, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
