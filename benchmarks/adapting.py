"""Measure what adapting to a kind of document brings.

There are three kinds that the packaged model does badly on; each is learned from 200 scans without
truth, and measured on 60 pairs that only measure.

    python benchmarks/adapting.py --only before                  # how bad the packaged model is
    python benchmarks/adapting.py                                # and after trainings of 600 steps
    python benchmarks/adapting.py --steps 2000 --seconds 240 --beside 6      # all at once on a GPU
    python benchmarks/adapting.py --clean SIGNATURES             # real signatures, not drawn ones

Rows: the packaged model; after `train.py --adapt` on the scans alone; after `train.py --recipe
finetune` on the same scans with their truths, which is the ceiling. F, per cent, is that of
`sigclean evaluate`; "old" is F on the families of noise that the packaged model was trained on.
Scans, pairs and the clean signatures that adapting gets (200 others) share no signature.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from adapting_kinds import KINDS, Pair, make
from PIL import Image

from sigclean.cleaner import SignatureCleaner
from sigclean.corpus.placing import place
from sigclean.corpus.signatures import Source, open_clean
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.images import find_images
from sigclean.metrics import ink_scores
from sigclean.noise import FAMILIES, Material, compose, find_material

TRAIN = Path(__file__).parent.parent / "train.py"
STAGES = ("before", "adapted", "ceiling")
WIDTH = 700  # pixels of a drawn signature
PARTS = ("scans", "pairs", "clean", "old")  # each has signatures of its own
ENOUGH = 0.5, 0.2  # share of the gap to the ceiling to be closed, and points of F that may be lost


@dataclass(frozen=True)
class Row:
    """Figures of one model on one kind; F in per cent."""

    kind: str
    stage: str  # one of `STAGES`
    f: float
    worst: float  # mean F of the worst tenth
    recall: float
    precision: float
    old: float  # F on the families of noise of the packaged model
    seconds: float  # of the training


def main() -> None:
    """Make the documents, train, measure, and print a Markdown table."""
    args = parse_args()
    with TemporaryDirectory() as temporary:
        work = Path(args.work or temporary)
        signatures = Signatures(args.clean, args.seed)
        kinds = args.kinds.split(",")
        with ProcessPoolExecutor(args.beside) as pool:
            list(pool.map(partial(write_kind, work, signatures=signatures, args=args), kinds))
        old = old_pairs(signatures, args)
        jobs = [(kind, stage) for kind in kinds for stage in args.only.split(",")]
        with ThreadPoolExecutor(args.beside) as threads:
            took = list(threads.map(lambda job: train(work / slug(job[0]), job[1], args), jobs))
        rows = []
        for (kind, stage), seconds in zip(jobs, took, strict=True):
            rows.append(measure(work / slug(kind), kind, stage, old, seconds, args))
            if args.out:
                args.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))
        print_table(rows)


def parse_args() -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument("--only", default=",".join(STAGES), help=f"of {', '.join(STAGES)}")
    parser.add_argument("--clean", type=Path, help="folder of signatures; drawn ones without it")
    parser.add_argument("--scans", type=int, default=200, help="to train on, of each kind")
    parser.add_argument("--pairs", type=int, default=60, help="to measure on, of each kind")
    parser.add_argument("--old", type=int, default=5, help="pictures of each old family")
    parser.add_argument("--steps", type=int, default=600, help="of each training, of 8 pictures")
    parser.add_argument(
        "--seconds", type=int, default=0, help="after which a training ends; 0 = all"
    )
    parser.add_argument("--beside", type=int, default=1, help="trainings at a time")
    parser.add_argument("--train-options", default="", help="more options of train.py, in one text")
    parser.add_argument("--work", help="folder to keep documents and runs in")
    parser.add_argument("--out", type=Path, help="file for the figures, JSON")
    parser.add_argument("--seed", type=int, default=17)
    return parser.parse_args()


# --- documents ----------------------------------------------------------------------------------


class Signatures:
    """Clean signatures, drawn or of a folder, divided so that no two parts share one."""

    def __init__(self, folder: Path | None, seed: int) -> None:
        self.seed = seed
        self.files = find_images(folder) if folder else []
        np.random.default_rng(seed).shuffle(self.files)

    def take(self, part: str, count: int) -> list[Image.Image]:
        """The first signatures of a part, one of `PARTS`, over again if there are too few."""
        place = PARTS.index(part)
        if not self.files:
            seeds = [(self.seed, place, number) for number in range(count)]
            return [draw_signature(np.random.default_rng(one), WIDTH) for one in seeds]
        mine = list(readable(self.files[place :: len(PARTS)], count))
        return [mine[number % len(mine)] for number in range(count)]


def readable(files: Iterable[Path], count: int) -> Iterable[Image.Image]:
    """The first pictures that are ink on white paper."""
    for path in files:
        if count == 0:
            return
        try:
            yield open_clean(Source(str(path), path), 0)
        except SigcleanError:
            continue
        count -= 1


def write_kind(work: Path, kind: str, *, signatures: Signatures, args: argparse.Namespace) -> None:
    """Write what each stage gets: `scans` without truths, the same as pairs, `clean` signatures,
    and `test`, the pairs that measure."""
    folder = work / slug(kind)
    scans = documents(kind, signatures.take("scans", args.scans), args.seed, 0)
    for number, (noisy, truth) in enumerate(scans):
        save(noisy, folder / "scans" / f"{number:04d}.png")
        save(noisy, folder / "paired/trainB" / f"{number:04d}.png")
        save(truth, folder / "paired/trainA" / f"{number:04d}.png")
    for number, clean in enumerate(signatures.take("clean", args.scans)):
        rng = np.random.default_rng((args.seed, number))
        save(place(rng, clean), folder / "clean" / f"{number:04d}.png")
    pairs = documents(kind, signatures.take("pairs", args.pairs), args.seed, 1)
    for number, (noisy, truth) in enumerate(pairs):
        save(noisy, folder / "test/noisy" / f"{number:04d}.png")
        save(truth, folder / "test/truth" / f"{number:04d}.png")


def documents(kind: str, cleans: Sequence[Image.Image], seed: int, part: int) -> list[Pair]:
    """Put each signature on a document of its own."""
    name = list(KINDS).index(kind)
    return [
        make(kind, np.random.default_rng((seed, name, part, number)), clean)
        for number, clean in enumerate(cleans)
    ]


def old_pairs(signatures: Signatures, args: argparse.Namespace) -> list[Pair]:
    """Pairs of every family of noise, alone, made without files."""
    material = Material(fonts=find_material().fonts)
    cleans = signatures.take("old", args.old * len(FAMILIES))
    pairs = []
    for number, clean in enumerate(cleans):
        rng = np.random.default_rng((args.seed, number))
        family = (FAMILIES[number % len(FAMILIES)],)
        made = compose(rng, family, place(rng, clean), material)
        pairs.append((Image.fromarray(made[0]), Image.fromarray(made[1])))
    return pairs


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture, and its folder where it does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, compress_level=1)


def slug(kind: str) -> str:
    """The kind as the name of a folder."""
    return kind.replace(" ", "_")


# --- training and measuring ---------------------------------------------------------------------


def train(folder: Path, stage: str, args: argparse.Namespace) -> float:
    """Train the model of a stage, and return the seconds it took."""
    if stage == "before":
        return 0.0
    data = (
        ["--adapt", str(folder / "scans"), "--dataroot", str(folder / "clean")]
        if stage == "adapted"
        else ["--recipe", "finetune", "--dataroot", str(folder / "paired")]
    )
    command = [
        sys.executable, str(TRAIN), *data, "--output_dir", str(folder / stage),
        "--max_train_seconds", str(args.seconds), "--max_train_steps", str(args.steps),
        "--hub_onnx", "false", *args.train_options.split(),
    ]  # fmt: skip
    began = time.time()
    with (folder / f"{stage}.log").open("w") as log:
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if status.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{(folder / f'{stage}.log').read_text()}")
    return time.time() - began


def measure(
    folder: Path, kind: str, stage: str, old: Sequence[Pair], seconds: float,
    args: argparse.Namespace,
) -> Row:  # fmt: skip
    """Clean the pairs of a kind and the old ones with the model of a stage."""
    weights = None if stage == "before" else folder / stage / "G_B"
    cleaner = SignatureCleaner.from_pretrained(weights)
    names = sorted(path.name for path in (folder / "test/noisy").iterdir())
    pairs = [[Image.open(folder / "test" / side / name) for side in ("noisy", "truth")]
             for name in names]  # fmt: skip
    scores = [ink_scores(cleaner(noisy), truth) for noisy, truth in pairs]
    f = np.sort([100 * score.f for score in scores])
    recall, precision = (
        100 * float(np.mean([getattr(score, name) for score in scores]))
        for name in ("recall", "precision")
    )
    before = [100 * ink_scores(cleaner(noisy), truth).f for noisy, truth in old]
    worst = f[: max(len(f) // 10, 1)].mean()
    return Row(
        kind, stage, float(f.mean()), float(worst), recall, precision, float(np.mean(before)),
        seconds,
    )  # fmt: skip


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows as Markdown, and for each kind how much of the gap was closed."""
    print("| kind | model | F | worst tenth | recall | precision | F, old families | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        figures = (row.f, row.worst, row.recall, row.precision, row.old)
        cells = " | ".join(f"{figure:.1f}" for figure in figures)
        print(f"| {row.kind} | {row.stage} | {cells} | {row.seconds:.0f} |")
    for kind in dict.fromkeys(row.kind for row in rows):
        found = {row.stage: row for row in rows if row.kind == kind}
        if len(found) == len(STAGES):
            print_verdict(kind, *(found[stage] for stage in STAGES))


def print_verdict(kind: str, before: Row, adapted: Row, ceiling: Row) -> None:
    """Say how much of the way to the ceiling was made, and what was forgotten."""
    share = (adapted.f - before.f) / max(ceiling.f - before.f, 1e-9)
    lost = before.old - adapted.old
    reached = share >= ENOUGH[0] and lost <= ENOUGH[1]
    print(
        f"{kind}: {share:.0%} of the gap to the ceiling, {lost:.1f} points of F lost on the old "
        f"families: the aim is {'reached' if reached else 'missed'}"
    )


if __name__ == "__main__":
    main()
