"""Errors for people: every message is one sentence that says what is wrong, and where."""

from __future__ import annotations

from typing import TypeVar

Error = TypeVar("Error", bound=Exception)


class SigcleanError(Exception):
    """The base of all errors that are shown to a person as they are, without a traceback."""


class ImageError(SigcleanError, ValueError):
    """A picture cannot be read, or breaks a limit."""


class TooLargeError(ImageError):
    """A result has too many pixels, or too many for its format; the message does not name the
    picture."""


class PasswordError(ImageError):
    """A PDF is encrypted, and its password is missing or wrong."""


class WeightsError(SigcleanError, RuntimeError):
    """A weights folder, file or Hub repository is missing, broken or not sigclean's."""


class DataError(SigcleanError, ValueError):
    """A data set or a folder of pictures cannot be used."""


class UnwritableError(SigcleanError):
    """A file or folder cannot be written, while others can."""


class ProcessLostError(SigcleanError):
    """Another process or machine of a training has ended, or does not answer."""


class ReportedElsewhereError(SigcleanError):
    """Another process of the same run reports the error; this one ends quietly."""


def with_name(error: Error, name: object) -> Error | ImageError:
    """Name the picture of an error whose message does not; others are returned as they are."""
    return ImageError(f"{name}: {error}") if isinstance(error, TooLargeError) else error


def reason(error: OSError) -> str:
    """The system's own words for an error, such as "No space left on device", without a path."""
    return error.strerror or str(error)


def one_line(message: object) -> str:
    """Escape the line breaks and control characters of a message, which may come from file names,
    for a terminal."""
    escaped = (c if c.isprintable() else repr(c)[1:-1] for c in str(message))
    return "".join(escaped)


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, fit for a terminal; its type if empty."""
    lines = str(error).strip().splitlines()
    return one_line(lines[0] if lines else type(error).__name__)
