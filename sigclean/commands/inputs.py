"""The inputs of `sigclean clean` and `sigclean extract`: files, shards and data sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigclean.bulk.jobs import Job, plan, refuse_conflicts
from sigclean.bulk.listing import PassedOver
from sigclean.bulk.shards import Shard
from sigclean.bulk.shards.files import file_shard
from sigclean.cleaner import SignatureCleaner
from sigclean.errors import SigcleanError

Work = Job | Shard
Load = Callable[..., SignatureCleaner]  # `from_pretrained`; what is left to say is `workers`


@dataclass(frozen=True)
class Inputs:
    """The pictures and documents of a run, and where its results go.

    Attributes:
        names, output, recursive, suffix: see `bulk.jobs.plan`.
        dataset, split: a data set of the `datasets` library in place of names.
        column: the column of the pictures in shards, or their extension in tar files.
    """

    names: Sequence[str]
    output: str | None = None
    recursive: bool = False
    suffix: str | None = None
    dataset: str | None = None
    split: str = ""
    column: str = ""

    def check(self) -> None:
        """Raise SigcleanError if the options contradict each other."""
        if self.dataset and self.names:
            raise SigcleanError("--dataset takes the place of the inputs: give one or the other")
        if not self.dataset and not self.names:
            raise SigcleanError("there is no input: name files, folders or a --dataset")
        if self.dataset and self.output in (None, "-"):
            raise SigcleanError("--dataset needs a folder for its results: -o OUT")
        if self.split and not self.dataset:
            raise SigcleanError("--split is that of a --dataset")

    def plan(
        self,
        passed_over: PassedOver,
        check: Callable[[list[Job]], None] = refuse_conflicts,
        earlier: Collection[str] = (),
    ) -> list[Work]:
        """List all files and shards. For arguments and errors see `bulk.jobs.plan`."""
        if self.dataset:
            from sigclean.bulk.shards.dataset import dataset_shards

            output = Path(self.output or "")
            return [*dataset_shards(self.dataset, self.split, output, self.column)]
        options = (self.names, self.output, self.recursive, passed_over, self.suffix)
        jobs = plan(*options, check, earlier)
        return [
            file_shard(job.source, job.target, self.column) if job.is_shard else job for job in jobs
        ]


def divide(works: Sequence[Work]) -> tuple[list[Job], list[Shard]]:
    """Return the pictures and the shards."""
    pictures = [one for one in works if isinstance(one, Job)]
    return pictures, [one for one in works if not isinstance(one, Job)]
