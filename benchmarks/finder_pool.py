"""Processes that make pages for the finder's training, and the pages that the GPU keeps."""

from __future__ import annotations

import argparse
import mmap
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
from finder_batches import Batch, captured
from finder_pages import MOST, make_example
from finder_sources import split_sources, with_cache, with_letters
from torch import Tensor

from sigclean.finding.sheet import MAP

CANVAS = (1280, 1024)  # longest and shortest side of a batch of pages
SLOTS = 6  # pages that a worker may have made and the trainer not yet taken
LETTERS = 16  # drawn letters of a worker
AT_ONCE = 16  # pages that are taken between two steps, at most: workers must not hold up the steps
PICTURE, INK = MAP * MAP * 3, MAP * MAP  # bytes


@dataclass
class Crew:
    """Processes that make pages, and the memory that they share with the trainer."""

    memory: mmap.mmap
    ready: Any
    free: list[Any]
    processes: list[Any] = field(default_factory=list)

    def taken(self) -> Iterator[tuple]:
        """Yield pages that are ready: held out or not, picture, ink, size, boxes, classes."""
        for _ in range(AT_ONCE):
            if self.ready.empty():
                return
            slot, held_out, size, boxes, classes = self.ready.get()
            start = slot * (PICTURE + INK)
            whole = np.frombuffer(self.memory, np.uint8, PICTURE + INK, start)
            picture = torch.from_numpy(whole[:PICTURE].reshape(MAP, MAP, 3))
            yield (
                held_out,
                picture,
                torch.from_numpy(whole[PICTURE:].reshape(MAP, MAP)),
                size,
                boxes,
                classes,
            )
            self.free[slot // SLOTS].release()

    def stop(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join(5)


def start_crew(args: argparse.Namespace) -> Crew:
    """Start the workers, before anything of CUDA: they are forked, and share what was read."""
    context = multiprocessing.get_context("fork")
    memory = mmap.mmap(-1, args.workers * SLOTS * (PICTURE + INK))
    crew = Crew(
        memory, context.SimpleQueue(), [context.Semaphore(SLOTS) for _ in range(args.workers)]
    )
    kinds = []
    for held_out in (True, False):
        sources, real = split_sources(args.data, held_out)
        kinds.append((with_cache(sources, real), real))
    for number in range(args.workers):
        process = context.Process(target=_make_pages, args=(args, number, crew, kinds), daemon=True)
        process.start()
        crew.processes.append(process)
    return crew


def _make_pages(args: argparse.Namespace, number: int, crew: Crew, kinds: Sequence) -> None:
    """A worker: first its share of the held-out pages, then others for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = os.getppid()
    rng = np.random.default_rng([args.seed, number])
    held_out = -(-args.held_out // args.workers)
    sources, real = kinds[0]
    sources = with_letters(np.random.default_rng([7, number]), sources, 2)
    made = tried = 0
    while os.getppid() == parent:
        tried += 1
        if made == held_out:
            sources, real = kinds[1]
            sources = with_letters(rng, sources, LETTERS)
        own = np.random.default_rng([99, number, tried]) if made < held_out else rng
        try:
            one = make_example(own, sources, real)
        except Exception as error:  # one odd file must not end the training
            print(f"worker {number}: {error!r}", file=sys.stderr, flush=True)
            continue
        while not crew.free[number].acquire(timeout=20):
            if os.getppid() != parent:
                return
        slot = number * SLOTS + made % SLOTS
        whole = np.frombuffer(crew.memory, np.uint8, PICTURE + INK, slot * (PICTURE + INK))
        height, width = one.ink.shape
        picture, ink = whole[:PICTURE].reshape(MAP, MAP, 3), whole[PICTURE:].reshape(MAP, MAP)
        picture.fill(255)
        ink.fill(0)
        picture[:height, :width], ink[:height, :width] = one.picture, one.ink
        boxes = np.zeros((MOST, 4), np.float32)
        classes = np.full(MOST, -1, np.int64)
        count = min(len(one.boxes), MOST)
        boxes[:count], classes[:count] = one.boxes[:count], one.classes[:count]
        crew.ready.put((slot, made < held_out, (height, width), boxes, classes))
        made += 1


class Pool:
    """The last pages that were made, on the GPU."""

    def __init__(self, size: int, device: torch.device, canvas: tuple[int, int] = CANVAS) -> None:
        self.canvas = canvas
        self.pages = torch.empty(size, MAP, MAP, 3, dtype=torch.uint8, device=device)
        self.ink = torch.empty(size, MAP, MAP, dtype=torch.uint8, device=device)
        self.boxes = torch.zeros(size, MOST, 4, device=device)
        self.classes = torch.full((size, MOST), -1, dtype=torch.long, device=device)
        self.sizes = torch.ones(size, 2, device=device)
        self.wide = np.zeros(size, np.bool_)
        self.count = 0  # pages that were ever added

    def __len__(self) -> int:
        return min(self.count, len(self.pages))

    def add(
        self, picture: Tensor, ink: Tensor, size: tuple[int, int], boxes: Any, classes: Any
    ) -> None:
        """Add a page, in place of the oldest."""
        place = self.count % len(self.pages)
        self.pages[place].copy_(picture)
        self.ink[place].copy_(ink)
        self.boxes[place].copy_(torch.from_numpy(boxes))
        self.classes[place].copy_(torch.from_numpy(classes))
        self.sizes[place].copy_(torch.tensor(size))
        self.wide[place] = size[1] > size[0]
        self.count += 1

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw pages of one direction, and capture them."""
        known = self.wide[: len(self)]
        wide = bool(known[int(rng.integers(len(known)))])
        places = np.flatnonzero(known == wide)
        chosen = torch.from_numpy(rng.choice(places, size))
        return self.shown(chosen, wide)

    def shown(self, places: Tensor, wide: bool) -> Batch:
        """Capture these pages."""
        places = places.to(self.pages.device)
        return captured(
            self.pages[places].permute(0, 3, 1, 2), self.ink[places], self.sizes[places],
            self.boxes[places], self.classes[places], self.canvas[::-1] if wide else self.canvas,
        )  # fmt: skip
