"""Packages that are not installed: each command says in one sentence which extra brings them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HIDE = "import sys; sys.modules.update(dict.fromkeys({hidden!r}))  # as if not installed\n"
RUN = "from sigclean.cli import main; sys.exit(main(sys.argv[1:]))"
RUNTIMES = ("onnxruntime", "openvino", "torch")


def without(hidden: tuple[str, ...], *words: str | Path) -> str:
    """The error of `sigclean` in an environment without these packages."""
    script = HIDE.format(hidden=hidden) + RUN
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("hidden", "words", "extra"),
    [
        ("torch", ("convert", "latest_net_G_B.pth", "-o", "weights"), "torch"),
        ("torch", ("export", "--pth", "latest_net_G_B.pth"), "torch"),
        ("onnxscript", ("export", "--onnx", "alone.onnx"), "export"),
        ("torch", ("export", "--onnx", "alone.onnx"), "export"),
        ("cv2", ("prepare", "signatures", "-o", "data"), "train"),
        ("torchmetrics", ("evaluate", "--noisy", "scans", "-o", "report"), "evaluate"),
        ("torch", ("evaluate", "--noisy", "scans", "-o", "report"), "evaluate"),
        ("gradio", ("demo",), "demo"),
        ("pyarrow", ("clean", "scans.parquet", "-o", "clean.parquet"), "shards"),
        ("datasets", ("clean", "--dataset", "user/scans", "-o", "clean"), "shards"),
        ("vtracer", ("clean", "my scan.png", "--svg"), "svg"),
        ("torch", ("clean", "my scan.png", "--runtime", "torch"), "torch"),
        ("onnxruntime", ("clean", "my scan.png", "--runtime", "onnx"), "onnx"),
        ("openvino", ("clean", "my scan.png", "--runtime", "openvino"), "openvino"),
    ],
)
def test_a_command_names_the_extra_that_it_needs(
    hidden: str,
    words: tuple[str, ...],
    extra: str,
    noisy_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(noisy_file.parent)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    Path("scans.parquet").touch()
    said = without((hidden,), *words)
    assert f"needs {hidden}: pip install 'sigclean[{extra}]'" in said


def test_weights_without_a_graph_name_the_extra_that_serves_them(
    noisy_file: Path, eraser_weights: Path
) -> None:
    assert without(("torch",), "clean", noisy_file, "--weights", eraser_weights) == (
        f"sigclean: error: {eraser_weights} holds no model.onnx, and without one only PyTorch can "
        "serve it: pip install 'sigclean[torch]'\n"
    )


def test_without_any_runtime_the_extras_that_bring_one_are_named(noisy_file: Path) -> None:
    assert without(RUNTIMES, "clean", noisy_file) == (
        "sigclean: error: no inference runtime is installed: pip install 'sigclean[onnx]', or "
        "'sigclean[torch]'\n"
    )
