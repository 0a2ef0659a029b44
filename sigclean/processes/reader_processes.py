"""Processes that read pictures: one thread each, and ended by their parent alone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import torch

PATIENCE = 0.5  # seconds between looks whether the parent still lives


def before_forking() -> None:
    """End OpenCV's threads: a forked process would wait for ever for those of its parent."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)


def begin(parent: int, _: int) -> None:
    """What a worker of a DataLoader does first.

    Ctrl-C reaches all processes of a terminal, and a scheduler's SIGTERM often all of a job: both
    are the parent's to handle, which wants its pictures until it has saved. A SIGTERM of the
    parent ends the worker; so does the parent's own end, also by SIGKILL.
    """
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigtimedwait"):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        if not hasattr(signal, "sigtimedwait"):
            time.sleep(PATIENCE)
            continue
        received = signal.sigtimedwait({signal.SIGTERM}, PATIENCE)
        if received and received.si_pid == parent:
            os._exit(0)
    os._exit(1)
