"""Worker processes of a DataLoader, which only their parent ends."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from functools import partial

from sigclean.processes.parent_watch import end_with_parent


def before_forking() -> None:
    """End OpenCV's threads: a forked process would wait for ever for those of its parent."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)


def begin(parent: int, _: int) -> None:
    """Prepare a worker; for `worker_init_fn`. PyTorch gives it one thread.

    A scheduler often sends SIGTERM to all processes of a job, but the parent still needs pictures
    until it has saved. So the worker ends on a SIGTERM of its parent only, or with its parent.
    """
    told_to_end: Callable[[float], object] = time.sleep
    if hasattr(signal, "sigtimedwait"):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        told_to_end = partial(_received_sigterm, parent)
    end_with_parent(parent, told_to_end)


def _received_sigterm(parent: int, seconds: float) -> bool:
    """Wait up to `seconds` for a SIGTERM; return whether one came from the parent."""
    received = signal.sigtimedwait({signal.SIGTERM}, seconds)
    return received is not None and received.si_pid == parent
