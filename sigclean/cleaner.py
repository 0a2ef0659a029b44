"""`SignatureCleaner`: it turns noisy pictures into clean pictures of the same size."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from sigclean.arrays import Float
from sigclean.compositing.compose import (
    clean_picture,
    drop_other_pens,
    ink_box,
    transparent_ink,
)
from sigclean.compositing.ink_colour import AUTO, parse_pen
from sigclean.compositing.masks import Mask, read_mask
from sigclean.documents.page import DPI
from sigclean.errors import SigcleanError
from sigclean.extraction.signatures import Signature, extract
from sigclean.images import Source, read_image
from sigclean.letterbox import Letterbox, Placement, resize, stretch
from sigclean.model_files.onnx_file import is_onnx_file, onnx_file
from sigclean.runtimes.choose import load_runtime
from sigclean.runtimes.interface import Runtime
from sigclean.views.inversion import check_invert
from sigclean.views.view import Reading, View, read_picture
from sigclean.windows import Window, choose_window, keep_map, scaled_size

Many = list[Any] | tuple[Any, ...]

SHOWN_STRIP = 8  # pixels of a letterbox strip that the network is shown beside the picture


@dataclass(frozen=True)
class SignatureCleaner:
    """A loaded model. It keeps no state between calls, so several threads can share it.

    Attributes:
        runtime: the engine that computes the generator.
        letterbox: fits pictures into the square that the generator was trained on.
        folder: the weights folder that the model was loaded from; None without one.
    """

    runtime: Runtime
    letterbox: Letterbox = field(default_factory=Letterbox)
    folder: Path | None = None

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | None = None,
        *,
        revision: str | None = None,
        token: str | None = None,
        device: str = "auto",
        runtime: str = "auto",
        threads: int | None = None,
        workers: int = 1,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
    ) -> SignatureCleaner:
        """Load a model.

        Args:
            source: a weights folder, a Hub repository "user/repo", an ONNX file that `sigclean
                export` wrote, or None for the packaged model.
            revision: branch, tag or commit of a Hub repository.
            token: the Hub token for a private repository.
            device: auto, cpu, cuda, mps, coreml or directml; auto takes a GPU that PyTorch can
                use, else the CPU.
            runtime: auto, torch, onnx or openvino; auto takes the fastest that is installed.
            threads: CPU threads of the network; by default as many as this process may use,
                divided among the workers.
            workers: the number of threads that will call the cleaner at once.
            cache_dir: the folder of downloads; by default the Hub's own cache.
            local_files_only: take a Hub repository from the cache, without the network.

        Raises:
            WeightsError: the weights are missing, broken or of another architecture.
            SigcleanError: the device or the runtime asked for is unavailable.
        """
        from sigclean.hub.resolve import resolve_weights

        if is_onnx_file(source):
            weights = onnx_file(source, revision)
        else:
            weights = resolve_weights(
                source,
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
            )
        loaded, config = load_runtime(weights, runtime, device, threads, workers)
        return cls(loaded, Letterbox(config.size), weights if weights.is_dir() else None)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Copy the weights folder that the model was loaded from to `folder`; returns its path.

        Raises SigcleanError if the model was not loaded from a folder.
        """
        from sigclean.model_files.weights_folder import copy_folder

        return copy_folder(self._source(), Path(folder))

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the weights folder that the model was loaded from; returns the commit's address.

        Takes the options of `hub.push.push_folder` (revision, private, token, commit_message,
        create_pr), and raises WeightsError as it does.
        """
        from sigclean.hub.push import push_folder

        return push_folder(self._source(), repo_id, **options)

    def _source(self) -> Path:
        if self.folder is None:
            raise SigcleanError("this cleaner was not loaded from a weights folder")
        return self.folder

    @overload
    def __call__(
        self,
        pictures: Source,
        *,
        transparent: bool = ...,
        crop: bool = ...,
        raw: bool = ...,
        window: Window = ...,
        pen: str = ...,
        invert: str = ...,
        batch_size: int = ...,
    ) -> Image.Image: ...

    @overload
    def __call__(
        self,
        pictures: Many,
        *,
        transparent: bool = ...,
        crop: bool = ...,
        raw: bool = ...,
        window: Window = ...,
        pen: str = ...,
        invert: str = ...,
        batch_size: int = ...,
    ) -> list[Image.Image]: ...

    def __call__(
        self,
        pictures: Source | Many,
        *,
        transparent: bool = False,
        crop: bool = False,
        raw: bool = False,
        window: Window = None,
        pen: str = AUTO,
        invert: str = "auto",
        batch_size: int = 8,
    ) -> Image.Image | list[Image.Image]:
        """Clean one picture, or a list or tuple of pictures of any sizes.

        Args:
            pictures: a source that `images.read_image` takes, or a list or tuple of them.
            transparent: return RGBA, the ink with alpha, instead of RGB on white.
            crop: cut to the ink, with a margin; a picture without ink stays whole.
            raw: return the generator's own picture: less sharp, and it may be darker than the
                input. Without it no pixel is darker than the input's, or than the inverted input's
                if bright ink was inverted.
            window: clean pages in overlapping windows of this many of their pixels; "auto" does so
                if a picture looks like a whole page (`windows.page_window`), None never.
            pen: the colour of the signature's ink, if it is known: a name such as "blue"
                (`compositing.ink_colour.COLOURS`) or "#rrggbb". Ink of other colours is erased.
                "auto" takes the colours that the network keeps most completely.
            invert: "auto" inverts a picture of bright ink on dark paper where that is certain,
                "always" every one, "never" none.
            batch_size: the number of pictures that are decoded and go through the network at once.

        Returns:
            Upright pictures of the inputs' own sizes, in their order. Flat dark strips at an
            input's edges are white. `info` has `inverted`, True if the input was inverted,
            `window`, the pixels of a page's windows, and `dpi`, if the input states it.

        Raises:
            ImageError: a picture cannot be read.
            SigcleanError: the window or the batch size is out of range, the pen or `invert` is
                unknown, or `raw` is asked for in windows.
        """
        if raw and window is not None:
            raise SigcleanError("the generator's raw picture is not made in windows")
        if batch_size < 1:
            raise SigcleanError(f"the batch size must be at least 1, not {batch_size}")
        many = pictures if isinstance(pictures, list | tuple) else [pictures]
        results: list[Image.Image] = []
        for start in range(0, len(many), batch_size):
            chunk = many[start : start + batch_size]
            views = [self.prepare(read_image(one), window, pen, invert) for one in chunk]
            if raw:
                painted = zip(self.paint(views), views, strict=True)
                results += [_finish(one, view, transparent, crop) for one, view in painted]
                continue
            results += [
                self.finish(view, keep, transparent=transparent, crop=crop)
                for view, keep in zip(views, self.keep(views), strict=True)
            ]
        return results if many is pictures else results[0]

    def clean_with(
        self,
        picture: Source,
        *,
        erase: Mask | None = None,
        restore: Mask | None = None,
        transparent: bool = False,
        crop: bool = False,
        window: Window = None,
        pen: str = AUTO,
        invert: str = "auto",
    ) -> Image.Image:
        """Clean one picture, and correct the result by hand: erase more ink, or bring some back.

        No pixel is darker than the input's, edges stay soft, and what the masks leave out is as
        `__call__` makes it. Where both masks are set, ink is erased.

        Args:
            picture: a source that `images.read_image` takes.
            erase: where ink goes: a picture, or an array HxW of bool, uint8 or float in [0, 1], as
                wide and high as the upright input. Values between the extremes act in part. None or
                an empty mask (all 0) erases nothing.
            restore: where the input's ink comes back, in the same form.
            transparent, crop, window, pen, invert: see `__call__`.

        Raises:
            ImageError: the picture cannot be read.
            SigcleanError: a mask cannot be read or has another size, or another option is wrong.
        """
        image = read_image(picture)
        masks = [
            read_mask(mask, image.size, name)
            for mask, name in ((erase, "erase"), (restore, "restore"))
        ]
        view = self.prepare(image, window, pen, invert)
        return self.finish(
            view,
            self.keep([view])[0],
            transparent=transparent,
            crop=crop,
            erase=masks[0],
            restore=masks[1],
        )

    def extract(
        self,
        source: Source,
        *,
        password: str | None = None,
        dpi: int = DPI,
        transparent: bool = True,
        crop: bool = False,
        pen: str = AUTO,
        invert: str = "auto",
    ) -> list[Signature]:
        """Find the signatures of a document, and clean each at full resolution.

        Args:
            source: a PDF, or what `__call__` takes, but one; TIFF and HEIC may have several pages.
            password: opens an encrypted PDF.
            dpi: dots per inch at which a PDF's pages are drawn, see `documents.read_pages`.
            transparent, crop, pen, invert: see `__call__`.

        Returns:
            The signatures page by page, on each page the likeliest first.

        Raises:
            ImageError: the document cannot be read, or a page is broken.
            SigcleanError: an option is out of range.
        """
        clean = partial(self, transparent=transparent, crop=crop, pen=pen)
        return extract(self, clean, source, password=password, dpi=dpi, invert=invert)

    def keep_map(self, picture: Source, window: Window = None) -> Image.Image:
        """Compute the keep map: an L picture of the input's own size, but only as sharp as the
        network's square, 255 where the signature's ink is. For `window` see `__call__`.

        Raises ImageError if the picture cannot be read.
        """
        view = self.prepare(read_image(picture), window)
        return view.reading.whole(stretch(self.keep([view])[0], view.image.size), ground=0)

    def prepare(
        self,
        image: Image.Image,
        window: Window = None,
        pen: str = AUTO,
        invert: str = "auto",
    ) -> View:
        """Make the network's input from an RGB picture that `images.read_image` returned.

        Cleaning has three steps, which callers may overlap: `prepare`, `keep`, `finish`. For the
        arguments and errors see `__call__`.
        """
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
        transparent: bool = False,
        crop: bool = False,
        erase: Image.Image | None = None,
        restore: Image.Image | None = None,
    ) -> Image.Image:
        """Compose the clean picture in the input's own size, the third step; see `__call__`.

        Args:
            erase, restore: L pictures of the input's size, see `compositing.compose.clean_picture`.
        """
        pen = view.reading.pen
        one_pen = pen if view.window is None or pen != AUTO else None  # a page may have several
        erase, restore = (mask and mask.crop(view.reading.box) for mask in (erase, restore))
        clean = clean_picture(view.image, view.inner, keep, one_pen, erase=erase, restore=restore)
        return _finish(view.reading.whole(clean), view, transparent, crop)

    def paint(self, views: Sequence[View]) -> list[Image.Image]:
        """The generator's own pictures in the inputs' sizes; replaces `keep` and `finish`."""
        painted = self._by_shape(self.runtime.paint, views)
        return [
            view.reading.whole(
                self.letterbox.enlarge(_to_image(view.within(picture)), view.placement)
            )
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
        return [drop_other_pens(part, one, pen) for part, one in zip(parts, kept, strict=True)]

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


def _finish(image: Image.Image, view: View, transparent: bool, crop: bool) -> Image.Image:
    image = image.crop(ink_box(image)) if crop else image
    image = transparent_ink(image) if transparent else image
    if view.reading.inverted:
        image.info["inverted"] = True
    if view.window:
        image.info["window"] = view.window
    if view.reading.dpi:
        image.info["dpi"] = view.reading.dpi
    return image
