"""Start the processes that `accelerate launch --cpu --num_processes N` was asked for.

accelerate (1.15) runs a script for CPUs once, whatever N is, and leaves more to mpirun. The script
that finds itself alone starts N of itself, with the environment that torchrun would give them.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

RANK_VARIABLES = ("RANK", "LOCAL_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
PATIENCE = 0.2  # seconds between looks whether a process has ended
GRACE = 10.0  # seconds that processes have to end when another has failed


def processes_to_start() -> int:
    """How many this script must start itself; 0 if it is one of them, or needs no others."""
    wanted = os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true"
    if not wanted or any(name in os.environ for name in RANK_VARIABLES):
        return 0
    count = _asked_for()
    return count if count > 1 else 0


def run_processes(count: int, command: Sequence[str]) -> int:
    """Run `command` as `count` processes of one group; returns 0, or the first failure's status.

    When one fails, the others are ended: they would wait for it.
    """
    port = _free_port()
    running = [subprocess.Popen(command, env=_environment(i, count, port)) for i in range(count)]
    try:
        while any(process.poll() is None for process in running):
            if failed := [process for process in running if process.poll()]:
                return _status(failed[0])
            time.sleep(PATIENCE)
        return next((_status(process) for process in running if process.returncode), 0)
    except KeyboardInterrupt:  # the terminal has told them, too
        return 130
    finally:
        _end(running)


def _asked_for() -> int:
    """What the parent, if it is `accelerate launch` for this machine alone, was told."""
    import psutil  # type: ignore[import-untyped]
    from accelerate.commands.launch import launch_command_parser

    try:
        words = psutil.Process().parent().cmdline()
        options = words[words.index("launch") + 1 :]
    except (AttributeError, ValueError, psutil.Error):  # no parent, another, or one of others
        return 0
    args, _ = launch_command_parser().parse_known_args(options)
    return args.num_processes or 0 if (args.num_machines or 1) == 1 else 0


def _environment(rank: int, count: int, port: int) -> dict[str, str]:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return os.environ | {name: str(value) for name, value in (place | meeting).items()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _status(process: subprocess.Popen) -> int:
    """The exit status as a shell gives it: 128 and the signal for one that was killed."""
    code = process.returncode
    if code < 0:
        print(f"a training process was killed by signal {-code}", file=sys.stderr)
        return 128 - code
    return int(code)


def _end(running: Sequence[subprocess.Popen]) -> None:
    for process in running:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + GRACE
    for process in running:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
