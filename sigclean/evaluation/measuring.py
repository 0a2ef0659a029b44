"""Clean every case, and measure the results."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch

from sigclean.cleaner import SignatureCleaner
from sigclean.errors import DataError, ImageError
from sigclean.evaluation.cases import Case
from sigclean.evaluation.figures import against_input, against_truth, without_truth
from sigclean.evaluation.scores import CaseScores
from sigclean.model_files.names import DEFAULT_MODEL, WEIGHTS_FILE
from sigclean.model_files.onnx_file import weights_digest
from sigclean.processes.workers import before_forking, run_jobs
from sigclean.runtimes.torch_runtime import TorchRuntime

_BATCH = 8  # cases that a worker process gets with one copy of the model


@dataclass(frozen=True)
class Measured:
    """The result of `measure`."""

    cases: tuple[CaseScores, ...]  # the figures, in the order of the cases
    broken: tuple[str, ...]  # one sentence for each case that could not be made, and was left out
    milliseconds: float  # the median time of a cleaning call


@dataclass(frozen=True)
class _Outcome:
    """One case: its place in the list, and its scores or the sentence on its fault."""

    place: int
    scores: CaseScores | None
    problem: str
    milliseconds: float


def measure(
    cleaner: SignatureCleaner,
    cases: Sequence[Case],
    *,
    workers: int = 1,
    on_case: Callable[[], None] | None = None,
) -> Measured:
    """Measure a model on cases.

    Args:
        workers: the number of processes, each with one thread; 1 for a model on a GPU.
        on_case: called in this process after each case.

    Raises:
        DataError: no case can be made.
        SigcleanError: a worker process was killed.
    """
    workers = min(workers, len(cases)) if _can_be_sent(cleaner) else 1
    size = _BATCH if workers > 1 else 1
    numbered = list(enumerate(cases))
    parts = [numbered[start : start + size] for start in range(0, len(cases), size)]
    before_forking()
    outcomes: list[_Outcome] = []
    for part in run_jobs(
        [partial(_score_all, cleaner, part, workers > 1) for part in parts], workers
    ):
        for outcome in part:
            outcomes.append(outcome)
            if on_case:
                on_case()
    return _measured(sorted(outcomes, key=lambda outcome: outcome.place))


def score(cleaner: SignatureCleaner, case: Case) -> tuple[CaseScores, float]:
    """Clean one case; returns its figures, and the milliseconds that cleaning took.

    Raises ImageError if its pictures cannot be made.
    """
    pictures = case.load()
    begun = time.perf_counter()
    cleaned = cleaner(pictures.noisy)
    milliseconds = 1000 * (time.perf_counter() - begun)
    if pictures.truth is None:
        noisy, figures = {}, without_truth(cleaned, pictures.noisy)
    else:
        noisy = against_truth(pictures.noisy, pictures.truth)
        figures = against_truth(cleaned, pictures.truth) | against_input(cleaned, pictures.noisy)
    return CaseScores(case.name, case.family, noisy, figures), milliseconds


def model_name(source: str | None, folder: Path) -> str:
    """Name a model by its source and weights: `user/repo (sha256 0123456789ab)`.

    Args:
        source: a Hub repository, a folder, of which the name alone is shown, or None for the
            packaged model.
        folder: the folder of the weights.

    Raises WeightsError if the weights cannot be read.
    """
    digest = weights_digest(folder / WEIGHTS_FILE)
    shown = DEFAULT_MODEL if source is None else source
    if Path(shown).is_dir():
        shown = Path(shown).resolve().name  # paths tell of people
    return f"{shown} (sha256 {digest[:12]})"


def _can_be_sent(cleaner: SignatureCleaner) -> bool:
    """Tell whether other processes can be sent the model, which one on a GPU cannot."""
    runtime = cleaner.runtime
    return isinstance(runtime, TorchRuntime) and runtime.device.type == "cpu"


def _score_all(
    cleaner: SignatureCleaner, cases: Sequence[tuple[int, Case]], one_thread: bool
) -> list[_Outcome]:
    if one_thread:
        torch.set_num_threads(1)
    return [_outcome(cleaner, place, case) for place, case in cases]


def _outcome(cleaner: SignatureCleaner, place: int, case: Case) -> _Outcome:
    try:
        scores, milliseconds = score(cleaner, case)
    except ImageError as error:
        return _Outcome(place, None, str(error), 0.0)
    return _Outcome(place, scores, "", milliseconds)


def _measured(outcomes: Sequence[_Outcome]) -> Measured:
    scores = tuple(outcome.scores for outcome in outcomes if outcome.scores)
    problems = tuple(dict.fromkeys(outcome.problem for outcome in outcomes if outcome.problem))
    if not scores:
        raise DataError(f"nothing can be measured: {(problems or ('there are no pictures',))[0]}")
    times = [outcome.milliseconds for outcome in outcomes if outcome.scores]
    return Measured(scores, problems, median(times))
