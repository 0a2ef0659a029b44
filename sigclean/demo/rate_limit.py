"""A rate limit for each client, as ASGI middleware with token buckets."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MINUTE = 60.0  # seconds
MAX_CLIENTS = 10_000  # clients that are remembered; the longest silent one is forgotten first


@dataclass
class TokenBuckets:
    """A token bucket for each client: it holds a minute's requests and is refilled steadily."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, client: str) -> float:
        """Return 0 and count the request if `client` may send it, otherwise the seconds to wait."""
        now = self.clock()
        left, since = self._left.pop(client, (float(self.per_minute), now))
        left = min(self.per_minute, left + (now - since) * self.per_minute / MINUTE)
        wait = 0.0 if left >= 1 else (1 - left) * MINUTE / self.per_minute
        self._left[client] = (left if wait else left - 1, now)
        if len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)
        return wait


class RateLimit:
    """ASGI middleware that limits the POST requests of each client address.

    Behind a trusted proxy (FORWARDED_ALLOW_IPS) that is the address it reports.
    """

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self.app = app
        self.buckets = TokenBuckets(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request, or answer it with 429."""
        if scope["type"] == "http" and scope["method"] == "POST":
            client = (scope.get("client") or ("unknown",))[0]
            if wait := self.buckets.take(client):
                await _refusal(wait)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _refusal(wait: float) -> JSONResponse:
    seconds = math.ceil(wait)
    sentence = f"Too many requests from your address: try again in {seconds} s."
    content = {"detail": sentence, "error": sentence}
    return JSONResponse(content, 429, headers={"retry-after": str(seconds)})
