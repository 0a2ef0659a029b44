"""The weights of an ONNX graph in the precision that the weights folder stores them in.

The exporter gives the graph float32 weights, which differ from the stored ones by one factor for
each output channel: a folded batch norm, or the spacing of int8. The graph gets the stored weights
(or their place in model.safetensors) and these factors instead; runtimes multiply them once, when
they load the graph.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigclean.model_files.names import WEIGHTS_FILE

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

EXACT = 1e-6  # share of the largest weight; a larger difference is more than rounding
_TYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I8": np.dtype("i1"),
}


@dataclass(frozen=True)
class Entry:
    """One tensor of a safetensors file, from byte `start` to byte `end` of the file."""

    start: int
    end: int
    values: npt.NDArray[Any]


@dataclass(frozen=True)
class Stored:
    """A safetensors file: all its bytes, and its float and int8 tensors by name."""

    content: bytes
    entries: dict[str, Entry]


def read_stored(path: Path) -> Stored:
    """Read a safetensors file, which `weights_folder.read_folder` has found to be whole before."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    entries = {}
    for name, entry in header.items():
        kind = _TYPES.get(entry["dtype"]) if name != "__metadata__" else None
        if kind is not None:
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            values = np.frombuffer(content[start:end], kind).reshape(entry["shape"])
            entries[name] = Entry(start, end, values)
    return Stored(content, entries)


def use_stored(model: ModelProto, stored: Stored, *, beside: bool) -> None:
    """Replace the float32 weights of a model by the stored tensors they come from, in place.

    Args:
        beside: refer to the safetensors file, which will lie beside the ONNX file; if False, copy
            its bytes.
    """
    from onnx import numpy_helper

    graph = model.graph
    made: list[NodeProto] = []
    for tensor in list(graph.initializer):
        entry = _origin(tensor.name, stored)
        factors = None if entry is None else _factors(numpy_helper.to_array(tensor), entry.values)
        if entry is not None and factors is not None:
            graph.initializer.remove(tensor)
            made += _put(graph, tensor.name, entry, factors, beside)
    for index, node in enumerate(made):
        graph.node.insert(index, node)


def _origin(name: str, stored: Stored) -> Entry | None:
    """Return the stored tensor of that name, which the exporter may have given a prefix."""
    parts = name.split(".")
    tails = (".".join(parts[first:]) for first in range(len(parts)))
    entry = next((stored.entries[tail] for tail in tails if tail in stored.entries), None)
    return entry if entry is not None and entry.values.ndim > 1 else None


def _factors(weights: npt.NDArray[Any], origin: npt.NDArray[Any]) -> npt.NDArray[np.float32] | None:
    """Return the factor of each output channel that turns `origin` into `weights`, if there is."""
    if weights.shape != origin.shape or weights.dtype != np.float32:
        return None
    wide = weights.reshape(len(weights), -1).astype(np.float64)
    own = origin.reshape(len(origin), -1).astype(np.float64)
    power = (own**2).sum(axis=1)
    factors = ((wide * own).sum(axis=1) / np.where(power > 0, power, 1)).astype(np.float32)
    rest = np.abs(wide - own * factors[:, None]).max()
    return factors if rest <= EXACT * np.abs(wide).max() else None


def _put(
    graph: GraphProto, name: str, entry: Entry, factors: npt.NDArray[np.float32], beside: bool
) -> list[NodeProto]:
    """Add a stored tensor, and return the nodes that turn it into the tensor called `name`."""
    from onnx import TensorProto, helper, numpy_helper

    plain = entry.values.dtype == np.float32
    scaled = bool((factors != 1).any())
    stored_name = name if plain and not scaled else f"{name}.stored"
    graph.initializer.append(_tensor(stored_name, entry, beside))
    nodes, last = [], stored_name
    if not plain:
        last = f"{name}.float" if scaled else name
        nodes.append(helper.make_node("Cast", [stored_name], [last], to=TensorProto.FLOAT))
    if scaled:
        along = factors.reshape(-1, *[1] * (entry.values.ndim - 1))
        graph.initializer.append(numpy_helper.from_array(along, f"{name}.factors"))
        nodes.append(helper.make_node("Mul", [last, f"{name}.factors"], [name]))
    return nodes


def _tensor(name: str, entry: Entry, beside: bool) -> TensorProto:
    from onnx import TensorProto, numpy_helper

    if not beside:
        return numpy_helper.from_array(entry.values, name)
    tensor = numpy_helper.from_array(entry.values[:0], name)
    del tensor.dims[:]
    tensor.dims.extend(entry.values.shape)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    place = {
        "location": WEIGHTS_FILE,
        "offset": str(entry.start),
        "length": str(entry.end - entry.start),
    }
    for key, value in place.items():
        item = tensor.external_data.add()
        item.key, item.value = key, value
    return tensor
