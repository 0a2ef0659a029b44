"""Where uploads and results lie, and how they go: a folder of the page's own, swept by a clock."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sigclean.demo.settings import Settings

FOLDER = "GRADIO_TEMP_DIR"
LINGER = 1.0  # seconds: an empty folder that is younger may be about to be filled
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_MAX_EVENTS": "100",  # who asked what when: kept in memory, 10,000 by default
}


def keep_quiet() -> None:
    """Turn analytics and telemetry off, unless the environment says otherwise."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)


def log_no_names() -> None:
    """Have Gradio say where it failed, not with what: its tracebacks hold the names of files."""
    import gradio.queueing
    import gradio.routes
    import gradio.utils

    for module in (gradio.queueing, gradio.routes, gradio.utils):
        vars(module)["traceback"] = _Traceback()


class _Traceback:
    """The module `traceback` but for `print_exc`."""

    def print_exc(self, *_: Any, **__: Any) -> None:
        """Print the kind and the place of the error that is being handled."""
        print(f"sigclean demo: {place_of(sys.exc_info()[1])}", flush=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)


def place_of(error: BaseException | None) -> str:
    """Kind and place of an unforeseen error, without its message, which may hold a file's name."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} in {place}"


def promise(settings: Settings) -> str:
    """What the page says of pictures."""
    latest = settings.keep_seconds + 2 * settings.sweep_seconds
    return (
        "Pictures are cleaned on the computer that runs this page, are sent nowhere else, are "
        f"deleted {_minutes(settings.keep_seconds, latest)} later, and are never logged."
    )


@contextmanager
def own_cache(settings: Settings) -> Iterator[Path]:
    """A folder for Gradio's files that is swept by a clock, and goes when the page does."""
    before = os.environ.get(FOLDER)
    with TemporaryDirectory(prefix="sigclean-", dir=before, ignore_cleanup_errors=True) as folder:
        os.environ[FOLDER] = folder
        try:
            with _swept(Path(folder), settings):
                yield Path(folder)
        finally:
            del os.environ[FOLDER]
            if before is not None:
                os.environ[FOLDER] = before


def sweep(folder: Path, age: float, folder_age: float = LINGER) -> None:
    """Delete the files below `folder` that were made more than `age` seconds ago, and the empty
    folders that nothing was put into or taken from for `folder_age` seconds. What goes meanwhile
    by itself is no error."""
    now = time.time()
    for root, _, files in os.walk(folder, topdown=False):
        for path in (Path(root, name) for name in files):
            with contextlib.suppress(OSError):
                if now - path.lstat().st_ctime > age:
                    path.unlink()
        with contextlib.suppress(OSError):  # it is not empty
            if Path(root) != folder and now - Path(root).stat().st_mtime > folder_age:
                Path(root).rmdir()


@contextmanager
def _swept(folder: Path, settings: Settings) -> Iterator[None]:
    """Gradio's own clock knows only the files it made, and leaves all folders behind.

    It goes first, so that it forgets what it deletes.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(settings.sweep_seconds):
            sweep(folder, settings.keep_seconds + settings.sweep_seconds)

    watcher = threading.Thread(target=watch, name="sweeper", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _minutes(least: float, most: float) -> str:
    unit, size = ("minutes", 60) if least >= 60 else ("seconds", 1)
    return f"{least / size:.0f} to {most / size:.0f} {unit}"
