"""The demo as a real process, for tests that talk to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Demo:
    """A running `python app.py`: its address, the weights it was given, the folder it may use."""

    url: str
    weights: Path
    cache: Path
    process: subprocess.Popen[str]

    def files(self) -> list[Path]:
        """All files below the folder."""
        return [path for path in self.cache.rglob("*") if path.is_file()]

    def stop(self) -> str:
        """End it as a container does; returns what it said."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=60)[0]


def start_demo(folder: Path, weights: Path) -> Demo:
    """Run app.py offline on a free port, until it says where it listens."""
    cache = folder / "cache"
    cache.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={
            **os.environ,
            "GRADIO_SERVER_PORT": str(port),
            "GRADIO_TEMP_DIR": str(cache),
            "HF_HUB_OFFLINE": "1",
            "SIGCLEAN_WEIGHTS": str(weights),
        },
    )
    assert process.stdout is not None
    url = f"http://127.0.0.1:{port}"
    said = process.stdout.readline()
    assert url in said, said + process.communicate()[0]
    return Demo(url, weights, cache, process)


def pixels(picture: Path | str | Image.Image) -> np.ndarray:
    """HxWxC of a file or picture."""
    if isinstance(picture, Image.Image):
        return np.asarray(picture)
    with Image.open(picture) as opened:
        return np.asarray(opened)
