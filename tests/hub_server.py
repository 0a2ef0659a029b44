"""A small Hugging Face Hub on loopback, for tests that drive the real client.

It keeps model repositories in memory and speaks what `huggingface_hub` needs to create, upload to
(git and LFS files), list and download them. Uploads to the real Hub go through its Xet storage,
which this server does not have: run clients with HF_HUB_DISABLE_XET=1.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

LFS_SUFFIXES = (".safetensors", ".pth", ".bin", ".onnx")
TOKEN = "hf_a_token_that_may_write"

Files = dict[str, bytes]


@dataclass
class Repo:
    commits: dict[str, Files] = field(default_factory=dict)  # all files of each
    refs: dict[str, str] = field(default_factory=dict)  # branch to commit

    def commit(self, ref: str, files: Files) -> str:
        sha = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[sha] = files
        self.refs[ref] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None


class HubServer:
    """The server; a context manager that runs it in a thread.

    Attributes:
        repos: by "user/name".
        requests: "METHOD /path" of all requests, in order.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}  # LFS contents by sha256
        self.requests: list[str] = []
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> HubServer:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        body = self._body()
        # PUT goes to the LFS store, whose links are signed on the real Hub: no token there.
        may_write = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        try:
            if self.command == "POST" and not may_write:
                raise _RefusalError(401)
            for methods, pattern, route in _ROUTES:
                if self.command in methods and (match := re.fullmatch(pattern, path)):
                    return route(self, body, **match.groupdict())
            raise _RefusalError(404)
        except _RefusalError as refusal:
            self._send(b"", refusal.status, {"X-Error-Code": refusal.code})

    do_HEAD = do_POST = do_PUT = do_GET

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
        if repo not in self.hub.repos:
            raise _RefusalError(404, "RepoNotFound")
        sha = self.hub.repos[repo].resolve(revision)
        if sha is None:
            raise _RefusalError(404, "RevisionNotFound")
        return sha, self.hub.repos[repo].commits[sha]

    # --- routes ---------------------------------------------------------------------------------

    def create(self, body: bytes) -> None:
        wish = json.loads(body)
        repo = f"{wish.get('organization') or 'user'}/{wish['name']}"
        if repo in self.hub.repos:
            return self._send_json({"url": f"{self.hub.url}/{repo}"}, 409)
        self.hub.add(repo, {".gitattributes": b""})
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
            raise _RefusalError(400)
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
            if entry["key"] == "file":
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
