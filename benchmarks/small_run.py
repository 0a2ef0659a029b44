"""A training run of seconds with everything in it, for the scripts beside this file.

Warm-up and adversarial stage, pools, averages, workers, on drawn signatures of 64 pixels.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

PROJECT = Path(__file__).parents[1]
OPTIONS = {
    "recipe": "",  # these options and no others
    "crop_size": 64,
    "batch_size": 2,
    "dataloader_num_workers": 1,
    "netG_A": "resnet_6blocks",
    "ngf_A": 2,
    "ndf": 2,
    "lambda_paired": 1,
    "pool_size": 5,
    "validation_steps": 0,
    "checkpoints_total_limit": 3,
    "logging_steps": 10,
    "seed": 5,
}


def draw_data(folder: Path) -> Path:
    """Drawn signatures under noise, with their truth."""
    from sigclean.corpus.prepare import Recipe, prepare
    from sigclean.noise import Material

    recipe = Recipe(("seed",), size=64, test_fraction=0.3)
    prepare(None, folder, recipe, drawn=14, material=Material())
    return folder


def command(
    launch: Mapping[str, Any], data: Path, output: Path, steps: int, *, resume: bool, **more: Any
) -> list[str]:
    """Return the command `torchrun … train.py …`.

    Args:
        launch: options of `torchrun`, such as `nproc_per_node`.
        steps: the length of the run; a third of it is warm-up.
        more: further options of train.py.
    """
    options = {**OPTIONS, "warmup_steps": steps // 3, "max_train_steps": steps, **more}
    options |= {"dataroot": data, "output_dir": output}
    if resume:
        options["resume_from_checkpoint"] = "latest"
    torchrun = [sys.executable, "-m", "torch.distributed.run", *_words(launch)]
    if "nnodes" not in launch:
        torchrun.append("--standalone")
    return [*torchrun, str(PROJECT / "train.py"), *_words(options)]


def start(words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Run a command in a process group of its own; its output is appended to `log`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])
    with log.open("ab") as file:
        return subprocess.Popen(
            words, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=environment,
            start_new_session=True,
        )  # fmt: skip


def finish(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a command to succeed. Exits, showing what it said, if it does not."""
    if process.wait() != 0:
        sys.exit("the run failed:\n" + log.read_text(errors="replace")[-2000:])


def newest(run: Path) -> int:
    """The step of a run's last checkpoint; 0 if it has none."""
    return max((int(path.name.split("-")[1]) for path in run.glob("checkpoint-*")), default=0)


def processes(run: Path) -> int:
    """Return how many processes wrote a run's last checkpoint."""
    state = run / f"checkpoint-{newest(run)}" / "state.json"
    return int(json.loads(state.read_text())["processes"])


def difference(one: Path, other: Path) -> float:
    """Return the largest difference between two runs' results and last checkpoints.

    0 means that they are bitwise equal, infinity that names or types of values differ.
    """
    files = [f"checkpoint-{newest(one)}", "G_A", "G_B"]
    names = [
        {str(path.relative_to(run)) for file in files for path in (run / file).glob("*")}
        for run in (one, other)
    ]
    if names[0] != names[1]:
        return float("inf")
    kept = [name for name in names[0] if name.endswith((".safetensors", ".pt"))]
    return max(_between(_read(one / name), _read(other / name)) for name in kept)


def _words(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        yield from (f"--{name}", str(value))


def _read(path: Path) -> Any:
    return load_file(path) if path.suffix == ".safetensors" else torch.load(path)


def _between(one: Any, other: Any) -> float:
    if type(one) is not type(other):
        return float("inf")
    if isinstance(one, Tensor):
        return _between_tensors(one, other)
    if isinstance(one, Mapping):
        if one.keys() != other.keys():
            return float("inf")
        return max((_between(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list | tuple):
        if len(one) != len(other):
            return float("inf")
        return max(map(_between, one, other), default=0.0)
    return 0.0 if one == other else float("inf")


def _between_tensors(one: Tensor, other: Tensor) -> float:
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return float("inf")
    bits = [each.contiguous().reshape(-1).view(torch.uint8) for each in (one, other)]
    if torch.equal(*bits):
        return 0.0
    apart = (one.double() - other.double()).abs().max().item()
    return apart or sys.float_info.min  # as of 0 and -0: not the same bits
