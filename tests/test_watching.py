"""The watch over a run: log, bar, samples, page, and the errors that stop it."""

from __future__ import annotations

import fcntl
import json
import math
import os
import pty
import shutil
import socket
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from runs import build_run, open_domains
from torch import Tensor

from sigclean.corpus.prepare import Recipe, prepare
from sigclean.errors import SigcleanError
from sigclean.noise import Material
from sigclean.training.options import TrainConfig
from sigclean.training.run import Run
from sigclean.training.watching.watch import Watch

PROJECT = Path(__file__).parents[1]
LATE = 500  # a step at which generators are no longer noise
RATES = {"G": 2e-4, "D": 1e-4}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "set"
    prepare(None, root, Recipe(("seed",), size=64, test_fraction=0.3), drawn=10,
            material=Material())  # fmt: skip
    return root


@pytest.fixture
def config(dataset: Path, tmp_path: Path) -> TrainConfig:
    folder = tmp_path / "run"
    folder.mkdir()
    return TrainConfig(
        dataroot=str(dataset), output_dir=str(folder), crop_size="64", batch_size=3,
        netG="resnet_6blocks", ngf=2, netG_A="resnet_6blocks", ngf_A=2, ndf=2, logging_steps=2,
        validation_steps=2, num_validation_images=2, warmup_steps=1, max_train_steps=8,
    )  # fmt: skip


def open_run(config: TrainConfig) -> Run:
    domains = open_domains(config, "train")
    assert domains is not None
    return build_run(config, domains)


def watching(config: TrainConfig, start: int = 0, end: int = 8) -> Watch:
    return Watch(config, Accelerator(cpu=True), open_domains(config, "test"), start, end)


def losses(value: float) -> dict[str, Tensor]:
    return {"G_A": torch.tensor(value), "D_A": torch.tensor(0.25)}


def log(config: TrainConfig, name: str = "log.jsonl") -> list[dict]:
    return [json.loads(line) for line in (config.run_folder / name).read_text().splitlines()]


# --- the log ------------------------------------------------------------------------------------


def test_every_so_many_steps_and_at_the_end_there_is_a_line(config: TrainConfig) -> None:
    watch = watching(config, end=5)
    for step in range(1, 6):
        watch.log(step, losses(step / 3), RATES)
    assert log(config) == [
        {"step": 2, "G_A": 0.66667, "D_A": 0.25, "lr_G": 2e-4, "lr_D": 1e-4},
        {"step": 4, "G_A": 1.3333, "D_A": 0.25, "lr_G": 2e-4, "lr_D": 1e-4},
        {"step": 5, "G_A": 1.6667, "D_A": 0.25, "lr_G": 2e-4, "lr_D": 1e-4},
    ]
    watch.close()


def test_time_is_kept_apart_from_what_is_the_same_for_every_run(config: TrainConfig) -> None:
    watch = watching(config, end=2)
    watch.log(1, losses(1.0), RATES)
    watch.log(2, losses(1.0), RATES)
    (line,) = log(config, "speed.jsonl")
    assert line["step"] == 2
    assert line["seconds"] >= 0
    assert line["pictures_per_second"] > 0


def test_a_resumed_run_continues_where_the_checkpoint_was(config: TrainConfig) -> None:
    run, watch = open_run(config), watching(config)
    for step in range(1, 7):
        watch.log(step, losses(step), RATES)
        if step % 2 == 0:
            watch.validate(step, run)
    figures = [line for line in log(config) if "f" in line]
    with (config.run_folder / "log.jsonl").open("a") as file:
        file.write('{"step": 8, "G_')  # killed here
    resumed = watching(config, start=4)
    assert [line["step"] for line in log(config)] == [2, 2, 4, 4]
    assert [line["step"] for line in log(config, "speed.jsonl")] == [2, 4]
    assert sorted(path.stem for path in (config.run_folder / "samples").iterdir()) == [
        "00000002", "00000004"
    ]  # fmt: skip
    assert {"step": 4, **resumed.figures} == figures[1]


# --- non-finite losses ------------------------------------------------------------------


def test_a_nan_loss_is_reported_at_the_next_line(config: TrainConfig) -> None:
    watch = watching(config)
    watch.log(1, losses(1.0), RATES)
    watch.log(2, losses(1.0), RATES)
    watch.log(3, losses(math.nan), RATES)
    with pytest.raises(SigcleanError, match=r"G_A became NaN or infinite at step 3.*lower --lr"):
        watch.log(4, losses(1.0), RATES)
    assert [line["step"] for line in log(config)] == [2]


