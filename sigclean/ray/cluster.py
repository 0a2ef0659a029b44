"""The connection to a Ray cluster, quiet and with errors of one sentence."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version

from sigclean.errors import SigcleanError, first_line
from sigclean.extras import require

OLDEST = (2, 44)  # older versions are refused; tested with 2.60
PATIENCE = 5.0  # seconds that a cluster's address has to answer


def connect(address: str | None) -> None:
    """Connect to a cluster.

    Args:
        address: HOST:PORT, `auto`, or `local` for a new cluster of this machine alone; None for the
            one that runs here or that RAY_ADDRESS names, and else as `local`.

    Raises SigcleanError if Ray is missing or too old, or there is no such cluster.
    """
    require("ray", "pyarrow", "fsspec", extra="ray", purpose="--engine ray")
    _check_version()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # C++ parts write to standard error
    import ray

    if ray.is_initialized():
        _quieten()
        return
    _check_answers(address)
    try:
        with _silent_stderr():
            ray.init(address=address, logging_level=logging.CRITICAL, log_to_driver=False)
    except Exception as error:  # Ray raises every kind, of other versions as well
        place = f"--ray-address {address}" if address else "Ray"
        raise SigcleanError(f"{place}: no cluster could be joined: {first_line(error)}") from error
    _quieten()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what C++ code writes to standard error; errors are raised all the same."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _quieten() -> None:
    """Leave the terminal to the command's own lines."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with suppress(
        ImportError
    ):  # not an interface that Ray promises; it prints what it mends itself
        from ray._private.ray_logging import global_worker_stdstream_dispatcher as printed

        printed.remove_handler("ray_print_logs")


def _check_version() -> None:
    installed = version("ray")
    if tuple(map(int, re.findall(r"\d+", installed)[:2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise SigcleanError(f"Ray {installed} is too old: pip install 'ray[data]>={oldest}'")


def _check_answers(address: str | None) -> None:
    """Raise SigcleanError if nothing listens at HOST:PORT; Ray itself waits for a minute."""
    host, colon, port = (address or "").rpartition(":")
    if not colon or "://" in (address or "") or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise SigcleanError(f"--ray-address {address}: no cluster answers there ({error})") from (
            error
        )
