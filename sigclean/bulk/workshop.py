"""One picture of many: read, cleaned, encoded, by any thread."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

from PIL import Image

from sigclean.bulk.batching import Desk
from sigclean.bulk.pipeline import Budget, StoppedError
from sigclean.cleaner import SignatureCleaner
from sigclean.compositing.ink_colour import parse_pen
from sigclean.errors import ImageError, SigcleanError
from sigclean.images import encode_png, picture_size, read_image
from sigclean.ink import parse_colour, recolour
from sigclean.processes.hardware import usual_workers
from sigclean.tracing import find_tracer, trace_svg
from sigclean.views.inversion import check_invert
from sigclean.views.view import View
from sigclean.windows import Window, check_window

Done = TypeVar("Done")

PIXELS = 24_000_000  # that are in memory at once, each with about 10 bytes: a page of 20 megapixels
PIXELS_PER_WORKER = 6_000_000  # and so many more for each worker


@dataclass(frozen=True)
class Look:
    """What results look like, see `SignatureCleaner.__call__`.

    Attributes:
        ink: the colour of the strokes, see `ink.recolour`; None for the input's own.
        svg: results are traced as well.
        window: of pages, see `SignatureCleaner.__call__`.
        pen, invert: how pictures are read, see `SignatureCleaner.__call__`.
    """

    transparent: bool = False
    crop: bool = False
    raw: bool = False
    ink: str | None = None
    svg: bool = False
    window: Window = None
    pen: str = "auto"
    invert: str = "auto"

    def check(self) -> None:
        """Raises SigcleanError, before long work, if such results cannot be made."""
        if self.ink:
            parse_colour(self.ink)
        parse_pen(self.pen)
        check_invert(self.invert)
        if self.svg:
            find_tracer()
        if self.window is not None:
            check_window(self.window)
            if self.raw:
                raise SigcleanError(
                    "--raw shows one window's picture: it does not go with --window"
                )

    def clean(self, cleaner: SignatureCleaner, image: Image.Image) -> Image.Image:
        """A result."""
        return self.inked(
            cleaner(
                image,
                transparent=self.transparent,
                crop=self.crop,
                raw=self.raw,
                window=self.window,
                pen=self.pen,
                invert=self.invert,
            )
        )

    def finish(self, cleaner: SignatureCleaner, view: View, keep: Image.Image) -> Image.Image:
        """A result, of what the network said."""
        return self.inked(cleaner.finish(view, keep, transparent=self.transparent, crop=self.crop))

    def inked(self, result: Image.Image) -> Image.Image:
        """In the colour that was asked for."""
        return recolour(result, self.ink) if self.ink else result


@dataclass(frozen=True)
class Cleaned:
    """A picture, its result, and the result as a PNG file.

    Attributes:
        svg: the result traced, if that was asked for.
        milliseconds: that cleaning took, without reading and encoding.
    """

    image: Image.Image
    result: Image.Image
    png: bytes
    svg: str | None
    milliseconds: float


@dataclass(frozen=True)
class Workshop:
    """What the threads share.

    Attributes:
        workers: how many there are to be.
        clean: from a picture to its result.
        svg: results are traced as well.
    """

    workers: int
    clean: Callable[[Image.Image], Image.Image]
    budget: Budget
    svg: bool

    def do(
        self, content: Path | bytes, name: str, stop: Event, finish: Callable[[Cleaned], Done]
    ) -> Done:
        """Clean a file, or the bytes of one.

        Args:
            name: what messages call it.
            stop: set when everything ends early.
            finish: what is done with the result while memory is held for it.

        Raises:
            ImageError: it cannot be read.
            StoppedError: everything ends early.
        """
        with self.budget.hold(_pixels(content)):
            _go_on(stop)
            image = read_image(content if isinstance(content, Path) else _Named(content, name))
            _go_on(stop)
            begun = time.perf_counter()
            result = self.clean(image)
            milliseconds = 1000 * (time.perf_counter() - begun)
            _go_on(stop)
            svg = trace_svg(result) if self.svg else None
            return finish(Cleaned(image, result, encode_png(result), svg, milliseconds))


def _go_on(stop: Event) -> None:
    if stop.is_set():
        raise StoppedError


class _Named(io.BytesIO):
    """A file in memory that messages can name."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


@contextmanager
def workshop(
    cleaner: SignatureCleaner, look: Look, workers: int, batch_size: int
) -> Iterator[Workshop]:
    """The workshop with its network: of its own for each picture, or for batches on a GPU."""
    if not cleaner.runtime.batches or look.raw:
        yield _shared(workers, partial(look.clean, cleaner), look)
        return
    with closing(Desk(cleaner.keep, batch_size)) as desk:

        def clean(image: Image.Image) -> Image.Image:
            view: View = cleaner.prepare(image, look.window, look.pen, look.invert)
            return look.finish(cleaner, view, desk.ask(view))

        yield _shared(max(workers, 2 * batch_size), clean, look)


def choose_workers(asked: int, pictures: int | None, processes: int) -> int:
    """How many threads clean at once.

    Args:
        asked: by the user; 0 for what is usual.
        pictures: that there are, if that is known: with fewer than workers, the network of each
            has more threads.
        processes: that share this machine.
    """
    workers = asked or usual_workers(processes)
    return workers if pictures is None else max(1, min(workers, pictures))


def _shared(workers: int, clean: Callable[[Image.Image], Image.Image], look: Look) -> Workshop:
    return Workshop(workers, clean, Budget(PIXELS + workers * PIXELS_PER_WORKER), look.svg)


def _pixels(content: Path | bytes) -> int:
    """Of a file by its header; of a pipe, which can be read once only, as many as may be."""
    if isinstance(content, Path) and not content.is_file():
        return PIXELS
    try:
        width, height = picture_size(content)
    except ImageError:
        return 0  # reading it will say what is wrong
    return width * height
