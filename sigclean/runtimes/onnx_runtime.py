"""Generators carried out by onnxruntime, without PyTorch: an import of milliseconds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sigclean.errors import SigcleanError, WeightsError, reason
from sigclean.model_files.onnx_file import METADATA_KEY, OnnxFacts, check_weights
from sigclean.model_files.weights_folder import WEIGHTS_FILE
from sigclean.processes.hardware import network_threads
from sigclean.runtimes.choose import Float
from sigclean.runtimes.graph_runtime import GraphRuntime

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from sigclean.model_files.config import ModelConfig

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


@dataclass(frozen=True)
class OnnxRuntime(GraphRuntime):
    """A session of onnxruntime. See `Runtime`; threads may share it."""

    session: InferenceSession
    device: str

    @property
    def batches(self) -> bool:
        """See `Runtime`."""
        return self.device != "cpu"

    @property
    def description(self) -> str:
        """See `Runtime`."""
        from onnxruntime import __version__

        return f"onnxruntime {__version__} on {self.device}"

    def _run(self, batch: Float) -> Float:
        """Picture by picture on a CPU: as fast as a batch, and equal to the last bit."""
        at_once = len(batch) if self.batches else 1
        parts = [batch[start : start + at_once] for start in range(0, len(batch), at_once)]
        results = [self.session.run(None, {"noisy": part})[0] for part in parts]
        return np.concatenate(results) if len(results) > 1 else results[0]


def onnx_runtime(
    file: Path, device: str = "auto", threads: int | None = None, workers: int = 1
) -> tuple[OnnxRuntime, ModelConfig]:
    """Load an ONNX file that `sigclean export` wrote; see `load_runtime`.

    Raises:
        WeightsError: it is broken, none of ours, or the weights beside it are others.
        SigcleanError: onnxruntime, or its provider for the device, is not installed.
    """
    model, beside = read_parts(file)
    try:
        loaded = session(model, device, threads or network_threads(workers), beside)
    except SigcleanError:
        raise
    except Exception as error:  # onnxruntime has a class of its own for every status
        raise WeightsError(f"{file} is broken or not an ONNX file") from error
    facts = OnnxFacts.from_json(loaded.get_modelmeta().custom_metadata_map.get(METADATA_KEY), file)
    check_weights(facts, file)
    chosen = "cpu" if device == "auto" else device
    return OnnxRuntime(facts, loaded, chosen), facts.model_config(file)


def read_parts(file: Path) -> tuple[bytes, dict[str, bytes]]:
    """The bytes of an ONNX file, and those of a model.safetensors beside it, which it may need.

    They are handed over in memory: runtimes refuse to follow the links of the Hub's cache.
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
    """A session for the bytes of a graph, and of the files that it reads weights from."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise SigcleanError(
            "the runtime onnx needs onnxruntime: pip install 'sigclean[onnx]'"
        ) from None
    provider = _provider(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or network_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors, which are raised as well
    if beside:
        options.add_external_initializers_from_files_in_memory(
            list(beside), list(beside.values()), [len(content) for content in beside.values()]
        )
    return onnxruntime.InferenceSession(model, options, providers=[(provider, _own_gpu(device))])


def _own_gpu(device: str) -> dict[str, str]:
    """Of several processes on a machine each has its own; there must be as many."""
    place = os.environ.get("LOCAL_RANK", "")
    return {"device_id": place} if place and device == "cuda" else {}


def _provider(device: str, available: list[str]) -> str:
    """Raises SigcleanError if it is not there: never a silent fallback."""
    name = PROVIDERS.get("cpu" if device == "auto" else device)
    if name is None:
        raise SigcleanError(f"onnxruntime has no device {device!r}")
    if name not in available:
        raise SigcleanError(
            f"the device {device} was asked for, and this onnxruntime has no {name}: it comes with "
            f"{_PACKAGES.get(device, 'another build')}"
        )
    return name
