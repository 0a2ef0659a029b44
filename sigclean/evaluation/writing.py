"""A report folder: the figures as JSON, the page, and a table short enough for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sigclean.evaluation.comparing import EVALUATION_FILE, Pair, differing_settings, pair
from sigclean.evaluation.pictures import make_pictures, most_changed, worst
from sigclean.evaluation.report import PAGE_FILE, NamedEvaluation, render
from sigclean.evaluation.scores import Evaluation
from sigclean.evaluation.tables import TextColumn, difference, side, text_table
from sigclean.files import atomic_write_text
from sigclean.reports.figures import FIGURES

if TYPE_CHECKING:
    from sigclean.cleaner import SignatureCleaner
    from sigclean.evaluation.cases import Case

NAMES = ("A", "B")  # labels of the two models that are compared
SHORT_TABLE = ("f", "recall", "precision", "kept", "invented_same_level")


def write_evaluation(
    folder: Path, evaluation: Evaluation, cleaner: SignatureCleaner, cases: Sequence[Case]
) -> str:
    """Write evaluation.json, then index.html with the worst cases; returns the short table.

    Raises SigcleanError if the folder cannot be written, or a picture was deleted since it was
    measured.
    """
    atomic_write_text(folder / EVALUATION_FILE, evaluation.to_json())
    shown = make_pictures(worst(evaluation), cases, {"cleaned": cleaner})
    atomic_write_text(folder / PAGE_FILE, render([NamedEvaluation("cleaned", evaluation)], shown))
    return f"{short_table(evaluation)}\n{folder / PAGE_FILE}"


def write_comparison(
    folder: Path,
    evaluations: Sequence[Evaluation],
    cleaners: Sequence[SignatureCleaner | None],
    cases: Sequence[Case],
) -> str:
    """Write evaluation-A.json, evaluation-B.json and index.html; returns the short table.

    Args:
        cleaners: in the order of the evaluations; a model without one has no pictures in the page.

    Raises SigcleanError if the two have no case in common, and as `write_evaluation` does.
    """
    found = pair(*evaluations)
    for name, evaluation in zip(NAMES, evaluations, strict=True):
        path = folder / EVALUATION_FILE
        atomic_write_text(path.with_stem(f"{path.stem}-{name}"), evaluation.to_json())
    there = {name: one for name, one in zip(NAMES, cleaners, strict=True) if one is not None}
    shown = make_pictures(most_changed(found), cases, there)
    pairs = zip(NAMES, (found.one, found.other), strict=True)
    models = [NamedEvaluation(name, one) for name, one in pairs]
    notes = _notes(found)
    atomic_write_text(folder / PAGE_FILE, render(models, shown, notes))
    lines = [f"{model.name}: {model.evaluation.model}" for model in models]
    return "\n".join([*lines, *notes, short_comparison(found), str(folder / PAGE_FILE)])


def short_table(evaluation: Evaluation) -> str:
    """The main figures by family as text."""
    table = evaluation.summary()
    cleaned = side(table, "cleaned")
    first, *others = [name for name in SHORT_TABLE if any(name in row for row in cleaned.values())]
    heading = FIGURES[first].column
    columns = [
        TextColumn(f"{heading} noisy", first, side(table, "noisy")),
        TextColumn(heading, first, cleaned),
        TextColumn("worst tenth", first, side(table, "cleaned", worst=True)),
        *(TextColumn(FIGURES[name].column, name, cleaned) for name in others),
    ]
    return "\n".join([text_table(evaluation.counts(), columns), *_verified(evaluation)])


def short_comparison(found: Pair) -> str:
    """The main figure of two models, and its worst tenth, by family as text."""
    tables = [found.one.summary(), found.other.summary()]
    figure = "f" if any("f" in row for row in side(tables[0], "cleaned").values()) else "kept"
    columns = []
    for label, worst_tenth in ((FIGURES[figure].column, False), ("worst tenth", True)):
        one, other = (side(table, "cleaned", worst_tenth) for table in tables)
        columns += [
            TextColumn(f"{label} A", figure, one),
            TextColumn("B", figure, other),
            TextColumn("B - A", figure, difference(one, other), signed=True),
        ]
    named = zip(NAMES, (found.one, found.other), strict=True)
    verified = [f"{name}: {line}" for name, model in named for line in _verified(model)]
    return "\n".join([text_table(found.one.counts(), columns), *verified])


def _verified(evaluation: Evaluation) -> list[str]:
    """One line with the equal error rates, if signatures were verified."""
    if not evaluation.verification:
        return []
    rates = {name: f"{100 * one.eer:.2f} %" for name, one in evaluation.verification.items()}
    if (evaluation.recovered_share() or 0) > 0:
        return [
            "noise raises the equal error rate from {clean} to {noisy}, "
            "cleaning lowers it to {cleaned}".format(**rates)
        ]
    listed = ", ".join(f"{name} {rate}" for name, rate in rates.items())
    return [f"equal error rate: {listed}"]


def _notes(found: Pair) -> list[str]:
    """Reasons to doubt the comparison."""
    notes = []
    if found.left_out:
        notes.append(f"{found.left_out} pictures that only one was measured on are left out")
    if names := differing_settings(found.one, found.other):
        notes.append(f"The two were measured with different settings: {', '.join(names)}")
    return notes
