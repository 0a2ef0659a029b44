"""Actions of one process whose result, or failure, all processes share."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object

from sigclean.errors import ReportedElsewhereError, SigcleanError

Result = TypeVar("Result")


def on_main_process(accelerator: Accelerator, action: Callable[[], Result]) -> Result:
    """Run `action` on the main process and give its result, which must be picklable, to all.

    Raises the SigcleanError or OSError of `action` on the main process, and
    ReportedElsewhereError on the others.
    """
    result, error = _tried(action) if accelerator.is_main_process else (None, None)
    if accelerator.num_processes > 1:
        message: list[Any] = [result, error is not None]
        broadcast_object_list(message)
        result, failed = message
        if failed and not accelerator.is_main_process:
            raise ReportedElsewhereError("the main process failed")
    if error:
        raise error
    return cast(Result, result)


def on_all_processes(accelerator: Accelerator, action: Callable[[], Result]) -> Result:
    """Run `action` on every process: all continue, or none does.

    Raises the first error that one of them had on the main process; on the others
    ReportedElsewhereError.
    """
    result, error = _tried(action)
    if accelerator.num_processes > 1:
        errors = [one for one in gather_object([error and str(error)]) if one]
        if errors and not accelerator.is_main_process:
            raise ReportedElsewhereError("a process failed")
        if errors and not error:
            raise SigcleanError(errors[0])
    if error:
        raise error
    return cast(Result, result)


def _tried(action: Callable[[], Result]) -> tuple[Result | None, Exception | None]:
    try:
        return action(), None
    except (SigcleanError, OSError) as error:
        return None, error
