"""How a run ends before its end: it is asked to, or another of its processes is gone."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from sigclean.training.launching import gloo_network, launcher_is_gone

if TYPE_CHECKING:
    from accelerate import Accelerator

# By urgency: what several processes were told differently, the highest decides.
REASONS = ("", "the end of its launcher", "SIGTERM", "Ctrl-C")
_GONE, _TERMINATE, _INTERRUPT = 1, 2, 3

_LOST = re.compile(
    r"connection closed|connection reset|connection refused|connection was closed|broken pipe"
    r"|socket closed|socket error|remote process exited|network error|no route to host|unreachable"
    r"|communicator was aborted|failed to (recv|send)",
    re.IGNORECASE,
)
_LATE = re.compile(r"timed? ?-?out|waiting for clients", re.IGNORECASE)


def exit_status(reason: str) -> int:
    """What a run that ended for one of REASONS exits with: as a shell says it of the signal."""
    return 128 + (signal.SIGINT if reason == REASONS[_INTERRUPT] else signal.SIGTERM)


class StopRequest:
    """Whether the run is to stop, the same for all of its processes after the same step.

    SIGTERM, the first Ctrl-C and the end of `accelerate launch` are requests; a second Ctrl-C
    interrupts at once. To use in the main thread: elsewhere signals cannot be handled, and only
    the launcher is watched. What was ignored before, as by `nohup`, stays ignored.

        with StopRequest(accelerator, config.ddp_timeout) as stop:
            for step in ...:
                ...
                if reason := stop.agreed():
                    save; break

    Args:
        timeout: seconds that a process waits for the others.
    """

    def __init__(self, accelerator: Accelerator, timeout: float) -> None:
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

            # torchrun, unlike `run_processes`, leaves the choice of a network to gloo
            for name, value in gloo_network(os.environ.get("MASTER_ADDR", "")).items():
                os.environ.setdefault(name, value)
            # beside the gradients, so that GPUs are not waited for
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
        """Why to stop now; None if not to. All processes call it after each step.

        It answers what was asked for before the last step, so that nobody waits for the answer.

        Raises RuntimeError if another process is gone: see `explain_lost`.
        """
        own = max(self._asked, _GONE if launcher_is_gone() else 0)
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

    gloo's threads still wait for it: they abort an interpreter that is shut down under them, and
    the exit status is then that of SIGABRT.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def explain_lost(error: BaseException) -> str | None:
    """One sentence for what gloo, NCCL or their store raise when another process is gone.

    None for an error that is of another kind.
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
    return f"{what}: go on with --resume_from_checkpoint latest"
