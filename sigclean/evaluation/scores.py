"""The outcome of an evaluation: figures of every picture, their means, and the file they live in.

Shares are in [0, 1], PSNR is in dB, DRD and milliseconds are what they are. JSON keeps it all, so
that a report or a comparison can be made again without cleaning anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sigclean.errors import DataError

FORMAT = 1
CLEAN_INPUT = "none"  # the family of pictures without noise: not in the mean of all
OVERALL = "mean"
SIDES = ("noisy", "cleaned")
WORST = "_worst"  # suffix of a figure: its mean over the worst tenth of the pictures
LOWER_IS_BETTER = frozenset(("drd", "lost", "invented", "invented_same_level"))
CONDITIONS = ("clean", "noisy", "cleaned")

Table = dict[str, dict[str, dict[str, float]]]
"""Family -> noisy or cleaned -> figure -> value."""


@dataclass(frozen=True)
class CaseScores:
    """The figures of one picture.

    Attributes:
        name: tells it from the others of its family: "049/genuine_0005.jpg".
        family: of its noise; "mix", "none", "pairs" (files of a user) or "real" (without truth).
        noisy: figures of the input against the truth; empty without truth.
        cleaned: figures of the result.
    """

    name: str
    family: str
    noisy: dict[str, float]
    cleaned: dict[str, float]


@dataclass(frozen=True)
class Verification:
    """How well genuine signatures are told from skilled forgeries with one threshold.

    Attributes:
        eer: the error rate where forgeries are accepted as often as genuine ones are refused.
        auc: the chance that a genuine signature is nearer to its writer's than a forgery is.
        genuine, forged: how many were compared.
        fpr, fnr: shares of forgeries accepted and of genuine ones refused, from the strictest
            threshold to the laxest.
    """

    eer: float
    auc: float
    genuine: int
    forged: int
    fpr: tuple[float, ...]
    fnr: tuple[float, ...]


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured of one model.

    Attributes:
        model: what was measured: where its weights are from and the start of their sha256.
        settings: what decides the figures, of plain JSON values, so that they can be had again.
        verification: by condition (`CONDITIONS`); empty if it was not asked for.
        milliseconds: the median of a cleaning call.
    """

    model: str
    settings: dict[str, Any]
    cases: tuple[CaseScores, ...]
    verification: dict[str, Verification] = field(default_factory=dict)
    milliseconds: float = 0.0

    def families(self) -> tuple[str, ...]:
        """The families of the cases, in their order."""
        return tuple(dict.fromkeys(case.family for case in self.cases))

    def summary(self) -> Table:
        """Means of every figure, and of its worst tenth (`f_worst` beside `f`), for each family
        and for all together ("mean", without clean input)."""
        table = {
            family: _both_sides([case for case in self.cases if case.family == family])
            for family in self.families()
        }
        dirty = [case for case in self.cases if case.family != CLEAN_INPUT]
        return {**table, OVERALL: _both_sides(dirty)} if dirty else table

    def recovered_share(self) -> float | None:
        """The share of the way from the noisy error rate back to the clean one that cleaning comes;
        None where noise did no harm, or nothing was verified."""
        if not set(CONDITIONS) <= set(self.verification):
            return None
        clean, noisy, cleaned = (self.verification[name].eer for name in CONDITIONS)
        return (noisy - cleaned) / (noisy - clean) if noisy > clean else None

    def to_json(self) -> str:
        """The text of evaluation.json: it has the means as well, for people to read."""
        content = {"format": FORMAT, "summary": self.summary(), **asdict(self)}
        return json.dumps(content, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str = "the file") -> Evaluation:
        """Read what `to_json` wrote. Raises DataError, which calls the file `name`, otherwise."""
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
        values = sorted((row[name] for row in rows if name in row), reverse=name in LOWER_IS_BETTER)
        worst = values[: max(1, len(values) // 10)]
        means[name] = sum(values) / len(values)
        means[name + WORST] = sum(worst) / len(worst)
    return means
