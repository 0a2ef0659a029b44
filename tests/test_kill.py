"""Runs that are killed or asked to stop: what they leave is whole, and going on is exact."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path: Path) -> None:
    """The script for users, with few kills: some while a checkpoint is written."""
    command = [sys.executable, "benchmarks/kill_and_resume.py", "--kills", "2", "--seed", "3"]
    result = subprocess.run(
        [*command, "--output", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "after 2 kills of 2 processes (0 torn checkpoints): bitwise equal" in result.stdout


def test_sigterm_to_all_processes_saves_once_and_ends_with_a_sentence(tmp_path: Path) -> None:
    run = tmp_path / "run"
    launch = ("-m", "accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_processes", "2")
    options = ("--drawn", "8", "--crop_size", "64", "--netG_A", "resnet_6blocks", "--ngf_A", "2",
               "--ndf", "2", "--warmup_steps", "9000", "--checkpointing_steps", "3",
               "--checkpoints_total_limit", "0", "--validation_steps", "0")  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, *launch, "train.py", *options, "--output_dir", str(run)], cwd=PROJECT,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (run / "checkpoint-3").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)
    _, said = process.communicate(timeout=60)  # until the last process has closed it
    steps = sorted(int(path.name.split("-")[1]) for path in run.glob("checkpoint-*"))
    assert [step for step in steps[:-1] if step % 3] == []
    assert (
        json.loads((run / f"checkpoint-{steps[-1]}" / "state.json").read_text())["processes"] == 2
    )
    assert said.count("train.py: stopped by SIGTERM") == 1
    assert "--resume_from_checkpoint latest" in said
    assert "Traceback" not in said
    assert not list(run.glob(".checkpoint-*"))
