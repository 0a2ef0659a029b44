"""Read evaluations from their files, and pair two of them on their common cases."""

from dataclasses import dataclass, replace
from pathlib import Path

from sigclean.errors import DataError, reason
from sigclean.evaluation.scores import CaseScores, Evaluation

EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True)
class Pair:
    """Two evaluations of the same cases, in the same order."""

    one: Evaluation
    other: Evaluation
    left_out: int = 0  # the number of cases that only one of them has


def read_evaluation(path: Path) -> Evaluation:
    """Read an evaluation from its JSON file, or from the report folder that holds it.

    Raises DataError if it cannot be read, or was not written by sigclean.
    """
    file = path / EVALUATION_FILE if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{file} is not an evaluation that sigclean wrote") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {reason(error)}") from None
    return Evaluation.from_json(text, str(file))


def is_evaluation(name: str) -> bool:
    """Tell whether an argument of `--compare` is an earlier evaluation rather than weights."""
    path = Path(name)
    return path.suffix == ".json" or (path / EVALUATION_FILE).is_file()


def pair(one: Evaluation, other: Evaluation) -> Pair:
    """Reduce two evaluations to their common cases. Raises DataError if there are none."""
    theirs = {_key(case): case for case in other.cases}
    common = [(case, theirs[_key(case)]) for case in one.cases if _key(case) in theirs]
    if not common:
        raise DataError(f"{one.model} and {other.model} were measured on different pictures")
    return Pair(
        replace(one, cases=tuple(mine for mine, _ in common)),
        replace(other, cases=tuple(their for _, their in common)),
        len(one.cases) + len(other.cases) - 2 * len(common),
    )


def differing_settings(one: Evaluation, other: Evaluation) -> list[str]:
    """The names of settings that differ, which alone can make the figures differ."""
    names = dict.fromkeys((*one.settings, *other.settings))
    return [name for name in names if one.settings.get(name) != other.settings.get(name)]


def _key(case: CaseScores) -> tuple[str, str]:
    return case.family, case.name
