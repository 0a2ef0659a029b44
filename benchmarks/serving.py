"""Measure the demo under load: time from upload to result, memory, and files left on the disk.

    python benchmarks/serving.py                            # times at 1, 10 and 50 users at once
    python benchmarks/serving.py --memory 5000 --keep 60    # and memory over 5,000 requests
    python benchmarks/serving.py --users 49 --batch 50      # beside a visitor with batches of 50
    python benchmarks/serving.py --api --users 50           # by /api/clean, in one request
    python benchmarks/serving.py --against ../before --users 1 49 --batch 50    # two versions

Starts `python app.py` on this computer, so that server and clients share its cores. A request is
what a program does: upload a file, call /clean, wait, fetch the transparent PNG. Users send the
next request as soon as they are served. The time of the network alone, and of the cleaning call
without the demo, are printed for comparison. With --against both versions run at once, and are
measured in turns, so that what else the computer does slows both down.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median, quantiles
from threading import Event
from time import perf_counter
from urllib.request import Request, urlopen

import numpy as np

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "examples" / "3-stamp.png"
WARM_UP = 200  # requests before memory is first read, which fill caches and lists of sessions
WAIT = 2.0  # lifetimes of a file after which none may be left


@dataclass(frozen=True)
class Server:
    """A running demo.

    Attributes:
        by_api: /api/clean is measured.
        visitor: the address from which requests come, as a trusted proxy states it.
    """

    url: str
    process: subprocess.Popen[str]
    folder: Path
    by_api: bool = False
    visitor: str = "10.0.0.1"

    def upload(self, picture: bytes, copies: int = 1) -> list[dict[str, object]]:
        """Upload a picture; returns what calls name it by."""
        mark = uuid.uuid4().hex
        part = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="s.png"\r\n\r\n'
        body = (part.encode() + picture + b"\r\n") * copies + f"--{mark}--\r\n".encode()
        kind = f"multipart/form-data; boundary={mark}"
        paths = json.loads(self.fetch(f"{self.url}/gradio_api/upload", body, kind))
        return [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]

    def call(self, name: str, *data: object) -> list[dict[str, str]]:
        """Call an endpoint and wait; returns its files. Raises for a failure."""
        endpoint = f"{self.url}/gradio_api/call/{name}"
        asked = json.dumps({"data": data}).encode()
        event = json.loads(self.fetch(endpoint, asked, "application/json"))
        answer = self.fetch(f"{endpoint}/{event['event_id']}").decode()
        kind, _, result = answer.rpartition("event: ")[2].partition("\ndata: ")
        if kind != "complete":
            raise RuntimeError(answer)
        files: list[dict[str, str]] = json.loads(result)
        return files

    def batch(self, picture: bytes, count: int) -> None:
        """Clean a batch."""
        files = self.upload(picture, count)
        self.call("clean_batch", files, "white", "original", "as is", None)

    def request(self, picture: bytes) -> float:
        """Clean one picture; returns milliseconds from upload to result. Raises for a failure."""
        begin = perf_counter()
        if self.by_api:
            self.fetch(f"{self.url}/api/clean", picture, "image/png")
        else:
            self.fetch(self.call("clean", *self.upload(picture))[1]["url"])
        return (perf_counter() - begin) * 1000

    def fetch(self, url: str, body: bytes | None = None, kind: str = "") -> bytes:
        """Fetch an address, by POST if there is a body."""
        headers = {"X-Forwarded-For": self.visitor, **({"Content-Type": kind} if kind else {})}
        with urlopen(Request(url, body, headers)) as response:
            data: bytes = response.read()
            return data

    def memory(self) -> float:
        """Return the megabytes of memory that the process holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def files(self) -> int:
        """List the files and folders that visitors left."""
        own = next(self.folder.glob("sigclean-*"))
        return sum(len(folders) + len(files) for _, folders, files in os.walk(own))


def main() -> None:
    """Measure and print."""
    args = parse_args()
    picture = args.picture.read_bytes()
    print(f"{args.picture.name}, {len(os.sched_getaffinity(0))} cores")
    for name, milliseconds in alone(args.picture).items():
        print(f"{name:44}{milliseconds:8.0f} ms (median)")
    with ExitStack() as stack:
        apps = {"": args.app}
        if args.against:
            apps = {"before": args.against / "app.py", "now": args.app}
        servers = {
            name: stack.enter_context(serving(args.keep, app, args.api))
            for name, app in apps.items()
        }
        measure(servers, picture, args)
        server = servers.popitem()[1]
        if args.memory:
            watch_memory(server, picture, args.memory)
        print(f"files and folders now: {server.files()}, {after_the_sweep(server, args.keep)}")


def measure(servers: dict[str, Server], picture: bytes, args: argparse.Namespace) -> None:
    """Measure servers in turns, and print a row for each and each number of users."""
    for server in servers.values():
        run(server, picture, users=2, requests=20)  # the first ones are slower
    print(f"{'version':10}users at once  requests  median ms  95 % ms  per second  batches")
    for users in args.users:
        requests = max(args.requests, 4 * users)
        rows = {name: Row() for name in servers}
        for _ in range(args.turns):
            for name, server in servers.items():
                rows[name].add(server, picture, users, requests, args.batch)
        for name, row in rows.items():
            print(f"{name:10}{users:>13}{row}", flush=True)


