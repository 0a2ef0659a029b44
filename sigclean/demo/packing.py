"""Pack results of the page, each with its own corrections, into a zip, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigclean.demo.archive import Archive, unique_name
from sigclean.demo.inks import ink_share
from sigclean.demo.studio import Asked, Studio, stem_of
from sigclean.encoding import encode
from sigclean.errors import SigcleanError


def read_items(studio: Studio, asked: Asked) -> Sequence[Any]:
    """The results to pack, each as `Studio.show` takes it.

    Raises SigcleanError if there are none, or too many.
    """
    items, most = asked.get("items"), studio.works.settings.max_files
    if not isinstance(items, Sequence) or isinstance(items, str) or not items:
        raise SigcleanError("choose some pictures first")
    if len(items) > most:
        raise SigcleanError(f"these are {len(items)} pictures: at most {most} at once")
    return items


def pack(studio: Studio, archive: Archive, item: Any, look: Any, names: set[str]) -> None:
    """Add a result in a look; without a signature it is left out, and the manifest says so.

    Args:
        names: the names that are taken; the result's own is added.

    Raises GoneError if the result was deleted, SigcleanError for wrong options.
    """
    given = item if isinstance(item, Mapping) else {}
    result, noisy, clean, appearance = studio.touched({**given, "look": look})
    name = unique_name(f"{stem_of(result, given)}.{appearance.suffix()}", ".png", names)
    target = name if ink_share(clean) > 0 else ""
    if target:
        archive.add(target, encode(appearance.apply(appearance.weighed(clean))))
    archive.manifest.cleaned(stem_of(result, given), target, noisy, clean, result.milliseconds)
