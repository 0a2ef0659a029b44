"""A weights folder as ONNX, for runtimes without PyTorch.

The graph takes `noisy`, Nx3xHxW in [-1, 1], and returns `clean`, the same; a generator with a keep
map returns `keep`, Nx1xHxW in [0, 1], instead, whose picture is `1 - keep * (1 - noisy)`. Batch and
size are free; H and W are multiples of what the metadata's `multiple` says.
"""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigclean.errors import SigcleanError
from sigclean.export.onnx_weights import Stored, read_stored, use_stored
from sigclean.files import atomic_write
from sigclean.model_files.names import ONNX_FILE, WEIGHTS_FILE
from sigclean.model_files.onnx_file import METADATA_KEY, OnnxFacts, weights_digest
from sigclean.model_files.weights_folder import read_folder

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import Tensor, nn

    from sigclean.model_files.config import ModelConfig

OPSET = 18
TOLERANCE = 1e-4  # largest difference to PyTorch, of values in [-1, 1]


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the ONNX file.
        difference: the largest difference to PyTorch's result, over two sizes and batches.
    """

    path: Path
    difference: float


def write_onnx(folder: Path, path: Path | None = None) -> Exported:
    """Write the generator of a weights folder as ONNX, checked and compared with PyTorch's result.

    Args:
        folder: a weights folder.
        path: a file of its own, weights and all; None for `model.onnx` in the folder, which reads
            its weights from the model.safetensors beside it and is small.

    Raises:
        SigcleanError: a package is missing, the generator cannot be exported, or the results
            differ by more than `TOLERANCE`.
        WeightsError: the folder is broken.
    """
    check_packages()
    generator, config = read_folder(folder)
    target = path or folder / ONNX_FILE
    stored = read_stored(folder / WEIGHTS_FILE)
    model = _exported(generator, config)
    use_stored(model, stored, beside=path is None)
    _describe(model, generator, config, folder, beside=path is None)
    with atomic_write(target) as draft:
        draft.write_bytes(model.SerializeToString())
        return Exported(target, _check(draft, generator, config.size, stored))


def check_packages() -> None:
    """Raises SigcleanError if what exporting needs is not installed."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        try:
            __import__(package)
        except ModuleNotFoundError:
            raise SigcleanError(
                f"exporting needs {package}: pip install 'sigclean[export]'"
            ) from None


def _served(generator: nn.Module) -> nn.Module:
    """What serving asks of a generator: its keep map, or else its picture."""
    from torch import nn

    if not hasattr(generator, "keep_map"):
        return generator

    class KeepMap(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator = generator

        def forward(self, x: Tensor) -> Tensor:
            return generator.keep_map(x)  # type: ignore[operator]

    return KeepMap().eval()


def _exported(generator: nn.Module, config: ModelConfig) -> ModelProto:
    """The graph, its weights in float32 within."""
    import logging

    import torch
    from torch.export import Dim

    fuse = getattr(generator, "fuse", None)
    if fuse is not None:
        fuse()
    multiple = int(getattr(generator, "multiple", 1))
    # Sides that differ, and leave more than one pixel at the deepest level: what the exporter sees
    # as equal, or as 1, it takes for a rule.
    example = torch.zeros(2, 3, 3 * multiple, 2 * multiple)
    most = max(config.size // multiple, 2) * 16
    sides = {axis: multiple * Dim(name, min=1, max=most) for axis, name in ((2, "h"), (3, "w"))}
    output = "keep" if hasattr(generator, "keep_map") else "clean"
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                _served(generator),
                (example,),
                dynamo=True,
                dynamic_shapes=({0: Dim("batch", min=1, max=4096), **sides},),
                input_names=["noisy"],
                output_names=[output],
                opset_version=OPSET,
                verbose=False,
            )
        except Exception as error:  # the exporter raises whatever it hits
            raise SigcleanError(
                f"the generator {config.generator} cannot be exported: "
                f"{next(iter(str(error).splitlines()), type(error).__name__)}"
            ) from error
    assert program is not None
    return _bare(program.model_proto)


def _bare(model: ModelProto) -> ModelProto:
    """Without the exporter's notes, which are longer than the graph and tell of paths."""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        value.doc_string = ""
        del value.metadata_props[:]
    del model.graph.value_info[:]  # shapes in between: runtimes infer them
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    for tensor in model.graph.initializer:
        tensor.doc_string = ""
        del tensor.metadata_props[:]
    return model


def _describe(
    model: ModelProto, generator: nn.Module, config: ModelConfig, folder: Path, *, beside: bool
) -> None:
    from sigclean.version import __version__

    facts = OnnxFacts(
        config=json.loads(config.to_json()),
        multiple=int(getattr(generator, "multiple", 1)),
        takes_cuts=bool(getattr(generator, "takes_cuts", False)),
        weights=weights_digest(folder / WEIGHTS_FILE),
        beside=beside,
    )
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, facts.to_json()
    model.producer_name, model.producer_version = "sigclean", __version__
    model.graph.name = config.generator


def _check(path: Path, generator: nn.Module, size: int, stored: Stored) -> float:
    """Have ONNX check the file and compare what it computes with PyTorch."""
    import onnx

    try:
        onnx.checker.check_model(model_in_one(path, stored))
    except onnx.checker.ValidationError as error:
        raise SigcleanError(f"the exported graph is not valid: {error}") from error
    worst = max(_differences(path, generator, size, stored))
    if not worst <= TOLERANCE:  # NaN too
        raise SigcleanError(
            f"the exported graph differs from PyTorch by {worst:.1e}, more than {TOLERANCE}"
        )
    return worst


def _differences(path: Path, generator: nn.Module, size: int, stored: Stored) -> list[float]:
    import torch

    from sigclean.runtimes.onnx_runtime import session

    run = session(path.read_bytes(), "cpu", None, {WEIGHTS_FILE: stored.content})
    served = _served(generator)
    rng = np.random.default_rng(0)
    multiple = int(getattr(generator, "multiple", 1))
    other = size // 2 if size % (2 * multiple) == 0 else size
    found = []
    for count, height in ((1, size), (2, other)):
        x = rng.uniform(-1, 1, (count, 3, height, size)).astype(np.float32)
        with torch.inference_mode():
            expected: npt.NDArray[Any] = served(torch.from_numpy(x)).numpy()
        (result,) = run.run(None, {"noisy": x})
        found.append(float(np.abs(result - expected).max()))
    return found


def model_in_one(path: Path, stored: Stored) -> ModelProto:
    """The model of an ONNX file with what it reads from beside it brought in."""
    import onnx

    model = onnx.load(os.fspath(path), load_external_data=False)
    for tensor in model.graph.initializer:
        if tensor.external_data:
            where = {entry.key: entry.value for entry in tensor.external_data}
            start = int(where["offset"])
            tensor.raw_data = stored.content[start : start + int(where["length"])]
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
    return model
