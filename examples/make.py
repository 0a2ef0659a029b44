"""Draw the example pictures of the demo, and the strip of the README.

    python examples/make.py                  # 0-whole-page.png ... 9-scan.jpg
    python examples/make.py --small          # smaller copies of a few, for the package
    python examples/make.py --before-after   # before_after.png: three of them above their cleaning

Signatures are drawn (sigclean.drawn) and noise is composed (sigclean.noise): no person wrote any of
this. Print is set in the fonts of the system, so another computer draws other letters.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.noise import compose
from sigclean.noise.lettering import pick_font, system_fonts
from sigclean.noise.page import Material

HERE = Path(__file__).parent
SMALL_EXAMPLES = HERE.parent / "sigclean" / "demo" / "examples"
WIDTH, HEIGHT = 720, 360


@dataclass(frozen=True)
class Example:
    """A file with the families of its noise and the seeds of its signature and its noise."""

    file: str
    families: tuple[str, ...]
    signature: int
    noise: int

    def draw(self) -> Image.Image:
        """Draw the signature and put the noise over it."""
        clean = draw_signature(np.random.default_rng(self.signature), WIDTH, HEIGHT)
        noisy, _ = compose(np.random.default_rng(self.noise), self.families, clean)
        return Image.fromarray(noisy)


EXAMPLES = (
    Example("1-letter.png", ("text",), signature=14, noise=6),
    Example("2-ruled.png", ("seed",), signature=39, noise=4),
    Example("3-stamp.png", ("stamp",), signature=24, noise=5),
    Example("4-cheque.jpg", ("cheque",), signature=5, noise=6),
    Example("5-form.png", ("form",), signature=2, noise=5),
    Example("6-photo.jpg", ("rules", "photo"), signature=35, noise=8),
    Example("7-document.png", ("document",), signature=24, noise=1),
    Example("8-paper.jpg", ("paper",), signature=35, noise=1),
    Example("9-scan.jpg", ("form", "scan"), signature=14, noise=4),
)
PAGE, PAGE_SIZE = "0-whole-page.png", (1240, 1754)  # A4 at 150 dots an inch
LETTER = (
    "Northern Paper Works",
    "We thank you for your letter of the third of May, and for the drawings that came with it. Our "
    "people have looked at all of them. The second one is what we had in mind, with the window on "
    "the side of the garden and the door where it is now.",
    "As agreed on the telephone, work begins in the first week of September and takes about eleven "
    "weeks. One third of the sum is due when the old roof is off, one third when the new one is "
    "on, and the rest when both of us have walked through the house and found nothing to mend.",
    "Should the weather be worse than it was last year, the time may be longer, but not the sum. "
    "Please keep one of the two copies, and send the other one back to us with both signatures.",
)
SIGNED = (("Robert Evans, director", 14, 130), ("Agnes Rydow, owner", 24, 680))  # seed, left
STRIP = ("1-letter.png", "4-cheque.jpg", "6-photo.jpg")
SMALL = (  # width in pixels, quality as a JPEG
    ("0-whole-page.png", 1000, 60),
    ("3-stamp.png", 560, 80),
    ("4-cheque.jpg", 560, 75),
    ("9-scan.jpg", 560, 70),
)


def draw_page() -> Image.Image:
    """Draw a letter of one page with two signatures."""
    material = Material(fonts=system_fonts())
    page = Image.new("RGB", PAGE_SIZE, "white")
    pen, font = ImageDraw.Draw(page), pick_font(np.random.default_rng(3), material, 25)
    title, *paragraphs = LETTER
    pen.text((130, 120), title, "#222", font.font_variant(size=44))
    top = 290
    for text in paragraphs:
        top = _print_paragraph(pen, text.split(), font, top) + 34
    for name, seed, left in SIGNED:
        signature = draw_signature(np.random.default_rng(seed), 420, 200)
        box = (left, top + 60, left + 420, top + 260)
        page.paste(ImageChops.multiply(page.crop(box), signature), box)
        pen.line((left, top + 246, left + 420, top + 246), "#333", 2)
        pen.text((left, top + 258), name, "#222", font)
    return page


def _print_paragraph(
    pen: ImageDraw.ImageDraw, text: list[str], font: ImageFont.FreeTypeFont, top: int
) -> int:
    """Print `text` in lines from `top` on; returns the top of the next line."""
    line = ""
    for word in [*text, ""]:
        if not word or font.getlength(f"{line} {word}") > PAGE_SIZE[0] - 260:
            pen.text((130, top), line.strip(), "#222", font)
            line, top = "", top + 40
        line += f" {word}"
    return top


def write_examples(folder: Path) -> None:
    """Write all examples into `folder`."""
    page = draw_page().quantize(12, dither=Image.Dither.NONE)
    page.save(folder / PAGE, optimize=True)
    for example in EXAMPLES:
        picture = example.draw()
        if example.file.endswith(".png"):
            picture = _few_colours(picture)
        picture.save(folder / example.file, quality=85, optimize=True)


def write_small(folder: Path) -> None:
    """Write smaller copies of a few examples, which an installed package shows, into `folder`."""
    for name, width, quality in SMALL:
        picture = Image.open(HERE / name).convert("RGB")
        picture.thumbnail((width, 2 * width))
        picture.save(folder / f"{Path(name).stem}.jpg", quality=quality, optimize=True)


def before_after(
    pictures: Sequence[Image.Image], cleaner: SignatureCleaner, gap: int = 12
) -> Image.Image:
    """Make a strip: the pictures, all of one size, in a row, each above its cleaned version."""
    width, height = pictures[0].size
    size = (len(pictures) * (width + gap) - gap, 2 * height + gap)
    strip = Image.new("RGB", size, (208, 212, 220))
    for column, noisy in enumerate(pictures):
        left = column * (width + gap)
        strip.paste(noisy, (left, 0))
        strip.paste(cleaner(noisy), (left, height + gap))
    return strip


def main() -> None:
    """Write the examples, or the strip of the README, beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before-after", action="store_true", help="write the README's strip")
    parser.add_argument("--small", action="store_true", help="write the package's copies")
    parser.add_argument("--weights", help="a weights folder or user/repo (default: the packaged)")
    args = parser.parse_args()
    if args.small:
        write_small(SMALL_EXAMPLES)
        return
    if not args.before_after:
        write_examples(HERE)
        return
    cleaner = SignatureCleaner.from_pretrained(args.weights)
    pictures = [Image.open(HERE / name).convert("RGB") for name in STRIP]
    strip = before_after(pictures, cleaner)
    strip = strip.resize((strip.width // 2, strip.height // 2), Image.Resampling.LANCZOS)
    _few_colours(strip).save(HERE / "before_after.png", optimize=True)


def _few_colours(picture: Image.Image) -> Image.Image:
    """Reduce to 128 colours, so that the file stays small; white stays white."""
    return picture.quantize(128, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
