"""What the Hub of the tests keeps, and what can be made to happen to requests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from threading import Event

LFS_SUFFIXES = (".safetensors", ".pth", ".bin", ".onnx", ".png", ".jpg")
"""Files of a Space's examples are binary, and those the Hub takes by LFS alone."""

Files = dict[str, bytes]


@dataclass
class Repo:
    """A repository of models, or with an `sdk` a Space.

    Attributes:
        commits: all files of each.
        refs: branch, tag or pull request to commit.
        messages: of the commits that a client made.
        restarts: of a Space.
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
        """All files of a revision that is there."""
        return self.commits[self.refs[revision]]


def oid(path: str, content: bytes) -> str:
    """The checksum that the Hub knows a file by: of git, or with LFS the SHA-256."""
    if path.endswith(LFS_SUFFIXES):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


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
        damage: the body, of a GET that of the answer, arrives with another first byte.
        mute: the request is served, and the connection cut instead of an answer,
        half: or when half of the answer's body is sent.
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
        """The header that asks to wait."""
        said = {
            "Retry-After": str(self.retry_after),
            "RateLimit": f'"api";r=0;t={self.retry_after}',  # the real Hub's way
        }
        return {self.header: said[self.header]} if self.retry_after else {}

    @property
    def cut(self) -> bool:
        return not (self.status or self.gate or self.damage or self.mute or self.half)
