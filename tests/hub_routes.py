"""The answers of the tests' Hub: HTTP, the faults that tests ask for, and the routes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub_repos import LFS_SUFFIXES, Fault, Files, Repo, oid

if TYPE_CHECKING:
    from hub_server import HubServer

TOKEN = "hf_a_token_that_may_write"
READ_TOKEN = "hf_a_token_that_may_only_read"


@dataclass
class _RefusalError(Exception):
    status: int
    code: str = ""
    message: str = ""
    wait: dict[str, str] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    _fault: Fault | None = None

    @property
    def hub(self) -> HubServer:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        request = f"{self.command} {path}"
        self.hub.requests.append(request)
        fault = self._fault = self.hub.fault_of(request)
        if fault and fault.cut:
            return self._cut()
        body = self._body()
        self.hub.bodies.append(body)
        if fault and fault.gate:
            fault.gate.arrived.set()
            fault.gate.open.wait(120)
        if fault and fault.damage:
            body = _damaged(body)
        try:
            if fault and fault.status:
                raise _RefusalError(fault.status, wait=fault.wait)
            self._check_token()
            return self._route(path, body)
        except _RefusalError as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
            return self._send(b"", refusal.status, {**headers, **refusal.wait})

    do_HEAD = do_POST = do_PUT = do_GET

    def _route(self, path: str, body: bytes) -> None:
        for methods, pattern, route in _ROUTES:
            if self.command in methods and (match := re.fullmatch(pattern, path)):
                names = match.groupdict()
                if names.pop("kind", None) in ("spaces", "spaces/"):
                    names["repo"] = f"spaces/{names['repo']}"
                return route(self, body, **names)
        raise _RefusalError(404)

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _check_token(self) -> None:
        """Refuse a POST without a token that may write. A PUT needs none: it goes to the LFS store,
        whose links are signed on the real Hub."""
        if self._token() not in ("", TOKEN, READ_TOKEN):
            raise _RefusalError(401)
        asks_only = "/paths-info/" in self.path
        if self.command == "POST" and self._token() != TOKEN and not asks_only:
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
        fault = self._fault
        if fault and fault.mute:
            return self._hang_up()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return None
        if fault and fault.damage and self.command == "GET":
            content = _damaged(content)
        if fault and fault.half:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            return self._hang_up()
        self.wfile.write(content)
        return None

    def _send_json(self, content: Any, status: int = 200) -> None:
        self._send(json.dumps(content).encode(), status, {"Content-Type": "application/json"})

    def _repo(self, name: str) -> Repo:
        if name not in self.hub.repos or (self.hub.repos[name].private and not self._token()):
            raise _RefusalError(404, "RepoNotFound")
        return self.hub.repos[name]

    def _files(self, repo: str, revision: str) -> tuple[str, Files]:
        """Return the commit id and the files of a revision."""
        sha = self._repo(repo).resolve(revision)
        if sha is None:
            raise _RefusalError(404, "RevisionNotFound")
        return sha, self.hub.repos[repo].commits[sha]

    # --- routes ---------------------------------------------------------------------------------

    def auth_check_write(self, body: bytes, repo: str) -> None:
        self._repo(repo)
        if self._token() != TOKEN:
            raise _RefusalError(403 if self._token() else 401)
        self._send_json({})

    def create(self, body: bytes) -> None:
        wish = json.loads(body)
        name = f"{wish.get('organization') or 'user'}/{wish['name']}"
        if not name.startswith("user/"):  # the account of the tokens
            raise _RefusalError(403)
        repo = f"spaces/{name}" if wish.get("type") == "space" else name
        if repo in self.hub.repos:
            return self._send_json({"url": f"{self.hub.url}/{repo}"}, 409)
        self.hub.add(repo, {".gitattributes": b""})
        self.hub.repos[repo].private = wish.get("visibility") == "private"
        self.hub.repos[repo].sdk = wish.get("sdk", "")
        return self._send_json({"url": f"{self.hub.url}/{repo}"})

    def branch(self, body: bytes, repo: str, branch: str) -> None:
        if branch.startswith("refs/"):
            raise _RefusalError(400, message="Invalid reference for a branch")
        if branch in self._repo(repo).refs:
            raise _RefusalError(409)
        start = json.loads(body or b"{}").get("startingPoint", "main")
        self.hub.repos[repo].refs[branch] = self._files(repo, start)[0]
        self._send_json({})

    def validate_yaml(self, body: bytes) -> None:
        self._send_json({"errors": [], "warnings": []})

    def preupload(self, body: bytes, repo: str, revision: str) -> None:
        _, present = self._files(repo, revision)
        answer = []
        for path in (file["path"] for file in json.loads(body)["files"]):
            mode = "lfs" if path.endswith(LFS_SUFFIXES) else "regular"
            known = oid(path, present[path]) if path in present else None
            answer.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": known})
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
        ours = self._repo(repo)
        files = dict(self._files(repo, revision)[1])
        if revision not in ours.refs:
            raise _RefusalError(400, message="a commit can be made on a branch only")
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                ours.messages.append(value["summary"])
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        proposed = "create_pr" in parse_qs(urlsplit(self.path).query)
        number = 1 + sum(ref.startswith("refs/pr/") for ref in ours.refs)
        sha = ours.commit(f"refs/pr/{number}" if proposed else revision, files)
        answer = {"commitOid": sha, "commitUrl": f"{self.hub.url}/{repo}/commit/{sha}"}
        if proposed:
            answer["pullRequestUrl"] = f"{self.hub.url}/{repo}/discussions/{number}"
        self._send_json(answer)

    def restart(self, body: bytes, repo: str) -> None:
        self._repo(repo).restarts += 1
        self._send_json({"stage": "RUNNING_BUILDING"})

    def info(self, body: bytes, repo: str, revision: str = "main") -> None:
        sha, files = self._files(repo, revision)
        siblings = [{"rfilename": name} for name in files]
        private = self.hub.repos[repo].private
        name = repo.removeprefix("spaces/")
        self._send_json({"id": name, "sha": sha, "siblings": siblings, "private": private})

    def tree(self, body: bytes, repo: str, revision: str) -> None:
        self._send_json(_entries(self._files(repo, revision)[1]))

    def paths_info(self, body: bytes, repo: str, revision: str) -> None:
        wanted = parse_qs(body.decode())["paths"]
        files = self._files(repo, revision)[1]
        self._send_json(_entries({name: files[name] for name in wanted if name in files}))

    def resolve(self, body: bytes, repo: str, revision: str, file: str) -> None:
        sha, files = self._files(repo, revision)
        if file not in files:
            raise _RefusalError(404, "EntryNotFound")
        content, status, etag = files[file], 200, f'"{oid(file, files[file])}"'
        headers = {"X-Repo-Commit": sha, "ETag": etag, "Accept-Ranges": "bytes"}
        if file.endswith(LFS_SUFFIXES):  # inline: a redirect on one host would lose X-Repo-Commit
            headers |= {"X-Linked-Etag": etag, "X-Linked-Size": str(len(content))}
        if wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            first = int(wanted[1])
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            content, status = content[first:], 206
        self._send(content, status, headers)


def _damaged(content: bytes) -> bytes:
    return bytes([content[0] ^ 1]) + content[1:] if content else b""


def _entries(files: Files) -> list[dict[str, Any]]:
    entries = []
    for path, content in files.items():
        stored = {"oid": oid(path, content), "size": len(content)}
        lfs = {"lfs": {**stored, "pointerSize": 134}} if path.endswith(LFS_SUFFIXES) else {}
        entries.append({"type": "file", "path": path, **stored, **lfs})
    return entries


_API = r"/api/(?P<kind>models|spaces)/(?P<repo>[^/]+/[^/]+)"
_PAGE = r"/(?P<kind>spaces/)?(?P<repo>[^/]+/[^/]+)"
_GET, _POST, _PUT = ("GET", "HEAD"), ("POST",), ("PUT",)
_ROUTES = (
    (_GET, rf"{_API}/auth-check/write", Handler.auth_check_write),
    (_POST, r"/api/repos/create", Handler.create),
    (_POST, rf"{_API}/branch/(?P<branch>.+)", Handler.branch),
    (_POST, r"/api/validate-yaml", Handler.validate_yaml),
    (_POST, rf"{_API}/preupload/(?P<revision>.+)", Handler.preupload),
    (_POST, rf"{_PAGE}\.git/info/lfs/objects/batch", Handler.lfs_batch),
    (_PUT, r"/lfs/(?P<oid>\w+)", Handler.lfs_put),
    (_POST, r"/lfs/(?P<oid>\w+)/verify", Handler.lfs_verify),
    (_POST, rf"{_API}/commit/(?P<revision>.+)", Handler.commit),
    (_POST, rf"{_API}/restart", Handler.restart),
    (_GET, _API, Handler.info),
    (_GET, rf"{_API}/revision/(?P<revision>.+)", Handler.info),
    (_GET, rf"{_API}/tree/(?P<revision>.+)", Handler.tree),
    (_POST, rf"{_API}/paths-info/(?P<revision>.+)", Handler.paths_info),
    (_GET, rf"{_PAGE}/resolve/(?P<revision>refs/pr/\d+|[^/]+)/(?P<file>.+)", Handler.resolve),
)
