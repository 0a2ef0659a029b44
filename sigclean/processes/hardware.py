"""The hardware that this process may use: cores, of which a container may have fewer than its
machine, CPU instructions, and GPUs."""

import os
import platform
import shutil
from pathlib import Path

_QUOTA_V2 = Path("/sys/fs/cgroup/cpu.max")
_QUOTA_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_PERIOD_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
_BFLOAT16 = ("avx512_bf16", "amx_bf16")  # Linux's names of the instructions that multiply bfloat16
MOST_WORKERS = 16  # threads of one process; more of them are held up by Python's own lock
MOST_THREADS = 8  # threads for one picture; more of them wait for each other more than they compute


def usable_cores() -> int:
    """Return how many cores this process may use, at least 1.

    Its affinity and its control group's quota limit them; libraries that count cores miss the
    quota.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _quota()
    return max(1, cores if quota is None else min(cores, round(quota)))


def usual_workers() -> int:
    """Return how many pictures to clean at once.

    One picture a core, each with a single-threaded network, is the fastest: two cores then need
    0.55 of the time that a network of two threads takes picture after picture, and more pictures
    at once gain nothing.
    """
    return max(1, min(usable_cores(), MOST_WORKERS))


def network_threads(workers: int = 1) -> int:
    """Return how many threads the network of each of `workers` gets when all clean at once."""
    return max(1, min(usable_cores() // workers, MOST_THREADS))


def cpu_has_bfloat16() -> bool:
    """Tell whether the CPU multiplies matrices of bfloat16; False if the system does not say."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return any(name in flags for name in _BFLOAT16)


def gpu_may_exist() -> bool:
    """Tell whether PyTorch might find a GPU, without importing it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    return (
        Path("/dev/nvidiactl").exists()
        or Path("/dev/kfd").exists()  # AMD
        or Path("/dev/dxg").exists()  # Windows' GPU, seen from its Linux
        or (platform.system() == "Windows" and shutil.which("nvidia-smi") is not None)
    )


def _quota() -> float | None:
    """Return the cores' worth of time of this Linux control group; None if it has no limit."""
    try:
        if _QUOTA_V2.exists():
            most, period = _QUOTA_V2.read_text().split()
        else:
            most, period = _QUOTA_V1.read_text().strip(), _PERIOD_V1.read_text().strip()
        return None if most in ("max", "-1") else int(most) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