def test_nothing_is_saved_of_such_weights(config: TrainConfig) -> None:
    run, watch = open_run(config), watching(config)
    checkpoint = config.run_folder / "checkpoint-2"
    watch.log(1, losses(math.inf), RATES)
    with pytest.raises(SigcleanError, match=r"lower --warmup_lr.*no checkpoint yet"):
        watch.check(1, run)
    checkpoint.mkdir()
    with pytest.raises(SigcleanError, match=f"--resume_from_checkpoint {checkpoint}") as caught:
        watch.check(1, run)
    assert "\n" not in str(caught.value)


def test_no_samples_are_drawn_by_such_weights(config: TrainConfig) -> None:
    run, watch = open_run(config), watching(config)
    watch.log(1, losses(math.nan), RATES)
    with pytest.raises(SigcleanError, match="step 1"):
        watch.validate(2, run)
    assert not (config.run_folder / "samples").exists()


TWO = """
import math, sys, torch
from dataclasses import replace
from accelerate import Accelerator
from sigclean.errors import SigcleanError
from sigclean.training.options import TrainConfig
from sigclean.training.watching.watch import Watch
accelerator = Accelerator(cpu=True)
rank = accelerator.process_index
config = TrainConfig(output_dir=sys.argv[1], logging_steps=2, batch_size=3)
watch = Watch(config, accelerator, None, 0, 9)
watch.log(1, {"G_A": torch.tensor(5.0)}, {})
watch.log(2, {"G_A": torch.tensor(1.0 + rank)}, {})
watch.log(3, {"G_A": torch.tensor(math.nan if rank else 1.0)}, {})
try:
    watch.check(3, None)
except SigcleanError as error:
    print(type(error).__name__, error)
watch.close()
"""


def test_processes_log_their_mean_and_stop_together(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TWO, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                 "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(2)
    ]  # fmt: skip
    first, second = (process.communicate(timeout=600)[0] for process in running)
    assert first.startswith(
        "SigcleanError the loss G_A became NaN or infinite at step 3 on process 1"
    )
    assert second.startswith("ReportedElsewhereError")
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(line) == {"step": 2, "G_A": 1.5}


# --- generators that invert brightness -----------------------------------------------------------


def invert(run: Run, name: str) -> None:
    """Let the average make the negative of every picture, as if it had learnt to."""
    run.averages[name].module.register_forward_hook(lambda module, inputs, output: -inputs[0])


def straighten(run: Run) -> None:
    """Let both averages leave pictures as they are."""
    for average in run.averages.values():
        average.module.register_forward_hook(lambda module, inputs, output: inputs[0])


@pytest.mark.parametrize("name", ["G_A", "G_B"])
def test_a_generator_that_inverts_brightness_stops_the_run(config: TrainConfig, name: str) -> None:
    run, watch = open_run(config), watching(config)
    straighten(run)
    watch.check(LATE, run)
    invert(run, name)
    with pytest.raises(SigcleanError, match=f"{name} makes bright strokes on dark") as caught:
        watch.check(LATE + 1, run)
    for remedy in ("--lambda_identity 0.5", "--warmup_steps", "--seed"):
        assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


def test_its_samples_are_there_to_be_looked_at(config: TrainConfig) -> None:
    run, watch = open_run(config), watching(config)
    straighten(run)
    invert(run, "G_B")
    with pytest.raises(SigcleanError, match="bright strokes on dark"):
        watch.validate(LATE, run)
    assert (config.run_folder / "samples" / "00000500.png").is_file()
    assert "00000500.png" in (config.run_folder / "samples.html").read_text()


def test_it_is_not_looked_for_while_the_generators_are_still_noise(config: TrainConfig) -> None:
    config = replace(config, warmup_steps=LATE)
    run, watch = open_run(config), watching(config)
    straighten(run)
    invert(run, "G_A")
    watch.check(LATE, run)
    watch.check(LATE + 9, run)
    with pytest.raises(SigcleanError, match="bright strokes on dark"):
        watch.check(2 * LATE, run)


# --- validation ---------------------------------------------------------------------------------


