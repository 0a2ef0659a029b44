"""Things that one process does and all of them must know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from sigclean.errors import SigcleanError

Result = TypeVar("Result")


class SaidElsewhereError(SigcleanError):
    """An error of the main process, which says it; the others end quietly."""


def on_main_process(accelerator: Accelerator, action: Callable[[], Result]) -> Result:
    """Do it on the main process; its result, which must be picklable, is everybody's.

    Raises what it raises, if that is a SigcleanError or OSError; SaidElsewhereError on the others.
    """
    result, error = None, None
    if accelerator.is_main_process:
        try:
            result = action()
        except (SigcleanError, OSError) as caught:
            error = caught
    if accelerator.num_processes > 1:
        message = [result, error is not None]
        broadcast_object_list(message)
        result, failed = message
        if failed and not accelerator.is_main_process:
            raise SaidElsewhereError("the main process cannot go on")
    if error:
        raise error
    return result  # type: ignore[return-value]
