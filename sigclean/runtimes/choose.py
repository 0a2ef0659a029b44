"""What carries a generator out, arrays in and arrays out, and which of them does.

PyTorch serves every weights folder; onnxruntime and OpenVINO serve those that hold a `model.onnx`,
start in a fraction of the time, and are small to install. The cleaner sees nothing of them.
"""

from __future__ import annotations

import os
import platform
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sigclean.arrays import Float
from sigclean.errors import SigcleanError, WeightsError
from sigclean.model_files.weights_folder import ONNX_FILE, check_complete
from sigclean.processes.hardware import network_threads

if TYPE_CHECKING:
    from sigclean.model_files.config import ModelConfig


DEVICES = ("auto", "cpu", "cuda", "mps", "coreml", "directml")
RUNTIMES = ("auto", "torch", "onnx", "openvino")
_ONNX_DEVICES = ("coreml", "directml")  # onnxruntime's alone
_BFLOAT16 = ("avx512_bf16", "amx_bf16")  # what Linux calls CPUs that multiply such numbers


class Runtime(Protocol):
    """A generator on some engine. Batches are NxCxHxW float32 in [-1, 1], RGB.

    Attributes:
        multiple: of what H and W must be multiples.
        takes_cuts: the letterbox's strips may be left away; else the whole square is needed.
        batches: a batch takes less time than its pictures one by one, as on GPUs.
    """

    @property
    def multiple(self) -> int: ...

    @property
    def takes_cuts(self) -> bool: ...

    @property
    def batches(self) -> bool: ...

    @property
    def description(self) -> str:
        """Engine and device, for people."""
        ...

    def keep(self, batch: Float) -> Float:
        """Nx3xHxW to NxHxW in [0, 1]: 1 where the signature's ink is."""
        ...

    def paint(self, batch: Float) -> Float:
        """Nx3xHxW to the same: the generator's own picture."""
        ...


def load_runtime(
    weights: Path,
    runtime: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    workers: int = 1,
) -> tuple[Runtime, ModelConfig]:
    """Make a model ready to serve.

    Args:
        weights: a weights folder, or an ONNX file that `sigclean export` wrote.
        runtime: auto takes the fastest that is installed and serves these weights on this device.
        device: auto takes a GPU if there is one and PyTorch for it, else the CPU.
        threads: that one picture may use; by default as many as this process may, divided among
            the workers.
        workers: threads that will call it at once.

    Raises:
        WeightsError: the weights are missing, broken, or not ours.
        SigcleanError: a runtime or device that was asked for is not there: never a silent fallback.
    """
    _check_known(runtime, device)
    chosen = _choose(weights, device) if runtime == "auto" else runtime
    if chosen == "torch":
        return _load_torch(weights, device, threads, workers)
    file = weights if weights.is_file() else weights / ONNX_FILE
    if not file.is_file():
        check_complete(weights, str(weights))
        raise WeightsError(
            f"{weights} holds no {ONNX_FILE}, which the runtime {chosen} needs: make it with "
            f"`sigclean export --onnx {file} --weights {weights}`"
        )
    if chosen == "openvino":
        if device not in ("auto", "cpu"):
            raise SigcleanError(f"the runtime openvino serves on the CPU only, not on {device}")
        from sigclean.runtimes.openvino_runtime import openvino_runtime

        return openvino_runtime(file, threads, workers)
    from sigclean.runtimes.onnx_runtime import onnx_runtime

    return onnx_runtime(file, device, threads, workers)


def _check_known(runtime: str, device: str) -> None:
    if runtime not in RUNTIMES:
        raise SigcleanError(f"unknown runtime {runtime!r}: choose one of {', '.join(RUNTIMES)}")
    if device not in DEVICES:
        raise SigcleanError(f"unknown device {device!r}: choose one of {', '.join(DEVICES)}")


def _choose(weights: Path, device: str) -> str:
    """The fastest runtime that is installed and serves these weights on this device.

    Nothing is imported to find out: PyTorch alone takes seconds.
    """
    torch_there = find_spec("torch") is not None
    has_onnx = weights.is_file() or (weights / ONNX_FILE).is_file()
    if device in _ONNX_DEVICES:
        return "onnx"
    if torch_there and (device in ("cuda", "mps") or (device == "auto" and gpu_may_exist())):
        return "torch" if weights.is_dir() else "onnx"
    if has_onnx and device in ("auto", "cpu") and _openvino_is_faster():
        return "openvino"
    if has_onnx and find_spec("onnxruntime") is not None:
        return "onnx"
    if torch_there:
        return "torch"
    if find_spec("onnxruntime") is None:
        raise SigcleanError(
            "there is nothing to compute with: pip install 'sigclean[onnx]', or 'sigclean[torch]'"
        )
    return "onnx"


def _openvino_is_faster() -> bool:
    """Where the CPU has bfloat16 it takes less than onnxruntime's time, elsewhere twice as much."""
    return find_spec("openvino") is not None and cpu_has_bfloat16()


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies matrices of bfloat16; False where the system does not say."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return any(name in flags for name in _BFLOAT16)


def gpu_may_exist() -> bool:
    """Whether there may be a GPU that PyTorch could use, told without importing it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    return (
        Path("/dev/nvidiactl").exists()
        or Path("/dev/kfd").exists()  # AMD's
        or Path("/dev/dxg").exists()  # of Windows, seen from its Linux
        or (platform.system() == "Windows" and shutil.which("nvidia-smi") is not None)
    )


def _load_torch(
    weights: Path, device: str, threads: int | None, workers: int
) -> tuple[Runtime, ModelConfig]:
    if weights.is_file():
        raise WeightsError(f"{weights} is an ONNX file: the runtime torch takes weights folders")
    if find_spec("torch") is None:
        raise SigcleanError("the runtime torch needs PyTorch: pip install 'sigclean[torch]'")
    from sigclean.model_files.weights_folder import read_folder
    from sigclean.runtimes.torch_runtime import torch_runtime

    generator, config = read_folder(weights)
    if threads is None and workers > 1:
        threads = network_threads(workers)
    return torch_runtime(generator, device, threads), config
