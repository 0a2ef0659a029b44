"""The folder of uploads and results has a limit, and so has each request."""

import asyncio
import os
import time
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sigclean.demo.service.problems import RefusedError
from sigclean.demo.settings import MEGA

GRADIO_UPLOAD = "/gradio_api/upload"
LOOK_AGAIN = 1.0  # seconds for which a size that was measured is believed
FULL = "This page has no room for more files now: try again in a few minutes."


class Storage:
    """The size of a folder, measured now and then, with what has come in since, and what requests
    under way have announced.

    Attributes:
        coming: bytes that were announced and have not come yet.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder, self.most = folder, megabytes * MEGA
        self.coming = 0
        self._measured, self._since, self._at = 0, 0, float("-inf")

    async def check(self) -> None:
        """Raise RefusedError with status 507 if what is there and coming has no room."""
        if time.monotonic() - self._at > LOOK_AGAIN:
            self._at, self._since = time.monotonic(), 0
            self._measured = await asyncio.to_thread(folder_size, self.folder)
        if self._measured + self._since + self.coming > self.most:
            raise RefusedError(507, FULL, retry_after="60")

    def add(self, count: int) -> None:
        """Count bytes that have come in."""
        self._since += count


def folder_size(folder: Path) -> int:
    """The bytes of all files below a folder; those that vanish meanwhile do not count."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += Path(root, name).lstat().st_size
            except OSError:
                continue
    return total


class SizeLimit:
    """ASGI middleware that limits the bytes of a POST request, and of all files together.

    Args:
        storage: the folder.
        largest: bytes of a request, at most.
        largest_upload: the same for Gradio's uploads, which may be several files.
    """

    def __init__(self, app: ASGIApp, storage: Storage, largest: int, largest_upload: int) -> None:
        self.app, self.storage = app, storage
        self.largest, self.largest_upload = largest, largest_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request. Raises RefusedError for one that is too large or has no room."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        is_upload = scope["path"].rstrip("/").endswith(GRADIO_UPLOAD)
        most = self.largest_upload if is_upload else self.largest
        length = Headers(scope=scope).get("content-length", "")
        announced = int(length) if length.isdecimal() else 0
        _check_size(announced, most)
        come, awaited = 0, announced
        self.storage.coming += awaited

        async def counted() -> Message:
            nonlocal come, awaited
            message = await receive()
            size = len(message.get("body", b""))
            self.storage.add(size)
            self.storage.coming -= min(size, awaited)
            come, awaited = come + size, max(awaited - size, 0)
            _check_size(come, most)
            if come > announced:
                await self.storage.check()
            return message

        try:
            await self.storage.check()
            await self.app(scope, counted, send)
        finally:
            self.storage.coming -= awaited


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise RefusedError(413, f"The request is larger than {most // MEGA} megabytes.")
