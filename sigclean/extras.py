"""Optional packages: found without importing them, and explained when they are missing."""

from __future__ import annotations

from importlib.util import find_spec

from sigclean.errors import SigcleanError


def is_installed(package: str) -> bool:
    """Tell whether a top-level package can be imported, without importing it."""
    return find_spec(package) is not None


def require(*packages: str, extra: str, purpose: str) -> None:
    """Check that optional packages are installed.

    Args:
        packages: names of top-level packages as they are imported.
        extra: the extra of sigclean that brings them.
        purpose: what needs them, the subject of the message: "tracing an SVG".

    Raises SigcleanError with the command that installs them.
    """
    missing = [package for package in packages if not is_installed(package)]
    if missing:
        raise SigcleanError(
            f"{purpose} needs {' and '.join(missing)}: pip install 'sigclean[{extra}]'"
        )
