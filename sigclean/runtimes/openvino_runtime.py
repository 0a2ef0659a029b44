"""Generators carried out by OpenVINO on CPUs: in bfloat16, where they have it, the fastest."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from sigclean.errors import SigcleanError, WeightsError, reason
from sigclean.model_files.onnx_file import METADATA_KEY, OnnxFacts, check_weights
from sigclean.model_files.weights_folder import ONNX_FILE, WEIGHTS_FILE
from sigclean.processes.hardware import network_threads
from sigclean.runtimes.choose import Float, cpu_has_bfloat16
from sigclean.runtimes.graph_runtime import GraphRuntime

if TYPE_CHECKING:
    from sigclean.model_files.config import ModelConfig


@dataclass(frozen=True)
class OpenvinoRuntime(GraphRuntime):
    """Compiled models of OpenVINO. See `Runtime`; threads may share it."""

    requests: SimpleQueue[Any]  # those that are free: each serves one caller at a time
    precision: str

    @property
    def batches(self) -> bool:
        """See `Runtime`."""
        return False

    @property
    def description(self) -> str:
        """See `Runtime`."""
        from openvino import __version__

        return f"OpenVINO {__version__.split('-')[0]} on cpu, {self.precision}"

    def _run(self, batch: Float) -> Float:
        """Picture by picture, so that a batch gives the same as its pictures alone."""
        request = self.requests.get()
        try:
            results = [
                np.array(request.infer({0: batch[place : place + 1]})[0])
                for place in range(len(batch))
            ]
        finally:
            self.requests.put(request)
        return np.concatenate(results) if len(results) > 1 else results[0]


def openvino_runtime(
    file: Path, threads: int | None = None, workers: int = 1, precision: str | None = None
) -> tuple[OpenvinoRuntime, ModelConfig]:
    """Load an ONNX file that `sigclean export` wrote; see `load_runtime`.

    Args:
        precision: OpenVINO's name of the numbers it computes with; by default bf16 where the CPU
            has it, f32 elsewhere.

    Raises:
        WeightsError: it is broken, none of ours, or the weights beside it are others.
        SigcleanError: OpenVINO is not installed.
    """
    core = _core()
    precision = precision or ("bf16" if cpu_has_bfloat16() else "f32")
    try:
        model = _read(core, file)
    except OSError as error:
        raise WeightsError(f"{file} cannot be read: {reason(error)}") from error
    except RuntimeError as error:
        raise WeightsError(f"{file} is broken or not an ONNX file") from error
    facts = OnnxFacts.from_json(_metadata(model), file)
    check_weights(facts, file)
    settings = {
        "INFERENCE_NUM_THREADS": threads or network_threads(workers),
        "NUM_STREAMS": 1,  # with more, 2026.4 returns nonsense for our graph: so a model a worker
        "ENABLE_CPU_PINNING": False,  # which puts all of them on the same core: 21 ms, not 10
        "INFERENCE_PRECISION_HINT": precision,
    }
    requests: SimpleQueue[Any] = SimpleQueue()
    for _ in range(workers):
        requests.put(core.compile_model(model, "CPU", settings).create_infer_request())
    return OpenvinoRuntime(facts, requests, precision), facts.model_config(file)


@cache
def _core() -> Any:
    """One for the life of the process. Each gives its thread a stack for signals of its own, and
    puts back the one before when it goes: of two that go in the wrong order, a stack stays that is
    freed, and the next Ctrl-C or SIGTERM ends in a segmentation fault (2026.4)."""
    try:
        from openvino import Core
    except ModuleNotFoundError:
        raise SigcleanError(
            "the runtime openvino needs OpenVINO: pip install 'sigclean[openvino]'"
        ) from None
    return Core()


def _read(core: Any, file: Path) -> Any:
    """The model; through copies, where files are links: OpenVINO follows none out of a folder, and
    the Hub's cache is made of them."""
    weights = file.with_name(WEIGHTS_FILE)
    if not file.is_symlink() and not weights.is_symlink():
        return core.read_model(file)
    with TemporaryDirectory(prefix="sigclean-") as folder:
        copy = Path(folder) / ONNX_FILE
        shutil.copyfile(file, copy)
        if weights.is_file():
            shutil.copyfile(weights, copy.with_name(WEIGHTS_FILE))
        return core.read_model(copy)


def _metadata(model: Any) -> str | None:
    """What the file says of itself; OpenVINO keeps it below the name of the frontend."""
    path = ["framework", METADATA_KEY]
    return str(model.get_rt_info(path).value) if model.has_rt_info(path) else None
