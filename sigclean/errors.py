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


class ProcessLostError(SigcleanError):
    """Another process or machine of a training is gone, or does not answer."""


class ReportedElsewhereError(SigcleanError):
    """Of several processes one says what is wrong; the others end quietly with this."""


def reason(error: OSError) -> str:
    """The system's own words for an error, such as "No space left on device", without its path."""
    return error.strerror or str(error)


def one_line(message: object) -> str:
    """A message for a terminal: line breaks and control characters, say of file names, escaped."""
    escaped = (c if c.isprintable() else repr(c)[1:-1] for c in str(message))
    return "".join(escaped)
