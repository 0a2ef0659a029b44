"""The folders that results go to, before the first result is written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sigclean.bulk.jobs import Job
from sigclean.errors import UnwritableError, one_line
from sigclean.files import check_writable, remove_stale_drafts


def writable_jobs(
    jobs: Sequence[Job], progress: Any, record: Callable[[Job, UnwritableError], None]
) -> list[Job]:
    """Return the jobs whose results can be written, and tidy their folders.

    Args:
        progress: see `progress.progress_bar`; it counts the other jobs and names each of their
            folders once.
        record: takes each of the other jobs, with its error.

    Raises UnwritableError if no result can be written.
    """
    errors: dict[Path, UnwritableError] = {}
    for folder in dict.fromkeys(job.target.parent for job in jobs):
        try:
            check_writable(folder)
            remove_stale_drafts(folder)
        except UnwritableError as error:
            errors[folder] = error
    writable = [job for job in jobs if job.target.parent not in errors]
    if jobs and not writable:
        raise next(iter(errors.values()))
    for sentence in errors.values():
        progress.write(f"sigclean: {one_line(sentence)}", file=sys.stderr)
    for job in jobs:
        if job.target.parent in errors:
            record(job, errors[job.target.parent])
            progress.update()
    return writable
