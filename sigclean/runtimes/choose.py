"""The choice of the runtime that computes a generator, and its start.

PyTorch serves every weights folder. onnxruntime and OpenVINO serve those that hold a `model.onnx`,
start in a fraction of the time, and are small to install.
"""

from pathlib import Path

from sigclean.errors import SigcleanError, WeightsError
from sigclean.extras import is_installed, require
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import ONNX_FILE
from sigclean.model_files.weights_folder import check_complete, read_folder
from sigclean.processes.hardware import cpu_has_bfloat16, gpu_may_exist, network_threads
from sigclean.runtimes.interface import Runtime

DEVICES = ("auto", "cpu", "cuda", "mps", "coreml", "directml")
RUNTIMES = ("auto", "torch", "onnx", "openvino")
_ONNX_DEVICES = ("coreml", "directml")  # devices that only onnxruntime can use


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
        runtime: "auto" takes the fastest installed one that serves these weights on this device.
        device: "auto" takes a GPU if there is one and PyTorch for it, otherwise the CPU.
        threads: CPU threads for one picture; by default all that this process may use, divided
            among the workers.
        workers: how many threads will call the runtime at once.

    Raises:
        WeightsError: the weights are missing or broken, or sigclean did not write them.
        SigcleanError: the requested runtime or device is not available. Another one is never
            taken in its place.
    """
    _check_known(runtime, device)
    chosen = _choose(weights, device) if runtime == "auto" else runtime
    if chosen == "torch":
        return _load_torch(weights, device, threads, workers)
    file = _graph_of(weights, chosen)
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
    """Return the fastest installed runtime that serves these weights on this device.

    No runtime is imported to find out: importing PyTorch alone takes seconds.
    """
    has_torch = is_installed("torch")
    has_graph = weights.is_file() or (weights / ONNX_FILE).is_file()
    if device in _ONNX_DEVICES:
        return "onnx"
    if has_torch and (device in ("cuda", "mps") or (device == "auto" and gpu_may_exist())):
        return "torch" if weights.is_dir() else "onnx"
    if has_graph and device in ("auto", "cpu") and _openvino_is_faster():
        return "openvino"
    if has_graph and is_installed("onnxruntime"):
        return "onnx"
    if has_torch:
        return "torch"
    if has_graph:
        raise SigcleanError(
            "no inference runtime is installed: pip install 'sigclean[onnx]', or 'sigclean[torch]'"
        )
    check_complete(weights, str(weights))
    raise SigcleanError(
        f"{weights} holds no {ONNX_FILE}, and without one only PyTorch can serve it: "
        "pip install 'sigclean[torch]'"
    )


def _openvino_is_faster() -> bool:
    """Tell whether OpenVINO is the fastest: on CPUs with bfloat16 it needs less than onnxruntime's
    time, on others twice as much."""
    return is_installed("openvino") and cpu_has_bfloat16()


def _graph_of(weights: Path, runtime: str) -> Path:
    """Return the ONNX file of the weights. Raises WeightsError if there is none."""
    file = weights if weights.is_file() else weights / ONNX_FILE
    if not file.is_file():
        check_complete(weights, str(weights))
        raise WeightsError(
            f"{weights} holds no {ONNX_FILE}, which the runtime {runtime} needs: make it with "
            f"`sigclean export --onnx {file} --weights {weights}`"
        )
    return file


def _load_torch(
    weights: Path, device: str, threads: int | None, workers: int
) -> tuple[Runtime, ModelConfig]:
    if weights.is_file():
        raise WeightsError(f"{weights} is an ONNX file: the runtime torch takes weights folders")
    require("torch", extra="torch", purpose="the runtime torch")
    from sigclean.runtimes.torch_runtime import torch_runtime

    generator, config = read_folder(weights)
    if threads is None and workers > 1:
        threads = network_threads(workers)
    return torch_runtime(generator, device, threads), config
