"""A process that uploads weights folders to the Hub of the tests; it imports PyTorch only once."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from hub_server import HubServer

SCRIPT = """
import json, os, sys
from sigclean.errors import WeightsError
from sigclean.hub.push import push_folder
for line in sys.stdin:
    variables, options = json.loads(line)
    os.environ.update(variables)
    try:
        print(json.dumps(push_folder(**options)), flush=True)
    except WeightsError as error:
        print(json.dumps(str(error)), flush=True)
    for name in variables:
        del os.environ[name]
"""


class Pusher:
    """The running process."""

    def __init__(self, process: Popen[str]) -> None:
        self._process = process

    def push(self, folder: Path, variables: dict[str, str] | None = None, **options: Any) -> str:
        """Upload a folder with the options of `push_folder`, without ONNX unless told otherwise.

        Args:
            variables: environment variables for this upload.

        Returns:
            The address, or the message of a WeightsError.
        """
        assert self._process.stdin and self._process.stdout
        wanted = {"folder": str(folder), "repo_id": "user/repo", "onnx": False, **options}
        print(json.dumps([variables or {}, wanted]), file=self._process.stdin)
        outcome: str = json.loads(self._process.stdout.readline())
        assert "\n" not in outcome
        return outcome


@contextmanager
def pusher(hub: HubServer, home: Path) -> Iterator[Pusher]:
    """Run the process, with the cache of its Hub client in a folder `home`."""
    process = Popen(
        [sys.executable, "-c", SCRIPT],
        env=hub.environment(home), stdin=PIPE, stdout=PIPE, text=True, bufsize=1,
    )  # fmt: skip
    yield Pusher(process)
    process.communicate(timeout=240)
