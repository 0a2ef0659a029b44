"""Read, clean and encode one picture of many, in any thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

from PIL import Image

from sigclean.bulk.batching import Batcher
from sigclean.bulk.inputs import Input
from sigclean.bulk.pipeline import PixelBudget, StoppedError
from sigclean.cleaner import SignatureCleaner
from sigclean.compositing.cutting import Cut, dress
from sigclean.compositing.ink_colour import parse_pen
from sigclean.encoding import OPAQUE, encode
from sigclean.errors import SigcleanError
from sigclean.ink import parse_colour, recolour
from sigclean.processes.hardware import usual_workers
from sigclean.tracing import find_tracer, trace_svg
from sigclean.views.inversion import check_invert
from sigclean.views.view import View
from sigclean.windows import Window, check_window

Done = TypeVar("Done")

PIXELS = 24_000_000  # pixels in memory at once, about 10 bytes each: a page of 20 megapixels
PIXELS_PER_WORKER = 6_000_000  # pixels that each worker adds to them


@dataclass(frozen=True)
class OutputStyle:
    """The appearance of results. For the others see `SignatureCleaner.__call__`.

    Attributes:
        ink: the colour of the strokes, see `ink.recolour`; None for the input's own.
        svg: results are traced as well.
    """

    transparent: bool = False
    crop: bool = False
    margin: int | None = None
    width: int | None = None
    height: int | None = None
    raw: bool = False
    ink: str | None = None
    svg: bool = False
    window: Window = None
    pen: str = "auto"
    invert: str = "auto"

    def check(self) -> None:
        """Raise SigcleanError if such results cannot be made; to be called before long work."""
        if self.ink:
            parse_colour(self.ink)
        if parse_pen(self.pen) is not None and self.raw:
            raise SigcleanError("--raw shows what the network paints: it does not go with --pen")
        self._cut.check()
        check_invert(self.invert)
        if self.svg:
            find_tracer()
        if self.window is not None:
            check_window(self.window)
            if self.raw:
                raise SigcleanError(
                    "--raw shows one window's picture: it does not go with --window"
                )

    def check_files(self, targets: Iterable[Path]) -> None:
        """Raise SigcleanError if a result's file has no place for what is asked for."""
        for target in targets:
            if self.transparent and target.suffix.lower() in OPAQUE:
                better = target.with_suffix(".png")
                raise SigcleanError(f"JPEG has no transparency: write to {better}, not {target}")

    def clean(self, cleaner: SignatureCleaner, image: Image.Image) -> Image.Image:
        """Return the result of a picture."""
        clean = cleaner(image, raw=self.raw, window=self.window, pen=self.pen, invert=self.invert)
        return self.dress(clean)

    def dress(self, clean: Image.Image) -> Image.Image:
        """Return the result of a picture that is clean, on white."""
        result = dress(clean, self._cut, self.transparent)
        return recolour(result, self.ink) if self.ink else result

    @property
    def _cut(self) -> Cut:
        return Cut(self.crop, self.margin, self.width, self.height)


@dataclass(frozen=True)
class Cleaned:
    """A picture, its result, and the bytes of the result's file.

    Attributes:
        svg: the traced result, if the style asks for one.
        milliseconds: the time that cleaning took, without reading and encoding.
    """

    image: Image.Image
    result: Image.Image
    content: bytes
    svg: str | None
    milliseconds: float


@dataclass(frozen=True)
class PictureWorker:
    """Cleans pictures; shared by all threads.

    Attributes:
        workers: the number of threads that are to share it.
        clean: turns a picture into its result.
        svg: results are traced as well.
    """

    workers: int
    clean: Callable[[Image.Image], Image.Image]
    budget: PixelBudget
    svg: bool

    def do(
        self, source: Input, stop: Event, finish: Callable[[Cleaned], Done], suffix: str = ".png"
    ) -> Done:
        """Clean a picture, and return what `finish` returns.

        Args:
            stop: set when everything is to end soon.
            finish: takes the result, while its share of the memory is held.
            suffix: that of the result's file, a key of `encoding.ENCODERS`.

        Raises:
            ImageError: the picture cannot be read, or its result is too large for its format.
            StoppedError: `stop` was set.
        """
        with self.budget.hold(source.pixels()):
            _check(stop)
            image = source.read()
            _check(stop)
            begun = time.perf_counter()
            result = self.clean(image)
            milliseconds = 1000 * (time.perf_counter() - begun)
            _check(stop)
            svg = trace_svg(result) if self.svg else None
            return finish(Cleaned(image, result, encode(result, suffix), svg, milliseconds))


def _check(stop: Event) -> None:
    if stop.is_set():
        raise StoppedError


@contextmanager
def picture_worker(
    cleaner: SignatureCleaner, style: OutputStyle, workers: int, batch_size: int
) -> Iterator[PictureWorker]:
    """Yield a worker that calls the network for each picture, or on a GPU for batches.

    Args:
        workers: the number of threads; on a GPU at least enough for two batches.
        batch_size: the largest number of pictures in a batch.
    """
    if not cleaner.runtime.batches or style.raw:
        yield _shared(workers, partial(style.clean, cleaner), style)
        return
    with closing(Batcher(cleaner.keep, batch_size)) as batcher:

        def clean(image: Image.Image) -> Image.Image:
            view: View = cleaner.prepare(image, style.window, style.pen, style.invert)
            return style.dress(cleaner.finish(view, batcher.ask(view)))

        yield _shared(max(workers, 2 * batch_size), clean, style)


def choose_workers(asked: int, pictures: int | None) -> int:
    """Return how many threads clean at once.

    Args:
        asked: the user's choice; 0 for the usual number.
        pictures: the number of pictures, if it is known: with fewer pictures than workers, the
            network gets more threads for each.
    """
    workers = asked or usual_workers()
    return workers if pictures is None else max(1, min(workers, pictures))


def _shared(
    workers: int, clean: Callable[[Image.Image], Image.Image], style: OutputStyle
) -> PictureWorker:
    budget = PixelBudget(PIXELS + workers * PIXELS_PER_WORKER)
    return PictureWorker(workers, clean, budget, style.svg)
