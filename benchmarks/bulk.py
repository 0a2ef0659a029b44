"""Clean thousands of pictures in one run, and again with `kill -9` in between.

    python benchmarks/bulk.py                                  # 300 pictures
    python benchmarks/bulk.py --count 10000 --plot docs/bulk-memory.svg
    python benchmarks/bulk.py --workers 1 --skip-kills         # to compare

Measures speed and memory, and compares the results. The pictures are drawn: some signatures under
noise, each turned into many by cuts, scales and shades, 250 to 1700 pixels wide. `sigclean clean`
runs as a process of its own, whose memory is sampled. Then it cleans into another folder and is
killed at random moments. Exits with 1 if the manifest lacks a picture or has it twice, or if a
result differs in a single byte.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]
from PIL import Image, ImageEnhance

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.noise import Material, compose, draw_families

BASES = 50  # drawn pictures, of which the others are made
EVERY = 0.25  # seconds between two samples of the memory
LOOKED_AT = 50  # results compared with those of the Python interface
FOLDER = 500  # pictures in a sub-folder


@dataclass(frozen=True)
class Sample:
    """The state of the process at one moment."""

    pictures: int
    megabytes: float
    processor: float  # seconds of CPU time so far


def main() -> int:
    """Make, clean, kill, compare. Returns the exit status."""
    args = parse_args()
    with tempfile.TemporaryDirectory(prefix="sigclean-") as scratch:
        folder = Path(args.folder or scratch)
        pictures = make_pictures(folder / "in", args.count, args.seed)
        samples, seconds = in_one_go(folder, args)
        report(samples, seconds, args.count)
        if args.plot:
            plot(samples, args.plot)
        problems = check(folder / "one.jsonl", folder / "one", pictures)
        problems += wrong(folder / "one.jsonl", args.runtime)
        if not args.skip_kills:
            kill_often(folder, args, seconds)
            problems += check(folder / "killed.jsonl", folder / "killed", pictures)
            problems += differences(folder / "one", folder / "killed")
        print(f"{len(problems)} problems: {problems[:3]}" if problems else "all is as it should be")
    return 1 if problems else 0


def parse_args() -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=300, help="of the pictures")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--skip-kills", action="store_true")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="for pictures and results, to keep them")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="of the memory")
    return parser.parse_args()


def make_pictures(folder: Path, count: int, seed: int) -> int:
    """Make `count` different files in sub-folders; existing ones are kept."""
    if folder.is_dir():
        return sum(1 for path in folder.rglob("*") if path.is_file())
    bases = [base(seed, number) for number in range(min(BASES, count))]
    for number in range(count):
        path = folder / f"{number // FOLDER:03}" / f"{number:06}.{'png' if number % 4 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([seed, 1, number])
        save = {"compress_level": 1} if path.suffix == ".png" else {"quality": 85}
        variant(bases[number % len(bases)], rng).save(path, **save)
    return count


def base(seed: int, number: int) -> Image.Image:
    """A drawn signature under noise."""
    rng = np.random.default_rng([seed, 0, number])
    width = int(rng.integers(300, 1400))
    clean = draw_signature(rng, width, int(width * rng.uniform(0.25, 0.6)))
    noisy, _ = compose(rng, draw_families(rng, "all"), clean, Material())
    return Image.fromarray(noisy)


def variant(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A version of the picture, cut, scaled and shaded a little."""
    left, top, right, bottom = rng.uniform(0, 0.05, 4) * (picture.size * 2)
    cut = picture.crop(
        (int(left), int(top), picture.width - int(right), picture.height - int(bottom))
    )
    scale = rng.uniform(0.8, 1.2)
    size = (max(8, round(cut.width * scale)), max(8, round(cut.height * scale)))
    shaded = ImageEnhance.Brightness(cut.resize(size, Image.Resampling.BILINEAR))
    return shaded.enhance(rng.uniform(0.85, 1.05))


def command(folder: Path, name: str, args: argparse.Namespace) -> list[str]:
    """`sigclean clean` into a folder and a manifest of this name."""
    words = ["clean", folder / "in", "-r", "-o", folder / name, "--skip-existing"]
    words += ["--manifest", folder / f"{name}.jsonl", "--runtime", args.runtime]
    words += ["--workers", args.workers]
    return [sys.executable, "-m", "sigclean", *map(str, words)]


