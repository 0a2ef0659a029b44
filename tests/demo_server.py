"""The demo as a real process, for tests that talk to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
PATIENCE = 120  # seconds that an answer may take on a busy machine
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(frozen=True)
class Demo:
    """A running `python app.py`: its address, weights, temporary folder and process."""

    url: str
    weights: Path
    cache: Path
    process: subprocess.Popen[str]

    def files(self) -> list[Path]:
        """All files in its temporary folder."""
        return [path for path in self.cache.rglob("*") if path.is_file()]

    def stop(self) -> str:
        """End it as a container does; returns its output."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=PATIENCE)[0]


def start_demo(
    folder: Path, weights: Path, more_weights: str = "", **environment: str | int | Path
) -> Demo:
    """Run app.py offline; returns when it listens, by default on a free port."""
    cache = folder / "cache"
    cache.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = environment.get("GRADIO_SERVER_PORT", free.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={
            **os.environ,
            "GRADIO_SERVER_PORT": str(port),
            "GRADIO_TEMP_DIR": str(cache),
            "HF_HUB_OFFLINE": "1",
            "SIGCLEAN_WEIGHTS": f"{weights},{more_weights}",
            **{name: str(value) for name, value in environment.items()},
        },
    )
    assert process.stdout is not None
    url = f"http://127.0.0.1:{port}"
    said = process.stdout.readline()
    assert url in said, said + process.communicate()[0]
    return Demo(url, weights, cache, process)


@dataclass(frozen=True)
class Answer:
    """The status of a request, its headers, and its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, data: bytes | None = None, **headers: str) -> Answer:
    """GET, or POST with `data`; whatever the status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urlopen(Request(url, data, named), timeout=PATIENCE) as response:
            return Answer(response.status, dict(response.headers), response.read())
    except HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read())


def sentence_of(answer: Answer) -> str:
    """The one sentence of a refusal, which is as RFC 9457 has it."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json) >= {"type", "title", "status", "detail"}
    assert answer.json["status"] == answer.status
    said = answer.json["detail"]
    assert isinstance(said, str)
    assert said.endswith(".")
    assert "\n" not in said
    return said


def post(demo: Demo, verb: str, asked: Any, **headers: str) -> Answer:
    """Ask one of the page's own addresses: JSON, or bytes as they are."""
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    return ask(f"{demo.url}/page/{verb}", body, **headers)


def upload(demo: Demo, content: bytes, name: str = "scan.png", **headers: str) -> Answer:
    """Send a file as browsers do."""
    limit = uuid.uuid4().hex
    head = f'--{limit}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{limit}--\r\n".encode()
    kind = f"multipart/form-data; boundary={limit}"
    return ask(f"{demo.url}/gradio_api/upload", body, Content_Type=kind, **headers)


def call(demo: Demo, name: str, *data: Any, **headers: str) -> Answer:
    """Call an endpoint; returns its last event, or the answer that refused the call."""
    endpoint = f"{demo.url}/gradio_api/call/{name}"
    asked = json.dumps({"data": data}).encode()
    begun = ask(endpoint, asked, Content_Type="application/json", **headers)
    return begun if begun.status != 200 else ask(f"{endpoint}/{begun.json['event_id']}")


def file_data(path: str) -> dict[str, Any]:
    """An uploaded file as an argument of an endpoint."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def clean(demo: Demo, content: bytes, name: str = "scan.png") -> Answer:
    """Upload a file and call /clean."""
    return call(demo, "clean", file_data(upload(demo, content, name).json[0]))


def pixels(picture: Path | str | Image.Image) -> np.ndarray:
    """HxWxC of a file or picture."""
    if isinstance(picture, Image.Image):
        return np.asarray(picture)
    with Image.open(picture) as opened:
        return np.asarray(opened)
