"""Limits and times of the web page, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from sigclean.errors import SigcleanError
from sigclean.images import MAX_PIXELS
from sigclean.processes.hardware import usable_cores

MEGA = 1_000_000  # bytes or pixels
SWEEPS_PER_LIFE = 10  # sweeps during the life of a file


@dataclass(frozen=True)
class Rates:
    """The limits of what one client sends in a minute; 0 is no limit."""

    requests: int = 0  # POST requests
    megabytes: int = 0
    files: int = 0  # files that are uploaded, and files that calls name


# A picture takes two requests over Gradio's HTTP, and two on the page; a page three, and one more
# for each signature on it. A file of a batch counts when it is uploaded, and when it is cleaned.
PUBLIC_RATES = Rates(requests=240, megabytes=600, files=600)


@dataclass(frozen=True)
class Settings:
    """Limits of the page, each from an environment variable, as in SIGCLEAN_MAX_FILES."""

    max_megabytes: int = 64  # the size of an upload
    max_megapixels: int = MAX_PIXELS // MEGA  # the size of a picture
    max_files: int = 50  # the number of files in a batch
    max_queue: int = 100  # the number of requests that wait; further ones are refused
    concurrency: int = 1  # the number of pictures that are cleaned at once
    requests_per_minute: int | None = None  # of one client; 0 is no limit, None as `rates` says
    megabytes_per_minute: int | None = None  # the same for what it sends
    files_per_minute: int | None = None  # the same for files that it sends or has cleaned
    max_folder_megabytes: int = 4000  # the size of all uploads and results together
    keep_seconds: int = 600  # the life of uploads and results

    @property
    def max_bytes(self) -> int:
        """Bytes of an upload; a little more than megabytes have, which Gradio counts in powers of
        two."""
        return round(self.max_megabytes * MEGA * 1.05)

    @property
    def sweep_seconds(self) -> float:
        """Seconds between two sweeps."""
        return self.keep_seconds / SWEEPS_PER_LIFE

    def rates(self, *, public: bool) -> Rates:
        """The limits of what one client sends in a minute.

        Args:
            public: whether other computers can reach the page; by default only those are limited.
        """
        usual = PUBLIC_RATES if public else Rates()
        return Rates(
            usual.requests if self.requests_per_minute is None else self.requests_per_minute,
            usual.megabytes if self.megabytes_per_minute is None else self.megabytes_per_minute,
            usual.files if self.files_per_minute is None else self.files_per_minute,
        )


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings, with defaults for variables that are not set.

    Raises SigcleanError for a value that is not a whole number in its range.
    """
    values = {"concurrency": default_concurrency()}
    for field in fields(Settings):
        variable = f"SIGCLEAN_{field.name.upper()}"
        if text := environment.get(variable):
            least = 0 if field.name.endswith("_per_minute") else 1
            values[field.name] = _whole_number(variable, text, least)
    settings = Settings(**values)
    if settings.max_megapixels > MAX_PIXELS // MEGA:
        raise SigcleanError(
            f"SIGCLEAN_MAX_MEGAPIXELS can be at most {MAX_PIXELS // MEGA}, "
            f"not {settings.max_megapixels}"
        )
    return settings


def default_concurrency(cores: int | None = None) -> int:
    """Pictures to clean at once: one for two of `cores`, by default those this process may use,
    since the network of one picture uses two cores or more."""
    return max(1, (cores or usable_cores()) // 2)


def _whole_number(variable: str, text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise SigcleanError(f"{variable} must be a whole number from {least} up, not {text!r}")
    return value
