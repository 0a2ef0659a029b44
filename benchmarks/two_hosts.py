"""Train on two hosts, cut the cable between them, plug it in again: on one machine.

    sudo python benchmarks/two_hosts.py

The hosts are network namespaces joined by a virtual cable. The same run is made with two processes
on one host, then with one process on each of two; then the cable is cut in the middle, both ends
must say so within --ddp_timeout, and the run resumes when it is plugged in. Exits with 1 if results
differ, or if an end hangs or is silent. Linux, needs root and `ip` (iproute2).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from small_run import command, difference, draw_data, finish, newest, processes, start

HOSTS = (f"sigclean-{os.getpid()}-a", f"sigclean-{os.getpid()}-b")
CABLE = ("cable-a", "cable-b")  # the ends' names, each in its host
ADDRESSES = ("10.77.0.1", "10.77.0.2")
PORT = 29533
TIMEOUT = 10  # --ddp_timeout of the run that is cut, seconds
MARGIN = 40  # seconds more in which launchers notice and end what is left
CANNOT = 77  # exit status where hosts cannot be played: what automake takes for a skipped test
PATIENCE = 180.0  # seconds in which the run must get to its middle
TOLERANCE = 1e-6  # largest difference of weights between one host and two
SAID = ("another process or machine is gone", "did not answer within --ddp_timeout")

Ends = list["subprocess.Popen[bytes]"]


def main() -> int:
    """Run on one host and on two, cut, resume, compare. Returns the exit status."""
    args = _arguments()
    if problem := _missing():
        print(f"two_hosts.py: {problem}", file=sys.stderr)
        return CANNOT
    with tempfile.TemporaryDirectory() as scratch, _two_hosts():
        bench = Bench(Path(args.output or scratch), args.steps)
        bench.on_one_host()
        passed = args.quick or bench.two_equal_one()
        passed &= bench.cut_is_noticed()
        passed &= bench.resumes()
    return 0 if passed else 1


class Bench:
    """The runs and their logs, in one folder."""

    def __init__(self, folder: Path, steps: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.steps = folder, steps
        self.data = draw_data(folder / "data")
        self.one, self.two, self.cut = folder / "one", folder / "two", folder / "cut"

    def on_one_host(self) -> None:
        """The run that the others are compared with."""
        log = self.folder / "one.log"
        words = command(
            {"nproc_per_node": 2}, self.data, self.one, self.steps, resume=False,
            checkpointing_steps=2,
        )  # fmt: skip
        finish(start(words, log), log)

    def two_equal_one(self) -> bool:
        """Tell whether two processes give the same result on two hosts as on one host."""
        self._finish(self.two, resume=False)
        return self._equal(self.two, "two hosts and one")

    def cut_is_noticed(self) -> bool:
        """Tell whether both hosts report a cut cable in time, and leave no process behind."""
        ends = self._start(self.cut, resume=False)
        deadline = time.monotonic() + PATIENCE
        while newest(self.cut) < self.steps // 2:
            time.sleep(0.1)
            if time.monotonic() > deadline or any(end.poll() is not None for end in ends):
                sys.exit("the run does not get on:\n" + self._log(self.cut, 0).read_text()[-2000:])
        print(f"cable cut after checkpoint-{newest(self.cut)}", flush=True)
        _cable("down")
        waited = _seconds_to_end(ends)
        _cable("up")
        noticed = [self._noticed(end, seconds) for end, seconds in enumerate(waited)]
        return all(noticed)

    def resumes(self) -> bool:
        """Tell whether the interrupted run ends with the same result as the uninterrupted one."""
        self._finish(self.cut, resume=True)
        return self._equal(self.cut, "the run that was cut and the one that was not")

    def _equal(self, run: Path, what: str) -> bool:
        apart = difference(self.one, run)
        words = "bitwise equal" if apart == 0 else f"they differ by up to {apart:g}"
        together = processes(self.one) == processes(run) == len(HOSTS)
        quiet = not self._folder(run, 1).exists()
        print(f"{what}, {processes(self.one)} and {processes(run)} processes: {words}")
        print(f"the second host wrote {'nothing' if quiet else 'FILES OF ITS OWN'}", flush=True)
        return apart <= TOLERANCE and together and quiet

    def _finish(self, run: Path, *, resume: bool) -> None:
        for end, process in enumerate(self._start(run, resume=resume)):
            finish(process, self._log(run, end))

    def _noticed(self, end: int, seconds: float) -> bool:
        lines = self._log(self.cut, end).read_text(errors="replace").splitlines()
        said = [line for line in lines if line.startswith("train.py: error") and _tells(line)]
        print(f"host {end} ended after {seconds:.0f} s: {said[-1] if said else 'IT SAID NOTHING'}")
        ours = any(f"{name}.py" in line for line in lines for name in ("train", "loop")
                   if line.startswith("  File"))  # fmt: skip
        return bool(said) and not ours and seconds <= TIMEOUT + MARGIN

    def _start(self, run: Path, *, resume: bool) -> Ends:
        return [self._start_end(run, end, resume) for end in range(len(HOSTS))]

    def _start_end(self, run: Path, end: int, resume: bool) -> subprocess.Popen[bytes]:
        launch = {
            "nnodes": 2,
            "nproc_per_node": 1,
            "node_rank": end,
            "master_addr": ADDRESSES[0],
            "master_port": PORT,
        }
        words = command(
            launch, self.data, self._folder(run, end), self.steps, resume=resume,
            checkpointing_steps=2, ddp_timeout=TIMEOUT,
        )  # fmt: skip
        return start(["ip", "netns", "exec", HOSTS[end], *words], self._log(run, end))

    def _folder(self, run: Path, end: int) -> Path:
        """Only the first host's is written to: hosts need no common drive."""
        return run if end == 0 else run.with_name(f"{run.name}-{end}")

    def _log(self, run: Path, end: int) -> Path:
        return self.folder / f"{run.name}-{end}.log"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="leave out the run without a cut")
    parser.add_argument("--output", default="", help="folder for runs and logs, to look at")
    return parser.parse_args()


