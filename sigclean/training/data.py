"""Pictures for training: what step N sees depends on the seed and N alone, on any workers.

A sampler hands out positions in an endless stream of samples; a data set turns a position into
pictures. So a run that resumes at a step, or that spreads a batch over more processes, sees the
same pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms.v2 import functional as transforms

from sigclean.errors import DataError, SigcleanError
from sigclean.images import find_images
from sigclean.training.stopping import leave_signals_to_parent

Sample = dict[str, Tensor]


@dataclass(frozen=True)
class Domains:
    """The files of one side of a data set; a picture of B with a namesake in A is a pair."""

    clean: tuple[Path, ...]
    pairs: tuple[tuple[Path, Path], ...]  # noisy, truth
    unpaired: tuple[Path, ...]
    size: int  # pixels: side of the squares

    @property
    def pictures(self) -> int:
        """Of B in an epoch."""
        return len(self.pairs) + len(self.unpaired)

    def read_pair(self, index: int) -> tuple[Tensor, Tensor]:
        """A noisy picture and its truth, both uint8 3 x size x size."""
        noisy, truth = self.pairs[index]
        return read_square(noisy, self.size), read_square(truth, self.size)

    @classmethod
    def read(cls, root: Path, phase: str) -> Domains:
        """Look into `root/{phase}A` and `{phase}B`.

        Raises DataError if one has no pictures, or if the first one is not a square.
        """
        clean, noisy = (find_images(root / f"{phase}{domain}") for domain in "AB")
        for domain, found in (("A", clean), ("B", noisy)):
            if not found:
                raise DataError(f"{root / f'{phase}{domain}'} holds no pictures")
        truth = {path.name: path for path in clean}
        return cls(
            clean=tuple(clean),
            pairs=tuple((path, truth[path.name]) for path in noisy if path.name in truth),
            unpaired=tuple(path for path in noisy if path.name not in truth),
            size=_side(clean[0]),
        )


def _side(path: Path) -> int:
    """Side of a data set's square, of which only the header is read."""
    try:
        with Image.open(path) as image:
            width, height = image.size
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if width != height:
        raise DataError(
            f"{path} is {width}x{height}: training takes squares, as `sigclean prepare` makes them"
        )
    return width


@dataclass(frozen=True)
class Crop:
    """What is cut from the letterboxed square: width and height in pixels; 0 keeps all of it."""

    width: int = 0
    height: int = 0
    flip: bool = False

    @classmethod
    def parse(cls, text: str, flip: bool = False) -> Crop:
        """`256`, `512x256` (width x height) or `0`. Raises DataError for anything else."""
        parts = text.lower().split("x")
        numbers = [int(part) for part in parts if part.isdecimal()]
        if len(numbers) != len(parts) or len(parts) > 2 or bool(numbers[0]) != bool(numbers[-1]):
            raise DataError(f"--crop_size must be like 256 or 512x256, or 0, not {text!r}")
        return cls(numbers[0], numbers[-1], flip)

    def within(self, size: int) -> tuple[int, int]:
        """Width and height that are cut from squares of `size`. Raises DataError if they do not."""
        if max(self.width, self.height) > size:
            raise DataError(
                f"--crop_size {self.width}x{self.height} does not fit in pictures of {size}x{size}"
            )
        return self.width or size, self.height or size


