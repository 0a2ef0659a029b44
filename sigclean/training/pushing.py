"""The upload of a run's cleaner to the Hub: rights are tried first, uploads run beside training."""

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

SNAPSHOT_PREFIX = ".upload-"  # names of copies that are uploaded
SHOWN = {"f": ("F", ""), "psnr": ("PSNR", " dB")}  # names and units of figures in commit messages


class Publisher:
    """Uploads G_B from the main process, if --push_to_hub asks for it; else it does nothing.

    Call `check` on all processes before data are read, `checkpoint` after each save, and `finish`
    when the group of processes has ended. The token goes to the Hub's client alone.
    """

    def __init__(self, config: TrainConfig, accelerator: Accelerator) -> None:
        self._config, self._accelerator = config, accelerator
        self._active = config.push_to_hub and accelerator.is_main_process
        self._target = Target(
            config.hub_model_id,
            revision=config.hub_revision or None,
            private=config.hub_private_repo,
            token=config.hub_token or None,
        )
        self._uploads = _Uploads(self._target, config.run_folder)

    def check(self) -> None:
        """Make sure that uploads will be allowed, and make the repository; all processes call it.

        Raises SigcleanError if there is no token, it has no right to write, the repository's name
        is invalid, or the Hub cannot be reached; ReportedElsewhereError on other processes.
        """
        if self._config.push_to_hub:
            on_main_process(self._accelerator, self._check)

    def _check(self) -> None:
        try:
            check_may_write(self._target)
        except SigcleanError as error:
            raise SigcleanError(f"--push_to_hub: {error}") from error

    def checkpoint(self, folder: Path, step: int, figures: Mapping[str, float]) -> None:
        """Upload a copy of a weights folder in the background, with --hub_strategy checkpoint.

        It never raises and never waits for the Hub: a failure is a line on stderr. While one copy
        is uploaded, the newest other one waits, and older ones are dropped.
        """
        if self._active and self._config.hub_strategy == "checkpoint":
            self._uploads.add(folder, _message(step, figures))

    def finish(self, folder: Path, step: int, figures: Mapping[str, float]) -> str | None:
        """Upload the result; returns the commit's address, or None if nothing is to be uploaded.

        Transient errors are retried for some minutes; what is on the Hub already is not sent again.

        Raises:
            SigcleanError: it failed; the message says where the weights are, to publish later.
        """
        if not self._active:
            return None
        self._uploads.end()
        config = self._config
        try:
            return upload(folder, self._target, _message(step, figures), onnx=False)
        except SigcleanError as error:
            words = ["sigclean", "publish", config.hub_model_id, "--weights", str(folder)]
            words += ["--revision", config.hub_revision] if config.hub_revision else []
            words += ["--private"] if config.hub_private_repo else []
            raise SigcleanError(
                f"{error}; the weights are kept in {folder}: `{shlex.join(words)}` uploads them"
            ) from error


@dataclass
class _Snapshot:
    """A copy of a weights folder, which training may replace while the copy is uploaded."""

    folder: TemporaryDirectory[str]
    message: str


class _Uploads:
    """One upload at a time, in its own thread; of those that wait only the newest is made."""

    def __init__(self, target: Target, run_folder: Path) -> None:
        self._target, self._run_folder = target, run_folder
        self._lock = Lock()
        self._waiting: _Snapshot | None = None
        self._thread: Thread | None = None
        self._hurry = Event()

    def add(self, folder: Path, message: str) -> None:
        """Copy the folder, and upload the copy as soon as the previous upload has ended."""
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
        """Drop the copy that waits, and let the upload that has begun come to its end."""
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
        """Take the copy that waits. Without one the thread ends: `add`, which holds the same lock,
        then starts another."""
        with self._lock:
            snapshot, self._waiting = self._waiting, None
            if snapshot is None:
                self._thread = None
            return snapshot

    def _upload(self, folder: Path, message: str) -> None:
        try:
            upload(
                folder,
                self._target,
                message,
                onnx=False,  # making it takes the processor from training
                bars=False,  # they would run into that of training
                hurry=self._hurry,
            )
        except SigcleanError as error:
            _warn(str(error))

    def _copy(self, folder: Path) -> TemporaryDirectory[str]:
        """A copy beside the folder. Raises OSError, and then leaves nothing."""
        if self._thread is None:  # earlier copies were left by a killed run
            for path in self._run_folder.glob(f"{SNAPSHOT_PREFIX}*"):
                shutil.rmtree(path, ignore_errors=True)
        copy = TemporaryDirectory(prefix=SNAPSHOT_PREFIX, dir=self._run_folder)
        try:
            for name in PUBLISHED:
                if (folder / name).is_file():
                    shutil.copyfile(folder / name, Path(copy.name) / name)
        except OSError:
            copy.cleanup()
            raise
        return copy


def _warn(message: str) -> None:
    tqdm.write(f"train.py: warning: {message}; training continues", file=sys.stderr)


def _message(step: int, figures: Mapping[str, float]) -> str:
    shown = [
        f"{name} {figures[key]:.2f}{unit}" for key, (name, unit) in SHOWN.items() if key in figures
    ]
    return f"Step {step}" + (f": {', '.join(shown)}" if shown else "")
