"""A server that should never be asked for anything, and a record of what a process asks for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Makes Gradio take loopback for a public network, and records names that are looked up.
WATCHED = """
import ipaddress, os, sys

for kind in (ipaddress.IPv4Address, ipaddress.IPv6Address):
    kind.is_private = kind.is_loopback = property(lambda self: False)

def watch(event, arguments):
    if event == "socket.getaddrinfo":
        with open(os.environ["ASKED_NAMES"], "a") as log:
            log.write(f"{arguments[0]}\\n")

sys.addaudithook(watch)
"""


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A server on loopback: its address, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.end_headers()
            self.wfile.write(b"not a picture")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    thread.join()


def watched_environment(folder: Path) -> dict[str, str]:
    """Variables for a process whose look-ups of names go to `folder/names`."""
    (folder / "sitecustomize.py").write_text(WATCHED)
    (folder / "names").touch()
    return {"ASKED_NAMES": str(folder / "names"), "PYTHONPATH": str(folder)}
