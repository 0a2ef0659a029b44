"""Start the processes that `accelerate launch --cpu --num_processes N` was asked for.

accelerate (1.15) runs a script for CPUs once on each machine, whatever N is, and leaves more to
mpirun. The script that finds itself alone starts its machine's share of N, with the environment
that torchrun would give them.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sigclean.errors import DataError

RANK_VARIABLES = ("RANK", "LOCAL_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
LAUNCHED = "ACCELERATE_DYNAMO_MODE"  # what `accelerate launch` sets, and hardly a person
PATIENCE = 0.2  # seconds between looks whether a process has ended
NOTICE = 5.0  # seconds in which processes notice by themselves that another has ended
GRACE = 5.0  # seconds that they have to end when they are told to: alone they cannot go on
SAVING = 600.0  # seconds that they have to save and end when the whole run is to stop
LOCALHOST = "127.0.0.1"
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows they are one

_PARENT = os.getppid()  # at the start: a parent that is gone is replaced by another


@dataclass(frozen=True)
class Share:
    """The processes of one machine: ranks `first`, …, `first + count - 1` of `total`."""

    count: int
    first: int
    total: int
    address: str  # of the machine of rank 0
    port: int

    def environment(self, index: int) -> dict[str, str]:
        """What tells the machine's process `index`, from 0, its place."""
        own = {
            "RANK": self.first + index,
            "LOCAL_RANK": index,
            "WORLD_SIZE": self.total,
            "LOCAL_WORLD_SIZE": self.count,
            "MASTER_ADDR": self.address,
            "MASTER_PORT": self.port,
        }
        threads = max((os.cpu_count() or 1) // self.count, 1)
        unset = {
            "OMP_NUM_THREADS": threads,
            "TORCH_CPP_LOG_LEVEL": "FATAL",  # errors come as exceptions: not also with C++ frames
            **gloo_network(self.address),
        }
        return {name: str(value) for name, value in (unset | os.environ | own).items()}


def launcher_is_gone() -> bool:
    """Whether `accelerate launch`, or the process that started this one for it, has ended.

    Of a script that was started by hand nothing is said: its shell may end, as with `nohup`.
    """
    return LAUNCHED in os.environ and os.getppid() != _PARENT


def processes_to_start() -> Share | None:
    """What this script must start itself; None if it is one of them, or needs no others.

    Raises DataError if `accelerate launch` was told what cannot be.
    """
    wanted = os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true"
    if not wanted or any(name in os.environ for name in RANK_VARIABLES):
        return None
    asked = _asked_for()
    return _share(asked) if asked else None


def run_processes(share: Share, command: Sequence[str]) -> int:
    """Run `command` as the processes of `share`; returns 0, or the first failure's status.

    When one fails, the others are ended: they would wait for it. SIGTERM, Ctrl-C and the end of
    `accelerate launch` are passed on as SIGTERM, and the processes may save before they end.
    """
    with _stop_signals() as heard:
        running: list[subprocess.Popen] = []
        try:
            for index in range(share.count):
                running.append(subprocess.Popen(command, env=share.environment(index)))
            while not _ended(running, PATIENCE):
                if heard or launcher_is_gone():
                    return _stopped(running, heard)
                if failed := [process for process in running if process.poll()]:
                    return _status(failed[0])
            return next((_status(process) for process in running if process.returncode), 0)
        finally:
            _end(running)


def gloo_network(address: str) -> dict[str, str]:
    """What tells gloo to use the network on the way to `address`, that of the first machine.

    Alone it takes the one of the host's name, which is often 127.0.0.1, or not the machines' own.
    """
    import psutil  # type: ignore[import-untyped]

    try:
        found = socket.getaddrinfo(address, 1, type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], socket.SOCK_DGRAM) as probe:
            probe.connect(found[4])  # sends nothing
            own = probe.getsockname()[0]
    except OSError:
        return {}  # the run will say what is wrong with it
    if ipaddress.ip_address(own).is_loopback:
        return {}  # all on one machine, or a name that means another one elsewhere
    for name, addresses in psutil.net_if_addrs().items():
        if any(one.address.partition("%")[0] == own for one in addresses):
            return {"GLOO_SOCKET_IFNAME": name}
    return {}


