"""`sigclean convert` and `sigclean export --pth`: files of the original CycleGAN, in and out.

The networks below are written down from the published architecture, layer by layer, without
sigclean: what they compute is what the converted generator has to compute.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sigclean.cli import main
from sigclean.errors import SigcleanError, WeightsError
from sigclean.export.pth import read_pth, write_pth
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.weights_folder import read_folder, save_generator
from sigclean.networks.build import build_generator


class PlainBlock(nn.Module):
    def __init__(self, channels: int, dropout: bool) -> None:
        super().__init__()
        layers = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3)]
        layers += [nn.InstanceNorm2d(channels), nn.ReLU()]
        layers += [nn.Dropout(0.5)] if dropout else []
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3)]
        layers += [nn.InstanceNorm2d(channels)]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class PlainResnet(nn.Module):
    """The original's ResNet with instance norm; `model` numbers its layers as the files do."""

    def __init__(self, blocks: int, ngf: int = 8, dropout: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7)]
        layers += [nn.InstanceNorm2d(ngf), nn.ReLU()]
        for width in (ngf, 2 * ngf):
            layers += [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)]
            layers += [nn.InstanceNorm2d(2 * width), nn.ReLU()]
        layers += [PlainBlock(4 * ngf, dropout) for _ in range(blocks)]
        for width in (4 * ngf, 2 * ngf):
            layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, padding=1, output_padding=1)]
            layers += [nn.InstanceNorm2d(width // 2), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class PlainLevel(nn.Module):
    def __init__(self, layers: list[nn.Module], skip: bool = True) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.model(x)], 1) if self.skip else self.model(x)


