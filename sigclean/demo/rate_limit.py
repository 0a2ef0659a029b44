"""Limits for each client, as ASGI middleware with token buckets: requests, megabytes and files."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sigclean.demo.service.problems import RefusedError
from sigclean.demo.settings import MEGA, Rates

MINUTE = 60.0  # seconds
MAX_CLIENTS = 10_000  # clients that are remembered; the longest silent one is forgotten first


@dataclass
class TokenBuckets:
    """A token bucket for each client: it holds a minute's tokens and is refilled steadily."""

    per_minute: float
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, client: str, cost: float = 1) -> float:
        """Return 0 and count the cost if `client` has tokens for it, else the seconds to wait.

        A cost that no bucket holds needs a full one, and leaves a debt.
        """
        left, needed = self._now(client), min(cost, self.per_minute)
        wait = 0.0 if left >= needed else (needed - left) * MINUTE / self.per_minute
        self._set(client, left if wait else left - cost)
        return wait

    def charge(self, client: str, cost: float) -> None:
        """Count a cost that is known only afterwards; it may leave a debt."""
        self._set(client, self._now(client) - cost)

    def _now(self, client: str) -> float:
        left, since = self._left.pop(client, (self.per_minute, self.clock()))
        return min(self.per_minute, left + (self.clock() - since) * self.per_minute / MINUTE)

    def _set(self, client: str, left: float) -> None:
        self._left[client] = (left, self.clock())
        if len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)


class RateLimit:
    """ASGI middleware that limits what each client address sends by POST.

    Behind a trusted proxy (FORWARDED_ALLOW_IPS) that is the address it reports. Bytes of a body
    that comes without its length are counted as they come. Endpoints charge the files of a call by
    `scope["sigclean.charge"](files=...)`, which raises RefusedError.
    """

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self.app = app
        limits = (
            ("requests", rates.requests),
            ("bytes", rates.megabytes * MEGA),
            ("files", rates.files),
        )
        self.buckets = {name: TokenBuckets(limit) for name, limit in limits if limit}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request. Raises RefusedError with status 429 for more than may be sent."""
        if scope["type"] == "http" and scope["method"] == "POST":
            client = (scope.get("client") or ("unknown",))[0]
            headers = Headers(scope=scope)
            length = headers.get("content-length", "")
            announced = int(length) if length.isdecimal() else 0
            self._take(client, "requests", 1)
            self._take(client, "bytes", announced)
            scope["sigclean.charge"] = partial(self._charge_files, client)
            receive = self._counting(receive, client, announced)
            if scope["path"].rstrip("/").endswith("/upload"):
                receive = self._counting_files(receive, client, Parts(headers))
        await self.app(scope, receive, send)

    def _take(self, client: str, name: str, cost: int) -> None:
        buckets = self.buckets.get(name)
        if buckets and cost and (wait := buckets.take(client, cost)):
            seconds = math.ceil(wait)
            sentence = f"Too many {name} from your address: try again in {seconds} s."
            raise RefusedError(429, sentence, retry_after=str(seconds))

    def _charge_files(self, client: str, files: int) -> None:
        self._take(client, "files", files)

    def _counting(self, receive: Receive, client: str, announced: int) -> Receive:
        """Count the bytes that were not announced, as they come. Raises RefusedError."""
        unannounced = -announced

        async def counted() -> Message:
            nonlocal unannounced
            message = await receive()
            size = len(message.get("body", b""))
            unannounced += size
            self._take(client, "bytes", max(0, min(unannounced, size)))
            return message

        return counted

    def _counting_files(self, receive: Receive, client: str, parts: "Parts") -> Receive:
        """Count the files of an upload as they come."""

        async def counted() -> Message:
            message = await receive()
            found = parts.add(message.get("body", b""))
            if found and "files" in self.buckets:
                self.buckets["files"].charge(client, found)
            return message

        return counted


class Parts:
    """Counts the parts of a multipart body while it comes, by their boundaries."""

    def __init__(self, headers: Headers) -> None:
        kind = headers.get("content-type", "")
        boundary = kind.partition("boundary=")[2].partition(";")[0].strip().strip('"')
        self._mark = b"--" + boundary.encode("latin-1") + b"\r\n" if boundary else b""
        self._rest = b""

    def add(self, chunk: bytes) -> int:
        """The number of parts that begin in the next chunk."""
        if not self._mark:
            return 0
        text = self._rest + chunk
        self._rest = text[-(len(self._mark) - 1) :]
        return text.count(self._mark)
