"""Kill a training run again and again, resume it each time, and compare its result bit by bit.

    python benchmarks/kill_and_resume.py                          # 20 kills of two processes
    python benchmarks/kill_and_resume.py --kills 5 --processes 1

A run that nothing disturbs is made first. Then the same run is killed by SIGKILL at random moments,
while it starts, trains or writes a checkpoint, mostly all of it at once and sometimes one process
alone, and resumes with `--resume_from_checkpoint latest`. Exits with 1 if the last checkpoints or
the weights folders of both runs differ in a single bit. Linux and macOS.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from small_run import command, difference, draw_data, finish, newest, processes, start

EVERY = 2  # steps between checkpoints
SAVED = 3  # checkpoints that a run writes between two kills, at most
PATIENCE = 180.0  # seconds in which something must happen
MOMENTS = ("starting", "training", "training", "saving")


@dataclass(frozen=True)
class Kill:
    """One kill: its time, the process that was killed, and the state of the run afterwards."""

    moment: str
    victim: str
    seconds: float  # from the launch
    resumed: int  # step that this part of the run resumed from
    left: int  # step of the newest checkpoint
    drafts: int  # checkpoints that were half-written, half-replaced or half-removed


def main() -> int:
    """Run, kill, compare. Returns the exit status."""
    args = _arguments()
    steps = EVERY * (SAVED + 1) * (args.kills + 1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(args.output or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        data = draw_data(folder / "data")
        whole, killed = folder / "whole", folder / "killed"
        log = folder / "whole.log"
        finish(start(_command(args, data, whole, steps), log), log)
        print(f"{steps} steps without a stop: done", flush=True)
        log = folder / "killed.log"
        _kill_often(args, data, killed, steps, log)
        apart = difference(whole, killed)
        found = processes(killed)
        corrupt = log.read_text(errors="replace").count("is corrupt")
    result = "bitwise equal" if apart == 0 else f"DIFFERENT, by up to {apart:g}"
    print(
        f"after {args.kills} kills of {found} processes ({corrupt} corrupt checkpoints): {result}"
    )
    return 0 if (apart, found) == (0, args.processes) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--output", default="", help="folder for runs and logs, to look at")
    return parser.parse_args()


def _command(args: argparse.Namespace, data: Path, output: Path, steps: int) -> list[str]:
    launch = {"nproc_per_node": args.processes}
    resume = newest(output) > 0
    return command(launch, data, output, steps, resume=resume, checkpointing_steps=EVERY)


def _kill_often(args: argparse.Namespace, data: Path, run: Path, steps: int, log: Path) -> None:
    rng = random.Random(args.seed)
    print(f"{'kill':>4}  {'moment':9}{'of':10}{'after':>7}{'from step':>11}{'to':>5}  drafts")
    for number in range(1, args.kills + 1):
        kill = _killed_once(_command(args, data, run, steps), run, log, rng, args.processes)
        print(
            f"{number:4}  {kill.moment:9}{kill.victim:10}{kill.seconds:6.1f}s"
            f"{kill.resumed:11}{kill.left:5}{kill.drafts:8}",
            flush=True,
        )
    finish(start(_command(args, data, run, steps), log), log)


def _killed_once(words: list[str], run: Path, log: Path, rng: random.Random, ranks: int) -> Kill:
    moment = rng.choice(MOMENTS)
    alone = ranks > 1 and moment != "starting" and rng.random() < 0.35
    resumed, begun = newest(run), time.monotonic()
    process = start(words, log)
    _await(moment, process, run, rng)
    victim = _kill_rank(process, rng.randrange(ranks)) if alone else _kill_all(process)
    return Kill(
        moment, victim, time.monotonic() - begun, resumed, newest(run),
        sum(1 for _ in run.glob(".checkpoint-*")),
    )  # fmt: skip


def _await(moment: str, process: subprocess.Popen, run: Path, rng: random.Random) -> None:
    """Return at a random moment of a kind, `SAVED` checkpoints later at the latest."""
    reached = newest(run)

    def pause(longest: float) -> None:
        until = time.monotonic() + rng.uniform(0, longest)
        last = reached + EVERY * SAVED
        _until(process, lambda: time.monotonic() > until or newest(run) >= last)

    if moment == "starting":
        return pause(12.0)
    goal = reached + EVERY * rng.randrange(1, SAVED)
    _until(process, lambda: newest(run) >= goal)
    if moment == "saving":
        _until(process, lambda: any(run.glob(".checkpoint-*.draft")))
        return pause(0.05)
    return pause(1.0)


def _until(process: subprocess.Popen, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition() and process.poll() is None:
        if time.monotonic() > deadline:
            _kill_all(process)
            sys.exit("the run does not get on")
        time.sleep(0.001)


def _kill_all(process: subprocess.Popen) -> str:
    """Kill launcher, ranks and readers of pictures one directly after the other."""
    family = [psutil.Process(process.pid)]
    family += family[0].children(recursive=True)
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()
    psutil.wait_procs(family, PATIENCE)
    return "all"


def _kill_rank(process: subprocess.Popen, rank: int) -> str:
    """Kill one process of the run; all others must then end by themselves."""
    family = psutil.Process(process.pid).children(recursive=True)
    ranks = [one for one in family if _rank(one) == rank]
    if not ranks:  # not started yet, or at its end
        return _kill_all(process)
    min(ranks, key=lambda one: one.create_time()).kill()
    process.wait(PATIENCE)
    _, alive = psutil.wait_procs(family, PATIENCE)
    if alive:
        for one in alive:
            one.kill()
        sys.exit(f"a process outlived rank {rank}")
    return f"rank {rank}"


def _rank(process: psutil.Process) -> int:
    try:
        return int(process.environ().get("RANK", -1))
    except psutil.Error:
        return -1


if __name__ == "__main__":
    sys.exit(main())
