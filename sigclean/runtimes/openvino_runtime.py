"""The runtime openvino: generators on OpenVINO, the fastest one on CPUs that have bfloat16."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from sigclean.arrays import Float
from sigclean.errors import WeightsError, reason
from sigclean.extras import require
from sigclean.model_files.names import ONNX_FILE, WEIGHTS_FILE
from sigclean.model_files.onnx_file import METADATA_KEY, OnnxFacts, check_weights
from sigclean.processes.hardware import cpu_has_bfloat16, network_threads
from sigclean.runtimes.interface import GraphRuntime

if TYPE_CHECKING:
    from sigclean.model_files.config import ModelConfig


@dataclass(frozen=True)
class OpenvinoRuntime(GraphRuntime):
    """A `Runtime` on OpenVINO; threads may share it.

    Attributes:
        requests: the free ones, of one compiled model each; a request serves one caller at a time.
        precision: OpenVINO's name of the numbers it computes with, bf16 or f32.
    """

    requests: SimpleQueue[Any]
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
        """Run the graph picture by picture, so that a batch gives what its pictures alone give."""
        request = self.requests.get()
        try:
            results = [
                np.array(request.infer({0: batch[index : index + 1]})[0])
                for index in range(len(batch))
            ]
        finally:
            self.requests.put(request)
        return np.concatenate(results) if len(results) > 1 else results[0]


def openvino_runtime(
    file: Path, threads: int | None = None, workers: int = 1, precision: str | None = None
) -> tuple[OpenvinoRuntime, ModelConfig]:
    """Load an ONNX file that `sigclean export` wrote; see `load_runtime`.

    Args:
        precision: "bf16" or "f32"; by default bf16 if the CPU has it.

    Raises:
        WeightsError: the file is broken, sigclean did not write it, or it was made from other
            weights than those beside it.
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
        "NUM_STREAMS": 1,  # more of them return nonsense (2026.4): each worker has its own model
        "ENABLE_CPU_PINNING": False,  # it would pin all threads to one core: 21 ms instead of 10
        "INFERENCE_PRECISION_HINT": precision,
    }
    requests: SimpleQueue[Any] = SimpleQueue()
    for _ in range(workers):
        requests.put(core.compile_model(model, "CPU", settings).create_infer_request())
    return OpenvinoRuntime(facts, requests, precision), facts.model_config(file)


@cache
def _core() -> Any:
    """Return the only Core of this process.

    A Core replaces its thread's stack for signals, and restores the one before when it ends. Two
    that end in the wrong order restore a stack that is already freed: the next Ctrl-C or SIGTERM
    is then a segmentation fault (2026.4).
    """
    require("openvino", extra="openvino", purpose="the runtime openvino")
    from openvino import Core

    return Core()


def _read(core: Any, file: Path) -> Any:
    """Read the model, from copies if its files are links: the Hub's cache is made of links out of
    the folder, and OpenVINO does not follow those."""
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
    """Return the file's metadata, which OpenVINO keeps below the name of its frontend."""
    path = ["framework", METADATA_KEY]
    return str(model.get_rt_info(path).value) if model.has_rt_info(path) else None
