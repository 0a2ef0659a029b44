"""Privacy: uploads and results are swept, telemetry is off, and logs hold no names of files."""

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sigclean.demo.settings import Settings

GRADIO_FOLDER = "GRADIO_TEMP_DIR"  # variable that names the folder of Gradio's files
MIN_FOLDER_AGE = 30.0  # seconds; a younger empty folder may be about to be filled
TELEMETRY_OFF = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_MAX_EVENTS": "100",  # requests that are remembered; 10,000 by default
}


def disable_telemetry() -> None:
    """Turn off analytics and telemetry, unless the environment turns them on."""
    for variable, value in TELEMETRY_OFF.items():
        os.environ.setdefault(variable, value)


def keep_names_out_of_logs() -> None:
    """Make Gradio log the place of an error instead of a traceback, which holds names of files."""
    import gradio.queueing
    import gradio.routes
    import gradio.utils

    for module in (gradio.queueing, gradio.routes, gradio.utils):
        vars(module)["traceback"] = _Traceback()


def leave_no_folder() -> None:
    """Remove the empty folders that Gradio (6.31) makes for an editor that this page has not."""
    import gradio.routes

    made = Path(gradio.routes.DEFAULT_TEMP_DIR) / "vibe_edit_history"
    for folder in (made, made.parent):
        with contextlib.suppress(OSError):  # it is not there, or not empty
            folder.rmdir()


class _Traceback:
    """The module `traceback` with another `print_exc`."""

    def print_exc(self, *_: Any, **__: Any) -> None:
        """Print the type and place of the error being handled."""
        print(f"sigclean demo: {place_of(sys.exc_info()[1])}", flush=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)


def place_of(error: BaseException | None) -> str:
    """The type and place of an error without its message, which may hold a file's name."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} in {place}"


def privacy_notice(settings: Settings) -> str:
    """The sentence on the page that says what happens to pictures."""
    latest = settings.keep_seconds + settings.sweep_seconds
    return (
        "Pictures are cleaned on the computer that runs this page, are sent nowhere else, are "
        f"deleted {_minutes(settings.keep_seconds, latest)} later, and are never logged."
    )


@contextmanager
def temporary_cache() -> Iterator[Path]:
    """A folder for Gradio's files that is deleted when the page is shut down."""
    before = os.environ.get(GRADIO_FOLDER)
    with TemporaryDirectory(prefix="sigclean-", dir=before, ignore_cleanup_errors=True) as folder:
        os.environ[GRADIO_FOLDER] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ[GRADIO_FOLDER]
            if before is not None:
                os.environ[GRADIO_FOLDER] = before


def sweep(folder: Path, age: float, folder_age: float = MIN_FOLDER_AGE) -> None:
    """Delete old files and empty folders below `folder`; those that vanish meanwhile are no error.

    Args:
        age: seconds since a file was created.
        folder_age: seconds since an empty folder was changed.
    """
    now = time.time()
    for root, _, files in os.walk(folder, topdown=False):
        for path in (Path(root, name) for name in files):
            with contextlib.suppress(OSError):
                if now - path.lstat().st_ctime > age:
                    path.unlink()
        with contextlib.suppress(OSError):  # it is not empty
            if Path(root) != folder and now - Path(root).stat().st_mtime > folder_age:
                Path(root).rmdir()


def forget_deleted(known: Iterable[set[str]]) -> None:
    """Remove the paths of deleted files from Gradio's lists of its files."""
    for paths in known:
        gone = {path for path in list(paths) if not os.path.lexists(path)}
        paths -= gone


@contextmanager
def swept(folder: Path, settings: Settings, known: Iterable[set[str]]) -> Iterator[None]:
    """Sweep `folder` at regular intervals in a thread.

    Gradio's own sweeper (`delete_cache`, 6.31) ends for good when a file is uploaded while it looks
    through its list, knows only the files that it made, and leaves all folders behind.

    Args:
        known: Gradio's lists of its files.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(settings.sweep_seconds):
            sweep(folder, settings.keep_seconds)
            forget_deleted(known)

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
