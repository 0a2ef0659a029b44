"""Milliseconds of the generators, of the whole cleaning call, and of start-up, in one run.

    python benchmarks/speed.py                 # 2 threads, as a free Space has
    python benchmarks/speed.py --repeats 9

The rounds are interleaved, so that what else the machine does slows all rows alike. Weights are
random: they do not change the time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
import torch
from PIL import Image

from sigclean.cleaner import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.letterbox import Letterbox
from sigclean.networks import build_generator
from sigclean.torch_runtime import torch_runtime

SIZE = 512  # pixels
FAST_PER_SLOW = 5  # runs of everything else for each run of the ResNet, which takes seconds

IMPORT = "import time; t = time.perf_counter(); import sigclean; print(time.perf_counter() - t)"


def main() -> None:
    """Measure and print a table."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    picture = draw_signature(rng, width=args.width, height=args.width * 2 // 5)

    milliseconds = measure(picture, args.repeats)
    network = milliseconds["eraser"]
    print(f"median of {args.repeats} rounds, {args.threads} threads, torch {torch.__version__}")
    for name, value in milliseconds.items():
        print(f"{name:44}{value:10.1f} ms{value / network:8.1f} x eraser")
    for name, value in start_up(args.repeats).items():
        print(f"{name:44}{value:10.1f} ms")


def parse_args() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=int, default=1200, help="of the picture to clean, pixels")
    return parser.parse_args()


def measure(picture: Image.Image, repeats: int) -> dict[str, float]:
    """Median milliseconds of each network at 512x512, and of cleaning a picture."""
    eraser, resnet = (
        torch_runtime(build_generator(name), "cpu") for name in ("eraser", "resnet_9blocks")
    )
    cleaner = SignatureCleaner(eraser, Letterbox(SIZE))
    batch = np.random.default_rng(0).uniform(-1, 1, (1, 3, SIZE, SIZE)).astype(np.float32)
    whole = f"cleaner(image), {picture.width}x{picture.height}"
    fast: dict[str, Callable[[], object]] = {
        "eraser": lambda: eraser.keep(batch),
        whole: lambda: cleaner(picture),
    }
    slow: dict[str, Callable[[], object]] = {"resnet_9blocks": lambda: resnet.paint(batch)}
    for run in (*fast.values(), *slow.values()):
        run()  # the first run of each allocates, and chooses its kernels
    times: dict[str, list[float]] = {name: [] for name in (*fast, *slow)}
    for _ in range(repeats):
        for runs, count in ((fast, FAST_PER_SLOW), (slow, 1)):
            for name, run in list(runs.items()) * count:
                times[name].append(timed(run))
    return {name: median(values) for name, values in times.items()}


def start_up(repeats: int) -> dict[str, float]:
    """Median milliseconds of `import sigclean` in a fresh process, and of `sigclean --help`."""
    imported = [float(python("-c", IMPORT)) * 1000 for _ in range(repeats)]
    helped = [timed(lambda: python("-m", "sigclean", "--help")) for _ in range(repeats)]
    return {"import sigclean": median(imported), "sigclean --help (whole process)": median(helped)}


def timed(run: Callable[[], object]) -> float:
    """Milliseconds that one call takes."""
    start = perf_counter()
    run()
    return (perf_counter() - start) * 1000


def python(*arguments: str) -> str:
    """What a fresh Python prints."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
