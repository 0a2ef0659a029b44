"""Measure what cleaning costs: networks, calls, start-up, batches, sizes and memory, in one run.

    python benchmarks/cleaning.py                      # all tables; about six minutes on two cores
    python benchmarks/cleaning.py --only network whole
    python benchmarks/cleaning.py --plot docs/speed.png
    python benchmarks/cleaning.py --device cuda --only network batches

Figures are medians of rounds, and are also compared with `resnet_9blocks` in eager PyTorch on the
512x512 square, measured in the same rounds: other work of the machine slows all rows alike. The
weights of `resnet_9blocks` are random, which does not change the time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import numpy as np
import torch
from PIL import Image

from sigclean.arrays import Float
from sigclean.cleaner import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.export.onnx import write_onnx
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import DEFAULT_WEIGHTS
from sigclean.model_files.weights_folder import save_generator
from sigclean.networks.build import build_generator
from sigclean.networks.interface import KeepMapGenerator
from sigclean.processes.hardware import usable_cores
from sigclean.runtimes.choose import load_runtime
from sigclean.runtimes.interface import Runtime
from sigclean.runtimes.torch_runtime import TorchRuntime

SQUARE = 512  # pixels of a side
WIDE = (192, 512)  # height and width that the eraser is shown of a 512x171 picture
WIDTHS = (128, 256, 512, 1024, 2048, 4096)  # pixels; pictures are three times as wide as high
BATCHES = (1, 2, 4, 8, 16, 32)
PAUSE = 0.3  # seconds between two jobs
REPEATS, LONG = 9, 0.2  # most runs of a job in a round, and most seconds for them after the first
REFERENCE = "resnet_9blocks, torch eager"
SECTIONS = ("network", "whole", "start", "batches", "memory")

Table = dict[str, float]
Jobs = Mapping[str, Callable[[], object]]


def main() -> None:
    """Measure the chosen sections and print them as Markdown."""
    args = parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    print(f"{args.threads} threads, {args.rounds} rounds, device {args.device}\n")
    with TemporaryDirectory(prefix="sigclean-") as folder:
        models = {"eraser": DEFAULT_WEIGHTS, "resnet_9blocks": resnet_folder(Path(folder))}
        engines = load_engines(models, args)
        reference = square_of(engines[REFERENCE])
        drawn: dict[str, Table] = {}
        if "network" in args.only:
            drawn["network"] = network(engines, reference, args)
        if "whole" in args.only:
            drawn["whole"] = whole(engines, reference, args)
        if "start" in args.only:
            start(Path(folder), args)
        if "batches" in args.only:
            batches(engines, args)
        if "memory" in args.only:
            memory(Path(folder), args)
    if args.plot and len(drawn) == 2:
        plot(drawn["network"], drawn["whole"], args.plot)


def parse_args() -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--compile", action="store_true", help="torch.compile too; takes minutes")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="needs network and whole")
    return parser.parse_args()


def resnet_folder(folder: Path) -> Path:
    """Write a weights folder of an untrained `resnet_9blocks`."""
    config = ModelConfig("resnet_9blocks")
    return save_generator(build_generator(config.generator), config, folder / "resnet_9blocks")


def load_engines(models: Mapping[str, Path], args: argparse.Namespace) -> dict[str, Runtime]:
    """Load every network on every installed engine; keys are the names in the tables."""
    engines: dict[str, Runtime] = {}
    for name, folder in models.items():
        eager, _ = load_runtime(folder, "torch", args.device, args.threads)
        engines[f"{name}, torch eager"] = eager
        if args.compile:
            assert isinstance(eager, TorchRuntime)
            engines[f"{name}, torch compiled"] = compiled(eager)
        for engine in ("onnx", "openvino"):
            try:
                if not (folder / "model.onnx").exists():
                    write_onnx(folder)
                loaded, _ = load_runtime(folder, engine, args.device, args.threads)
            except SigcleanError as error:
                print(f"left out: {name} on {engine}: {error}")
                continue
            engines[f"{name}, {loaded.description}"] = loaded
    return engines


def compiled(eager: TorchRuntime) -> TorchRuntime:
    """The same, its function through torch.compile."""
    generator = deepcopy(eager.generator)
    name = "keep_map" if isinstance(generator, KeepMapGenerator) else "forward"
    setattr(generator, name, torch.compile(getattr(eager.generator, name), dynamic=True))
    return TorchRuntime(generator, eager.device)


def square_of(runtime: Runtime) -> Callable[[], Float]:
    """Return a function that runs the network on the whole 512x512 square."""
    x = noise(1, SQUARE, SQUARE)
    return lambda: runtime.paint(x)


def noise(count: int, height: int, width: int) -> Float:
    """A batch of random pictures."""
    shape = (count, 3, height, width)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def timed(jobs: Jobs, rounds: int) -> Table:
    """Return the median milliseconds of each job; the rounds are interleaved.

    Threads of an engine busy-wait for more work for a while. So each job comes after a pause, in
    which those of the last engine fall asleep, and a run that wakes its own and is not counted.
    """
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            sleep(PAUSE)
            job()
            begun = perf_counter()
            job()
            first = perf_counter() - begun
            repeats = min(REPEATS, int(LONG / first))
            for _ in range(repeats):
                job()
            times[name].append(1000 * (perf_counter() - begun) / (1 + repeats))
    return {name: median(values) for name, values in times.items()}


def network(
    engines: Mapping[str, Runtime], reference: Callable[[], object], args: argparse.Namespace
) -> Table:
    """Measure the network alone, on a 3:1 signature and on the square."""
    wide, square = noise(1, *WIDE), noise(1, SQUARE, SQUARE)
    jobs: dict[str, Callable[[], object]] = {"reference": reference}
    for name, runtime in engines.items():
        if runtime.takes_cuts:
            jobs[f"{name}, 3:1"] = partial(runtime.keep, wide)
        jobs[f"{name}, 1:1"] = partial(runtime.keep, square)
    return show("network alone, one picture", timed(jobs, args.rounds))


def whole(
    engines: Mapping[str, Runtime], reference: Callable[[], object], args: argparse.Namespace
) -> Table:
    """Measure `cleaner(picture)` by the picture's size, and milliseconds for each megapixel."""
    jobs: dict[str, Callable[[], object]] = {"reference": reference}
    for name, runtime in engines.items():
        if name.startswith("eraser"):
            cleaner = SignatureCleaner(runtime)
            for width in WIDTHS:
                jobs[f"{name}, {width}x{width // 3}"] = partial(cleaner, signature(width))
    return show("whole call, a 3:1 picture", timed(jobs, args.rounds))


