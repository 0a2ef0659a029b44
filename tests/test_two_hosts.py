"""Training on two hosts, which are network namespaces of this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hosts_train_as_one_and_notice_a_cut_cable(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/two_hosts.py", "--quick", "--steps", "8"]
    result = subprocess.run(
        [*command, "--output", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True,
        timeout=1200,
    )  # fmt: skip
    if result.returncode == 77:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("--resume_from_checkpoint latest") == 2, "both hosts say it"
    assert "2 and 2 processes: bitwise equal" in result.stdout