def _missing() -> str:
    """Why this machine cannot play two hosts; "" if it can."""
    if sys.platform != "linux" or not shutil.which("ip"):
        return "network namespaces need Linux and `ip` (iproute2)"
    made = subprocess.run(["ip", "netns", "add", HOSTS[0]], capture_output=True, text=True)
    if made.returncode:
        return f"network namespaces need root: {made.stderr.strip()}"
    _ip("netns", "del", HOSTS[0])
    return ""


@contextmanager
def _two_hosts() -> Iterator[None]:
    """Two namespaces and a cable; they and all that runs in them are gone at the end."""
    try:
        for host in HOSTS:
            _ip("netns", "add", host)
            _ip("-n", host, "link", "set", "lo", "up")
        _ip("link", "add", CABLE[0], "netns", HOSTS[0], "type", "veth",
            "peer", "name", CABLE[1], "netns", HOSTS[1])  # fmt: skip
        for host, end, address in zip(HOSTS, CABLE, ADDRESSES, strict=True):
            _ip("-n", host, "address", "add", f"{address}/24", "dev", end)
            _ip("-n", host, "link", "set", end, "up")
        yield
    finally:
        for host in HOSTS:
            _empty(host)


def _empty(host: str) -> None:
    found = subprocess.run(["ip", "netns", "pids", host], capture_output=True, text=True)
    for pid in found.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", host], capture_output=True)


def _cable(state: str) -> None:
    _ip("-n", HOSTS[1], "link", "set", CABLE[1], state)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _seconds_to_end(ends: Ends) -> list[float]:
    """Return the seconds until each process has ended; processes that hang are killed."""
    begun = time.monotonic()
    ended: dict[int, float] = {}
    while len(ended) < len(ends) and time.monotonic() - begun < TIMEOUT + MARGIN:
        for index, process in enumerate(ends):
            if index not in ended and process.poll() is not None:
                ended[index] = time.monotonic() - begun
        time.sleep(0.1)
    for process in ends:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return [ended.get(index, float("inf")) for index in range(len(ends))]


def _tells(line: str) -> bool:
    return any(words in line for words in SAID)


if __name__ == "__main__":
    sys.exit(main())
