"""The repositories of the tests' Hub, and the faults that can happen to requests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from threading import Event

LFS_SUFFIXES = (".safetensors", ".pth", ".bin", ".onnx", ".png", ".jpg")
"""Suffixes of the files that are uploaded by LFS, as the Hub requires it of binary ones."""

Files = dict[str, bytes]


@dataclass
class Repo:
    """A repository of models, or with an `sdk` a Space.

    Attributes:
        commits: all files of each commit, by its id.
        refs: the commit of each branch, tag or pull request.
        messages: the messages of the commits that clients made.
        restarts: how often a Space was restarted.
    """

    commits: dict[str, Files] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    private: bool = False
    sdk: str = ""
    restarts: int = 0

    def commit(self, ref: str, files: Files) -> str:
        sha = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[sha] = files
        self.refs[ref] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None

    def files(self, revision: str = "main") -> Files:
        """Return all files of an existing revision."""
        return self.commits[self.refs[revision]]


def oid(path: str, content: bytes) -> str:
    """Return the checksum that the Hub states of a file: git's, or with LFS the SHA-256."""
    if path.endswith(LFS_SUFFIXES):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass(frozen=True)
class Gate:
    """A gate at which a request waits.

    Attributes:
        arrived: set when the request is there.
        open: the test sets it to have the request served.
    """

    arrived: Event = field(default_factory=Event)
    open: Event = field(default_factory=Event)


@dataclass
class Fault:
    """A fault that happens to the next requests that match a pattern.

    Attributes:
        request: pattern of "METHOD /path".
        times: the number of requests that it still happens to.
        status: the answer; 0 to cut the connection after half of the request's body.
        retry_after: seconds that the answer asks to wait.
        header: the header that says so.
        gate: the request is served when this gate is open.
        damage: the body arrives with another first byte; for a GET, that of the answer.
        mute: the request is served, but the connection is cut before the answer.
        half: the connection is cut after half of the answer's body.
    """

    request: str
    times: int = 1
    status: int = 0
    retry_after: int = 0
    header: str = "Retry-After"
    gate: Gate | None = None
    damage: bool = False
    mute: bool = False
    half: bool = False

    @property
    def wait(self) -> dict[str, str]:
        """The header that asks the client to wait."""
        said = {
            "Retry-After": str(self.retry_after),
            "RateLimit": f'"api";r=0;t={self.retry_after}',  # the real Hub's way
        }
        return {self.header: said[self.header]} if self.retry_after else {}

    @property
    def cut(self) -> bool:
        return not (self.status or self.gate or self.damage or self.mute or self.half)
