"""Pictures for training: step N sees what the seed and N decide, on any number of processes.

A sampler hands out positions in an endless stream of samples; a data set turns a position into
pictures. So a run that resumes at a step, or that spreads a batch over more processes, sees the
same pictures.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from itertools import chain, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, Sampler, get_worker_info

from sigclean.errors import DataError, SigcleanError
from sigclean.processes.workers import before_forking, begin_reader
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.domains import Domains, Reader, Rng, clean_part, first_readable
from sigclean.training.data.framing import Framing
from sigclean.training.data.stream_cursor import StreamCursor
from sigclean.training.options import TrainConfig

Sample = dict[str, Tensor]
Read = tuple[Sample | None, list[str], str]
"""A sample or None, why files were skipped, and why there is no sample; sent by a worker."""

PREFETCHED = 4  # batches that a worker reads ahead


class SignatureData:
    """An endless, shuffled stream of samples; `[n]` is sample number n.

    Args:
        domains: the pictures.
        framing: cuts the networks' inputs from them, both pictures of a pair alike.
        seed: decides the order, the cuts, the mirroring and the noise made on the fly.
        paired_only: leave out pictures of B without a truth.
        unpaired_share: lowest share of them otherwise; a data set has few.
        serial: take A and B in order, by the same index, instead of at random.

    Raises DataError if pairs are needed and there are none.

    A sample is uint8 3xHxW tensors `real_A`, `real_B`, `truth` (zeros without one), and `paired`.
    """

    def __init__(
        self,
        domains: Domains,
        framing: Framing,
        seed: int,
        *,
        paired_only: bool = False,
        unpaired_share: float = 0.2,
        serial: bool = False,
    ) -> None:
        if paired_only and not len(domains.pairs):
            raise DataError(
                "a paired stage needs pictures of the same name in trainA and trainB; without any "
                "there is --recipe cyclegan"
            )
        self.domains, self.framing, self.seed = domains, framing, seed
        self.paired_only, self.serial = paired_only, serial
        unpaired = 0 if paired_only else len(domains.unpaired)
        natural = unpaired / max(domains.pictures or 1, 1)
        self.unpaired_share = max(natural, unpaired_share) if unpaired else 0.0

    @classmethod
    def of(cls, config: TrainConfig, domains: Domains, *, paired_only: bool) -> SignatureData:
        """The stream that the options of a training describe. Raises as the constructor does."""
        return cls(
            domains,
            domains.framing,
            config.seed,
            paired_only=paired_only,
            unpaired_share=config.unpaired_share,
            serial=config.serial_batches,
        )

    def __getitem__(self, position: int) -> Sample:
        """Raises DataError if a picture cannot be read."""
        sample, reasons, error = next(self.read([position], 0))
        if sample is None:
            raise DataError(error or reasons[0])
        return sample

    def read(self, positions: Iterable[int], limit: int) -> Iterator[Read]:
        """The samples of ascending positions.

        Args:
            limit: number of broken pictures in a row, at most, that a readable one replaces.
        """
        cursor: StreamCursor | None = None
        for position in positions:
            if self.domains.stream is not None:
                cursor = cursor or StreamCursor(self.domains.stream, position)
                cursor.advance(position)
            yield self._sample(position, cursor, limit)

    def _sample(self, position: int, cursor: StreamCursor | None, limit: int) -> Read:
        rng = np.random.default_rng((self.seed, position))
        reasons: list[str] = []
        read = partial(first_readable, rng=rng, reasons=reasons, limit=limit)
        reader, examples = self._noisy(rng, position, cursor)
        images = read(reader.open, examples)
        if images is None:
            return None, reasons, _nothing(reasons)
        noisy, *truth = self.framing.apply(rng, images)
        sample = {
            "real_B": noisy,
            "truth": truth[0] if truth else torch.zeros_like(noisy),
            "paired": torch.tensor(float(bool(truth))),
        }
        if not self.paired_only:
            images = read(self.domains.clean.open, self._clean(rng, position, cursor))
            if images is None:
                return None, reasons, _nothing(reasons)
            sample["real_A"] = self.framing.apply(rng, images)[0]
        return sample, reasons, ""

    def _noisy(
        self, rng: Rng, position: int, cursor: StreamCursor | None
    ) -> tuple[Reader, Iterable[Any]]:
        """The reader of domain B that opens this sample, and the examples to try in turn."""
        pairs, unpaired = self.domains.pairs, self.domains.unpaired
        alone = rng.random() < self.unpaired_share
        if self.serial and cursor is None:
            return self._in_order(position)
        if alone:
            return unpaired, unpaired.candidates(int(rng.integers(len(unpaired))))
        if cursor is not None:
            return pairs, cursor.ahead()
        return pairs, pairs.candidates(self._shuffled(position, len(pairs)))

    def _clean(self, rng: Rng, position: int, cursor: StreamCursor | None) -> Iterable[Any]:
        """The examples of domain A to try in turn, drawn independently of B's unless serial."""
        clean = self.domains.clean
        if cursor is None:
            index = position % len(clean) if self.serial else int(rng.integers(len(clean)))
            return clean.candidates(index)
        return map(clean_part, cursor.ahead() if self.serial else cursor.drawn(rng))

    def _in_order(self, position: int) -> tuple[Reader, Iterable[Any]]:
        pairs, unpaired = self.domains.pairs, self.domains.unpaired
        if self.paired_only:
            return pairs, pairs.candidates(position % len(pairs))
        index = position % (len(pairs) + len(unpaired))
        index = self.domains.order[index] if self.domains.order else index
        if index < len(pairs):
            return pairs, pairs.candidates(index)
        return unpaired, unpaired.candidates(index - len(pairs))

    def _shuffled(self, position: int, count: int) -> int:
        """The index of one of `count` files; every epoch shows each once, in its own order."""
        epoch, index = divmod(position, count)
        return int(_permutation(self.seed, epoch, count)[index])


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng((seed, epoch, count)).permutation(count)


