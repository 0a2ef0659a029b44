"""A run's cleaner on the Hub: rights tried before training, uploads beside it, the last one after.

How the loop uses it, here with all that a process has to do:

    publisher = Publisher(config, accelerator)
    publisher.check()                                     # all processes; before data is read
    ...
    publisher.checkpoint(folder / "G_B", step, figures)   # at every save, after it was written
    ...
    address = publisher.finish(folder / "G_B", step, figures)   # after the processes have parted
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread

from accelerate import Accelerator
from tqdm import tqdm

from sigclean.errors import SigcleanError, reason
from sigclean.hub.push import upload
from sigclean.hub.upload import Target, check_may_write
from sigclean.model_files.names import PUBLISHED
from sigclean.training.agreement import on_main_process
from sigclean.training.options import TrainConfig

SNAPSHOT_PREFIX = ".upload-"
SHOWN = {"f": ("F", ""), "psnr": ("PSNR", " dB")}  # figures in a commit's message


class Publisher:
    """Uploads what --push_to_hub asks for, from the main process; otherwise all of it does nothing.

    The token goes to the Hub's client alone.
    """

    def __init__(self, config: TrainConfig, accelerator: Accelerator) -> None:
        self._config, self._accelerator = config, accelerator
        self._active = config.push_to_hub and accelerator.is_main_process
        self._uploads = _Uploads(config)

    def check(self) -> None:
        """Make sure that uploads will be allowed, and make the repository; all processes call it.

        Raises:
            SigcleanError: there is no token, or it may not write there; a name that cannot be; a
                Hub that cannot be reached. The other processes raise ReportedElsewhereError.
        """
        if self._config.push_to_hub:
            on_main_process(self._accelerator, self._check)

    def _check(self) -> None:
        try:
            check_may_write(_target(self._config))
        except SigcleanError as error:
            raise SigcleanError(f"--push_to_hub: {error}") from error

    def checkpoint(self, folder: Path, step: int, figures: Mapping[str, float]) -> None:
        """With --hub_strategy checkpoint: upload a copy of a weights folder while training goes on.

        It never raises and never waits for the Hub: a failure is a line on stderr. While one copy
        is uploaded, the newest other one waits, and older ones are dropped. On processes other
        than the main one it does nothing.
        """
        if self._active and self._config.hub_strategy == "checkpoint":
            self._uploads.add(folder, _message(step, figures))

    def finish(self, folder: Path, step: int, figures: Mapping[str, float]) -> str | None:
        """Upload the result; returns the commit's address, or None if nothing is to be uploaded.

        No process waits for another: call it when the group of processes has ended. Faults that may
        pass are tried again for some minutes; what is on the Hub already is not sent again.

        Raises:
            SigcleanError: it failed; it says where the weights are and how to publish them.
        """
        if not self._active:
            return None
        self._uploads.end()
        config = self._config
        try:
            return upload(folder, _target(config), _message(step, figures), onnx=config.hub_onnx)
        except SigcleanError as error:
            words = ["sigclean", "publish", config.hub_model_id, "--weights", str(folder)]
            words += ["--revision", config.hub_revision] if config.hub_revision else []
            words += ["--private"] if config.hub_private_repo else []
            raise SigcleanError(
                f"{error}; the weights are kept in {folder}: `{shlex.join(words)}` uploads them"
            ) from error


@dataclass
class _Snapshot:
    """A copy of a weights folder, which training replaces while it is uploaded."""

    folder: TemporaryDirectory[str]
    message: str


class _Uploads:
    """One upload at a time in a thread of its own; of those that wait only the newest is made."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._lock = Lock()
        self._waiting: _Snapshot | None = None
        self._thread: Thread | None = None
        self._hurry = Event()

    def add(self, folder: Path, message: str) -> None:
        """Copy the folder, and upload the copy as soon as the one before is through."""
        with self._lock:
            try:
                copy = self._copy(folder)
            except OSError as error:
                _warn(f"there is no copy to upload: {reason(error)}")
                return
            self._drop()
            self._waiting = _Snapshot(copy, message)
            if self._thread is None:
                self._thread = Thread(target=self._work, name="upload", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """Drop what waits, and let the upload that is under way come to its end."""
        with self._lock:
            self._drop()
            thread = self._thread
        self._hurry.set()
        if thread is not None:
            thread.join()

    def _drop(self) -> None:
        if self._waiting is not None:
            self._waiting.folder.cleanup()
            self._waiting = None

    def _work(self) -> None:
        while snapshot := self._next():
            with snapshot.folder as folder:
                self._upload(Path(folder), snapshot.message)

    def _next(self) -> _Snapshot | None:
        """What waits; without it the thread ends, which is the same moment for `add`."""
        with self._lock:
            snapshot, self._waiting = self._waiting, None
            if snapshot is None:
                self._thread = None
            return snapshot

    def _upload(self, folder: Path, message: str) -> None:
        try:
            upload(
                folder,
                _target(self._config),
                message,
                onnx=False,  # making it takes the processor from training
                bars=False,  # they would run into that of training
                hurry=self._hurry,
            )
        except SigcleanError as error:
            _warn(str(error))

    def _copy(self, folder: Path) -> TemporaryDirectory[str]:
        """Beside the folder; raises OSError, and leaves nothing then."""
        run_folder = self._config.run_folder
        if self._thread is None:  # what there is was left by a run that was killed
            for path in run_folder.glob(f"{SNAPSHOT_PREFIX}*"):
                shutil.rmtree(path, ignore_errors=True)
        copy = TemporaryDirectory(prefix=SNAPSHOT_PREFIX, dir=run_folder)
        try:
            for name in PUBLISHED:
                if (folder / name).is_file():
                    shutil.copyfile(folder / name, Path(copy.name) / name)
        except OSError:
            copy.cleanup()
            raise
        return copy


def _target(config: TrainConfig) -> Target:
    return Target(
        config.hub_model_id,
        revision=config.hub_revision or None,
        private=config.hub_private_repo,
        token=config.hub_token or None,
    )


def _warn(message: str) -> None:
    tqdm.write(f"train.py: warning: {message}; training goes on", file=sys.stderr)


def _message(step: int, figures: Mapping[str, float]) -> str:
    shown = [
        f"{name} {figures[key]:.2f}{unit}" for key, (name, unit) in SHOWN.items() if key in figures
    ]
    return f"Step {step}" + (f": {', '.join(shown)}" if shown else "")
