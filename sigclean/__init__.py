"""Handwritten signatures, cleaned: lines, print, stamps and paper erased, every stroke kept.

    from sigclean import SignatureCleaner

    cleaner = SignatureCleaner.from_pretrained()
    clean = cleaner("scan.jpg")

The names below are imported on first use, so that `import sigclean` stays instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sigclean.version import __version__

if TYPE_CHECKING:
    from sigclean.cleaner import SignatureCleaner
    from sigclean.letterbox import Letterbox

__all__ = ["Letterbox", "SignatureCleaner", "__version__"]

_HOMES = {"Letterbox": "sigclean.letterbox", "SignatureCleaner": "sigclean.cleaner"}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
