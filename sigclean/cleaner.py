"""`SignatureCleaner`: it turns noisy pictures into clean pictures of the same size."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from PIL import Image

from sigclean.compositing.cutting import Cut, dress
from sigclean.compositing.ink_colour import AUTO
from sigclean.compositing.masks import MaskSource, read_mask
from sigclean.documents.page import DPI
from sigclean.documents.pages import read_pages
from sigclean.errors import SigcleanError
from sigclean.images import Source, read_image
from sigclean.letterbox import Letterbox
from sigclean.model_files.onnx_file import is_onnx_file, onnx_file
from sigclean.processes.hardware import network_threads
from sigclean.runtimes.choose import load_runtime
from sigclean.views.network import Network
from sigclean.windows import Window

if TYPE_CHECKING:
    from sigclean.extraction.signatures import Signature

Many = list[Any] | tuple[Any, ...]


@dataclass(frozen=True)
class SignatureCleaner(Network):
    """A loaded model. It keeps no state between calls, so several threads can share it.

    Attributes:
        folder: the weights folder that the model was loaded from; None without one. For the others
            see `Network`.
    """

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
        shared = threads or network_threads(workers)
        folder = weights if weights.is_dir() else None
        return cls(loaded, Letterbox(config.size), shared, folder)

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
        margin: int | None = ...,
        width: int | None = ...,
        height: int | None = ...,
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
        margin: int | None = ...,
        width: int | None = ...,
        height: int | None = ...,
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
        margin: int | None = None,
        width: int | None = None,
        height: int | None = None,
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
            margin: cut to the ink with so many pixels of the input around it.
            width, height: the result's size in pixels. The ink keeps its shape and, by a resolution
                that is scaled with the pixels, its true size; see `compositing.cutting.Cut`.
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
            Upright pictures in the inputs' order, of their own sizes unless others are asked for.
            Flat dark strips at an input's edges are white. `info` has `inverted`, True if the input
            was inverted, `window`, the pixels of a page's windows, and `dpi`, if the input states
            it.

        Raises:
            ImageError: a picture cannot be read.
            SigcleanError: the window, the batch size or a size is out of range, the pen or `invert`
                is unknown, or `raw` is asked for in windows.
        """
        if raw and window is not None:
            raise SigcleanError("the generator's raw picture is not made in windows")
        if batch_size < 1:
            raise SigcleanError(f"the batch size must be at least 1, not {batch_size}")
        cut = Cut(crop, margin, width, height)
        cut.check()
        many = pictures if isinstance(pictures, list | tuple) else [pictures]
        results: list[Image.Image] = []
        for start in range(0, len(many), batch_size):
            chunk = many[start : start + batch_size]
            views = [self.prepare(read_image(one), window, pen, invert) for one in chunk]
            made = self.paint(views) if raw else map(self.finish, views, self.keep(views))
            results += [dress(one, cut, transparent) for one in made]
        return results if many is pictures else results[0]

    def clean_with(
        self,
        picture: Source,
        *,
        erase: MaskSource | None = None,
        restore: MaskSource | None = None,
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
            erase: where ink goes: a picture, or an array HxW of bool, uint8, uint16 or float in
                [0, 1], as wide and high as the upright input. Values between the extremes act in
                part. None or an empty mask (all 0) erases nothing.
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
        clean = self.finish(view, self.keep([view])[0], erase=masks[0], restore=masks[1])
        return dress(clean, Cut(crop), transparent)

    def extract(
        self,
        source: Source,
        *,
        password: str | None = None,
        dpi: int = DPI,
        transparent: bool = True,
        crop: bool = False,
        margin: int | None = None,
        width: int | None = None,
        height: int | None = None,
        pen: str = AUTO,
        invert: str = "auto",
    ) -> list[Signature]:
        """Find the signatures of a document, and clean each at full resolution.

        Args:
            source: a PDF, or what `__call__` takes, but one; TIFF and HEIC may have several pages.
            password: opens an encrypted PDF.
            dpi: dots per inch at which a PDF's pages are drawn, see `documents.read_pages`.
            transparent, crop, margin, width, height, pen, invert: see `__call__`.

        Returns:
            The signatures page by page, on each page the likeliest first.

        Raises:
            ImageError: the document cannot be read, or a page is broken.
            SigcleanError: an option is out of range.
        """
        from sigclean.extraction.signatures import clean_signatures  # nothing else needs it

        cut = Cut(crop, margin, width, height)
        cut.check()
        clean = partial(self, pen=pen)
        pages = read_pages(source, password=password, dpi=dpi)
        return [
            replace(found, image=dress(result, cut, transparent))
            for page in pages
            for found, result, _ in clean_signatures(page, self, clean, invert)
        ]