class SignatureData(Dataset[Sample]):
    """Sample number n of an endless, shuffled stream.

    Args:
        domains: the files.
        crop: what to cut; both pictures of a pair are cut alike.
        seed: of the order, the crops and the flips.
        paired_only: leave out pictures of B without a truth.
        unpaired_share: else, the least share of those in the stream: real pages are few.

    A sample is uint8 3xHxW tensors `real_A`, `real_B`, `truth` (zeros without one), and `paired`.
    """

    def __init__(
        self,
        domains: Domains,
        crop: Crop,
        seed: int,
        *,
        paired_only: bool = False,
        unpaired_share: float = 0.2,
    ) -> None:
        if paired_only and not domains.pairs:
            raise DataError("a paired stage needs pictures of the same name in trainA and trainB")
        self.domains, self.crop, self.seed = domains, crop, seed
        self.paired_only = paired_only
        unpaired = 0 if paired_only else len(domains.unpaired)
        natural = unpaired / max(unpaired + len(domains.pairs), 1)
        self.unpaired_share = max(natural, unpaired_share) if unpaired else 0.0

    def __len__(self) -> int:
        """Pictures of B in an epoch."""
        return len(self.domains.pairs) + (0 if self.paired_only else len(self.domains.unpaired))

    def __getitem__(self, position: int) -> Sample:
        rng = np.random.default_rng((self.seed, position))
        noisy, truth = self._noisy(rng, position)
        real_b, target = self._cut(rng, noisy, truth)
        sample = {
            "real_B": real_b,
            "truth": target,
            "paired": torch.tensor(float(truth is not None)),
        }
        if not self.paired_only:
            clean = self._read(_draw(rng, self.domains.clean))
            sample["real_A"] = self._cut(rng, clean, None)[0]
        return sample

    def _noisy(self, rng: np.random.Generator, position: int) -> tuple[Tensor, Tensor | None]:
        """A picture of B and its truth, if it has one."""
        if rng.random() < self.unpaired_share:
            return self._read(_draw(rng, self.domains.unpaired)), None
        noisy, truth = self.domains.pairs[self._shuffled(position, len(self.domains.pairs))]
        return self._read(noisy), self._read(truth)

    def _read(self, path: Path) -> Tensor:
        return read_square(path, self.domains.size)

    def _shuffled(self, position: int, count: int) -> int:
        """Which of `count` files: every epoch shows each once, in an order of its own."""
        epoch, index = divmod(position, count)
        return int(np.random.default_rng((self.seed, epoch, count)).permutation(count)[index])

    def _cut(
        self, rng: np.random.Generator, picture: Tensor, other: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The same random cut of two squares, over the content rather than the black strips."""
        second = torch.zeros_like(picture) if other is None else other
        both = torch.stack([picture, second])
        if self.crop.width:
            height, width = picture.shape[1:]
            tall, wide = min(self.crop.height, height), min(self.crop.width, width)
            top = _start(rng, picture.amax(dim=(0, 2)) > 0, tall)
            left = _start(rng, picture.amax(dim=(0, 1)) > 0, wide)
            both = transforms.crop(both, top, left, tall, wide)
        if self.crop.flip and rng.random() < 0.5:
            both = transforms.horizontal_flip(both)
        return both[0].contiguous(), both[1].contiguous()


def _start(rng: np.random.Generator, content: Tensor, length: int) -> int:
    """Where to cut `length` of a side so that the middle of the cut lies on content."""
    places = torch.nonzero(content)
    first, last = (int(places[0]), int(places[-1])) if len(places) else (0, len(content) - 1)
    middle = int(rng.integers(first, last + 1))
    lowest, highest = first, max(last + 1 - length, first)
    if last + 1 - first <= length:  # all of it fits: shift it within the cut
        lowest, highest = last + 1 - length, first
        middle = int(rng.integers(lowest, highest + 1)) + length // 2
    return int(np.clip(np.clip(middle - length // 2, lowest, highest), 0, len(content) - length))


def _draw(rng: np.random.Generator, files: tuple[Path, ...]) -> Path:
    return files[int(rng.integers(len(files)))]


def read_square(path: Path, size: int) -> Tensor:
    """A picture of a data set, uint8 3 x size x size. Raises DataError if it is not one."""
    try:
        picture = decode_image(str(path), ImageReadMode.RGB)
    except RuntimeError as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if picture.shape[1:] != (size, size):
        height, width = picture.shape[1:]
        raise DataError(f"{path} is {width}x{height}, but the others are {size}x{size}")
    return picture


def to_range(pictures: Tensor) -> Tensor:
    """uint8 to the network's [-1, 1]."""
    return pictures.float().div_(127.5).sub_(1)


class StepSampler(Sampler[list[int]]):
    """The positions of this process's share of every batch, from `start` steps on, without end."""

    def __init__(self, batch_size: int, start: int = 0, rank: int = 0, world: int = 1) -> None:
        self.batch_size, self.start, self.rank, self.world = batch_size, start, rank, world

    def __iter__(self) -> Iterator[list[int]]:
        step = self.start
        while True:
            first = (step * self.world + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))
            step += 1


def stream(data: SignatureData, sampler: StepSampler, workers: int) -> Iterator[Sample]:
    """Batches without end; workers each use one thread, so that the step keeps the cores.

    Raises DataError for a picture that cannot be read, SigcleanError if a worker was killed.
    """
    loader = DataLoader(
        data,
        batch_sampler=sampler,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_begin_worker,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # else it would advance the generator that resuming restores
    )
    try:
        yield from loader
    except DataError as error:  # one from a worker carries that one's traceback in its message
        raise DataError(str(error).strip().rpartition("DataError: ")[2]) from None
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise SigcleanError(f"a process that reads pictures ended: {error}") from error


def _begin_worker(_: int) -> None:
    torch.set_num_threads(1)
    leave_signals_to_parent()
