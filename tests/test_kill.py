"""Runs that are killed or asked to stop: what they leave is whole, and resuming is exact."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from torchrun import TORCHRUN
from waiting import wait_until

PROJECT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path: Path) -> None:
    """The script for users, with few kills: some while a checkpoint is written."""
    command = [sys.executable, "benchmarks/kill_and_resume.py", "--kills", "2", "--seed", "3"]
    result = subprocess.run(
        [*command, "--output", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True,
        timeout=1200,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "after 2 kills of 2 processes (0 corrupt checkpoints): bitwise equal" in result.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_sigterm_to_the_launcher_saves_once_and_ends_with_a_sentence(tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("--drawn", "8", "--crop_size", "64", "--netG_A", "resnet_6blocks", "--ngf_A", "2",
               "--ndf", "2", "--warmup_steps", "9000", "--checkpointing_steps", "3",
               "--checkpoints_total_limit", "0", "--validation_steps", "0")  # fmt: skip
    process = subprocess.Popen(
        [*TORCHRUN, "train.py", *options, "--output_dir", str(run)], cwd=PROJECT,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    wait_until((run / "checkpoint-3").exists, 300)
    process.terminate()
    _, said = process.communicate(timeout=300)  # until the last process has closed it
    steps = sorted(int(path.name.split("-")[1]) for path in run.glob("checkpoint-*"))
    assert [step for step in steps[:-1] if step % 3] == []
    assert (
        json.loads((run / f"checkpoint-{steps[-1]}" / "state.json").read_text())["processes"] == 2
    )
    assert said.count("train.py: stopped by SIGTERM") == 1
    assert "--resume_from_checkpoint latest" in said
    assert 'train.py", line' not in said, "the only traceback is the launcher's own"
    assert not list(run.glob(".checkpoint-*"))
