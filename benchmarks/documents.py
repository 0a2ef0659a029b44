"""Extract the signatures of a long PDF: seconds a page, and the memory that it takes on the way.

    python benchmarks/documents.py --pages 1000

Draws a PDF of print with a signature on every fifth page, and runs `sigclean extract` on it, with
the options of that command that are given as well. Needs Linux, and the packages of
`pip install 'sigclean[dev]'`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from sigclean.compositing.results import transparent_ink
from sigclean.drawn import draw_signature

SIGNED = 5  # one page in so many has a signature
SIGNATURES = 20  # different ones
LINE = "the party of the first part agrees to pay the sum that is due within thirty days"
ROWS = 10  # of the table that is printed


def draw(path: Path, pages: int) -> None:
    """Draw the PDF."""
    ink = [
        ImageReader(transparent_ink(draw_signature(np.random.default_rng(seed), 900, 350)))
        for seed in range(SIGNATURES)
    ]
    canvas = Canvas(str(path), pagesize=A4)
    for page in range(pages):
        canvas.setFont("Times-Roman", 11)
        for line in range(35):
            canvas.drawString(70, 780 - 15 * line, f"{page + 1}.{line + 1} {LINE}")
        if page % SIGNED == SIGNED - 1:
            canvas.drawImage(ink[page // SIGNED % SIGNATURES], 320, 130, 170, 66, mask="auto")
        canvas.showPage()
    canvas.save()


def memory(process: int, field: str) -> int:
    """Read a figure of a process's memory in MB; 0 if the process has ended."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) // 1024 if found else 0


def count(manifest: Path) -> tuple[int, int]:
    """Count the pages that are done, and the signatures that were found on them."""
    if not manifest.exists():
        return 0, 0
    lines = [json.loads(line) for line in manifest.read_text().splitlines() if line.endswith("}")]
    pages = {line["source"].partition("&")[0] for line in lines}
    return len(pages), sum(line["status"] == "cleaned" for line in lines)


def main(pages: int, options: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "long.pdf", Path(folder) / "out"
        draw(source, pages)
        begun, said = time.perf_counter(), 0
        words = ["extract", str(source), "-o", str(out), *options]
        running = subprocess.Popen([sys.executable, "-m", "sigclean", *words])
        while running.poll() is None:
            time.sleep(0.5)
            done, found = count(out / "signatures.jsonl")
            if done >= said + max(1, pages // ROWS) and running.poll() is None:
                said, seconds = done, time.perf_counter() - begun
                print(
                    f"{done} pages, {found} signatures, {seconds / done:.2f} s a page, "
                    f"{memory(running.pid, 'VmRSS')} MB now, {memory(running.pid, 'VmHWM')} MB "
                    "at most",
                    flush=True,
                )
        seconds, times = time.perf_counter() - begun, os.times()
        work = (times.children_user + times.children_system) / pages
        done, found = count(out / "signatures.jsonl")
        print(f"{done} pages, {found} signatures of {pages // SIGNED}, "
              f"{seconds / pages:.2f} s a page, {work:.2f} s of processor time")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    known, options = parser.parse_known_args()
    main(known.pages, options)
