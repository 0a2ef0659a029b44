"""A Hub on loopback with one data set, for tests that load and stream it with the real library."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

SHA = "0" * 39 + "1"


class DatasetHub:
    """The server; a context manager that runs it in a thread.

    Attributes:
        requests: "METHOD /path" of all requests, in order.
    """

    def __init__(self, name: str, files: dict[str, bytes], *, token: str = "") -> None:
        self.name, self.files, self.token = name, files, token
        self.requests: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> DatasetHub:
        Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def environment(self, home: Path) -> dict[str, str]:
        """Return the environment of a process that uses this Hub, with its cache in `home`."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        return ours | {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub: DatasetHub, *request: object) -> None:
        self.hub = hub
        super().__init__(*request)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.hub.requests.append(f"{self.command} {path}")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        of_it = re.fullmatch(rf"(/api)?/datasets/{self.hub.name}(?:/(\w[\w-]*)/[^/]+(.*))?", path)
        if not of_it or token != self.hub.token:
            return self._send(b"", 404, {"X-Error-Code": "RepoNotFound"})
        api, route, rest = of_it.groups()
        if not api:
            return self._file(rest.removeprefix("/"))
        if route == "tree":
            recursive = "recursive=true" in urlsplit(self.path).query.lower()
            return self._send_json(self._entries(self._tree(rest.removeprefix("/"), recursive)))
        if route == "paths-info":
            wanted = json.loads(body) if body[:1] == b"{" else parse_qs(body.decode())
            return self._send_json(self._entries(wanted["paths"]))
        siblings = [{"rfilename": name} for name in self.hub.files]
        return self._send_json({"id": self.hub.name, "sha": SHA, "siblings": siblings})

    do_HEAD = do_POST = do_GET

    def _entries(self, names: Iterable[str]) -> list[dict[str, object]]:
        """Describe the existing ones of these files and folders."""
        found: list[dict[str, object]] = []
        for name in names:
            if name in self.hub.files:
                content = self.hub.files[name]
                found.append(
                    {"type": "file", "path": name, "size": len(content), "oid": _oid(content)}
                )
            elif any(file.startswith(f"{name}/") for file in self.hub.files):
                found.append({"type": "directory", "path": name, "oid": SHA})
        return found

    def _tree(self, folder: str, recursive: bool) -> list[str]:
        """List the files and folders in a folder."""
        inside = [
            Path(name).relative_to(folder)
            for name in self.hub.files
            if folder in ("", *map(str, Path(name).parents))
        ]
        depth = max((len(name.parts) for name in inside), default=0) if recursive else 1
        parts = {name.parts[:count] for name in inside for count in range(1, depth + 1)}
        return sorted({str(Path(folder, *some)) for some in parts})

    def _file(self, name: str) -> None:
        if name not in self.hub.files:
            return self._send(b"", 404, {"X-Error-Code": "EntryNotFound"})
        content, status = self.hub.files[name], 200
        headers = {"X-Repo-Commit": SHA, "ETag": f'"{_oid(content)}"', "Accept-Ranges": "bytes"}
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(wanted[1]), int(wanted[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            content, status = content[first : last + 1], 206
        return self._send(content, status, headers)

    def _send_json(self, content: object) -> None:
        self._send(json.dumps(content).encode(), 200, {"Content-Type": "application/json"})

    def _send(self, content: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
