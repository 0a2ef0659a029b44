"""How often one client may ask: a limit of requests a minute, refilled all the time."""

from __future__ import annotations

import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MINUTE = 60.0  # seconds
CLIENTS = 10_000  # that are remembered; the one that was silent longest is forgotten first


@dataclass
class Allowance:
    """Counts the requests of each client. One that was silent for a minute may ask in a burst."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, client: str) -> float:
        """Seconds that `client` must wait; 0 if it may ask now, which is then counted."""
        now = self.clock()
        left, since = self._left.pop(client, (float(self.per_minute), now))
        left = min(self.per_minute, left + (now - since) * self.per_minute / MINUTE)
        wait = 0.0 if left >= 1 else (1 - left) * MINUTE / self.per_minute
        self._left[client] = (left if wait else left - 1, now)
        if len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return wait


class RateLimit:
    """ASGI middleware: what is sent (POST) counts, what is only looked at does not.

    A client is the address that the request comes from; behind a proxy, the one it forwards for.
    """

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self.app = app
        self.allowance = Allowance(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 429."""
        if scope["type"] == "http" and scope["method"] == "POST":
            client = (scope.get("client") or ("unknown",))[0]
            if wait := self.allowance.take(client):
                await _refuse(send, wait)
                return
        await self.app(scope, receive, send)


async def _refuse(send: Send, wait: float) -> None:
    seconds = math.ceil(wait)
    sentence = f"Too many requests from your address: try again in {seconds} s."
    headers = [(b"content-type", b"application/json"), (b"retry-after", str(seconds).encode())]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    body = json.dumps({"detail": sentence, "error": sentence}).encode()
    await send({"type": "http.response.body", "body": body})
