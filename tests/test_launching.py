"""`accelerate launch --cpu`: which processes each machine starts, and two hosts for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SCRIPT = """
    import json, os, sys
    from sigclean.errors import DataError
    from sigclean.training.launching import processes_to_start, run_processes
    try:
        if share := processes_to_start():
            sys.exit(run_processes(share, [sys.executable, *sys.argv]))
    except DataError as error:
        sys.exit(str(error))
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
             "GLOO_SOCKET_IFNAME")
    said = json.dumps({name: os.environ[name] for name in names if name in os.environ})
    os.write(1, f"{said}\\n".encode())  # at once: the processes share the pipe
"""
CLI = ("-m", "accelerate.commands.accelerate_cli", "launch")
TWO_MACHINES = ("--num_machines", "2", "--main_process_ip", "127.0.0.2",
                "--main_process_port", "4711")  # fmt: skip


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script that says its place among the processes."""
    path = tmp_path / "say.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return path


def launch(script: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return subprocess.run(
        [sys.executable, *CLI, *words, str(script)], capture_output=True, text=True, timeout=120,
        env={**environment, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip


def places(result: subprocess.CompletedProcess[str]) -> list[dict[str, str]]:
    """What the processes said, by rank."""
    assert result.returncode == 0, result.stderr
    return sorted(map(json.loads, result.stdout.splitlines()), key=lambda place: place["RANK"])


def test_one_machine_starts_them_all(script: Path) -> None:
    first, second = places(launch(script, "--cpu", "--num_processes", "2"))
    assert (first["RANK"], second["RANK"]) == (first["LOCAL_RANK"], second["LOCAL_RANK"])
    assert (first["WORLD_SIZE"], first["LOCAL_WORLD_SIZE"]) == ("2", "2")
    assert first["MASTER_ADDR"] == "127.0.0.1"
    assert first["MASTER_PORT"] == second["MASTER_PORT"] != "0"


def test_each_of_several_machines_starts_its_share(script: Path) -> None:
    found = places(launch(script, "--cpu", "--num_processes", "4", *TWO_MACHINES,
                          "--machine_rank", "1"))  # fmt: skip
    assert [place["RANK"] for place in found] == ["2", "3"]
    assert [place["LOCAL_RANK"] for place in found] == ["0", "1"]
    for place in found:
        assert (place["WORLD_SIZE"], place["LOCAL_WORLD_SIZE"]) == ("4", "2")
        assert (place["MASTER_ADDR"], place["MASTER_PORT"]) == ("127.0.0.2", "4711")


def test_a_configuration_file_says_as_much_as_options(script: Path, tmp_path: Path) -> None:
    config = tmp_path / "cpu.yaml"
    config.write_text(
        "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_CPU\nuse_cpu: true\n"
        "num_machines: 2\nnum_processes: 2\nmachine_rank: 0\nmain_process_ip: 127.0.0.2\n"
        "main_process_port: 4711\nmixed_precision: 'no'\ndebug: false\n"
    )
    (place,) = places(launch(script, "--config_file", str(config), "--machine_rank", "1"))
    assert (place["RANK"], place["LOCAL_RANK"], place["WORLD_SIZE"]) == ("1", "0", "2")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--num_processes", "3", "--machine_rank", "0"),
         "--num_processes 3 cannot be shared by --num_machines 2"),
        (("--num_processes", "2", "--machine_rank", "2"),
         "--machine_rank must be from 0 to 1, not 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(script: Path, words: tuple[str, ...], said: str) -> None:
    result = launch(script, "--cpu", *TWO_MACHINES, *words)
    assert result.returncode != 0
    assert result.stdout == ""
    assert said in result.stderr.splitlines()


def test_a_script_that_needs_no_others_goes_on_by_itself(script: Path) -> None:
    result = launch(script, "--cpu", "--num_processes", "1")
    assert (result.returncode, result.stdout) == (0, "{}\n")


def test_two_hosts_train_as_one_and_notice_a_cut_cable(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/two_hosts.py", "--quick", "--steps", "8"]
    result = subprocess.run(
        [*command, "--output", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    if result.returncode == 77:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("--resume_from_checkpoint latest") == 2, "both hosts say it"
    assert "2 and 2 processes: bitwise equal" in result.stdout