def show(title: str, milliseconds: Table) -> Table:
    """Print a table of milliseconds and of speed-ups over `REFERENCE`."""
    reference = milliseconds["reference"]
    print(f"## {title}\n\n| | ms | speed-up over {REFERENCE} at 512x512 |\n|---|---|---|")
    for name, value in milliseconds.items():
        print(f"| {name} | {value:.1f} | {reference / value:.1f} times as long |")
    print()
    return milliseconds


def start(folder: Path, args: argparse.Namespace) -> None:
    """Measure the seconds of `sigclean clean one.png`, the start of Python included."""
    source = folder / "one.png"
    signature(SQUARE).save(source)
    jobs = {f"--runtime {name}": partial(command, source, name) for name in installed()}
    print("## cold start, `sigclean clean one.png` of 512x170\n\n| | seconds |\n|---|---|")
    for name, value in timed(jobs, max(3, args.rounds // 2)).items():
        print(f"| {name} | {value / 1000:.2f} |")
    print()


def installed() -> list[str]:
    """Return the runtimes that can be loaded here."""
    found = []
    for name in ("torch", "onnx", "openvino"):
        try:
            load_runtime(DEFAULT_WEIGHTS, name, "cpu")
        except SigcleanError:
            continue
        found.append(name)
    return found


def command(source: Path, runtime: str) -> None:
    """Run the command line in a process of its own."""
    target = str(source.with_name("cleaned.png"))
    arguments = ["clean", str(source), "-o", target, "--runtime", runtime, "--device", "cpu"]
    subprocess.run([sys.executable, "-m", "sigclean", *arguments], check=True)


def batches(engines: Mapping[str, Runtime], args: argparse.Namespace) -> None:
    """Measure pictures a second, by the number of pictures in a call."""
    print("## pictures of 512x170 a second, whole calls, by batch\n")
    print(f"| | {' | '.join(map(str, BATCHES))} |\n|---|{'---|' * len(BATCHES)}")
    picture = signature(SQUARE)
    for name, runtime in engines.items():
        if not name.startswith("eraser"):
            continue
        cleaner = SignatureCleaner(runtime)
        jobs = {
            str(count): partial(cleaner, [picture] * count, batch_size=count) for count in BATCHES
        }
        times = timed(jobs, max(3, args.rounds // 2))
        rates = [1000 * int(count) / value for count, value in times.items()]
        print(f"| {name} | {' | '.join(f'{rate:.0f}' for rate in rates)} |")
    print()


def memory(folder: Path, args: argparse.Namespace) -> None:
    """Measure the peak memory of a process that cleans one picture, by runtime and size."""
    print("## peak memory of `sigclean clean one.png`, MiB\n")
    print(f"| | {' | '.join(f'{width} wide' for width in WIDTHS)} |\n|---|{'---|' * len(WIDTHS)}")
    for name in installed():
        peaks = []
        for width in WIDTHS:
            source = folder / f"{width}.png"
            signature(width).save(source)
            peaks.append(peak(source, name))
        print(f"| --runtime {name} | {' | '.join(f'{value:.0f}' for value in peaks)} |")
    print()


def peak(source: Path, runtime: str) -> float:
    """Return the peak MiB of a child that cleans one picture. Linux only: the system's own figure
    for a child includes the peak of its parent."""
    script = (
        "import sys; from sigclean.cli import main; main(sys.argv[1:]);"
        "print(*[line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line])"
    )
    target = str(source.with_name("cleaned.png"))
    arguments = ["clean", str(source), "-o", target, "--runtime", runtime, "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[-1]) / 1024


def signature(width: int) -> Image.Image:
    """A drawn signature, three times as wide as high."""
    return draw_signature(np.random.default_rng(0), width=width, height=width // 3)


def plot(alone: Table, calls: Table, path: Path) -> None:
    """Draw two panels: speed-ups over `REFERENCE`, and milliseconds by size."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    bars(left, {name: value for name, value in alone.items() if name != "reference"}, alone)
    for name, line in lines(calls).items():
        widths = sorted(line)
        pixels = [width * (width // 3) / 1e6 for width in widths]
        right.loglog(pixels, [line[width] for width in widths], marker="o", label=name)
    right.set(xlabel="megapixels of the picture", ylabel="ms", title="whole call, 3:1 pictures")
    right.legend(fontsize=7)
    right.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    print(f"plot: {path}")


def bars(axes: object, values: Table, alone: Table) -> None:
    """Draw the speed-up of each network."""
    names = [name for name in values if name.startswith("eraser")]
    names.append("resnet_9blocks, torch eager, 1:1")
    ratios = [alone["reference"] / values[name] for name in names if name in values]
    shown = [name for name in names if name in values]
    axes.barh(shown[::-1], ratios[::-1], color="#4f46e5")  # type: ignore[attr-defined]
    axes.set(  # type: ignore[attr-defined]
        title="network alone, times as fast as resnet_9blocks\n(eager PyTorch, 512x512)"
    )
    axes.tick_params(axis="y", labelsize=7)  # type: ignore[attr-defined]
    axes.grid(axis="x", alpha=0.3)  # type: ignore[attr-defined]


def lines(calls: Table) -> dict[str, dict[int, float]]:
    """Draw milliseconds by width, for each engine."""
    found: dict[str, dict[int, float]] = {}
    for name, value in calls.items():
        if name != "reference":
            engine, size = name.rsplit(", ", 1)
            found.setdefault(engine.removeprefix("eraser, "), {})[int(size.split("x")[0])] = value
    return found


if __name__ == "__main__":
    main()
