"""A small Hugging Face Hub on loopback, for tests that drive the real client.

It keeps model repositories in memory and speaks what `huggingface_hub` needs to create, upload to
(git and LFS files), list and download them. Uploads to the real Hub go through its Xet storage,
which this server does not have: run clients with HF_HUB_DISABLE_XET=1.

It fails on request, as servers and networks do: see `HubServer.fail` and `HubServer.hold`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

LFS_SUFFIXES = (".safetensors", ".pth", ".bin", ".onnx")
TOKEN = "hf_a_token_that_may_write"
READ_TOKEN = "hf_a_token_that_may_only_read"

Files = dict[str, bytes]


@dataclass
class Repo:
    commits: dict[str, Files] = field(default_factory=dict)  # all files of each
    refs: dict[str, str] = field(default_factory=dict)  # branch to commit
    messages: list[str] = field(default_factory=list)  # of the commits that a client made
    private: bool = False

    def commit(self, ref: str, files: Files) -> str:
        sha = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[sha] = files
        self.refs[ref] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None


@dataclass(frozen=True)
class Gate:
    """What a request waits at.

    Attributes:
        arrived: set when it is there.
        open: to be set for it to be served.
    """

    arrived: Event = field(default_factory=Event)
    open: Event = field(default_factory=Event)


@dataclass
class Fault:
    """What happens to the next requests that match.

    Attributes:
        request: pattern of "METHOD /path".
        times: requests that it still happens to.
        status: the answer; 0 for none: the connection is cut after half of the body came.
        retry_after: seconds that the answer asks to wait,
        header: in this header.
        gate: the request is served when this is open.
        damage: the body arrives with another first byte.
        mute: the request is served, and the connection cut instead of an answer.
    """

    request: str
    times: int = 1
    status: int = 0
    retry_after: int = 0
    header: str = "Retry-After"
    gate: Gate | None = None
    damage: bool = False
    mute: bool = False

    @property
    def wait(self) -> dict[str, str]:
        """The header that asks to wait."""
        said = {
            "Retry-After": str(self.retry_after),
            "RateLimit": f'"api";r=0;t={self.retry_after}',  # the real Hub's way
        }
        return {self.header: said[self.header]} if self.retry_after else {}

    @property
    def cut(self) -> bool:
        return not (self.status or self.gate or self.damage or self.mute)


class HubServer:
    """The server; a context manager that runs it in a thread.

    Attributes:
        repos: by "user/name".
        requests: "METHOD /path" of all requests, in order.
        bodies: everything that was sent to it, for a search.
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
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.hub = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> HubServer:
        Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def add(self, repo_id: str, files: Files, ref: str = "main") -> str:
        """Commit `files` to a repository, made if it is not there; the commit's id."""
        return self.repos.setdefault(repo_id, Repo()).commit(ref, files)

    def fail(self, request: str, status: int = 0, times: int = 1, **more: Any) -> None:
        """Let the next requests that match fail, with a status or by cutting their connections."""
        self._faults.append(Fault(request, times, status, **more))

    def damage(self, request: str) -> None:
        """Let the body of the next request that matches arrive changed."""
        self._faults.append(Fault(request, damage=True))

    def lose_answer(self, request: str) -> None:
        """Serve the next request that matches, and cut its connection instead of an answer."""
        self._faults.append(Fault(request, mute=True))

    def recover(self) -> None:
        """No fault happens any more."""
        self._faults.clear()

    @contextmanager
    def hold(self, request: str) -> Iterator[Gate]:
        """A slow server: while the block runs, the next request that matches is not answered."""
        gate = Gate()
        self._faults.append(Fault(request, gate=gate))
        try:
            yield gate
        finally:
            gate.open.set()

    def fault_of(self, request: str) -> Fault | None:
        """The fault that happens to a request now."""
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
        """Environment variables of a process that uses this Hub and caches under `home`."""
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


