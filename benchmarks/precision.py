"""Measure what lower precision saves of the network's time, and what it costs in quality.

    python benchmarks/precision.py                                  # drawn signatures
    python benchmarks/precision.py --clean SIGNATURES --count 20    # your own, with made noise

Compares float32, bfloat16 and int8 on onnxruntime and OpenVINO, with the same weights and pictures.
The int8 graph is calibrated (percentiles of the activations, per channel) on other noisy pictures
than it is measured on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import numpy as np
from cleaning import WIDE, timed
from PIL import Image

from sigclean.arrays import Float
from sigclean.cleaner import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.evaluation.cases import chosen_families, noise_cases
from sigclean.export.onnx import write_onnx
from sigclean.metrics import ink_scores
from sigclean.model_files.names import DEFAULT_WEIGHTS
from sigclean.noise.page import Material
from sigclean.processes.hardware import usable_cores
from sigclean.runtimes.interface import Runtime
from sigclean.runtimes.onnx_runtime import onnx_runtime
from sigclean.runtimes.openvino_runtime import openvino_runtime

CALIBRATING = 24  # pictures


def main() -> None:
    """Measure and print a table."""
    args = parse_args()
    with TemporaryDirectory(prefix="sigclean-") as name:
        folder = Path(name)
        clean = args.clean or drawn(folder / "drawn", args.count)
        pictures = list(noisy_pairs(clean, args.count, seed=7))
        graph = write_onnx(DEFAULT_WEIGHTS, folder / "float32.onnx").path
        small = quantised(graph, folder / "int8.onnx", clean)
        engines = load(graph, small, args.threads)
        x = np.random.default_rng(0).uniform(-1, 1, (1, 3, *WIDE)).astype(np.float32)
        jobs = {label: partial(runtime.keep, x) for label, runtime in engines.items()}
        times = timed(jobs, args.rounds)
        print(f"{len(pictures)} pictures, {args.threads} threads\n")
        print("| | network, 512x171 | ink F, % | worst tenth |\n|---|---|---|---|")
        for label, runtime in engines.items():
            scores = sorted(quality(SignatureCleaner(runtime), pictures))
            worst = fmean(scores[: max(1, len(scores) // 10)])
            print(f"| {label} | {times[label]:.1f} ms | {fmean(scores):.2f} | {worst:.2f} |")


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clean", type=Path, help="clean signatures; else they are drawn")
    parser.add_argument("--count", type=int, default=10, help="signatures, each with all noise")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def drawn(folder: Path, count: int) -> Path:
    """Draw signatures into a folder."""
    folder.mkdir()
    for number in range(count):
        draw_signature(np.random.default_rng(number), 600, 260).save(folder / f"{number}.png")
    return folder


def noisy_pairs(clean: Path, count: int, seed: int) -> Iterator[tuple[Image.Image, Image.Image]]:
    """Make noisy pictures and their truth: every family of noise on `count` signatures."""
    for case in noise_cases(clean, chosen_families("all"), count, seed, Material()):
        pictures = case.load()
        assert pictures.truth is not None
        yield pictures.noisy, pictures.truth


def quantised(graph: Path, path: Path, clean: Path) -> Path:
    """Make the int8 graph: convolutions and additions on 8-bit numbers."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    runtime, _ = onnx_runtime(graph)
    cleaner = SignatureCleaner(runtime)
    views = [cleaner.prepare(noisy).shown for noisy, _ in noisy_pairs(clean, 2, seed=99)]

    class Views(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(views[:CALIBRATING])

        def get_next(self) -> dict[str, Float] | None:
            view = next(self.left, None)
            return None if view is None else {"noisy": view[None]}

    prepared = path.with_name("prepared.onnx")
    with redirect_stdout(StringIO()):
        quant_pre_process(str(graph), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(path),
            Views(),
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Add"],
        )
    return path


def load(graph: Path, small: Path, threads: int) -> dict[str, Runtime]:
    """Load the installed engines; keys are their names in the table."""
    makers: dict[str, Callable[[], Runtime]] = {
        "onnxruntime, float32": lambda: onnx_runtime(graph, threads=threads)[0],
        "onnxruntime, int8": lambda: onnx_runtime(small, threads=threads)[0],
        "OpenVINO, float32": lambda: openvino_runtime(graph, threads, precision="f32")[0],
        "OpenVINO, bfloat16": lambda: openvino_runtime(graph, threads, precision="bf16")[0],
        "OpenVINO, float16": lambda: openvino_runtime(graph, threads, precision="f16")[0],
        "OpenVINO, int8": lambda: openvino_runtime(small, threads, precision="f32")[0],
    }
    engines: dict[str, Runtime] = {}
    for label, make in makers.items():
        try:
            engines[label] = make()
        except SigcleanError as error:
            print(f"left out: {label}: {error}")
    return engines


def quality(
    cleaner: SignatureCleaner, pictures: list[tuple[Image.Image, Image.Image]]
) -> list[float]:
    """Measure the ink's F with a tolerance of one pixel, in per cent."""
    return [100 * ink_scores(cleaner(noisy), truth).f for noisy, truth in pictures]


if __name__ == "__main__":
    main()
