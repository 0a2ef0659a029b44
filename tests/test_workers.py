"""Jobs in worker processes: nothing of their pool is left when they have ended."""

from __future__ import annotations

import os
import threading
from functools import partial

import pytest

from sigclean.errors import DataError
from sigclean.processes.workers import run_jobs


def _fail(message: str) -> None:
    raise DataError(message)


def _threads_of_pools() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if "ExecutorManager" in type(one).__name__]


def test_the_pools_thread_ends_with_the_jobs() -> None:
    # At exit CPython wakes a thread that is left, which may have closed its pipe a moment before:
    # the traceback of that race ("handle is closed") was printed after a run that had succeeded.
    processes = set(run_jobs([os.getpid] * 4, workers=2))
    assert processes
    assert os.getpid() not in processes
    assert not _threads_of_pools()


def test_the_pools_thread_ends_with_a_job_that_fails() -> None:
    with pytest.raises(DataError, match="no signature"):
        list(run_jobs([partial(_fail, "no signature")] * 3, workers=2))
    assert not _threads_of_pools()
