"""How runs end: asked to by signals, by the end of their launcher, or because a process is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from accelerate import Accelerator
from torch.distributed import TCPStore

from sigclean.training.launching import LAUNCHED
from sigclean.training.stopping import StopRequest, exit_status, explain_lost

PATIENCE = 60.0  # seconds in which something must happen


@pytest.fixture
def alone() -> Accelerator:
    """A run of one process."""
    return Accelerator(cpu=True)


# --- one process --------------------------------------------------------------------------------


def test_a_run_that_nobody_stops_goes_on(alone: Accelerator) -> None:
    with StopRequest(alone, 60) as stop:
        assert stop.agreed() is None


@pytest.mark.parametrize(
    ("number", "reason", "status"),
    [(signal.SIGTERM, "SIGTERM", 143), (signal.SIGINT, "Ctrl-C", 130)],
)
def test_a_signal_is_a_request_and_sets_the_exit_status(
    alone: Accelerator, number: signal.Signals, reason: str, status: int
) -> None:
    before = signal.getsignal(number)
    with StopRequest(alone, 60) as stop:
        os.kill(os.getpid(), number)
        assert stop.agreed() == reason
        assert exit_status(reason) == status
    assert signal.getsignal(number) == before


def test_sigterm_may_come_again_while_the_run_saves(alone: Accelerator) -> None:
    with StopRequest(alone, 60) as stop:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.agreed() == "SIGTERM"


def test_a_second_ctrl_c_interrupts_at_once(alone: Accelerator) -> None:
    with StopRequest(alone, 60):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_that_was_ignored_stays_ignored(alone: Accelerator) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest(alone, 60) as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.agreed() is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_beside_the_main_thread_signals_are_left_alone(alone: Accelerator) -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def run() -> None:
        with StopRequest(alone, 60) as stop:
            seen.extend([stop.agreed(), signal.getsignal(signal.SIGTERM)])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [None, before]


def test_other_errors_are_not_explained_as_a_lost_process() -> None:
    assert explain_lost(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
    assert explain_lost(ValueError("gloo: connection closed by peer")) is None


@pytest.mark.parametrize("first", [True, False], ids=["the first machine", "another machine"])
def test_machines_that_never_meet_are_explained(first: bool) -> None:
    with pytest.raises(RuntimeError) as caught:
        TCPStore("127.0.0.1", free_port(), 2, first, timedelta(seconds=1))
    said = explain_lost(caught.value)
    assert said is not None
    assert said.startswith("another process or machine did not answer within --ddp_timeout")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


# --- two processes ------------------------------------------------------------------------------

STARTER = """
    import sys
    from sigclean.training.launching import Share, run_processes
    share = Share(count=2, first=0, total=2, address="127.0.0.1", port=int(sys.argv[2]))
    sys.exit(run_processes(share, [sys.executable, "rank.py", *sys.argv[1:]]))
"""
RANK = """
    import os, sys, time
    from datetime import timedelta
    from pathlib import Path
    import torch
    from accelerate import Accelerator, InitProcessGroupKwargs
    from sigclean.training.stopping import StopRequest, exit_status, explain_lost, leave

    timeout = float(sys.argv[1])
    group = InitProcessGroupKwargs(timeout=timedelta(seconds=timeout))
    accelerator = Accelerator(cpu=True, kwargs_handlers=[group])
    rank = accelerator.process_index

    def write(name, text):
        Path(f"{name}-{rank}.part").write_text(str(text))
        Path(f"{name}-{rank}.part").rename(f"{name}-{rank}")

    def train(stop):
        for step in range(100_000):
            accelerator.reduce(torch.ones(1))
            if step == 3:
                write("pid", os.getpid())
            if reason := stop.agreed():
                time.sleep(0.4)  # as long as it takes to save
                write("stopped", f"{reason} after {step}")
                sys.exit(exit_status(reason))
            time.sleep(0.005)

    try:
        with StopRequest(accelerator, timeout) as stop:
            train(stop)
    except RuntimeError as error:
        write("lost", explain_lost(error))
        leave(1)
