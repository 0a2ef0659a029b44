"""The runtime openvino: generators on OpenVINO, the fastest one on CPUs that have bfloat16."""

import shutil
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sigclean.arrays import Float
from sigclean.errors import WeightsError, reason
from sigclean.extras import require
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import ONNX_FILE, WEIGHTS_FILE
from sigclean.model_files.onnx_file import METADATA_KEY, OnnxFacts
from sigclean.processes.hardware import cpu_has_bfloat16, network_threads
from sigclean.runtimes.interface import GraphRuntime


def openvino_runtime(
    file: Path, threads: int | None = None, workers: int = 1, precision: str | None = None
) -> tuple[GraphRuntime, ModelConfig]:
    """Load an ONNX file that `sigclean export` wrote; see `load_runtime`.

    Args:
        precision: OpenVINO's name of a number format; by default bf16 if the CPU has it, or f32.

    Raises:
        WeightsError: the file is broken, sigclean did not write it, or it was made from other
            weights than those beside it.
        SigcleanError: OpenVINO is not installed.
    """
    core = _core()
    model = _read(core, file)
    facts = OnnxFacts.from_json(_metadata(model), file)
    precision = precision or ("bf16" if cpu_has_bfloat16() else "f32")
    settings = {
        "INFERENCE_NUM_THREADS": threads or network_threads(workers),
        "NUM_STREAMS": 1,  # more of them return nonsense (2026.4): each worker has its own model
        "ENABLE_CPU_PINNING": False,  # it would pin all threads to one core: 21 ms instead of 10
        "INFERENCE_PRECISION_HINT": precision,
    }
    compiled = [core.compile_model(model, "CPU", settings) for _ in range(workers)]
    runtime = GraphRuntime(
        _one_caller_each(compiled),
        facts.multiple,
        facts.takes_cuts,
        batches=False,
        description=f"OpenVINO {_version()} on cpu, {precision}",
    )
    return runtime, facts.model_config(file)


def _one_caller_each(compiled: Iterable[Any]) -> Callable[[Float], Float]:
    """Return a function that runs a graph on any of the compiled models that is free."""
    requests: SimpleQueue[Any] = SimpleQueue()
    for model in compiled:
        requests.put(model.create_infer_request())

    def run(batch: Float) -> Float:
        request = requests.get()
        try:
            return np.array(request.infer({0: batch})[0])
        finally:
            requests.put(request)

    return run


@cache
def _core() -> Any:
    """Return the only Core of this process.

    A Core replaces its thread's stack for signals, and restores the one before when it ends. Two
    that end in the wrong order restore a stack that is already freed: the next Ctrl-C or SIGTERM
    is then a segmentation fault (2026.4).
    """
    require("openvino", extra="openvino", purpose="the runtime openvino")
    from openvino import Core, Tensor

    # The first array that OpenVINO returns makes it import NumPy's interface under a lock of its
    # own, while another thread that holds Python's may wait for that lock: for ever (2026.4).
    _ = Tensor(np.zeros(1, np.float32)).data
    return Core()


def _version() -> str:
    from openvino import __version__

    return __version__.partition("-")[0]


def _read(core: Any, file: Path) -> Any:
    """Read the model. Raises WeightsError if it cannot be read.

    If its files are links, as in the Hub's cache, copies are read: OpenVINO follows no link out of
    the folder.
    """
    weights = file.with_name(WEIGHTS_FILE)
    try:
        if not file.is_symlink() and not weights.is_symlink():
            return core.read_model(file)
        with TemporaryDirectory(prefix="sigclean-") as folder:
            copy = Path(folder) / ONNX_FILE
            shutil.copyfile(file, copy)
            if weights.is_file():
                shutil.copyfile(weights, copy.with_name(WEIGHTS_FILE))
            return core.read_model(copy)
    except OSError as error:
        raise WeightsError(f"{file} cannot be read: {reason(error)}") from error
    except RuntimeError as error:
        raise WeightsError(f"{file} is broken or not an ONNX file") from error


def _metadata(model: Any) -> str | None:
    """Return the file's metadata, which OpenVINO keeps below the name of its frontend."""
    path = ["framework", METADATA_KEY]
    return str(model.get_rt_info(path).value) if model.has_rt_info(path) else None