def test_a_validation_leaves_figures_samples_and_a_page(
    config: TrainConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    run, watch = open_run(config), watching(config)
    figures = watch.validate(2, run)
    assert figures.keys() == {"f", "recall", "precision", "psnr"}
    assert watch.figures == figures
    assert log(config) == [{"step": 2, **figures}]
    with Image.open(config.run_folder / "samples" / "00000002.png") as grid:
        assert grid.width > 2 * 128
    watch.close()
    assert "samples/00000002.png" in (config.run_folder / "samples.html").read_text()
    out, err = capsys.readouterr()
    shown = ", ".join(f"{name} {value}" for name, value in figures.items())
    assert (out, err) == ("", f"step 2: {shown}\n"), "one plain line, and no bar in a pipe"


def test_a_validation_changes_nothing_of_the_run(config: TrainConfig) -> None:
    run, watch = open_run(config), watching(config)
    before = [value.clone() for average in run.averages.values()
              for value in average.module.state_dict().values()]  # fmt: skip
    state = torch.get_rng_state()
    watch.validate(2, run)
    after = [value for average in run.averages.values()
             for value in average.module.state_dict().values()]  # fmt: skip
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_without_a_test_side_there_are_samples_but_no_figures(
    config: TrainConfig, dataset: Path, tmp_path: Path
) -> None:
    for name in ("trainA", "trainB"):
        shutil.copytree(dataset / name, tmp_path / "half" / name)
    config = replace(config, dataroot=str(tmp_path / "half"))
    run = open_run(config)
    watch = Watch(config, Accelerator(cpu=True), None, 0, 8, train=open_domains(config, "train"))
    assert watch.validate(2, run) == {}
    assert (config.run_folder / "samples" / "00000002.png").is_file()


def test_tensorboard_gets_losses_rates_figures_and_samples(config: TrainConfig) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = replace(config, report_to="tensorboard")
    run, watch = open_run(config), watching(config)
    watch.log(1, losses(1.0), RATES)
    watch.log(2, losses(0.5), RATES)
    figures = watch.validate(2, run)
    watch.close()
    events = EventAccumulator(str(config.run_folder / "logs")).Reload()
    tags = events.Tags()
    assert set(tags["scalars"]) == {
        "loss/G_A", "loss/D_A", "rate/lr_G", "rate/lr_D", "speed/seconds",
        "speed/pictures_per_second", *(f"validation/{name}" for name in figures),
    }  # fmt: skip
    assert tags["images"] == ["samples"]
    assert events.Scalars("validation/f")[0].value == pytest.approx(figures["f"])


# --- on a terminal ------------------------------------------------------------------------------


BAR = """
import sys, torch
from accelerate import Accelerator
from sigclean.training.options import TrainConfig
from sigclean.training.watching.watch import Watch
config = TrainConfig(output_dir=sys.argv[1], logging_steps=1)
watch = Watch(config, Accelerator(cpu=True), None, 2, 4)
losses = {"G_A": 0.25, "cycle_A": 1.0, "D_A": 0.5, "D_B": 0.25}
for step in (3, 4):
    watch.log(step, {name: torch.tensor(value) for name, value in losses.items()}, {"G": 2e-4})
watch.close()
"""


def test_a_terminal_shows_a_bar_with_rate_losses_and_learning_rate(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    command = [sys.executable, "-c", BAR, str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, stderr=theirs, check=True, timeout=600)
    os.close(theirs)
    shown = ""
    with suppress(OSError):  # the end of what a closed terminal holds
        while part := os.read(ours, 100_000).decode():
            shown += part
    os.close(ours)
    assert "4/4" in shown
    assert "step/s" in shown
    assert "G 1.25, D 0.375, lr 0.0002" in shown


# --- a full disk --------------------------------------------------------------------------------


def test_a_log_that_cannot_be_written_is_said_once_and_training_continues(
    config: TrainConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.run_folder / "log.jsonl").symlink_to("/dev/full")
    (config.run_folder / "samples").write_text("in the way of a folder")
    run, watch = open_run(config), watching(config)
    for step in range(1, 7):
        watch.log(step, losses(1.0), RATES)
    figures = watch.validate(6, run)
    watch.close()
    assert figures["recall"] >= 0
    warning, shown = capsys.readouterr().err.splitlines()
    assert warning == "train.py: warning: the log is not written: No space left on device"
    assert shown.startswith("step 6: f ")
