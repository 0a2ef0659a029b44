"""The pictures of both domains: sequences of known length that open an example when asked."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from sigclean.errors import DataError, ImageError
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.framing import Framing, square
from sigclean.training.data.stream_cursor import EpochStream

Images = tuple[Image.Image, ...]
Rng = np.random.Generator
Opener = Callable[[Any, Rng | None], Images]
"""Opens an example: (picture,) or (noisy, truth), RGB of one size.

The random generator decides all that varies; without one, the result is the same every time.
Raises ImageError, naming the file.
"""


@dataclass(frozen=True)
class Reader:
    """The examples of one kind."""

    examples: Sequence[Any]  # files, rows or numbers that `open` takes, in order
    open: Opener  # makes the pictures of an example
    size: int  # pixels, side of the square in which `[...]` shows pictures
    bad: BadFiles = field(default_factory=lambda: BadFiles(0))  # broken ones, which others replace

    def __len__(self) -> int:
        return len(self.examples)

    def candidates(self, index: int) -> Iterator[Any]:
        """All examples once, from this index on and then from the first."""
        return (self.examples[(index + more) % len(self)] for more in range(len(self)))

    def _squares(self, index: int) -> list[Tensor]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        reasons: list[str] = []
        images = first_readable(self.open, self.candidates(index), None, reasons, self.bad.limit)
        self.bad.note(reasons)
        if images is None:
            raise DataError(f"no picture can be read: {reasons[0]}")
        return [square(image, self.size) for image in images]


class Pictures(Reader):
    """Single pictures; `[i]` is uint8 3 x size x size, the same every time."""

    def __getitem__(self, index: int) -> Tensor:
        return self._squares(index)[0]


class Pairs(Reader):
    """Noisy pictures with their truths; `[i]` is both, uint8 3 x size x size, always the same."""

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        noisy, truth = self._squares(index)
        return noisy, truth


@dataclass(frozen=True)
class Domains:
    """The training side or the test side of a data set."""

    clean: Pictures  # domain A
    pairs: Pairs  # the pictures of domain B whose truth is known
    unpaired: Pictures  # the other pictures of domain B
    size: int  # pixels, side of the square that the cleaner works at
    framing: Framing = field(default_factory=Framing)  # makes the networks' inputs
    # width and height of the networks' inputs, each with a file that has them
    shapes: dict[tuple[int, int], str] = field(default_factory=dict)
    # places of the pictures of B in pairs + unpaired for `--serial_batches`, unless in that order
    order: tuple[int, ...] = ()
    # rows of a training side that is streamed, of which `clean` and `pairs` hold the first few
    stream: EpochStream | None = None
    on_the_fly: bool = False  # True if noise is made while training
    notes: tuple[str, ...] = ()  # warnings about the pictures, a sentence each

    @property
    def pictures(self) -> int | None:
        """The number of pictures of B in an epoch; None if the length of the stream is unknown."""
        if self.stream is None:
            return len(self.pairs) + len(self.unpaired)
        length = self.stream.pictures
        return None if length is None else length + len(self.unpaired)

    def check_batch(self, pictures: int) -> None:
        """Raises DataError if a batch of so many would mix pictures of several sizes."""
        if pictures > 1 and len(self.shapes) > 1:
            (one, first), (other, second) = list(self.shapes.items())[:2]
            raise DataError(
                f"{first} is {one[0]}x{one[1]} and {second} {other[0]}x{other[1]}: a batch of "
                f"{pictures} needs pictures of one size, which --preprocess letterbox makes"
            )


def clean_part(example: Any) -> Any:
    """The clean picture of an example: the truth of a pair, or the example itself."""
    return example[1] if isinstance(example, tuple) else example


def first_readable(
    open: Opener, examples: Iterable[Any], rng: Rng | None, reasons: list[str], limit: int
) -> Images | None:
    """The pictures of the first example that can be opened; None if there is none.

    Args:
        reasons: gets one sentence for each example that cannot be opened.
        limit: number of broken examples after which only one more is tried.
    """
    for example in islice(examples, limit + 1):
        try:
            return open(example, rng)
        except ImageError as error:
            reasons.append(str(error))
    return None
