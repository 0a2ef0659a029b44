"""Read thousands of damaged documents: no exception but sigclean's own, no crash, and no file that
takes more than 10 s of processor time or 1 GB.

    python benchmarks/fuzz_documents.py --count 50000

Reads in a process of its own, which is started again for every 1,000 files. Needs the packages of
`pip install 'sigclean[dev]'`. A file that fails is kept in the current folder.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from sigclean.documents import read_pages
from sigclean.errors import SigcleanError

CHUNK = 1000  # files that one process reads
MOST_SECONDS = 10
MOST_MEGABYTES = 1000
MOST_PAGES = 30  # pages of a file that are read
PASSWORD = "secret"


def pdf(encrypted: bool) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, encrypt=StandardEncryption(PASSWORD) if encrypted else None)
    for number in range(2):
        canvas.drawString(72, 700, f"page {number}")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def pictures(kind: str, noise: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    noise.save(file, kind, save_all=True, append_images=[noise, noise], **options)
    return file.getvalue()


def heic(noise: Image.Image) -> bytes:
    file, heif = io.BytesIO(), pillow_heif.HeifFile()
    for _ in range(2):
        heif.add_from_pillow(noise)
    heif.save(file)
    return file.getvalue()


def whole_documents() -> list[bytes]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))
    tiffs = [pictures("TIFF", noise, compression=f"tiff_{name}") for name in ("lzw", "deflate")]
    return [pdf(False), pdf(True), pictures("PDF", noise), *tiffs, heic(noise)]


def damage(rng: random.Random, content: bytes) -> bytes:
    """Change, cut, insert or repeat some bytes."""
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        place, other = rng.randrange(len(damaged)), rng.randrange(len(damaged))
        changes: tuple[tuple[slice, bytes], ...] = (
            (slice(place, place + 1), bytes([rng.randrange(256)])),
            (slice(place, place + 4), rng.choice((b"\xff" * 4, bytes(4), b"9999"))),
            (slice(place, place), bytes(damaged[other : other + 200])),
            (slice(place, place + rng.randrange(50)), b""),
            (slice(max(place, 20), None), b""),
        )
        where, new = rng.choice(changes)
        damaged[where] = new
        if len(damaged) < 20:
            break
    return bytes(damaged)


def read(content: bytes, password: str | None) -> None:
    try:
        for page in read_pages(content, password=password, dpi=72):
            if page.number > MOST_PAGES:
                return
    except SigcleanError:
        pass


def read_chunk(seed: int, count: int, kept: Path) -> None:
    """Read damaged files; each lies in `kept` while it is read."""
    rng, documents, slowest = random.Random(seed), whole_documents(), 0.0
    for _ in range(count):
        content = damage(rng, rng.choice(documents))
        kept.write_bytes(content)
        begun = time.process_time()  # a busy machine may stop for seconds
        read(content, rng.choice((None, PASSWORD)))
        slowest = max(slowest, time.process_time() - begun)
        assert slowest < MOST_SECONDS, "too slow"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        assert peak < MOST_MEGABYTES, "too large"
    kept.unlink()
    print(f"{slowest:.2f} s at most, {peak} MB", flush=True)


def main(count: int, seed: int) -> int:
    failed = 0
    for number in range(-(-count // CHUNK)):
        kept = Path(f"damaged-{seed + number}.bin")
        size = min(CHUNK, count - number * CHUNK)
        words = ["--chunk", str(size), "--seed", str(seed + number)]
        done = subprocess.run([sys.executable, __file__, *words], stderr=subprocess.PIPE, text=True)
        if done.returncode:
            failed += 1
            print(f"status {done.returncode}, see {kept}\n{done.stderr[-2000:]}")
    print(f"{count} files, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=CHUNK)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chunk", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.chunk:
        read_chunk(args.seed, args.chunk, Path(f"damaged-{args.seed}.bin"))
    else:
        sys.exit(main(args.count, args.seed))
