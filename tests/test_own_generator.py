"""One's own generator with a keep map, as CONTRIBUTING describes it: trained, saved, served."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.export.onnx import write_onnx
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.weights_folder import read_folder, save_generator
from sigclean.networks.build import GENERATORS
from sigclean.networks.interface import KeepMapGenerator
from sigclean.training.loop import train
from sigclean.training.losses.cyclegan import warmup_loss
from sigclean.training.losses.paired_loss import paired_loss
from sigclean.training.options import TrainConfig

CARD = Path(__file__).parents[1] / "model_card.md"


class Pixelwise(KeepMapGenerator):
    """A generator that decides from the 5x5 pixels around each pixel whether it stays."""

    multiple = 2
    takes_cuts = True

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 1, 3, padding=1)
        )

    def keep_logits(self, x: Tensor) -> Tensor:
        return self.layers(x)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GENERATORS, "pixelwise", Pixelwise)


def picture() -> Image.Image:
    """A drawn signature."""
    return draw_signature(np.random.default_rng(4), 200, 90)


def served_keep_map(folder: Path, runtime: str) -> np.ndarray:
    """The keep map that `SignatureCleaner` gets from a runtime."""
    cleaner = SignatureCleaner.from_pretrained(folder, runtime=runtime, device="cpu")
    return np.asarray(cleaner.keep_map(picture())).astype(int)


def test_the_logits_of_its_keep_map_reach_the_paired_loss() -> None:
    torch.manual_seed(0)
    generator = Pixelwise()
    noisy, truth = (torch.rand(2, 3, 16, 16) * 2 - 1 for _ in "NT")
    paired = torch.ones(2)
    found = warmup_loss(generator, {"real_B": noisy, "truth": truth, "paired": paired})
    clean, logits = generator(noisy), generator.keep_logits(noisy)
    torch.testing.assert_close(found, paired_loss(clean, logits, noisy, truth, paired))
    assert found != paired_loss(clean, None, noisy, truth, paired)


def test_it_is_trained_saved_and_served(tmp_path: Path) -> None:
    config = TrainConfig(
        netG="pixelwise", netG_A="resnet_6blocks", ngf_A=2, ndf=2, drawn=4, noise="seed",
        crop_size="64", batch_size=2, dataloader_num_workers=0, warmup_steps=2, max_train_steps=4,
        lambda_paired=1.0, num_validation_images=1, output_dir=str(tmp_path / "run"),
    )  # fmt: skip
    folder = train(config, CARD).cleaner
    generator, model = read_folder(folder)
    assert isinstance(generator, Pixelwise)
    assert model.arguments == {"width": 4}
    clean = SignatureCleaner.from_pretrained(folder, runtime="torch", device="cpu")(picture())
    assert (np.asarray(clean).astype(int) >= np.asarray(picture())).all()


def test_it_is_exported_with_its_keep_map(tmp_path: Path) -> None:
    torch.manual_seed(1)
    config = ModelConfig("pixelwise", {}, size=64)
    folder = save_generator(Pixelwise(), config, tmp_path / "weights")
    by_torch = served_keep_map(folder, "torch")
    write_onnx(folder)
    assert np.abs(served_keep_map(folder, "onnx") - by_torch).max() <= 1
