"""Scalars and pictures for TensorBoard, read back from its event files; and what wandb needs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from accelerate import Accelerator
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sigclean.errors import SigcleanError
from sigclean.training.options import TrainConfig
from sigclean.training.watching.trackers import Reporter, check_tracker


def report(config: TrainConfig, first: int, last: int) -> None:
    """Report the steps of a run that resumes after `first - 1`, to its end."""
    accelerator = Accelerator(cpu=True)
    reporter = Reporter(config, accelerator, first - 1)
    for step in range(first, last + 1):
        reporter.scalars(step, "loss", {"G_A": step / 4, "cycle_A": 2.0})
    reporter.picture(last, "samples", Image.new("RGB", (6, 4), (last, 20, 30)))
    accelerator.end_training()


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder / "logs"), size_guidance={"scalars": 0, "images": 0})
    return found.Reload()


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    return TrainConfig(output_dir=str(tmp_path), report_to="tensorboard", name="<mine>")


def test_scalars_are_in_the_run_folders_logs(config: TrainConfig, tmp_path: Path) -> None:
    report(config, 1, 3)
    found = [(event.step, event.value) for event in events(tmp_path).Scalars("loss/G_A")]
    assert found == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_pictures_are_those_that_were_given(config: TrainConfig, tmp_path: Path) -> None:
    report(config, 1, 3)
    (event,) = events(tmp_path).Images("samples")
    (tmp_path / "read.png").write_bytes(event.encoded_image_string)
    assert (event.step, event.width, event.height) == (3, 6, 4)
    assert np.asarray(Image.open(tmp_path / "read.png"))[0, 0].tolist() == [3, 20, 30]


def test_the_options_are_shown_without_secrets(tmp_path: Path) -> None:
    config = TrainConfig(output_dir=str(tmp_path), report_to="tensorboard", hub_token="hf_secret")
    report(config, 1, 1)
    (event,) = events(tmp_path).Tensors("options/text_summary")
    text = event.tensor_proto.string_val[0].decode()
    assert "| ema_decay | 0.998 |" in text
    assert "hf_secret" not in text


def test_a_resumed_run_has_no_point_twice(config: TrainConfig, tmp_path: Path) -> None:
    report(config, 1, 6)
    report(config, 4, 7)
    found = events(tmp_path)
    assert [event.step for event in found.Scalars("loss/G_A")] == [1, 2, 3, 4, 5, 6, 7]
    assert [event.step for event in found.Images("samples")] == [7]


def test_a_resumed_run_continues_after_a_truncated_event_file(
    config: TrainConfig, tmp_path: Path
) -> None:
    report(config, 1, 6)
    (events_file,) = (tmp_path / "logs").iterdir()
    events_file.write_bytes(events_file.read_bytes()[:-90])
    report(config, 5, 6)
    steps = [event.step for event in events(tmp_path).Scalars("loss/G_A")]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_nothing_is_written_for_no_tracker(tmp_path: Path) -> None:
    report(TrainConfig(output_dir=str(tmp_path)), 1, 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed")
def test_a_tracker_that_is_not_installed_is_one_sentence(tmp_path: Path) -> None:
    config = TrainConfig(output_dir=str(tmp_path), report_to="wandb")
    with pytest.raises(SigcleanError, match="pip install wandb") as caught:
        check_tracker(config.report_to)
    assert "\n" not in str(caught.value)
    with pytest.raises(SigcleanError, match="pip install wandb"):
        report(config, 1, 1)
    assert list(tmp_path.iterdir()) == []
