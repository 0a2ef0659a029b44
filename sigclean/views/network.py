"""The generator as a function of pictures, and the three steps of cleaning: `Network`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from PIL import Image

from sigclean.arrays import Float
from sigclean.compositing.compose import clean_picture, drop_other_ink
from sigclean.compositing.ink_colour import AUTO, parse_pen
from sigclean.images import Source, read_image
from sigclean.letterbox import Letterbox, Placement, resize, stretch
from sigclean.runtimes.interface import Runtime
from sigclean.views.inversion import check_invert
from sigclean.views.view import Reading, View, read_picture
from sigclean.windows import Window, choose_window, keep_map, scaled_size

SHOWN_STRIP = 8  # pixels of a letterbox strip that the network is shown beside the picture


@dataclass(frozen=True)
class Network:
    """A loaded generator. It keeps no state between calls, so several threads can share it.

    Cleaning has three steps, which callers may overlap: `prepare`, `keep`, `finish`. For their
    options and errors see `SignatureCleaner.__call__`.

    Attributes:
        runtime: the engine that computes the generator.
        letterbox: fits pictures into the square that the generator was trained on.
        threads: CPU threads for one picture; None for as many as this process may use.
    """

    runtime: Runtime
    letterbox: Letterbox = field(default_factory=Letterbox)
    threads: int | None = None

    def prepare(
        self,
        image: Image.Image,
        window: Window = None,
        pen: str = AUTO,
        invert: str = "auto",
    ) -> View:
        """Make the network's input from an RGB picture that `images.read_image` returned, the first
        step."""
        parse_pen(pen)
        check_invert(invert)
        picture, reading = read_picture(image, invert, pen)
        chosen = choose_window(picture, window)
        if chosen is not None:
            return self._show_page(picture, reading, chosen)
        return self._show(picture, reading)

    def _show(self, image: Image.Image, reading: Reading) -> View:
        """Put a picture into the letterbox's square."""
        inner, placement = self.letterbox.shrink(image)
        size = self.letterbox.size
        box = (0, 0, size, size)
        if self.runtime.takes_cuts:
            box = self.letterbox.cut(placement, self.runtime.multiple, SHOWN_STRIP)
        shown = np.full((3, box[3] - box[1], box[2] - box[0]), -1, np.float32)
        left, top = placement.left - box[0], placement.top - box[1]
        part = shown[:, top : top + inner.height, left : left + inner.width]
        np.multiply(np.asarray(inner).transpose(2, 0, 1), np.float32(1 / 127.5), out=part)
        part -= 1
        return View(image, inner, placement, (left, top), shown, reading)

    def keep(self, views: Sequence[View]) -> list[Image.Image]:
        """Run the network, the second step: returns the keep map of each view, an L picture of the
        size of `view.inner`, 255 where ink is kept."""
        whole = [view for view in views if view.window is None]
        maps = iter(self._by_shape(self.runtime.keep, whole))
        return [
            _levels(view.within(next(maps))) if view.window is None else self._keep_of_page(view)
            for view in views
        ]

    def finish(
        self,
        view: View,
        keep: Image.Image,
        *,
        erase: Image.Image | None = None,
        restore: Image.Image | None = None,
    ) -> Image.Image:
        """Compose the clean picture, RGB in the input's own size, the third step.

        Args:
            keep: the view's keep map, as `keep` returns it.
            erase, restore: L pictures of the input's size, see `compositing.compose.clean_picture`.
        """
        pen = view.reading.pen
        one_pen = pen if view.window is None or pen != AUTO else None  # a page may have several
        erase, restore = (mask and mask.crop(view.reading.box) for mask in (erase, restore))
        clean = clean_picture(
            view.image, view.inner, keep, one_pen,
            judge=view.window is None, erase=erase, restore=restore,
        )  # fmt: skip
        return view.whole(clean)

    def keep_map(self, picture: Source, window: Window = None) -> Image.Image:
        """Compute the keep map: an L picture of the input's own size, but only as sharp as the
        network's square, 255 where the signature's ink is.

        Raises ImageError if the picture cannot be read.
        """
        view = self.prepare(read_image(picture), window)
        return view.reading.whole(stretch(self.keep([view])[0], view.image.size), ground=0)

    def paint(self, views: Sequence[View]) -> list[Image.Image]:
        """The generator's own pictures in the inputs' sizes; replaces `keep` and `finish`."""
        painted = self._by_shape(self.runtime.paint, views)
        return [
            view.whole(self.letterbox.enlarge(_to_image(view.within(picture)), view.placement))
            for view, picture in zip(views, painted, strict=True)
        ]

    def _show_page(self, image: Image.Image, reading: Reading, window: int) -> View:
        """Shrink a page so that a window has the network's size; a smaller one is not enlarged."""
        side = max(window, self.letterbox.size)
        inner = resize(image, scaled_size(image.size, side, self.letterbox.size))
        placement = Placement(*image.size, 0, 0, *inner.size)
        nothing = np.empty((3, 0, 0), np.float32)
        return View(image, inner, placement, (0, 0), nothing, reading, window)

    def keep_of_parts(self, parts: list[Image.Image], pen: str = AUTO) -> list[Image.Image]:
        """Compute the keep maps of a page's windows: an L picture for each RGB picture.

        With `pen` "auto" the pen is found for each window by itself, since each may show another
        signature. `windows.keep_map` calls this.
        """
        readings = [Reading(part.size, (0, 0, *part.size)) for part in parts]
        kept = self.keep([self._show(*one) for one in zip(parts, readings, strict=True)])
        return [drop_other_ink(part, one, pen) for part, one in zip(parts, kept, strict=True)]

    def _keep_of_page(self, view: View) -> Image.Image:
        assert view.window is not None
        size, keep = self.letterbox.size, partial(self.keep_of_parts, pen=view.reading.pen)
        return keep_map(view.inner, keep, min(view.window, size), size)

    def _by_shape(self, function: Callable[[Float], Float], views: Sequence[View]) -> list[Float]:
        """Apply a function to the views in their order; views of one shape form one batch."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for place, view in enumerate(views):
            groups.setdefault(view.shown.shape, []).append(place)
        results: dict[int, Float] = {}
        for places in groups.values():
            batch = np.stack([views[place].shown for place in places])
            results.update(zip(places, function(batch), strict=True))
        return [results[place] for place in range(len(views))]


def _levels(keep: Float) -> Image.Image:
    """Convert a keep map, HxW in [0, 1], to an L picture; NaN, from broken weights, becomes 0."""
    return Image.fromarray(np.rint(np.clip(np.nan_to_num(keep), 0, 1) * 255).astype(np.uint8))


def _to_image(picture: Float) -> Image.Image:
    """Convert 3xHxW in [-1, 1] to an RGB picture; NaN becomes 0."""
    levels = np.rint((np.clip(np.nan_to_num(picture), -1, 1) + 1) * 127.5).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))
