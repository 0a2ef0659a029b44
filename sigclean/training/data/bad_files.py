"""Pictures that turn out to be broken in the middle of a run: named once, counted, limited."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tqdm import tqdm

from sigclean.errors import SigcleanError, one_line


class BadFiles:
    """What could not be read so far, each with its reason; of one process.

    Args:
        limit: so many different ones may be skipped.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.found: list[str] = []  # one sentence each, which begins with the file

    def note(self, reasons: Iterable[str]) -> None:
        """Say on stderr what is new. Raises SigcleanError if it is more than may be skipped."""
        for reason in reasons:
            if reason in self.found:
                continue
            self.found.append(reason)
            if len(self.found) > self.limit:
                raise SigcleanError(
                    f"{one_line(reason)}, and no more than {self.limit} broken files may be "
                    "skipped (--max_bad_files)"
                )
            tqdm.write(f"skipped: {one_line(reason)}", file=sys.stderr)