def _share(asked: Any) -> Share | None:
    """This machine's share of what `accelerate launch` was asked for."""
    total, machines = asked.num_processes or 0, asked.num_machines or 1
    rank = asked.machine_rank or 0
    if machines == 1:
        port = asked.main_process_port or _free_port()
        return Share(total, 0, total, LOCALHOST, port) if total > 1 else None
    if not total or total % machines:
        raise DataError(f"--num_processes {total} cannot be shared by --num_machines {machines}")
    if not 0 <= rank < machines:
        raise DataError(f"--machine_rank must be from 0 to {machines - 1}, not {rank}")
    count = total // machines
    return Share(count, rank * count, total, asked.main_process_ip, asked.main_process_port)


def _asked_for() -> Any:
    """The options of the parent, if it is `accelerate launch`, and of its configuration file."""
    import psutil
    from accelerate.commands.launch import launch_command_parser

    try:
        words = psutil.Process().parent().cmdline()
    except (AttributeError, psutil.Error):  # no parent, or one of others
        return None
    starts = [i for i, word in enumerate(words) if _is_launch(words[i - 1] if i else "", word)]
    if not starts:
        return None
    args, _ = launch_command_parser().parse_known_args(words[starts[0] + 1 :])
    return _completed(args)


def _is_launch(before: str, word: str) -> bool:
    """Whether the options begin after `word`: `accelerate launch` is spelled in several ways."""
    if word == "launch":
        return before.endswith(("accelerate", "accelerate.exe", "accelerate_cli", "_cli.py"))
    return word.endswith(("accelerate-launch", "commands.launch", "commands/launch.py"))


def _completed(args: Any) -> Any:
    """Options that were not given come from `accelerate config`'s file, as accelerate reads it."""
    from accelerate.commands.config.config_args import default_config_file, load_config_from_file

    names = ("num_processes", "num_machines", "machine_rank", "main_process_ip",
             "main_process_port")  # fmt: skip
    file = args.config_file or (None if args.cpu else default_config_file)
    stored = load_config_from_file(file) if file and Path(file).is_file() else None
    return SimpleNamespace(
        **{
            name: getattr(stored, name, None) if (value := getattr(args, name)) is None else value
            for name in names
        }
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """The numbers of the stop signals that came; those that were ignored before stay so."""
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, lambda number, frame: heard.append(number))
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopped(running: Sequence[subprocess.Popen], heard: list[int]) -> int:
    """Let all save and end; a second Ctrl-C is more urgent than that."""
    _tell(running, signal.SIGTERM)  # of a Ctrl-C the terminal has told them, too
    deadline = time.monotonic() + SAVING
    while not _ended(running, PATIENCE):
        if heard.count(signal.SIGINT) > 1 or time.monotonic() > deadline:
            _tell(running, KILL)
    return 130 if signal.SIGINT in heard else 143


def _status(process: subprocess.Popen) -> int:
    """The exit status as a shell gives it: 128 and the signal for one that was killed."""
    code = process.returncode
    if code < 0:
        print(f"a process was killed by signal {-code}", file=sys.stderr)
        return 128 - code
    return int(code)


def _end(running: Sequence[subprocess.Popen]) -> None:
    """Make sure that none is left."""
    if _ended(running, NOTICE):
        return
    _tell(running, signal.SIGTERM)
    if not _ended(running, GRACE):
        _tell(running, KILL)
        _ended(running, GRACE)


def _ended(running: Sequence[subprocess.Popen], seconds: float) -> bool:
    """Whether all have ended, or do so within `seconds`."""
    deadline = time.monotonic() + seconds
    while any(process.poll() is None for process in running):
        if time.monotonic() > deadline:
            return False
        time.sleep(PATIENCE)
    return True


def _tell(running: Sequence[subprocess.Popen], number: int) -> None:
    for process in running:
        if process.poll() is None:
            process.send_signal(number)
