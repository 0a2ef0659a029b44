"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigclean.errors import SigcleanError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A draft beside `path`, in a folder that is made if need be; it takes the file's place when
    the block ends, and is gone when the block fails.

    Raises:
        SigcleanError: it cannot be written there.
    """
    draft = path.with_name(f".sigclean.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        if path.exists() and not path.is_file():  # renaming would replace even a device
            raise SigcleanError(f"{path} cannot be written: it is not a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as error:
        raise SigcleanError(f"{path} cannot be written: {path.parent} is not a folder") from error
    except OSError as error:
        raise SigcleanError(f"{path} cannot be written: {error.strerror or error}") from error
