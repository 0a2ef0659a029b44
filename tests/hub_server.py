"""A small Hugging Face Hub on loopback, for tests that drive the real client.

It keeps repositories of models and Spaces in memory and speaks what `huggingface_hub` needs to
create, upload to (git and LFS files, branches, pull requests), list and download them, and to
restart a Space. Uploads to the real Hub go through its Xet storage, which this server does not
have: run clients with HF_HUB_DISABLE_XET=1.

It can fail as servers and networks do: see `HubServer.fail` and the methods below it.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from hub_repos import Fault, Files, Gate, Repo
from hub_routes import READ_TOKEN, TOKEN, Handler

__all__ = ["READ_TOKEN", "TOKEN", "HubServer"]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about clients that hang up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class HubServer:
    """The server; a context manager that runs it in a thread.

    Attributes:
        repos: by "user/name", Spaces by "spaces/user/name".
        requests: "METHOD /path" of all requests, in order.
        bodies: the bodies of all requests, in order.
        early: requests that came sooner than a Retry-After allowed.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}  # LFS contents by sha256
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.early: list[str] = []
        self._faults: list[Fault] = []
        self._closed: dict[str, float] = {}  # pattern of requests to when they may come again
        self._http = _Server(("127.0.0.1", 0), Handler)
        self._http.hub = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> HubServer:
        Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def add(self, repo_id: str, files: Files, ref: str = "main") -> str:
        """Commit `files` to a repository, created if it is new; return the commit's id."""
        return self.repos.setdefault(repo_id, Repo()).commit(ref, files)

    def fail(self, request: str, status: int = 0, times: int = 1, **more: Any) -> None:
        """Let the next requests that match fail with a status, or with 0 cut their connections."""
        self._faults.append(Fault(request, times, status, **more))

    def damage(self, request: str, times: int = 1) -> None:
        """Change the body of the next requests that match, or for a GET the body of the answer."""
        self._faults.append(Fault(request, times, damage=True))

    def lose_answer(self, request: str) -> None:
        """Serve the next request that matches, and cut its connection instead of an answer."""
        self._faults.append(Fault(request, mute=True))

    def break_off(self, request: str, times: int = 1) -> None:
        """Cut the connections of the next requests that match in the middle of the answer."""
        self._faults.append(Fault(request, times, half=True))

    def clear(self) -> None:
        """Forget all repositories, requests and faults."""
        for held in (self.repos, self.objects, self.requests, self.bodies, self.early):
            held.clear()
        self._closed.clear()
        self.recover()

    def recover(self) -> None:
        """End all faults."""
        self._faults.clear()

    @contextmanager
    def hold(self, request: str) -> Iterator[Gate]:
        """Keep the next request that matches without an answer while the block runs."""
        gate = Gate()
        self._faults.append(Fault(request, gate=gate))
        try:
            yield gate
        finally:
            gate.open.set()

    def fault_of(self, request: str) -> Fault | None:
        """Return the fault that happens to a request now."""
        for pattern, opens in self._closed.items():
            if re.fullmatch(pattern, request) and time.monotonic() < opens:
                self.early.append(request)
        fault = next((one for one in self._faults if re.fullmatch(one.request, request)), None)
        if fault is not None:
            fault.times -= 1
            if not fault.times:
                self._faults.remove(fault)
            if fault.retry_after:
                self._closed[fault.request] = time.monotonic() + fault.retry_after
        return fault

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """Return the environment of a process that uses this Hub, with its cache in `home`."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        return ours | {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_TOKEN": TOKEN,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
            **more,
        }
