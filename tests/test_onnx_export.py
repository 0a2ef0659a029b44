"""`sigclean export --onnx`: every generator as a graph that computes what PyTorch does."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from sigclean.cli import main
from sigclean.export.onnx import TOLERANCE, write_onnx
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import DEFAULT_WEIGHTS, ONNX_FILE, WEIGHTS_FILE
from sigclean.model_files.weights_folder import read_folder, save_generator
from sigclean.networks.build import build_generator

SMALL: dict[str, dict[str, Any]] = {
    "eraser": {"widths": (8, 8, 8), "encoder_depths": (1, 1, 1), "decoder_depths": (1, 1)},
    "resnet_6blocks": {"ngf": 4},
    "unet_128": {"ngf": 2, "norm": "batch"},
}


def folder_of(name: str, place: Path, **options: Any) -> Path:
    """A weights folder of a small generator."""
    torch.manual_seed(5)
    generator = build_generator(name, **SMALL[name])
    return save_generator(generator, ModelConfig(name, SMALL[name], size=256), place, **options)


@pytest.mark.parametrize("name", SMALL)
def test_every_kind_of_generator_gives_pytorchs_result_for_other_sizes_and_batches(
    name: str, tmp_path: Path
) -> None:
    folder = folder_of(name, tmp_path / "weights")
    assert write_onnx(folder).difference <= TOLERANCE
    generator, _ = read_folder(folder)
    served = getattr(generator, "keep_map", generator)
    session = onnxruntime.InferenceSession(folder / ONNX_FILE)
    side = max(int(generator.multiple), 32)  # type: ignore[arg-type]
    for count, height, width in ((1, side, 2 * side), (3, 2 * side, side)):
        x = np.random.default_rng(0).uniform(-1, 1, (count, 3, height, width)).astype(np.float32)
        (result,) = session.run(None, {"noisy": x})
        with torch.inference_mode():
            np.testing.assert_allclose(result, served(torch.from_numpy(x)), atol=TOLERANCE)


def test_a_file_of_its_own_needs_no_other(tmp_path: Path) -> None:
    folder = folder_of("eraser", tmp_path / "weights", storage="int8")
    alone = write_onnx(folder, tmp_path / "elsewhere" / "cleaner.onnx").path
    shutil.rmtree(folder)
    onnx.checker.check_model(alone)
    onnxruntime.InferenceSession(alone)


def test_the_packaged_model_onnx_is_that_of_the_packaged_weights(tmp_path: Path) -> None:
    """Neither is changed without the other."""
    packaged = DEFAULT_WEIGHTS / ONNX_FILE
    assert packaged.stat().st_size + (DEFAULT_WEIGHTS / WEIGHTS_FILE).stat().st_size < 4e6
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 64, 96)).astype(np.float32)
    (result,) = onnxruntime.InferenceSession(packaged).run(None, {"noisy": x})
    with torch.inference_mode():
        expected = read_folder(DEFAULT_WEIGHTS)[0].keep_map(torch.from_numpy(x))  # type: ignore[operator]
    np.testing.assert_allclose(result[:, :1], expected, atol=TOLERANCE)


def test_new_weights_in_a_folder_take_the_graph_of_the_old_ones_away(tmp_path: Path) -> None:
    folder = folder_of("eraser", tmp_path / "weights")
    (folder / ONNX_FILE).write_bytes(b"of other weights")
    folder_of("eraser", folder)
    assert not (folder / ONNX_FILE).exists()


def test_the_command_prints_the_path_and_a_graph_beside_its_weights_holds_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of("eraser", tmp_path / "weights", storage="int8")
    out = folder / ONNX_FILE
    assert main(["export", "--weights", str(folder), "--onnx", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(str(out)) and "differs from PyTorch by at most" in said
    onnx.checker.check_model(out)
    model = onnx.load(out, load_external_data=False)
    within = sum(np.prod(tensor.dims) for tensor in model.graph.initializer if tensor.raw_data)
    weights = sum(value.numel() for value in read_folder(folder)[0].state_dict().values())
    assert within < weights / 2
