"""SignatureCleaner: noisy pictures in, clean pictures of the same size out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from sigclean.compositing import Float, clean_picture, ink_box, transparent_ink
from sigclean.errors import SigcleanError
from sigclean.images import Source, read_image
from sigclean.letterbox import Letterbox, Placement
from sigclean.runtimes import Runtime, check_runtime, torch_runtime

Many = list[Any] | tuple[Any, ...]


@dataclass(frozen=True)
class SignatureCleaner:
    """A loaded model. It keeps no state between calls, so one can serve many threads.

    Attributes:
        runtime: carries the generator out.
        letterbox: of the size that the generator was trained at.
        folder: the weights folder that it was loaded from; None if it was put together by hand.
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
        local_files_only: bool = False,
    ) -> SignatureCleaner:
        """Load a model.

        Args:
            source: a weights folder, a Hub repository "user/repo", or None for the packaged model.
            revision: branch, tag or commit of a Hub repository.
            token: for a private Hub repository.
            device: auto, cpu, cuda or mps; auto takes the fastest there is.
            runtime: auto or torch.
            local_files_only: take a Hub repository from the cache, without the network.

        Raises:
            WeightsError: the weights are missing, broken or of another architecture.
            SigcleanError: the device or the runtime asked for is not there.
        """
        from sigclean.hub import resolve_weights
        from sigclean.weights_folder import read_folder

        check_runtime(runtime)
        folder = resolve_weights(
            source, revision=revision, token=token, local_files_only=local_files_only
        )
        generator, config = read_folder(folder)
        return cls(torch_runtime(generator, device), Letterbox(config.size), folder)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Write the weights folder that the model was loaded from to `folder`; returns its path."""
        from sigclean.weights_folder import copy_folder

        return copy_folder(self._source(), Path(folder))

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the weights folder that the model was loaded from; returns the commit's address.

        Takes the options of `hub.push_folder` (revision, private, token, commit_message,
        create_pr), and raises WeightsError as it does.
        """
        from sigclean.hub import push_folder

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
        batch_size: int = ...,
    ) -> list[Image.Image]: ...

    def __call__(
        self,
        pictures: Source | Many,
        *,
        transparent: bool = False,
        crop: bool = False,
        raw: bool = False,
        batch_size: int = 8,
    ) -> Image.Image | list[Image.Image]:
        """Clean one picture, or a list or tuple of pictures of any sizes.

        Args:
            pictures: whatever `images.read_image` reads, or a list or tuple of that.
            transparent: return RGBA, the ink with alpha, instead of RGB on white.
            crop: cut to the ink, with a margin; a picture without ink stays whole.
            raw: return the generator's own picture: less sharp, and it may be darker than the
                input. Without it no pixel is darker than the input's.
            batch_size: how many pictures are decoded and go through the network at once.

        Returns:
            Pictures of the inputs' own sizes (upright), in their order.

        Raises:
            ImageError: a picture cannot be read.
        """
        if batch_size < 1:
            raise SigcleanError(f"the batch size must be at least 1, not {batch_size}")
        many = pictures if isinstance(pictures, list | tuple) else [pictures]
        results: list[Image.Image] = []
        for start in range(0, len(many), batch_size):
            images = [read_image(source) for source in many[start : start + batch_size]]
            cleaned = self._raw(images) if raw else self._clean(images)
            results += [_finish(image, transparent, crop) for image in cleaned]
        return results if many is pictures else results[0]

    def _clean(self, images: list[Image.Image]) -> list[Image.Image]:
        squares, placements = self._fit(images)
        keeps = self.runtime.keep(_to_batch(squares))
        return [
            self._compose(image, square, placement, keep)
            for image, square, placement, keep in zip(
                images, squares, placements, keeps, strict=True
            )
        ]

    def _compose(
        self, image: Image.Image, square: Image.Image, placement: Placement, keep: Float
    ) -> Image.Image:
        levels = np.rint(np.clip(np.nan_to_num(keep), 0, 1) * 255)  # wild weights give NaN
        restored = self.letterbox.restore(Image.fromarray(levels.astype(np.uint8)), placement)
        return clean_picture(image, square.crop(placement.box), restored)

    def _raw(self, images: list[Image.Image]) -> list[Image.Image]:
        squares, placements = self._fit(images)
        painted = self.runtime.paint(_to_batch(squares))
        return [
            self.letterbox.restore(_to_image(picture), placement)
            for picture, placement in zip(painted, placements, strict=True)
        ]

    def _fit(self, images: list[Image.Image]) -> tuple[list[Image.Image], list[Placement]]:
        fitted = [self.letterbox.fit(image) for image in images]
        return [square for square, _ in fitted], [placement for _, placement in fitted]


def _to_batch(squares: Sequence[Image.Image]) -> Float:
    """RGB squares to Nx3xSxS in [-1, 1]."""
    pixels = np.stack([np.asarray(square) for square in squares])
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / np.float32(127.5) - 1


def _to_image(picture: Float) -> Image.Image:
    """3xSxS in [-1, 1] to RGB."""
    levels = np.rint((np.clip(np.nan_to_num(picture), -1, 1) + 1) * 127.5).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))


def _finish(image: Image.Image, transparent: bool, crop: bool) -> Image.Image:
    if crop:
        image = image.crop(ink_box(image))
    return transparent_ink(image) if transparent else image
