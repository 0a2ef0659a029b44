"""Write the finder's network as ONNX, its weights rounded to int8, for `sigclean.finding`.

python benchmarks/finder_export.py finder.pt                 # writes sigclean/finding/finder.onnx
"""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from finder_network import FinderNetwork
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.export import Dim
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sigclean.export.onnx import without_notes
from sigclean.finding.network import FILE, MULTIPLE

OPSET = 18
LARGE = 256  # weights of a tensor that is rounded, at least


def main() -> None:
    """Export, and print by how much the rounded graph differs."""
    parser = argparse.ArgumentParser(description="Export the network that finds signatures.")
    parser.add_argument("weights", type=Path, help="what fit_finder.py wrote")
    parser.add_argument("--output", type=Path, default=FILE)
    args = parser.parse_args()
    network = FinderNetwork().eval()
    network.load_state_dict(torch.load(args.weights, map_location="cpu")["ema"])
    fuse(network)
    model = graph_of(network)
    round_weights(model)
    args.output.write_bytes(model.SerializeToString())
    print(f"{args.output}: {args.output.stat().st_size} bytes, {difference(network, args.output)}")


def fuse(module: nn.Module) -> None:
    """Fold every batch norm into the convolution before it, in place."""
    for child in module.children():
        fuse(child)
    if isinstance(module, nn.Sequential):
        for place in range(len(module) - 1):
            if isinstance(module[place + 1], nn.BatchNorm2d):
                module[place] = fuse_conv_bn_eval(module[place], module[place + 1])
                module[place + 1] = nn.Identity()


def graph_of(network: FinderNetwork) -> onnx.ModelProto:
    """Return the graph: `page` to `found`, see `FinderNetwork`."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    sides = {axis: MULTIPLE * Dim(name, min=1, max=64) for axis, name in ((2, "h"), (3, "w"))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (torch.zeros(1, 3, 3 * MULTIPLE, 2 * MULTIPLE),),
            dynamo=True,
            dynamic_shapes=(sides,),
            input_names=["page"],
            output_names=["found"],
            opset_version=OPSET,
            verbose=False,
        )
    return without_notes(program.model_proto)


def round_weights(model: onnx.ModelProto) -> None:
    """Store large weights as int8 with a factor for each output channel; runtimes multiply them
    once, when they load the graph."""
    graph, made = model.graph, []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < LARGE:
            continue
        factors = np.abs(values).reshape(len(values), -1).max(axis=1) / 127
        factors = np.maximum(factors, 1e-12).reshape(-1, *[1] * (values.ndim - 1))
        name = tensor.name
        graph.initializer.remove(tensor)
        levels = np.rint(values / factors).astype(np.int8)
        graph.initializer.append(numpy_helper.from_array(levels, f"{name}.levels"))
        factors = factors.astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(factors, f"{name}.factors"))
        made.append(
            helper.make_node("Cast", [f"{name}.levels"], [f"{name}.float"], to=TensorProto.FLOAT)
        )
        made.append(helper.make_node("Mul", [f"{name}.float", f"{name}.factors"], [name]))
    for place, node in enumerate(made):
        graph.node.insert(place, node)


def difference(network: FinderNetwork, file: Path) -> str:
    """Compare the file's results with the network's, for two shapes of a page."""
    import onnxruntime

    session = onnxruntime.InferenceSession(file.read_bytes())
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for shape in ((1, 3, 640, 480), (1, 3, 320, 640)):
        page = torch.rand(shape, generator=generator)
        with torch.no_grad():
            expected = network(page).numpy()
        (found,) = session.run(None, {"page": page.numpy()})
        worst = max(worst, float(np.abs(found - expected).max()))
    return f"logits differ by at most {worst:.2f} on noise"


if __name__ == "__main__":
    main()
