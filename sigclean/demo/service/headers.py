"""Headers of every answer: nothing is stored, guessed, framed or loaded from elsewhere."""

import os
import secrets
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LASTING = ("/assets/", "/static/")  # addresses of Gradio's own scripts and styles: no secrets

_POLICY = {
    "default-src": "'self'",
    # Gradio compiles the scripts and templates of its HTML components: 'unsafe-eval'
    "script-src": "'self' 'nonce-{nonce}' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "{framed_by}",
}
FRAMED_BY = "'self'"
SPACE_FRAMED_BY = "'self' https://huggingface.co https://*.hf.space"


def framed_by(environment: Mapping[str, str] = os.environ) -> str:
    """The sites that may show the page in a frame: on a Space the Hub, elsewhere no other."""
    return SPACE_FRAMED_BY if "SPACE_ID" in environment else FRAMED_BY


class SecurityHeaders:
    """ASGI middleware that adds the headers, and marks the page's own scripts with a nonce.

    Args:
        framed_by: the sites that may show the page in a frame.
    """

    def __init__(self, app: ASGIApp, framed_by: str = FRAMED_BY) -> None:
        self.app, self.framed_by = app, framed_by

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request, and answer with the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce, lasting = secrets.token_urlsafe(16), scope["path"].startswith(LASTING)
        policy = "; ".join(f"{name} {sources}" for name, sources in _POLICY.items())
        page: list[Message] = []  # the beginning of a page in HTML, held back until all is there

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers["content-security-policy"] = policy.format(
                    nonce=nonce, framed_by=self.framed_by
                )
                if not lasting:
                    headers["cache-control"] = "no-store"
                if headers.get("content-type", "").startswith("text/html"):
                    page.append(message)
                    return
            elif page:
                page.append(message)
                if not message.get("more_body", False):
                    for part in _marked(page, nonce):
                        await send(part)
                return
            await send(message)

        await self.app(scope, receive, sending)


def _marked(page: list[Message], nonce: str) -> list[Message]:
    """The messages of a page whose scripts have the nonce."""
    start, *parts = page
    body = b"".join(part.get("body", b"") for part in parts)
    marked = body.replace(b"<script", f'<script nonce="{nonce}"'.encode())
    headers = MutableHeaders(scope=start)
    if body:  # an answer to HEAD has none, but the length that GET would have
        headers["content-length"] = str(len(marked))
    return [start, {"type": "http.response.body", "body": marked}]
