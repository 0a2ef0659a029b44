"""Pictures of any size become the networks' inputs: squares or cuts, uint8 3xHxW."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from sigclean.arrays import UInt8
from sigclean.errors import DataError
from sigclean.letterbox import SIZE, Letterbox


@dataclass(frozen=True)
class Crop:
    """A cut from a picture, its width and height in pixels (0 keeps all), mirrored at random if
    `flip`."""

    width: int = 0
    height: int = 0
    flip: bool = False

    @classmethod
    def parse(cls, text: str, flip: bool = False) -> Crop:
        """Parse `256`, `512x256` (width x height) or `0`. Raises DataError for anything else."""
        parts = text.lower().split("x")
        numbers = [int(part) for part in parts if part.isdecimal()]
        if len(numbers) != len(parts) or len(parts) > 2 or bool(numbers[0]) != bool(numbers[-1]):
            raise DataError(f"--crop_size must be like 256 or 512x256, or 0, not {text!r}")
        return cls(numbers[0], numbers[-1], flip)

    def within(self, size: int) -> tuple[int, int]:
        """Width and height of cuts from squares of `size`. Raises DataError if they do not fit."""
        if max(self.width, self.height) > size:
            raise DataError(
                f"--crop_size {self.width}x{self.height} does not fit in pictures of {size}x{size}"
            )
        return self.width or size, self.height or size


@dataclass(frozen=True)
class Framing:
    """Turns pictures into the networks' inputs.

    Attributes:
        preprocess: `letterbox` scales into a square of `load_size` and then cuts; `crop` cuts
            without scaling and pads smaller pictures with black, as the letterbox does; `none`
            leaves pictures as they are.
    """

    preprocess: str = "letterbox"
    load_size: int = SIZE
    crop: Crop = Crop()

    @property
    def fixed(self) -> tuple[int, int] | None:
        """Width and height of all inputs, or None if they are the pictures' own.

        Raises DataError if the crop is larger than the letterbox.
        """
        if self.preprocess == "letterbox":
            return self.crop.within(self.load_size)
        cuts = self.preprocess == "crop" and self.crop.width
        return (self.crop.width, self.crop.height) if cuts else None

    def apply(self, rng: np.random.Generator, pictures: Sequence[Image.Image]) -> list[Tensor]:
        """Scale, cut and mirror pictures of one size, all alike, to uint8 3xHxW."""
        if self.preprocess == "letterbox":
            pictures = [Letterbox(self.load_size).fit(picture)[0] for picture in pictures]
        arrays = [np.asarray(picture) for picture in pictures]
        if self.preprocess != "none" and self.crop.width:
            arrays = _cut(rng, [_padded(array, self.crop) for array in arrays], self.crop)
        if self.crop.flip and rng.random() < 0.5:
            arrays = [array[:, ::-1] for array in arrays]
        return [_tensor(array) for array in arrays]


def square(picture: Image.Image, size: int) -> Tensor:
    """The letterboxed picture, uint8 3 x size x size, as the cleaner receives it."""
    return _tensor(np.asarray(Letterbox(size).fit(picture)[0]))


def to_range(pictures: Tensor) -> Tensor:
    """Convert uint8 pictures to the networks' range [-1, 1]."""
    return pictures.float().div_(127.5).sub_(1)


def _tensor(array: UInt8) -> Tensor:
    return torch.from_numpy(array.transpose(2, 0, 1).copy())


def _padded(array: UInt8, crop: Crop) -> UInt8:
    """The picture, padded with black on opposite sides if it is smaller than the crop."""
    rows, columns = (
        max(0, wanted - length)
        for wanted, length in zip((crop.height, crop.width), array.shape, strict=False)
    )
    if not (rows or columns):
        return array
    around = [(rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2), (0, 0)]
    return np.pad(array, around)


def _cut(rng: np.random.Generator, arrays: list[UInt8], crop: Crop) -> list[UInt8]:
    """The same random cut of all pictures, on the first one's content, not its black strips."""
    content = arrays[0]
    top = _start(rng, np.any(content, axis=(1, 2)), crop.height)
    left = _start(rng, np.any(np.any(content, axis=0), axis=1), crop.width)
    return [array[top : top + crop.height, left : left + crop.width] for array in arrays]


def _start(rng: np.random.Generator, content: npt.NDArray[np.bool_], length: int) -> int:
    """The random start of a cut of `length` along one side, whose middle lies on content."""
    places = np.flatnonzero(content)
    first, last = (int(places[0]), int(places[-1])) if len(places) else (0, len(content) - 1)
    middle = int(rng.integers(first, last + 1))
    lowest, highest = first, max(last + 1 - length, first)
    if last + 1 - first <= length:  # all of it fits: shift it within the cut
        lowest, highest = last + 1 - length, first
        middle = int(rng.integers(lowest, highest + 1)) + length // 2
    return int(np.clip(np.clip(middle - length // 2, lowest, highest), 0, len(content) - length))