def in_one_go(folder: Path, args: argparse.Namespace) -> tuple[list[Sample], float]:
    """Clean all; returns samples of the memory in use, and the seconds."""
    manifest, samples = Lines(folder / "one.jsonl"), []
    begun = time.perf_counter()
    process = psutil.Popen(command(folder, "one", args))
    while process.poll() is None:
        try:
            used = process.cpu_times()
            megabytes = process.memory_info().rss / 1e6
            samples.append(Sample(manifest.count(), megabytes, used.user + used.system))
        except psutil.NoSuchProcess:
            break
        time.sleep(EVERY)
    if process.wait():
        sys.exit("sigclean clean failed")
    return samples, time.perf_counter() - begun


class Lines:
    """A counter of the lines of a growing file."""

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._count = path, 0, 0

    def count(self) -> int:
        """Return the number of lines so far."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            self._read += len(new)
            self._count += new.count(b"\n")
        return self._count


def report(samples: Sequence[Sample], seconds: float, count: int) -> None:
    """Print the speed, and the memory in each tenth of the run."""
    print(f"{count} pictures in {seconds:.1f} s: {count / seconds:.1f} pictures a second")
    print(f"processor time: {1000 * samples[-1].processor / count:.1f} ms a picture")
    tenths = [
        max((one.megabytes for one in samples if tenth <= 10 * one.pictures / count < tenth + 1),
            default=0.0)
        for tenth in range(10)
    ]  # fmt: skip
    print("largest memory in each tenth, MB:", " ".join(f"{most:.0f}" for most in tenths))
    print(f"largest memory of all: {max(one.megabytes for one in samples):.0f} MB", flush=True)


def kill_often(folder: Path, args: argparse.Namespace, seconds: float) -> None:
    """Run and kill at a random moment, `kills` times; then run to the end."""
    rng = random.Random(args.seed)
    for _ in range(args.kills):
        with subprocess.Popen(
            command(folder, "killed", args), stderr=subprocess.DEVNULL
        ) as running:
            try:
                running.wait(rng.uniform(0.1, 0.9) * seconds / args.kills)
            except subprocess.TimeoutExpired:
                running.kill()
        there = sum(1 for _ in (folder / "killed").rglob("*.png"))
        drafts = sum(1 for _ in (folder / "killed").rglob(".*.tmp"))
        print(f"killed: {there} results, {drafts} half-written", flush=True)
    subprocess.run(command(folder, "killed", args), stderr=subprocess.DEVNULL, check=True)


def check(manifest: Path, results: Path, count: int) -> list[str]:
    """Describe the faults of a manifest and its results; empty if each picture is there once."""
    entries = [json.loads(line) for line in manifest.read_text().splitlines()]
    often = Counter(entry["source"] for entry in entries)
    problems = [f"{source} is there {times} times" for source, times in often.items() if times > 1]
    problems += [
        f"{entry['source']}: {entry['status']}" for entry in entries if entry["status"] != "cleaned"
    ]
    missing = [entry["target"] for entry in entries if not Path(entry["target"]).is_file()]
    problems += [f"{target} is missing" for target in missing]
    if len(often) != count:
        problems.append(f"{manifest} has {len(often)} pictures of {count}")
    files = sum(1 for path in results.rglob("*") if path.is_file())
    if files != count:
        problems.append(f"{results} has {files} files of {count}")
    return problems


def wrong(manifest: Path, runtime: str) -> list[str]:
    """Find results, among some pictures, that differ from those of the Python interface."""
    cleaner = SignatureCleaner.from_pretrained(runtime=runtime)
    entries = [json.loads(line) for line in manifest.read_text().splitlines()]
    found = []
    for entry in random.Random(0).sample(entries, min(LOOKED_AT, len(entries))):
        with Image.open(entry["target"]) as result:
            if not np.array_equal(result, cleaner(entry["source"])):
                found.append(f"{entry['target']} is not what Python makes")
    return found


def differences(one: Path, other: Path) -> list[str]:
    """Find the results whose bytes differ between the folders."""
    names = [path.relative_to(one) for path in one.rglob("*.png")]
    return [
        f"{name} differs"
        for name in names
        if not filecmp.cmp(one / name, other / name, shallow=False)
    ]


def plot(samples: Sequence[Sample], path: Path) -> None:
    """Draw the memory over the number of pictures, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "sigclean"  # the same figures give the same bytes
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
    axes.plot([one.pictures for one in samples], [one.megabytes for one in samples], linewidth=1)
    axes.set(xlabel="pictures cleaned", ylabel="memory, MB", ylim=(0, None), xlim=(0, None))
    axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
