"""The export of a weights folder to ONNX, for runtimes without PyTorch.

The graph takes `noisy`, Nx3xHxW in [-1, 1]. It returns `keep`, Nx1xHxW in [0, 1], if the generator
predicts a keep map: the picture is then `1 - keep * (1 - noisy)`. Otherwise it returns the picture,
`clean`. N, H and W are free, but H and W must be multiples of the metadata's `multiple`.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigclean.errors import SigcleanError, first_line
from sigclean.export.onnx_weights import Stored, read_stored, use_stored
from sigclean.extras import require
from sigclean.files import atomic_write
from sigclean.model_files.names import ONNX_FILE, WEIGHTS_FILE
from sigclean.model_files.onnx_file import METADATA_KEY, OnnxFacts, weights_digest
from sigclean.model_files.weights_folder import read_folder

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import nn

    from sigclean.model_files.config import ModelConfig
    from sigclean.networks.interface import Generator

OPSET = 18
TOLERANCE = 1e-4  # the largest difference to PyTorch, in values of [-1, 1]


@dataclass(frozen=True)
class Exported:
    """The result of an export."""

    path: Path  # the ONNX file
    difference: float  # its largest difference to PyTorch's result, over two sizes and batches


def write_onnx(folder: Path, path: Path | None = None) -> Exported:
    """Export the generator of a weights folder, and compare the result with PyTorch's.

    Args:
        folder: a weights folder.
        path: a file that holds its weights itself; None for `model.onnx` in the folder, which is
            small since it reads its weights from the model.safetensors beside it.

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
    """Raise SigcleanError if a package that exporting needs is not installed."""
    packages = ("onnx", "onnxscript", "onnxruntime", "torch")
    require(*packages, extra="export", purpose="exporting")


def _served(generator: Generator) -> nn.Module:
    """Return the network that serving runs: the generator, or only its keep map if it has one."""
    from sigclean.networks.interface import KeepMap, KeepMapGenerator

    return KeepMap(generator).eval() if isinstance(generator, KeepMapGenerator) else generator


def _exported(generator: Generator, config: ModelConfig) -> ModelProto:
    """Fuse the generator, in place, and return its graph with float32 weights inside."""
    import logging

    import torch
    from torch.export import Dim

    generator.fuse()
    served, multiple = _served(generator), generator.multiple
    # The exporter takes equal sides, or a side of 1 at the deepest level, for a rule: avoid both.
    example = torch.zeros(2, 3, 3 * multiple, 2 * multiple)
    most = max(config.size // multiple, 2) * 16
    sides = {axis: multiple * Dim(name, min=1, max=most) for axis, name in ((2, "h"), (3, "w"))}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                served,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: Dim("batch", min=1, max=4096), **sides},),
                input_names=["noisy"],
                output_names=["clean" if served is generator else "keep"],
                opset_version=OPSET,
                verbose=False,
            )
        except Exception as error:  # the exporter raises errors of any class
            raise SigcleanError(
                f"the generator {config.generator} cannot be exported: {first_line(error)}"
            ) from error
    assert program is not None
    return without_notes(program.model_proto)


def without_notes(model: ModelProto) -> ModelProto:
    """Remove the exporter's notes, which are longer than the graph and contain paths."""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        value.doc_string = ""
        del value.metadata_props[:]
    del model.graph.value_info[:]  # shapes between layers, which runtimes infer
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    for tensor in model.graph.initializer:
        tensor.doc_string = ""
        del tensor.metadata_props[:]
    return model


def _describe(
    model: ModelProto, generator: Generator, config: ModelConfig, folder: Path, *, beside: bool
) -> None:
    """Add the metadata, see `OnnxFacts`."""
    from sigclean.version import __version__

    facts = OnnxFacts(
        config=json.loads(config.to_json()),
        multiple=generator.multiple,
        takes_cuts=generator.takes_cuts,
        weights=weights_digest(folder / WEIGHTS_FILE),
        beside=beside,
    )
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(asdict(facts))
    model.producer_name, model.producer_version = "sigclean", __version__
    model.graph.name = config.generator


def _check(path: Path, generator: Generator, size: int, stored: Stored) -> float:
    """Validate the file, and return its largest difference to PyTorch's results."""
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


def _differences(path: Path, generator: Generator, size: int, stored: Stored) -> Iterator[float]:
    """Yield the largest differences to PyTorch's results, for two sizes and batches."""
    import torch

    from sigclean.runtimes.onnx_runtime import session

    run = session(path.read_bytes(), "cpu", None, {WEIGHTS_FILE: stored.content})
    served = _served(generator)
    rng = np.random.default_rng(0)
    other = size // 2 if size % (2 * generator.multiple) == 0 else size
    for count, height in ((1, size), (2, other)):
        x = rng.uniform(-1, 1, (count, 3, height, size)).astype(np.float32)
        with torch.inference_mode():
            expected: npt.NDArray[Any] = served(torch.from_numpy(x)).numpy()
        (result,) = run.run(None, {"noisy": x})
        yield float(np.abs(result - expected).max())


def model_in_one(path: Path, stored: Stored) -> ModelProto:
    """Load an ONNX file and bring the weights in that it reads from the file beside it."""
    import onnx

    model = onnx.load(os.fspath(path), load_external_data=False)
    for tensor in model.graph.initializer:
        if tensor.external_data:
            place = {entry.key: entry.value for entry in tensor.external_data}
            start = int(place["offset"])
            tensor.raw_data = stored.content[start : start + int(place["length"])]
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
    return model
