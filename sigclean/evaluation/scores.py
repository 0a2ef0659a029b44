"""The outcome of an evaluation: figures of every picture, their means, and their JSON file.

Shares are in [0, 1] and PSNR is in dB. The file holds everything, so that a report or a comparison
can be made again without cleaning anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sigclean.errors import DataError
from sigclean.reports.figures import FIGURES

FORMAT = 1
CLEAN_INPUT = "none"  # family of pictures without noise, which the overall mean leaves out
OVERALL = "mean"  # name of all families together
SIDES = ("noisy", "cleaned")
WORST = "_worst"  # suffix of a figure's mean over the worst tenth of the pictures
CONDITIONS = ("clean", "noisy", "cleaned")

Table = dict[str, dict[str, dict[str, float]]]
"""Family -> noisy or cleaned -> figure -> value."""


@dataclass(frozen=True)
class CaseScores:
    """The figures of one picture."""

    name: str  # unique in its family: "049/genuine_0005.jpg"
    family: str  # of the noise, "mix" or "none"; "pairs" or "real" (no truth)
    noisy: dict[str, float]  # figures of the input against the truth; empty without truth
    cleaned: dict[str, float]  # figures of the result


@dataclass(frozen=True)
class Verification:
    """The error rates of telling genuine signatures from skilled forgeries with one threshold."""

    eer: float  # the equal error rate: as many forgeries are accepted as genuine signatures refused
    auc: float  # the chance that a genuine signature is nearer to its writer's than a forgery is
    genuine: int  # genuine signatures compared
    forged: int  # forgeries compared
    fpr: tuple[float, ...]  # share of forgeries accepted, from the strictest threshold on
    fnr: tuple[float, ...]  # share of genuine signatures refused, likewise


@dataclass(frozen=True)
class Evaluation:
    """The measurements of one model."""

    model: str  # the source of its weights and the start of their sha256
    settings: dict[str, Any]  # all that decides the figures, as plain JSON values
    cases: tuple[CaseScores, ...]
    # error rates by condition (`CONDITIONS`); empty if nothing was verified
    verification: dict[str, Verification] = field(default_factory=dict)
    milliseconds: float = 0.0  # the median time of a cleaning call

    def families(self) -> tuple[str, ...]:
        """The families of the cases, in their order."""
        return tuple(dict.fromkeys(case.family for case in self.cases))

    def counts(self) -> dict[str, int]:
        """The number of pictures of each family, after that of all together ("mean", without clean
        input)."""
        families = [case.family for case in self.cases]
        counts = {family: families.count(family) for family in self.families()}
        total = len(families) - counts.get(CLEAN_INPUT, 0)
        return {OVERALL: total, **counts} if total else counts

    def summary(self) -> Table:
        """The mean of every figure, and of its worst tenth (`f_worst` beside `f`), for each family
        and for all together ("mean", without clean input)."""
        table = {
            family: _both_sides([case for case in self.cases if case.family == family])
            for family in self.families()
        }
        dirty = [case for case in self.cases if case.family != CLEAN_INPUT]
        return {**table, OVERALL: _both_sides(dirty)} if dirty else table

    def recovered_share(self) -> float | None:
        """The share of the rise of the equal error rate by noise that cleaning undoes.

        None if noise did not raise it, or nothing was verified.
        """
        if not set(CONDITIONS) <= set(self.verification):
            return None
        clean, noisy, cleaned = (self.verification[name].eer for name in CONDITIONS)
        return (noisy - cleaned) / (noisy - clean) if noisy > clean else None

    def to_json(self) -> str:
        """The text of evaluation.json, which holds the means as well, for people to read."""
        content = {"format": FORMAT, "summary": self.summary(), **asdict(self)}
        return json.dumps(content, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str = "the file") -> Evaluation:
        """Read the text that `to_json` wrote.

        Raises DataError, which names the file `name`, for any other text.
        """
        try:
            return _evaluation(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{name} is not an evaluation that sigclean wrote") from error


def _evaluation(content: Mapping[str, Any]) -> Evaluation:
    if content["format"] != FORMAT:
        raise ValueError(content["format"])
    return Evaluation(
        str(content["model"]),
        dict(content["settings"]),
        tuple(_case(case) for case in content["cases"]),
        {str(name): _verification(found) for name, found in content["verification"].items()},
        float(content["milliseconds"]),
    )


def _case(content: Mapping[str, Any]) -> CaseScores:
    noisy, cleaned = (
        {str(name): float(value) for name, value in content[side].items()} for side in SIDES
    )
    return CaseScores(str(content["name"]), str(content["family"]), noisy, cleaned)


def _verification(content: Mapping[str, Any]) -> Verification:
    curves = (tuple(float(value) for value in content[name]) for name in ("fpr", "fnr"))
    counts = (int(content["genuine"]), int(content["forged"]))
    return Verification(float(content["eer"]), float(content["auc"]), *counts, *curves)


def _both_sides(cases: Sequence[CaseScores]) -> dict[str, dict[str, float]]:
    return {side: _means([getattr(case, side) for case in cases]) for side in SIDES}


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of every figure over the rows that have it, and of its worst tenth."""
    means = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        falling = name in FIGURES and FIGURES[name].better == "lower"
        values = sorted((row[name] for row in rows if name in row), reverse=falling)
        worst = values[: max(1, len(values) // 10)]
        means[name] = sum(values) / len(values)
        means[name + WORST] = sum(worst) / len(worst)
    return means