def _nothing(reasons: list[str]) -> str:
    return f"none of {len(reasons)} pictures can be read: {reasons[-1]}"


class StepSampler(Sampler[list[int]]):
    """The positions of this process's share of each batch, from step `start` on, without end."""

    def __init__(self, batch_size: int, start: int = 0, rank: int = 0, world: int = 1) -> None:
        self.batch_size, self.start, self.rank, self.world = batch_size, start, rank, world

    def __iter__(self) -> Iterator[list[int]]:
        step = self.start
        while True:
            first = (step * self.world + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))
            step += 1


def stream(
    data: SignatureData, sampler: StepSampler, workers: int, bad: BadFiles
) -> Iterator[Sample]:
    """Batches without end, read ahead by processes of one thread each, so that a training step
    keeps the other cores.

    Args:
        workers: number of processes; with 0, this process reads each batch when it is wanted.
        bad: records the broken pictures that are skipped.

    Raises SigcleanError if more pictures are broken than `bad` allows, none can be read, or a
    worker was killed.
    """
    before_forking()
    loader = DataLoader(
        _Batches(data, sampler, bad.limit),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=PREFETCHED if workers else None,
        worker_init_fn=partial(begin_reader, os.getpid()),
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # else it would advance the generator that resuming restores
    )
    try:
        for batch, reasons, error in loader:
            bad.note(reasons)
            if batch is None:
                raise DataError(error)
            yield batch
    except (RuntimeError, OSError, EOFError) as error:
        if ended := reader_ended(error):
            raise ended from error
        raise


def reader_ended(error: Exception) -> SigcleanError | None:
    """The error to report if a process that reads pictures was killed; None for other errors.

    PyTorch learns of it by a signal, so its error may come anywhere, also within a step, and again
    when the other processes end, which is prevented here. Otherwise the connection breaks over
    which the process sends a batch.
    """
    broken = isinstance(error, ConnectionError | FileNotFoundError | EOFError)
    if not broken and "DataLoader worker" not in str(error):
        return None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return SigcleanError(
        "a process that reads pictures was killed, perhaps for want of memory: "
        "resume with a smaller --dataloader_num_workers"
    )


class _Batches(IterableDataset[Read]):
    """The batches of one process; worker n of N makes the n-th of each N batches."""

    def __init__(self, data: SignatureData, sampler: StepSampler, limit: int) -> None:
        self.data, self.sampler, self.limit = data, sampler, limit

    def __iter__(self) -> Iterator[Read]:
        worker = get_worker_info()
        mine = islice(self.sampler, *((worker.id, None, worker.num_workers) if worker else (None,)))
        reads = self.data.read(chain.from_iterable(mine), self.limit)
        try:
            while True:
                yield _joined(list(islice(reads, self.sampler.batch_size)))
        except SigcleanError as error:  # sent as text: an exception would carry a traceback
            yield None, [], str(error)


def _joined(reads: list[Read]) -> Read:
    """The samples of several positions as one batch."""
    reasons = [reason for _, some, _ in reads for reason in some]
    samples = [sample for sample, _, _ in reads if sample is not None]
    if len(samples) < len(reads):
        return None, reasons, next(error for _, _, error in reads if error)
    return {name: torch.stack([one[name] for one in samples]) for name in samples[0]}, reasons, ""
