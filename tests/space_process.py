"""A Space as the Hub runs it: its folder, an environment of its own, `python app.py`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PULL = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], repo_type="space", local_dir=sys.argv[2]))
"""

PRELOAD = """
import sys
from pathlib import Path
import yaml
from huggingface_hub import hf_hub_download
header = yaml.safe_load(Path("README.md").read_text("utf-8").split("---\\n")[1])
for entry in header["preload_from_hub"]:
    repo, files, *revision = entry.split()
    for name in files.split(","):
        hf_hub_download(repo, name, revision=revision[0] if revision else None)
"""


@dataclass(frozen=True)
class Space:
    """A running Space."""

    url: str
    process: subprocess.Popen[str]

    def stop(self) -> str:
        """End it as a container does; return what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=240)[0]


def own_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Drop the variables by which a Space would find the tests' own package."""
    hidden = ("PYTHONPATH", "SIGCLEAN_WEIGHTS", "SIGCLEAN_REVISION")
    return {name: value for name, value in environment.items() if name not in hidden}


def pull_space(repo_id: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """Download a Space's files, as the Hub's builder does."""
    words = [sys.executable, "-c", PULL, repo_id, str(folder)]
    subprocess.run(words, env=dict(environment), check=True, capture_output=True)
    return folder


def preload(folder: Path, environment: Mapping[str, str], python: str = sys.executable) -> None:
    """Download the files of `preload_from_hub`, as the Hub's builder does."""
    subprocess.run(
        [python, "-c", PRELOAD], cwd=folder, env=own_environment(environment), check=True
    )


def start_space(
    folder: Path, environment: Mapping[str, str], python: str = sys.executable
) -> Space:
    """Run a Space's app on a free port; return when it says where it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cache = folder.parent / f"{folder.name}-cache"
    cache.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [python, "app.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=own_environment(environment)
        | {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": os.fspath(cache)},
    )
    assert process.stdout is not None
    url = f"http://127.0.0.1:{port}"
    said = process.stdout.readline()
    assert url in said, said + process.communicate()[0]
    return Space(url, process)
