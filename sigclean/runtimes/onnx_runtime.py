"""The runtime onnx: generators on onnxruntime, which is imported in milliseconds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sigclean.errors import SigcleanError, WeightsError, reason
from sigclean.extras import require
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import WEIGHTS_FILE
from sigclean.model_files.onnx_file import METADATA_KEY, OnnxFacts
from sigclean.processes.hardware import network_threads
from sigclean.runtimes.interface import GraphRuntime

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
_PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "directml": "onnxruntime-directml",
    "coreml": "onnxruntime on a Mac",
}


def onnx_runtime(
    file: Path, device: str = "auto", threads: int | None = None, workers: int = 1
) -> tuple[GraphRuntime, ModelConfig]:
    """Load an ONNX file that `sigclean export` wrote; see `load_runtime`.

    Raises:
        WeightsError: the file is broken, sigclean did not write it, or it was made from other
            weights than those beside it.
        SigcleanError: onnxruntime, or its provider for the device, is not installed.
    """
    model, beside = read_parts(file)
    try:
        loaded = session(model, device, threads or network_threads(workers), beside)
    except SigcleanError:
        raise
    except Exception as error:  # onnxruntime has a class for every status
        raise WeightsError(f"{file} is broken or not an ONNX file") from error
    facts = OnnxFacts.from_json(loaded.get_modelmeta().custom_metadata_map.get(METADATA_KEY), file)
    chosen = "cpu" if device == "auto" else device
    runtime = GraphRuntime(
        lambda batch: loaded.run(None, {"noisy": batch})[0],
        facts.multiple,
        facts.takes_cuts,
        batches=chosen != "cpu",
        description=f"onnxruntime {_version()} on {chosen}",
    )
    return runtime, facts.model_config(file)


def _version() -> str:
    from onnxruntime import __version__

    return __version__


def read_parts(file: Path) -> tuple[bytes, dict[str, bytes]]:
    """Read an ONNX file, and by name the model.safetensors beside it, which it may need.

    Both are handed over in memory, since runtimes refuse to follow the links of the Hub's cache.
    Raises WeightsError if they cannot be read.
    """
    weights = file.with_name(WEIGHTS_FILE)
    try:
        beside = {WEIGHTS_FILE: weights.read_bytes()} if weights.is_file() else {}
        return file.read_bytes(), beside
    except OSError as error:
        raise WeightsError(f"{file} cannot be read: {reason(error)}") from error


def session(
    model: bytes, device: str, threads: int | None, beside: Mapping[str, bytes]
) -> InferenceSession:
    """Start onnxruntime on a graph.

    Args:
        model: the bytes of the ONNX file.
        device: "auto", or a key of `PROVIDERS`.
        threads: CPU threads for one picture; None for as many as this process may use.
        beside: the bytes of the files that the graph reads weights from, by name.

    Raises SigcleanError if onnxruntime, or its provider for the device, is not installed.
    """
    require("onnxruntime", extra="onnx", purpose="the runtime onnx")
    import onnxruntime

    provider = _provider(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or network_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only, which are raised as well
    if beside:
        options.add_external_initializers_from_files_in_memory(
            list(beside), list(beside.values()), [len(content) for content in beside.values()]
        )
    return onnxruntime.InferenceSession(model, options, providers=[(provider, _own_gpu(device))])


def _own_gpu(device: str) -> dict[str, str]:
    """Return the option for the GPU that LOCAL_RANK chooses: one for each local process."""
    rank = os.environ.get("LOCAL_RANK", "")
    return {"device_id": rank} if rank and device == "cuda" else {}


def _provider(device: str, available: list[str]) -> str:
    """Return the provider's name. Raises SigcleanError if this onnxruntime does not have it."""
    name = PROVIDERS.get("cpu" if device == "auto" else device)
    if name is None:
        raise SigcleanError(f"onnxruntime has no device {device!r}")
    if name not in available:
        raise SigcleanError(
            f"the device {device} is not available: this onnxruntime has no {name}, "
            f"which comes with {_PACKAGES.get(device, 'another build')}"
        )
    return name
