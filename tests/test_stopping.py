"""Runs end when signals ask for it, when their launcher ends, or when a process is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from accelerate import Accelerator
from torch.distributed import TCPStore
from torchrun import TORCHRUN
from waiting import wait_until

from sigclean.training.stopping import StopRequest, exit_status, explain_lost

PATIENCE = 120.0  # seconds in which something must happen


@pytest.fixture
def alone() -> Accelerator:
    """A run of one process."""
    return Accelerator(cpu=True)


# --- one process --------------------------------------------------------------------------------


def test_a_run_that_nobody_stops_continues(alone: Accelerator) -> None:
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

RANK = """
    import os, sys, time
    from pathlib import Path
    from accelerate import Accelerator
    from sigclean.training.stopping import StopRequest, exit_status, explain_lost, leave

    timeout = float(sys.argv[1])
    accelerator = Accelerator(cpu=True)
    rank = accelerator.process_index

    def write(name, text):
        Path(f"{name}-{rank}.part").write_text(str(text))
        Path(f"{name}-{rank}.part").rename(f"{name}-{rank}")

    def train(stop):
        for step in range(100_000):
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
    """Two processes that train, and their launcher; all work in `folder`.

    Args:
        timeout: seconds that they wait for each other after each step.
    """

    def __init__(self, folder: Path, timeout: float) -> None:
        (folder / "rank.py").write_text(textwrap.dedent(RANK))
        self.folder = folder
        with (folder / "said").open("w") as said:
            self.launcher = subprocess.Popen(
                [*TORCHRUN, "rank.py", str(timeout)], cwd=folder, stderr=said
            )
        self.ranks = [int(self.read("pid", rank)) for rank in (0, 1)]

    def read(self, name: str, rank: int) -> str:
        """The text that a rank writes at some time."""
        path = self.folder / f"{name}-{rank}"
        wait_until(path.exists, PATIENCE)
        return path.read_text()

    def all_ended(self) -> bool:
        return not any(map(is_alive, self.ranks))


@pytest.fixture
def two(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Two]:
    found = Two(tmp_path, getattr(request, "param", 60.0))
    yield found
    found.launcher.kill()
    for pid in found.ranks:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    found.launcher.wait()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # a zombie, which nobody has waited for, is dead
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_signal_to_one_process_stops_both_after_the_same_step(two: Two) -> None:
    os.kill(two.ranks[1], signal.SIGTERM)
    assert two.launcher.wait(PATIENCE) != 0
    assert two.read("stopped", 0) == two.read("stopped", 1)
    assert two.read("stopped", 0).startswith("SIGTERM after ")


@pytest.mark.slow
def test_a_signal_to_their_launcher_reaches_them_and_it_waits_for_them_to_save(two: Two) -> None:
    two.launcher.terminate()
    assert two.launcher.wait(PATIENCE) != 0
    assert [(two.folder / f"stopped-{rank}").exists() for rank in (0, 1)] == [True, True]


@pytest.mark.slow
def test_a_signal_to_all_processes_stops_them_once(two: Two) -> None:
    for pid in (two.launcher.pid, *two.ranks):
        os.kill(pid, signal.SIGTERM)
    assert two.launcher.wait(PATIENCE) != 0
    assert two.read("stopped", 0) == two.read("stopped", 1)
    assert two.read("stopped", 0).startswith("SIGTERM after ")


@pytest.mark.slow
def test_ctrl_c_stops_both(two: Two) -> None:
    two.launcher.send_signal(signal.SIGINT)
    assert two.launcher.wait(PATIENCE) != 0
    assert two.read("stopped", 0) == two.read("stopped", 1)
    assert two.read("stopped", 0).startswith("Ctrl-C after ")


@pytest.mark.slow
def test_processes_whose_launcher_was_killed_stop_by_themselves(two: Two) -> None:
    two.launcher.kill()
    assert two.read("stopped", 0) == two.read("stopped", 1)
    assert two.read("stopped", 0).startswith("the end of its launcher after ")
    wait_until(two.all_ended, PATIENCE)


def test_the_process_that_is_left_explains_that_the_other_is_gone(two: Two) -> None:
    os.kill(two.ranks[1], signal.SIGKILL)
    said = two.read("lost", 0)
    assert said.startswith("another process or machine is gone")
    assert "--resume_from_checkpoint latest" in said
    assert two.launcher.wait(PATIENCE) != 0
    assert two.all_ended()


@pytest.mark.slow
@pytest.mark.parametrize("two", [10.0], indirect=True)
def test_a_process_that_does_not_answer_is_explained_after_the_timeout(two: Two) -> None:
    os.kill(two.ranks[0], signal.SIGSTOP)
    said = two.read("lost", 1)
    assert said.startswith("another process or machine did not answer within --ddp_timeout")
    os.kill(two.ranks[0], signal.SIGCONT)  # to die: the launcher has told it to end
    assert two.launcher.wait(PATIENCE) != 0
    assert two.all_ended()