"""


class Two:
    """Two processes that train, started by a third; all work in `folder`."""

    def __init__(self, folder: Path, timeout: float) -> None:
        (folder / "starter.py").write_text(textwrap.dedent(STARTER))
        (folder / "rank.py").write_text(textwrap.dedent(RANK))
        self.folder = folder
        self.starter = subprocess.Popen(
            [sys.executable, "starter.py", str(timeout), str(free_port())], cwd=folder,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "ACCELERATE_USE_CPU": "true", LAUNCHED: "default"},
        )  # fmt: skip
        self.ranks = [int(self.read("pid", rank)) for rank in (0, 1)]

    def read(self, name: str, rank: int) -> str:
        """What a rank writes at some time."""
        path = self.folder / f"{name}-{rank}"
        wait_until(path.exists)
        return path.read_text()

    def all_ended(self) -> bool:
        return not any(map(is_alive, self.ranks))


@pytest.fixture
def two(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Two]:
    found = Two(tmp_path, getattr(request, "param", 60.0))
    yield found
    with suppress(ProcessLookupError):
        os.killpg(found.starter.pid, signal.SIGKILL)
    found.starter.communicate()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # a zombie, which nobody has waited for, is dead
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_signal_to_one_process_stops_both_after_the_same_step(two: Two) -> None:
    os.kill(two.ranks[1], signal.SIGTERM)
    assert two.starter.wait(PATIENCE) == 143
    assert two.read("stopped", 0) == two.read("stopped", 1)
    assert two.read("stopped", 0).startswith("SIGTERM after ")


def test_a_signal_to_their_starter_reaches_them_and_it_waits_for_them_to_save(two: Two) -> None:
    two.starter.terminate()
    assert two.starter.wait(PATIENCE) == 143
    assert [(two.folder / f"stopped-{rank}").exists() for rank in (0, 1)] == [True, True]
    assert two.starter.stderr is not None
    assert two.starter.stderr.read() == ""


def test_a_signal_to_the_whole_group_stops_it_once_and_quietly(two: Two) -> None:
    os.killpg(two.starter.pid, signal.SIGTERM)
    assert two.starter.wait(PATIENCE) == 143
    assert two.read("stopped", 0) == two.read("stopped", 1)
    assert two.starter.stderr is not None
    assert two.starter.stderr.read() == ""


def test_ctrl_c_in_a_terminal_stops_it_once_and_quietly(two: Two) -> None:
    os.killpg(two.starter.pid, signal.SIGINT)
    assert two.starter.wait(PATIENCE) == 130
    assert two.read("stopped", 0).startswith("Ctrl-C after ")
    assert two.starter.stderr is not None
    assert two.starter.stderr.read() == ""


def test_processes_whose_starter_was_killed_stop_by_themselves(two: Two) -> None:
    two.starter.kill()
    assert two.read("stopped", 0) == two.read("stopped", 1)
    assert two.read("stopped", 0).startswith("the end of its launcher after ")
    wait_until(two.all_ended)


def test_the_process_that_is_left_explains_that_the_other_is_gone(two: Two) -> None:
    os.kill(two.ranks[1], signal.SIGKILL)
    said = two.read("lost", 0)
    assert said.startswith("another process or machine is gone")
    assert "--resume_from_checkpoint latest" in said
    assert two.starter.wait(PATIENCE) in (1, 137)
    assert two.all_ended()


@pytest.mark.parametrize("two", [3.0], indirect=True)
def test_a_process_that_does_not_answer_is_explained_after_the_timeout(two: Two) -> None:
    os.kill(two.ranks[0], signal.SIGSTOP)
    said = two.read("lost", 1)
    assert said.startswith("another process or machine did not answer within --ddp_timeout")
    assert two.starter.wait(PATIENCE) == 1
    assert two.all_ended()