class PlainUnet(nn.Module):
    """The original's U-Net with batch norm and activations in place."""

    def __init__(self, downs: int, ngf: int = 4) -> None:
        super().__init__()
        widths = [ngf, 2 * ngf, 4 * ngf] + [8 * ngf] * (downs - 3)
        level = None
        for outer, inner in reversed(list(pairwise(widths))):
            layers: list[nn.Module] = [nn.LeakyReLU(0.2, True)]
            layers += [nn.Conv2d(outer, inner, 4, 2, 1, bias=False)]
            layers += [] if level is None else [nn.BatchNorm2d(inner), level]
            wide = inner if level is None else 2 * inner
            layers += [nn.ReLU(True), nn.ConvTranspose2d(wide, outer, 4, 2, 1, bias=False)]
            level = PlainLevel([*layers, nn.BatchNorm2d(outer)])
        up = nn.ConvTranspose2d(2 * ngf, 3, 4, 2, 1)
        outermost = [nn.Conv2d(3, ngf, 4, 2, 1, bias=False), level, nn.ReLU(True), up, nn.Tanh()]
        self.model = PlainLevel(outermost, skip=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def random_picture(size: int) -> Tensor:
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def saved(module: nn.Module, path: Path) -> Path:
    torch.save(module.state_dict(), path)
    return path


def assert_same_picture(one: nn.Module, other: nn.Module, size: int = 64) -> None:
    picture = random_picture(size)
    with torch.no_grad():
        torch.testing.assert_close(one.eval()(picture), other.eval()(picture), rtol=0, atol=1e-6)


@pytest.fixture
def pth(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return saved(PlainResnet(9), tmp_path / "latest_net_G_B.pth")


# --- in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("blocks", [6, 9])
def test_a_converted_resnet_gives_the_same_picture(
    tmp_path: Path, blocks: int, dropout: bool
) -> None:
    torch.manual_seed(0)
    original = PlainResnet(blocks, dropout=dropout)
    path = saved(original, tmp_path / "latest_net_G_B.pth")
    assert main(["convert", str(path), "-o", str(tmp_path / "weights")]) == 0
    converted, config = read_folder(tmp_path / "weights")
    assert config.generator == f"resnet_{blocks}blocks"
    assert config.arguments == {"ngf": 8, "norm": "instance", "dropout": dropout}
    assert_same_picture(original, converted)


def test_a_resnet_of_full_width_gives_the_same_picture(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = PlainResnet(9, ngf=64)
    assert len(original.state_dict()) == 48
    converted, _ = read_pth(saved(original, tmp_path / "latest_net_G_B.pth"))
    assert_same_picture(original, converted)


@pytest.mark.parametrize(("name", "downs", "size"), [("unet_128", 7, 128), ("unet_256", 8, 256)])
def test_a_converted_unet_gives_the_same_picture(
    tmp_path: Path, name: str, downs: int, size: int
) -> None:
    torch.manual_seed(0)
    original = PlainUnet(downs)
    with torch.no_grad():
        original(random_picture(size).repeat(4, 1, 1, 1))  # moves the running statistics
    path = saved(original, tmp_path / "latest_net_G.pth")
    assert main(["convert", str(path), "-o", str(tmp_path / "weights"), "--size", "256"]) == 0
    converted, config = read_folder(tmp_path / "weights")
    assert (config.generator, config.size) == (name, 256)
    assert config.arguments == {"ngf": 4, "norm": "batch", "dropout": False}
    assert_same_picture(original, converted, size)


def test_running_statistics_of_old_instance_norms_are_dropped(tmp_path: Path, pth: Path) -> None:
    old = torch.load(pth)
    for key in [key for key in old if key.endswith(".1.weight")]:
        norm = key.replace(".1.weight", ".2")
        old[f"{norm}.running_mean"] = torch.ones(1)
        old[f"{norm}.running_var"] = torch.ones(1)
        old[f"{norm}.num_batches_tracked"] = torch.tensor(7)
    path = tmp_path / "old.pth"
    torch.save(old, path)
    assert_same_picture(read_pth(pth)[0], read_pth(path)[0])


def test_batch_norms_that_did_not_count_their_batches_are_accepted(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = PlainUnet(7)
    state = original.state_dict()
    old = {key: value for key, value in state.items() if "num_batches" not in key}
    torch.save(old, tmp_path / "old.pth")
    assert_same_picture(original, read_pth(tmp_path / "old.pth")[0], 128)


def test_names_of_a_wrapped_network_are_accepted(tmp_path: Path, pth: Path) -> None:
    wrapped = OrderedDict((f"module.{key}", value) for key, value in torch.load(pth).items())
    torch.save(wrapped, tmp_path / "wrapped.pth")
    assert_same_picture(read_pth(pth)[0], read_pth(tmp_path / "wrapped.pth")[0])


def test_files_of_pytorch_before_1_6_are_read(tmp_path: Path, pth: Path) -> None:
    path = tmp_path / "old_format.pth"
    torch.save(torch.load(pth), path, _use_new_zipfile_serialization=False)
    assert_same_picture(read_pth(pth)[0], read_pth(path)[0])


def test_convert_says_what_it_found(
    tmp_path: Path, pth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["convert", str(pth), "-o", str(tmp_path / "weights")])
    told = capsys.readouterr().out
    assert "weights: resnet_9blocks (ngf 8, norm instance, dropout False)" in told


# --- refused ------------------------------------------------------------------------------------


def refusal(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Convert, and check that it failed in one sentence and wrote nothing."""
    output = tmp_path / "weights"
    assert main(["convert", str(path), "-o", str(output)]) == 1
    assert not output.exists()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"sigclean: error: {path}")
    assert told.err.count("\n") == 1
    return told.err


class Greeting:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("code from the file was run",))


def test_pickled_objects_are_refused_and_never_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "greeting.pth"
    torch.save({"model": Greeting()}, path)
    assert "never unpickles Python objects" in refusal(path, tmp_path, capsys)


def test_a_whole_pickled_network_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "whole.pth"
    torch.save(nn.Conv2d(1, 1, 1), path)
    assert "state_dict()" in refusal(path, tmp_path, capsys)


@pytest.mark.parametrize("content", [b"", b"not a network, only text", bytes(1000)])
def test_a_file_that_is_not_pytorchs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    refusal(path, tmp_path, capsys)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(
    tmp_path: Path, pth: Path, capsys: pytest.CaptureFixture[str], share: float
) -> None:
    whole = pth.read_bytes()
    pth.write_bytes(whole[: int(len(whole) * share)])
    assert "broken" in refusal(pth, tmp_path, capsys)


def test_a_missing_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No such file" in refusal(tmp_path / "missing.pth", tmp_path, capsys)


@pytest.mark.parametrize(
    "content",
    [
        {"epoch": 7},
        [torch.zeros(3)],
        {},
        {"features.0.weight": torch.zeros(64, 3, 3, 3)},
        {"model.1.weight": torch.tensor(1.0), "model.10.conv_block.1.weight": torch.tensor(1.0)},
    ],
    ids=["numbers", "list", "empty", "other network", "no convolution"],
)
def test_a_file_without_a_generator_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: object
) -> None:
    path = tmp_path / "other.pth"
    torch.save(content, path)
    refusal(path, tmp_path, capsys)


def test_a_resnet_of_another_depth_names_the_generators(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(PlainResnet(4), tmp_path / "short.pth")
    assert "resnet_9blocks, resnet_6blocks" in refusal(path, tmp_path, capsys)


def test_a_missing_tensor_is_named(
    tmp_path: Path, pth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = torch.load(pth)
    del state["model.26.bias"]
    torch.save(state, pth)
    assert "it has no model.26.bias" in refusal(pth, tmp_path, capsys)


def test_grey_generators_are_refused_by_their_shape(
    tmp_path: Path, pth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = torch.load(pth)
    state["model.1.weight"] = state["model.1.weight"][:, :1].clone()
    torch.save(state, pth)
    assert "model.1.weight is 8x1x7x7, not 8x3x7x7" in refusal(pth, tmp_path, capsys)


def test_a_generator_other_than_the_one_asked_for_is_refused(pth: Path) -> None:
    with pytest.raises(WeightsError, match="holds a resnet_9blocks, not a unet_256"):
        read_pth(pth, "unet_256")


def test_a_size_that_the_generator_cannot_take_is_refused(
    tmp_path: Path, pth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "weights"
    assert main(["convert", str(pth), "-o", str(output), "--size", "510"]) == 1
    assert "multiple of 4" in capsys.readouterr().err
    assert not output.exists()


def test_weights_that_are_no_numbers_are_refused(
    tmp_path: Path, pth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = torch.load(pth)
    state["model.1.weight"][0] = float("nan")
    torch.save(state, pth)
    assert main(["convert", str(pth), "-o", str(tmp_path / "weights")]) == 1
    assert "its model.1.weight is not finite" in capsys.readouterr().err
    assert not (tmp_path / "weights").exists()


# --- out ----------------------------------------------------------------------------------------


def test_export_writes_a_file_that_the_original_loads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = build_generator("resnet_6blocks", ngf=8)
    config = ModelConfig("resnet_6blocks", {"ngf": 8})
    save_generator(generator, config, tmp_path / "weights")
    out = tmp_path / "checkpoints" / "latest_net_G_B.pth"
    assert main(["export", "--weights", str(tmp_path / "weights"), "--pth", str(out)]) == 0
    original = PlainResnet(6)
    original.load_state_dict(torch.load(out, weights_only=True))
    assert_same_picture(original, generator)
    assert list(out.parent.iterdir()) == [out]


def test_a_file_survives_the_way_in_and_out(tmp_path: Path, pth: Path) -> None:
    out = write_pth(*read_pth(pth), tmp_path / "again.pth")
    before, after = torch.load(pth), torch.load(out)
    assert list(before) == list(after)
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_a_path_that_is_not_a_file_is_not_replaced(tmp_path: Path, pth: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for place in ("pipe", "folder", "pipe/latest_net_G_B.pth"):
        with pytest.raises(SigcleanError, match=f"{place} cannot be written: "):
            write_pth(*read_pth(pth), tmp_path / place)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "pipe").is_fifo()


def test_an_eraser_is_not_written_as_a_file_of_the_original(tmp_path: Path) -> None:
    out = tmp_path / "latest_net_G_B.pth"
    with pytest.raises(WeightsError, match="no generator 'eraser'"):
        write_pth(build_generator("eraser"), ModelConfig("eraser"), out)
    assert not out.exists()
