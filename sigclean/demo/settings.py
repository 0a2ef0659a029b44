"""What whoever runs the page decides: limits and times, from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from sigclean.errors import SigcleanError
from sigclean.images import MAX_PIXELS

MEGA = 1_000_000
SWEEPS_PER_LIFE = 10  # how often files are looked through while one of them lives


@dataclass(frozen=True)
class Settings:
    """Limits of the page. Every field can be set in the environment, see `VARIABLES`."""

    max_megabytes: int = 64
    max_megapixels: int = MAX_PIXELS // MEGA
    max_files: int = 50  # in one batch
    max_queue: int = 100  # requests that wait; whoever comes then is told to try again
    concurrency: int = 1  # pictures that are cleaned at once
    requests_per_minute: int | None = None  # of one client; 0: no limit; None: see `rate`
    keep_seconds: int = 600  # uploads and results live so long, then go

    @property
    def sweep_seconds(self) -> float:
        """Time between two looks for files that have lived long enough."""
        return self.keep_seconds / SWEEPS_PER_LIFE

    def rate(self, *, public: bool) -> int:
        """Requests a minute that one client may send; 0 for no limit.

        Unless it was set, there is no limit where only this computer can reach the page.
        """
        if self.requests_per_minute is None:
            return RATE if public else 0
        return self.requests_per_minute


RATE = 240  # requests a minute: cleaning one picture takes two over HTTP, three or four in the page

VARIABLES = {
    "SIGCLEAN_MAX_MEGABYTES": ("max_megabytes", 1),
    "SIGCLEAN_MAX_MEGAPIXELS": ("max_megapixels", 1),
    "SIGCLEAN_MAX_FILES": ("max_files", 1),
    "SIGCLEAN_MAX_QUEUE": ("max_queue", 1),
    "SIGCLEAN_CONCURRENCY": ("concurrency", 1),
    "SIGCLEAN_REQUESTS_PER_MINUTE": ("requests_per_minute", 0),
    "SIGCLEAN_KEEP_SECONDS": ("keep_seconds", 1),
}
"""Variable of the environment -> field, and the smallest value it may have."""


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings, with defaults for what `environment` does not set.

    Raises SigcleanError for a value that is not a whole number in its range.
    """
    values = {"concurrency": default_concurrency()}
    for variable, (field, least) in VARIABLES.items():
        if text := environment.get(variable):
            values[field] = _whole_number(variable, text, least)
    settings = Settings(**values)
    if settings.max_megapixels > MAX_PIXELS // MEGA:
        raise SigcleanError(
            f"SIGCLEAN_MAX_MEGAPIXELS can be at most {MAX_PIXELS // MEGA}, "
            f"not {settings.max_megapixels}"
        )
    return settings


def default_concurrency(cores: int | None = None) -> int:
    """Pictures at once on `cores` cores (this computer's): the network itself uses two and more."""
    return max(1, (cores or available_cores()) // 2)


def available_cores() -> int:
    """Cores that this process may use, which in a container can be fewer than the computer has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _whole_number(variable: str, text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise SigcleanError(f"{variable} must be a whole number from {least} on, not {text!r}")
    return value
