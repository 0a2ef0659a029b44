"""The pictures of a report: the worst or most changed cases, made and cleaned again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from sigclean.evaluation.comparing import Pair
from sigclean.evaluation.scores import CaseScores, Evaluation
from sigclean.reports.figures import FIGURES

if TYPE_CHECKING:
    from sigclean.cleaner import SignatureCleaner
    from sigclean.evaluation.cases import Case

COUNT = 20  # cases of a report
RANKED_BY = ("f", "kept")  # figures; without a truth only the second is known
CAPTION = ("f", "recall", "precision", "kept", "invented_same_level")

Key = tuple[str, str]  # family and name of a case


@dataclass(frozen=True)
class ShownCase:
    """The pictures of one case."""

    title: str
    said: str  # its figures in words
    pictures: tuple[tuple[str, Image.Image], ...]  # label and picture, all of one size


def worst(evaluation: Evaluation, count: int = COUNT) -> dict[Key, str]:
    """The cases with the lowest F-measure, or the least ink kept if there is no truth: the worst
    first, with their figures in words."""
    ranked = sorted(evaluation.cases, key=_rank)[:count]
    return {(case.family, case.name): in_words(case) for case in ranked}


def most_changed(pair: Pair, count: int = COUNT) -> dict[Key, str]:
    """The cases whose F-measure, or ink kept, differs most between two models, with the figures of
    both in words."""
    both = list(zip(pair.one.cases, pair.other.cases, strict=True))
    both.sort(key=lambda two: -abs(_rank(two[0]) - _rank(two[1])))
    return {
        (one.family, one.name): f"A: {in_words(one)} | B: {in_words(other)}"
        for one, other in both[:count]
    }


def make_pictures(
    wanted: Mapping[Key, str], cases: Iterable[Case], cleaners: Mapping[str, SignatureCleaner]
) -> list[ShownCase]:
    """Make the wanted cases again, and clean them.

    Args:
        wanted: family and name of each, with its figures in words; unknown ones are left out.
        cleaners: the models by the labels of their results.

    Raises ImageError if a file has changed since it was measured.
    """
    found = {(case.family, case.name): case for case in cases}
    return [_shown(found[key], said, cleaners) for key, said in wanted.items() if key in found]


def in_words(case: CaseScores) -> str:
    """The main figures of a result."""
    return " · ".join(
        f"{FIGURES[name].column} {FIGURES[name].written(case.cleaned[name])}"
        for name in CAPTION
        if name in case.cleaned
    )


def _rank(case: CaseScores) -> float:
    return next((case.cleaned[name] for name in RANKED_BY if name in case.cleaned), 0.0)


def _shown(case: Case, said: str, cleaners: Mapping[str, SignatureCleaner]) -> ShownCase:
    loaded = case.load()
    results: Sequence[tuple[str, Image.Image]] = [
        (name, cleaner(loaded.noisy)) for name, cleaner in cleaners.items()
    ]
    truth = [("truth", loaded.truth)] if loaded.truth else []
    pictures = (("noisy", loaded.noisy), *results, *truth)
    return ShownCase(f"{case.family}: {case.name}", said, pictures)
