"""The pictures of both domains: readers of known length that open an example when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from torch import Tensor

from sigclean.errors import DataError, ImageError
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.framing import Framing, square

if TYPE_CHECKING:
    from sigclean.training.data.row_stream import RowStream

Images = tuple[Image.Image, ...]
Rng = np.random.Generator
Opener = Callable[[Any, Rng | None], Images]
"""Opens an example: (picture,) or (noisy, truth), RGB of one size.

What is drawn at random comes from the generator; without one, it is the same every time. Raises
ImageError, naming the file.
"""


@dataclass(frozen=True)
class Reader:
    """The examples of one kind.

    Attributes:
        examples: what they are made of, in order.
        open: makes pictures of one.
        size: pixels, side of the square in which `[...]` shows them.
        bad: where broken ones are noted; the next one takes the place.
    """

    examples: Sequence[Any]
    open: Opener
    size: int
    bad: BadFiles = field(default_factory=lambda: BadFiles(0))

    def __len__(self) -> int:
        return len(self.examples)

    def candidates(self, index: int) -> Iterator[Any]:
        """The example of this index, then those that follow it, in a circle."""
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
    """One side of a data set.

    Attributes:
        clean: domain A.
        pairs: of domain B, those whose truth is known.
        unpaired: of domain B, the others.
        size: pixels, side of the square that the cleaner works at.
        framing: how pictures become what the networks are trained on.
        shapes: width and height of what the networks will see, each with a file that has it.
        order: where B's pictures of `--serial_batches` are in pairs + unpaired, if not so.
        stream: the rows, if they are streamed; clean and pairs hold the first few of them then.
    """

    clean: Pictures
    pairs: Pairs
    unpaired: Pictures
    size: int
    framing: Framing = field(default_factory=Framing)
    shapes: dict[tuple[int, int], str] = field(default_factory=dict)
    order: tuple[int, ...] = ()
    stream: RowStream | None = None

    @property
    def pictures(self) -> int | None:
        """Of B in an epoch; None if it is not known how long the stream is."""
        if self.stream is None:
            return len(self.pairs) + len(self.unpaired)
        length = self.stream.pictures
        return None if length is None else length + len(self.unpaired)

    def read_pair(self, index: int) -> tuple[Tensor, Tensor]:
        """Noisy picture and truth, both uint8 3 x size x size, the same every time."""
        return self.pairs[index]

    def check_batch(self, pictures: int) -> None:
        """Raises DataError if pictures of several sizes would have to be in one batch."""
        if pictures > 1 and len(self.shapes) > 1:
            (one, first), (other, second) = list(self.shapes.items())[:2]
            raise DataError(
                f"{first} is {one[0]}x{one[1]} and {second} {other[0]}x{other[1]}: a batch of "
                f"{pictures} needs pictures of one size, which --preprocess letterbox makes"
            )


def first_readable(
    open: Opener, examples: Iterable[Any], rng: Rng | None, reasons: list[str], limit: int
) -> Images | None:
    """The pictures of the first example that can be opened, at the latest after `limit` others.

    Adds to `reasons` why the others could not be.
    """
    for example in islice(examples, limit + 1):
        try:
            return open(example, rng)
        except ImageError as error:
            reasons.append(str(error))
    return None
