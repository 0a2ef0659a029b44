"""The early end of a run: it is asked to stop, or another of its processes is lost."""

from __future__ import annotations

import math
import os
import re
import signal
import sys
import threading
import time
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from accelerate import Accelerator

# Reasons to stop, the most urgent last: it decides where processes were told different things.
REASONS = ("", "its time limit", "the end of its launcher", "SIGTERM", "Ctrl-C")
_TIME, _GONE, _TERMINATE, _INTERRUPT = 1, 2, 3, 4
TIME_LIMIT = REASONS[_TIME]  # the run then ends as if it had done all its steps

# Variables that `torchrun` and `accelerate launch` set for the processes that they start
LAUNCHED = ("TORCHELASTIC_RUN_ID", "ACCELERATE_DYNAMO_MODE")
_PARENT = os.getppid()  # at the start: when a parent ends, another process takes its place

_LOST = re.compile(
    r"connection closed|connection reset|connection refused|connection was closed|broken pipe"
    r"|socket closed|socket error|remote process exited|network error|no route to host|unreachable"
    r"|communicator was aborted|failed to (recv|send)",
    re.IGNORECASE,
)
_LATE = re.compile(r"timed? ?-?out|waiting for clients", re.IGNORECASE)


def exit_status(reason: str) -> int:
    """The exit status of a run that stopped for one of REASONS: as a shell gives it for signals."""
    return 128 + (signal.SIGINT if reason == REASONS[_INTERRUPT] else signal.SIGTERM)


def launcher_is_gone() -> bool:
    """True if the launcher that started this process has ended.

    A script that was started by hand has no launcher: its shell may end, as with `nohup`.
    """
    return any(name in os.environ for name in LAUNCHED) and os.getppid() != _PARENT


class StopRequest:
    """Tells all processes of a run to stop after the same step, whichever of them was asked.

    SIGTERM, the first Ctrl-C and the end of the launcher are requests; a second Ctrl-C interrupts
    at once. Use it in the main thread: elsewhere signals cannot be handled, and only the launcher
    is watched. Signals that were ignored before, as `nohup` does it, stay ignored.

        with StopRequest(accelerator, timeout) as stop:
            for step in ...:
                ...
                if reason := stop.agreed():
                    save; break

    Args:
        timeout: seconds that a process waits for the others.
        limit: seconds from now after which the run ends; 0 for no limit.
    """

    def __init__(self, accelerator: Accelerator, timeout: float, limit: float = 0) -> None:
        self._end = time.monotonic() + limit if limit else math.inf
        self._processes = accelerator.num_processes
        self._timeout = timeout
        self._asked = 0  # index of REASONS
        self._handlers: dict[int, Any] = {}
        self._group: Any = None
        self._pending: tuple[Any, Any] | None = None  # the last step's question: work, answer

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._listen(signal.SIGTERM)
            self._listen(signal.SIGINT)
        if self._processes > 1:
            from torch import distributed

            # apart from the group of the gradients, so that nobody waits for GPUs
            self._group = distributed.new_group(
                backend="gloo", timeout=timedelta(seconds=self._timeout)
            )
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._pending and kind is None:
            self._pending[0].wait()

    def agreed(self) -> str | None:
        """Return the reason to stop now, or None; all processes call it after each step.

        It answers the question of the step before, so that nobody waits for the answer.

        Raises RuntimeError if another process is lost: see `explain_lost`.
        """
        over = time.monotonic() >= self._end
        own = max(self._asked, _GONE if launcher_is_gone() else 0, _TIME if over else 0)
        if not self._group:
            return REASONS[own] or None
        if self._pending:
            work, answer = self._pending
            self._pending = None
            work.wait()
            if highest := int(answer):
                return REASONS[highest]
        self._pending = self._ask(own)
        return None

    def _ask(self, own: int) -> tuple[Any, Any]:
        import torch
        from torch import distributed

        answer = torch.tensor(own)
        highest = distributed.ReduceOp.MAX
        return distributed.all_reduce(answer, highest, self._group, async_op=True), answer

    def _listen(self, number: int) -> None:
        before = signal.getsignal(number)
        if before != signal.SIG_IGN:
            self._handlers[number] = before
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        asked = _INTERRUPT if number == signal.SIGINT else _TERMINATE
        self._asked = max(self._asked, asked)
        if asked == _INTERRUPT:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def leave(status: int) -> NoReturn:
    """End this process at once, after another one was lost.

    gloo's threads still wait for the lost process: an interpreter that is shut down under them
    aborts, and its exit status would be that of SIGABRT.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def explain_lost(error: BaseException) -> str | None:
    """One sentence for an error of gloo, NCCL or their store after another process was lost.

    Returns None for an error of another kind.
    """
    text = str(error)
    of_group = type(error).__name__.startswith("Dist") or "gloo" in text.lower()
    if not isinstance(error, RuntimeError) or not of_group:
        return None
    if _LATE.search(text):
        what = "another process or machine did not answer within --ddp_timeout"
    elif _LOST.search(text):
        what = "another process or machine is gone"
    else:
        what = f"the processes cannot talk to each other ({' '.join(text.split())[:200]})"
    return f"{what}: resume with --resume_from_checkpoint latest"
