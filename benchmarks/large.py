"""Measure peak memory and time of cleaning large pictures, each in a fresh process.

    python benchmarks/large.py                          # 20 megapixels, and 50
    python benchmarks/large.py --megapixels 5 20 --kinds png cmyk

The page has drawn signatures, print and ruled lines on paper with grain. Linux and macOS.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from sigclean.drawn import draw_signature

ASPECT = 2**0.5  # height over width of ISO paper
SHEET = 11.7  # inches of the longer side
WINDOWED = """
import sys
from pathlib import Path
from sigclean import SignatureCleaner
from sigclean.encoding import write_picture
source, target, runtime = sys.argv[1:]
cleaner = SignatureCleaner.from_pretrained(runtime=runtime)
write_picture(cleaner(source, window="auto"), Path(target))
"""

# A small process in between: on Linux a child's peak includes its parent's size at the fork.
LAUNCHER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, used.ru_utime + used.ru_stime)
"""


@dataclass(frozen=True)
class Kind:
    """One row of the table: how the page is stored, and how it is cleaned."""

    suffix: str = ".png"
    store: Callable[[Image.Image], Image.Image] = lambda page: page
    save: dict[str, object] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    windowed: bool = False


def _sixteen_bits(page: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(page.convert("L")).astype(np.uint16) * np.uint16(257))


def _with_alpha(page: Image.Image) -> Image.Image:
    page = page.copy()
    page.putalpha(page.convert("L").point(lambda level: 255 - level))
    return page


KINDS = {
    "png": Kind(),
    "transparent": Kind(options=("--transparent",)),
    "crop": Kind(options=("--crop",)),
    "raw": Kind(options=("--raw",)),
    "16-bit": Kind(store=_sixteen_bits),
    "alpha": Kind(store=_with_alpha),
    "cmyk": Kind(".tif", lambda page: page.convert("CMYK")),
    "jpeg": Kind(".jpg"),
    "jpeg-turned": Kind(
        ".jpg", lambda page: page.transpose(Image.Transpose.ROTATE_90), {"turn": 6}
    ),
    "windows": Kind(windowed=True),
}


def main() -> None:
    """Measure and print a table."""
    args = _arguments()
    print(f"{'':24}{'pixels':>14}{'peak MB':>10}{'bytes/pixel':>13}{'seconds':>9}{'CPU s':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        for megapixels in args.megapixels:
            page = draw_page(megapixels)
            for name in args.kinds:
                source, target = (
                    Path(scratch, "page" + KINDS[name].suffix),
                    Path(scratch, "out.png"),
                )
                _store(page, KINDS[name], source)
                peak, seconds, busy = run(_command(KINDS[name], source, target, args.runtime))
                size = f"{page.width}x{page.height}"
                per_pixel = peak / (page.width * page.height)
                print(
                    f"{name:24}{size:>14}{peak / 1e6:10.0f}{per_pixel:13.1f}"
                    f"{seconds:9.2f}{busy:8.2f}",
                    flush=True,
                )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[20, 49.9])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--runtime", default="onnx", choices=("onnx", "openvino", "torch"))
    return parser.parse_args()


def draw_page(megapixels: float) -> Image.Image:
    """Draw a sheet with four signatures of 60 mm, lines of print, rules, and grain."""
    rng = np.random.default_rng(0)
    width = round((megapixels * 1e6 / ASPECT) ** 0.5)
    height = int(width * ASPECT)
    page = Image.new("RGB", (width, height), (247, 244, 236))
    draw = ImageDraw.Draw(page)
    for y in range(height // 20, height, height // 40):
        text = "whereas the party of the first part agrees " * 2
        draw.text((width // 12, y), text, fill=(40, 40, 40), font_size=height // 110)
    for place in range(4):
        left, top = width // 10 + (place % 2) * width // 2, height * (2 + place) // 8
        signature = draw_signature(rng, 1000).resize((width * 60 // 210, width * 24 // 210))
        page.paste(signature, (left, top))
        line = top + signature.height * 3 // 4
        draw.line((left, line, left + signature.width, line), fill=(30, 30, 30), width=width // 800)
    for top in range(0, height, 512):
        part = np.asarray(page.crop((0, top, width, min(top + 512, height)))).astype(np.int16)
        grain = rng.integers(-4, 5, part.shape, np.int16)
        page.paste(Image.fromarray(np.clip(part + grain, 0, 255).astype(np.uint8)), (0, top))
    return page


def _store(page: Image.Image, kind: Kind, path: Path) -> None:
    options = dict(kind.save)
    if turn := options.pop("turn", None):
        exif = Image.Exif()
        exif[0x0112] = turn
        options["exif"] = exif
    dpi = round(page.height / SHEET)
    kind.store(page).save(path, dpi=(dpi, dpi), **options)  # type: ignore[arg-type]


def _command(kind: Kind, source: Path, target: Path, runtime: str) -> list[str]:
    if kind.windowed:
        return [sys.executable, "-c", WINDOWED, str(source), str(target), runtime]
    cleaning = ["-m", "sigclean", "clean", str(source), "-o", str(target), "--runtime", runtime]
    return [sys.executable, *cleaning, *kind.options]


def run(command: list[str]) -> tuple[int, float, float]:
    """Run a process that must succeed; returns peak resident bytes, seconds, and CPU seconds."""
    begun = time.perf_counter()
    launched = [sys.executable, "-c", LAUNCHER, *command]
    done = subprocess.run(launched, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    peak, busy = done.stdout.split()
    return (
        int(peak) * (1 if sys.platform == "darwin" else 1024),
        (time.perf_counter() - begun),
        float(busy),
    )


if __name__ == "__main__":
    main()
