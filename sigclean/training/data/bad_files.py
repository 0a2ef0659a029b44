"""Pictures that prove broken in the middle of a run: each is reported once, and few may be."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

from sigclean.errors import SigcleanError, one_line


class BadFiles:
    """The broken pictures that this process has met.

    Args:
        limit: number of different pictures that may be skipped.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.found: list[str] = []  # a sentence for each, which begins with the file

    def note(self, reasons: Iterable[str]) -> None:
        """Report new reasons on stderr. Raises SigcleanError if they exceed the limit."""
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
