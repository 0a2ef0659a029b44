"""What users did that cannot work: every message is one sentence that says what and where."""

from __future__ import annotations


class SigcleanError(Exception):
    """Base of all errors that are shown to a person as they are, without a traceback."""


class ImageError(SigcleanError, ValueError):
    """A picture that cannot be read, or that breaks a limit."""


class WeightsError(SigcleanError, RuntimeError):
    """A weights folder, file or Hub repository that is missing, broken or not ours."""


class DataError(SigcleanError, ValueError):
    """A data set or folder of pictures that cannot be used."""
