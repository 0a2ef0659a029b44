"""train.py, really launched: one process with four pictures a step equals two with two each.

What is compared is what the run folders hold. Float sums come in another order when a batch is
split, so equal means within a tolerance:

* losses: 1e-4 of their value, which is one unit in the last of the log's five digits (measured: the
  same digits; with other pictures up to 1e-5).
* weights: how far the two results lie apart, as a share of how far training went; 0.1 (measured:
  0.03 at most). Adam divides a gradient by its own size, so its first steps are nearly of length
  `lr` whatever the gradient is, and where that is rounding noise the sign is chance: two runs then
  part by 2 `lr` in that weight, and from there on in all, the more the longer the steps. Steps are
  therefore 2e-6 long; at 2e-4 correct runs part by 0.4 within six steps, and nothing can be told.

No network has batch norm: on CPUs each process normalises by its own pictures.

Real faults stand far off. Measured on these runs with the fault put in:

* a pool of each process's own: the discriminators 0.23 to 0.33 apart, losses 2e-2 to 3e-2;
* a paired loss normalised over each process's own batch: the cleaner 0.30, losses 7e-3.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torchrun import TORCHRUN

from sigclean.corpus.prepare import Recipe, prepare
from sigclean.noise import Material

PROJECT = Path(__file__).parents[1]
LOSSES_APART = 1e-4  # relative
WEIGHTS_APART = 0.1  # of the way that training went
COMMON: dict[str, object] = {
    "crop_size": 64, "dataloader_num_workers": 0, "netG_A": "resnet_6blocks", "ngf": 4, "ngf_A": 4,
    "ndf": 4, "lr": 2e-6, "warmup_lr": 2e-6, "pool_size": 3, "logging_steps": 1, "seed": 5,
    "checkpointing_steps": 1, "checkpoints_total_limit": 0, "validation_steps": 0,
}  # fmt: skip
KINDS: dict[str, dict[str, object]] = {
    "eraser": {"norm": "instance", "warmup_steps": 3, "max_train_steps": 6, "lambda_paired": 1},
    "resnet": {"netG": "resnet_6blocks", "max_train_steps": 5},
}
ONE = [sys.executable, "train.py", "--recipe", "", "--batch_size", "4"]
TWO = [*TORCHRUN, "train.py", "--recipe", "", "--batch_size", "2"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "set"
    prepare(None, root, Recipe(("seed",), size=64), drawn=24, material=Material())
    return root


@pytest.fixture(scope="module", params=KINDS)
def runs(
    request: pytest.FixtureRequest, dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The folders of a run on one process and of the same on two, trained side by side."""
    folders = [tmp_path_factory.mktemp(request.param) / name for name in ("one", "two")]
    options: dict[str, object] = {"dataroot": dataset, **COMMON, **KINDS[request.param]}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    started = [
        subprocess.Popen(
            [*command, *words, "--output_dir", str(folder)],
            cwd=PROJECT, env={**os.environ, "OMP_NUM_THREADS": "1"}, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for command, folder in zip((ONE, TWO), folders, strict=True)
    ]  # fmt: skip
    for process in started:
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
    return folders[0], folders[1]


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_the_losses_of_every_step_agree(runs: tuple[Path, Path]) -> None:
    one, two = map(log, runs)
    assert len(one) == len(two) >= 5
    for mine, other in zip(one, two, strict=True):
        assert mine == pytest.approx(other, rel=LOSSES_APART)


@pytest.mark.parametrize("name", ["G_A", "G_B", "D_A", "D_B"])
def test_the_weights_agree(runs: tuple[Path, Path], name: str) -> None:
    first, last = 1, len(log(runs[0]))
    begun = state(runs[0], first, name)
    for mine, other, before in zip(state(runs[0], last, name), state(runs[1], last, name), begun,
                                   strict=True):  # fmt: skip
        assert (mine - before).norm() > 0
        assert (mine - other).norm() < WEIGHTS_APART * (mine - before).norm()


def state(folder: Path, step: int, name: str) -> list[Tensor]:
    """The weights of a network in one row, and the running statistics if it has some."""
    held = load_file(folder / f"checkpoint-{step}" / f"{name}.safetensors")
    rows: dict[bool, list[Tensor]] = {False: [], True: []}
    for key, tensor in held.items():
        if tensor.is_floating_point():
            rows["running_" in key].append(tensor.double().flatten())
    return [torch.cat(row) for row in rows.values() if row]
