"""How many cores this process may use: in containers fewer than the machine has."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA_V2 = Path("/sys/fs/cgroup/cpu.max")
_QUOTA_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_PERIOD_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
MOST_WORKERS = 16  # in one process: with more, Python's own lock begins to hold them up
MOST_THREADS = 8  # for one picture: beyond it threads wait for each other more than they compute


def usable_cores() -> int:
    """The cores that this process may use, at least 1: its affinity, and its control group's quota,
    which libraries that count cores do not see."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _quota()
    return max(1, cores if quota is None else min(cores, round(quota)))


def usual_workers(processes: int = 1) -> int:
    """How many pictures are cleaned at once by each of so many processes on this machine.

    One a core, whole pictures with a network of one thread each: on two cores that takes 0.55 of
    the time of one picture after the other with a network of two threads, and as little as more.
    """
    return max(1, min(usable_cores() // processes, MOST_WORKERS))


def network_threads(workers: int = 1) -> int:
    """Threads for the network of each of `workers` that clean at once."""
    return max(1, min(usable_cores() // workers, MOST_THREADS))


def _quota() -> float | None:
    """Cores' worth of time that a Linux control group has; None without a limit."""
    try:
        if _QUOTA_V2.exists():
            most, period = _QUOTA_V2.read_text().split()
        else:
            most, period = _QUOTA_V1.read_text().strip(), _PERIOD_V1.read_text().strip()
        return None if most in ("max", "-1") else int(most) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