@dataclass
class Row:
    """The measurements of a server with a number of users."""

    times: list[float] = field(default_factory=list)  # milliseconds
    seconds: float = 0
    batches: int = 0

    def add(self, server: Server, picture: bytes, users: int, requests: int, batch: int) -> None:
        """Measure a turn, beside a visitor with batches of `batch` pictures if that is not 0."""
        with batches(server, picture, batch) as done:
            times, seconds = run(server, picture, users, requests)
        self.times += times
        self.seconds += seconds
        self.batches += len(done)

    def __str__(self) -> str:
        high = quantiles(self.times, n=20)[-1]
        rate = len(self.times) / self.seconds
        return (
            f"{len(self.times):>10}{median(self.times):>11.0f}{high:>9.0f}{rate:>12.1f}"
            f"{self.batches:>9}"
        )


def parse_args() -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--users", type=int, nargs="*", default=[1, 10, 50])
    parser.add_argument("--requests", type=int, default=100, help="per row, at least 4 per user")
    parser.add_argument("--memory", type=int, default=0, help="requests over which it is watched")
    parser.add_argument("--keep", type=int, default=60, help="seconds that files live")
    parser.add_argument("--batch", type=int, default=0, help="pictures in another's batches")
    parser.add_argument("--api", action="store_true", help="use /api/clean")
    parser.add_argument("--app", type=Path, default=ROOT / "app.py", help="the page to measure")
    parser.add_argument("--against", type=Path, help="the folder of another version's source")
    parser.add_argument("--turns", type=int, default=1, help="times that each row is measured")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    return parser.parse_args()


def alone(picture: Path, repeats: int = 15) -> dict[str, float]:
    """Measure the median milliseconds of network and cleaning call, without the demo."""
    from sigclean import SignatureCleaner
    from sigclean.images import read_image

    cleaner = SignatureCleaner.from_pretrained()
    image = read_image(picture)
    square, _ = cleaner.letterbox.fit(image)
    batch = np.asarray(square, np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - 1
    runs: dict[str, Callable[[], object]] = {
        "the network alone": lambda: cleaner.runtime.keep(np.ascontiguousarray(batch)),
        f"cleaner(image), {image.width}x{image.height}": lambda: cleaner(image),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, function in runs.items():
            begin = perf_counter()
            function()
            times[name].append((perf_counter() - begin) * 1000)
    return {name: median(values[2:]) for name, values in times.items()}


@contextmanager
def batches(server: Server, picture: bytes, count: int) -> Iterator[list[int]]:
    """Clean batches of `count` pictures, one after the other, as another visitor does meanwhile.
    Yields a list that gets an entry for each finished batch."""
    ended, done = Event(), list[int]()
    other = replace(server, visitor="10.0.0.2")

    def work() -> None:
        while not ended.is_set():
            other.batch(picture, count)
            done.append(count)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work) if count else None
        try:
            yield done
        finally:
            ended.set()
            if working:
                working.result()


@contextmanager
def serving(keep: int, app: Path = ROOT / "app.py", by_api: bool = False) -> Iterator[Server]:
    """Run the demo on a free port, with a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {"GRADIO_SERVER_PORT": str(port), "SIGCLEAN_KEEP_SECONDS": str(keep)}
        process = subprocess.Popen(
            [sys.executable, str(app)],
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                **settings,
                "GRADIO_TEMP_DIR": folder,
                "HF_HUB_OFFLINE": "1",
                "PYTHONPATH": str(app.parent),
            },
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()  # the line with its address
            yield Server(f"http://127.0.0.1:{port}", process, Path(folder), by_api)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def run(server: Server, picture: bytes, users: int, requests: int) -> tuple[list[float], float]:
    """Send requests, each user from an address of its own; returns the milliseconds of each, and
    the seconds of all."""
    begin = perf_counter()
    each = [replace(server, visitor=f"10.0.1.{user}") for user in range(users)]
    with ThreadPoolExecutor(users) as pool:
        times = list(pool.map(lambda n: each[n % users].request(picture), range(requests)))
    return times, perf_counter() - begin


def watch_memory(server: Server, picture: bytes, requests: int) -> None:
    """Print the memory of the process as requests are served."""
    run(server, picture, 4, WARM_UP)
    print(f"memory after {WARM_UP} requests: {server.memory():.0f} MB")
    for part in range(5):
        run(server, picture, 4, requests // 5)
        done = (part + 1) * (requests // 5)
        print(f"memory after {done} more: {server.memory():.0f} MB, {server.files()} files")


def after_the_sweep(server: Server, keep: int) -> str:
    """Print how many files are left, and after how long there were none."""
    begin = perf_counter()
    while server.files() and perf_counter() - begin < WAIT * keep:
        time.sleep(1)
    return f"{server.files()} after {perf_counter() - begin:.0f} s"


if __name__ == "__main__":
    main()
