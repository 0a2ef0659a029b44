"""A report folder: the figures as JSON, the page, and a table short enough for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sigclean.evaluation.comparing import EVALUATION_FILE, Pair, differing_settings, pair
from sigclean.evaluation.pictures import make_pictures, most_changed, worst
from sigclean.evaluation.report import PAGE_FILE, Model, render
from sigclean.evaluation.scores import CLEAN_INPUT, OVERALL, Evaluation
from sigclean.evaluation.tables import FIGURES, cell, count_by, side, text_table
from sigclean.files import atomic_write

if TYPE_CHECKING:
    from sigclean.cleaner import SignatureCleaner
    from sigclean.evaluation.cases import Case

NAMES = ("A", "B")
IN_SHORT = ("f", "recall", "precision", "kept", "invented_same_level")


def write_evaluation(
    folder: Path, evaluation: Evaluation, cleaner: SignatureCleaner, cases: Sequence[Case]
) -> str:
    """Write evaluation.json, then index.html with the worst cases; returns the short table.

    Raises:
        SigcleanError: the folder cannot be written, or a picture is gone since it was measured.
    """
    _write(folder / EVALUATION_FILE, evaluation.to_json())
    shown = make_pictures(worst(evaluation), cases, {"cleaned": cleaner})
    _write(folder / PAGE_FILE, render([Model("cleaned", evaluation)], shown))
    return f"{short_table(evaluation)}\n{folder / PAGE_FILE}"


def write_comparison(
    folder: Path,
    evaluations: Sequence[Evaluation],
    cleaners: Sequence[SignatureCleaner | None],
    cases: Sequence[Case],
) -> str:
    """Write evaluation-A.json, evaluation-B.json and index.html; returns the short table.

    Args:
        cleaners: of the same order; those that are None have no pictures in the page.

    Raises:
        SigcleanError: the two have no case in common, or as `write_evaluation` does.
    """
    found = pair(*evaluations)
    for name, evaluation in zip(NAMES, evaluations, strict=True):
        path = folder / EVALUATION_FILE
        _write(path.with_stem(f"{path.stem}-{name}"), evaluation.to_json())
    there = {name: one for name, one in zip(NAMES, cleaners, strict=True) if one is not None}
    shown = make_pictures(most_changed(found), cases, there)
    models = [Model(name, one) for name, one in zip(NAMES, (found.one, found.other), strict=True)]
    notes = _notes(found)
    _write(folder / PAGE_FILE, render(models, shown, notes))
    lines = [f"{model.name}: {model.evaluation.model}" for model in models]
    return "\n".join([*lines, *notes, short_comparison(found), str(folder / PAGE_FILE)])


def short_table(evaluation: Evaluation) -> str:
    """The main figures by family as text."""
    table = evaluation.summary()
    noisy, cleaned = side(table, "noisy"), side(table, "cleaned")
    tenth = side(table, "cleaned", worst=True)
    names = [name for name in IN_SHORT if any(name in row for row in cleaned.values())]
    first = "f" if "f" in names else "kept"
    heads = ["family", "pictures", f"{FIGURES[first].label} noisy", FIGURES[first].label,
             "worst tenth", *(FIGURES[name].label for name in names if name != first)]  # fmt: skip
    rows = [
        [family, str(count), cell(first, noisy[family]), cell(first, cleaned[family]),
         cell(first, tenth[family]),
         *(cell(name, cleaned[family]) for name in names if name != first)]
        for family, count in _counts(evaluation).items()
    ]  # fmt: skip
    return "\n".join([text_table(heads, rows), *_verified(evaluation)])


def short_comparison(found: Pair) -> str:
    """The main figure of two models by family as text, and its worst tenth."""
    tables = [found.one.summary(), found.other.summary()]
    figure = "f" if any("f" in row for row in side(tables[0], "cleaned").values()) else "kept"
    heads, columns = ["family", "pictures"], []
    for label, worst_tenth in ((FIGURES[figure].label, False), ("worst tenth", True)):
        heads += [f"{label} A", "B", "B - A"]
        columns.append([side(table, "cleaned", worst_tenth) for table in tables])
    rows = [
        [family, str(count), *(text for one, other in columns
                               for text in _both(figure, one[family], other[family]))]
        for family, count in _counts(found.one).items()
    ]  # fmt: skip
    named = zip(NAMES, (found.one, found.other), strict=True)
    verified = [f"{name}: {line}" for name, one in named for line in _verified(one)]
    return "\n".join([text_table(heads, rows), *verified])


def _counts(evaluation: Evaluation) -> dict[str, int]:
    return count_by([case.family for case in evaluation.cases], OVERALL, apart=CLEAN_INPUT)


def _both(figure: str, one: Mapping[str, float], other: Mapping[str, float]) -> list[str]:
    if figure not in one or figure not in other:
        return [cell(figure, one), cell(figure, other), "-"]
    change = {figure: other[figure] - one[figure]}
    return [cell(figure, one), cell(figure, other), cell(figure, change, signed=True)]


def _verified(evaluation: Evaluation) -> list[str]:
    """One line about verification, if there was any."""
    if not evaluation.verification:
        return []
    rates = ", ".join(
        f"{name} {100 * one.eer:.2f} %" for name, one in evaluation.verification.items()
    )
    way = evaluation.recovered_share()
    return [
        f"equal error rate: {rates}" + (f"; way back {100 * way:.0f} %" if way is not None else "")
    ]


def _notes(found: Pair) -> list[str]:
    """What keeps the two from being compared with all confidence."""
    notes = []
    if found.left_out:
        notes.append(f"{found.left_out} pictures that only one was measured on are left out")
    if names := differing_settings(found.one, found.other):
        notes.append(f"The two were measured with different settings: {', '.join(names)}")
    return notes


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8")