@dataclass
class _RefusalError(Exception):
    status: int
    code: str = ""
    message: str = ""
    wait: dict[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> HubServer:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        request = f"{self.command} {path}"
        self.hub.requests.append(request)
        fault = self.hub.fault_of(request)
        self._mute = bool(fault and fault.mute)
        if fault and fault.cut:
            return self._cut()
        body = self._body()
        self.hub.bodies.append(body)
        if fault and fault.gate:
            fault.gate.arrived.set()
            fault.gate.open.wait(60)
        if fault and fault.damage:
            body = bytes([body[0] ^ 1]) + body[1:]
        try:
            if fault and fault.status:
                raise _RefusalError(fault.status, wait=fault.wait)
            self._check_token()
            for methods, pattern, route in _ROUTES:
                if self.command in methods and (match := re.fullmatch(pattern, path)):
                    return route(self, body, **match.groupdict())
            raise _RefusalError(404)
        except _RefusalError as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
            return self._send(b"", refusal.status, {**headers, **refusal.wait})

    do_HEAD = do_POST = do_PUT = do_GET

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _check_token(self) -> None:
        """POST needs a token that may write. PUT goes to the LFS store, whose links are signed on
        the real Hub: no token there."""
        if self._token() not in ("", TOKEN, READ_TOKEN):
            raise _RefusalError(401)
        if self.command == "POST" and self._token() != TOKEN:
            raise _RefusalError(403 if self._token() else 401)

    def _cut(self) -> None:
        """Read half of the body, and hang up."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)) // 2)
        self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(
        self, content: bytes, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        if self._mute:
            self._hang_up()
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_json(self, content: Any, status: int = 200) -> None:
        self._send(json.dumps(content).encode(), status, {"Content-Type": "application/json"})

    def _files(self, repo: str, revision: str) -> tuple[str, Files]:
        """Commit id and files of a revision."""
        self._check_visible(repo)
        sha = self.hub.repos[repo].resolve(revision)
        if sha is None:
            raise _RefusalError(404, "RevisionNotFound")
        return sha, self.hub.repos[repo].commits[sha]

    def _check_visible(self, repo: str) -> None:
        if repo not in self.hub.repos or (self.hub.repos[repo].private and not self._token()):
            raise _RefusalError(404, "RepoNotFound")

    # --- routes ---------------------------------------------------------------------------------

    def auth_check_write(self, body: bytes, repo: str) -> None:
        self._check_visible(repo)
        if self._token() != TOKEN:
            raise _RefusalError(403 if self._token() else 401)
        self._send_json({})

    def create(self, body: bytes) -> None:
        wish = json.loads(body)
        repo = f"{wish.get('organization') or 'user'}/{wish['name']}"
        if not repo.startswith("user/"):  # the account of the tokens
            raise _RefusalError(403)
        if repo in self.hub.repos:
            return self._send_json({"url": f"{self.hub.url}/{repo}"}, 409)
        self.hub.add(repo, {".gitattributes": b""})
        self.hub.repos[repo].private = wish.get("visibility") == "private"
        return self._send_json({"url": f"{self.hub.url}/{repo}"})

    def validate_yaml(self, body: bytes) -> None:
        self._send_json({"errors": [], "warnings": []})

    def preupload(self, body: bytes, repo: str, revision: str) -> None:
        _, present = self._files(repo, revision)
        answer = []
        for path in (file["path"] for file in json.loads(body)["files"]):
            mode = "lfs" if path.endswith(LFS_SUFFIXES) else "regular"
            oid = _oid(path, present[path]) if path in present else None
            answer.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._send_json({"files": answer})

    def lfs_batch(self, body: bytes, repo: str) -> None:
        wanted = json.loads(body)["objects"]
        for entry in wanted:
            if entry["oid"] not in self.hub.objects:
                href = f"{self.hub.url}/lfs/{entry['oid']}"
                entry["actions"] = {"upload": {"href": href}, "verify": {"href": f"{href}/verify"}}
        self._send_json({"transfer": "basic", "objects": wanted})

    def lfs_put(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            raise _RefusalError(400, message="the checksum of the body is another")
        self.hub.objects[oid] = body
        self._send(b"")

    def lfs_verify(self, body: bytes, oid: str) -> None:
        sizes_agree = len(self.hub.objects[oid]) == json.loads(body)["size"]
        self._send(b"", 200 if sizes_agree else 422)

    def commit(self, body: bytes, repo: str, revision: str) -> None:
        files = dict(self._files(repo, revision)[1])
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                self.hub.repos[repo].messages.append(value["summary"])
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        sha = self.hub.add(repo, files, revision)
        self._send_json({"commitOid": sha, "commitUrl": f"{self.hub.url}/{repo}/commit/{sha}"})

    def info(self, body: bytes, repo: str, revision: str) -> None:
        sha, files = self._files(repo, revision)
        self._send_json({"id": repo, "sha": sha, "siblings": [{"rfilename": f} for f in files]})

    def tree(self, body: bytes, repo: str, revision: str) -> None:
        entries = []
        for path, content in self._files(repo, revision)[1].items():
            stored = {"oid": _oid(path, content), "size": len(content)}
            lfs = {"lfs": {**stored, "pointerSize": 134}} if path.endswith(LFS_SUFFIXES) else {}
            entries.append({"type": "file", "path": path, **stored, **lfs})
        self._send_json(entries)

    def resolve(self, body: bytes, repo: str, revision: str, file: str) -> None:
        sha, files = self._files(repo, revision)
        if file not in files:
            raise _RefusalError(404, "EntryNotFound")
        etag = f'"{_oid(file, files[file])}"'
        headers = {"X-Repo-Commit": sha, "ETag": etag}
        if file.endswith(LFS_SUFFIXES):  # inline: a redirect on one host would lose X-Repo-Commit
            headers |= {"X-Linked-Etag": etag, "X-Linked-Size": str(len(files[file]))}
        self._send(files[file], headers=headers)


def _oid(path: str, content: bytes) -> str:
    if path.endswith(LFS_SUFFIXES):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


_REPO = r"(?P<repo>[^/]+/[^/]+)"
_GET, _POST, _PUT = ("GET", "HEAD"), ("POST",), ("PUT",)
_ROUTES = (
    (_GET, rf"/api/models/{_REPO}/auth-check/write", _Handler.auth_check_write),
    (_POST, r"/api/repos/create", _Handler.create),
    (_POST, r"/api/validate-yaml", _Handler.validate_yaml),
    (_POST, rf"/api/models/{_REPO}/preupload/(?P<revision>.+)", _Handler.preupload),
    (_POST, rf"/{_REPO}\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    (_PUT, r"/lfs/(?P<oid>\w+)", _Handler.lfs_put),
    (_POST, r"/lfs/(?P<oid>\w+)/verify", _Handler.lfs_verify),
    (_POST, rf"/api/models/{_REPO}/commit/(?P<revision>.+)", _Handler.commit),
    (_GET, rf"/api/models/{_REPO}/revision/(?P<revision>.+)", _Handler.info),
    (_GET, rf"/api/models/{_REPO}/tree/(?P<revision>.+)", _Handler.tree),
    (_GET, rf"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", _Handler.resolve),
)
