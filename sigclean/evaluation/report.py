"""The page index.html of one evaluation or two side by side: tables, charts and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from sigclean.evaluation.pictures import ShownCase
from sigclean.evaluation.scores import CLEAN_INPUT, OVERALL, WORST, Evaluation, Verification
from sigclean.evaluation.tables import Figures, FigureTable, TableRow, difference, side
from sigclean.reports.charts import Series, error_chart, family_chart, lower_limit, scatter_chart
from sigclean.reports.embedding import data_url
from sigclean.reports.figures import FIGURES
from sigclean.reports.pages import render_page

PAGE_FILE = "index.html"
TEMPLATE = Path(__file__).parent / "templates" / "report.html"
MAIN_FIGURES = (  # label, family and figure of the numbers in large letters
    ("F", OVERALL, "f"),
    ("F, worst tenth", OVERALL, f"f{WORST}"),
    ("F, clean input", CLEAN_INPUT, "f"),
    ("Recall", OVERALL, "recall"),
    ("Precision", OVERALL, "precision"),
    ("Ink kept", OVERALL, "kept"),
    ("Ink invented*", OVERALL, "invented_same_level"),
)
STYLES = ("c0", "c1")  # CSS classes of the first model and the second

Verified = tuple[str, str, Verification]
"""Label, CSS class and error rates of the clean, noisy or cleaned signatures."""


@dataclass(frozen=True)
class NamedEvaluation:
    """An evaluation under its label in the page: "cleaned" when alone, else "A" or "B"."""

    name: str
    evaluation: Evaluation


def render(
    models: Sequence[NamedEvaluation], shown: Sequence[ShownCase], notes: Sequence[str] = ()
) -> str:
    """The whole page; names that a file or a person gave are escaped.

    Args:
        models: one evaluation, or two of the same cases.
        shown: the cases with pictures, in order.
        notes: sentences of warning for the top of the page.
    """
    verified = _verified(models)
    settings = [one.evaluation.settings for one in models]
    names = dict.fromkeys(name for each in settings for name in each)
    return render_page(
        TEMPLATE,
        models=models,
        families=len(models[0].evaluation.families()),
        notes=notes,
        numbers=_numbers(models),
        plots=_plots(models),
        tables=_tables(models),
        figures=FIGURES,
        verified=verified,
        error_plot=_error_plot(verified),
        shown=shown,
        data_url=data_url,
        meanings=[(figure.column, figure.meaning) for figure in FIGURES.values()],
        settings=[(name, *(each.get(name, "–") for each in settings)) for name in names],
    )


def _numbers(models: Sequence[NamedEvaluation]) -> list[tuple[str, str, str]]:
    """The figures that matter most: label, value (of two models, one → other) and unit of each."""
    found: list[tuple[str, str, str]] = []
    summaries = [one.evaluation.summary() for one in models]
    for label, family, name in MAIN_FIGURES:
        rows = [table.get(family, {}).get("cleaned", {}) for table in summaries]
        if all(name in row for row in rows):
            figure = FIGURES[name.removesuffix(WORST)]
            values = [figure.written(row[name]) for row in rows]
            found.append((label, " → ".join(values), figure.unit))
    shares = [one.evaluation.recovered_share() for one in models]
    recovered = [f"{100 * share:.1f}" for share in shares if share is not None]
    if len(recovered) == len(models):
        found.append(("Error rate recovered", " → ".join(recovered), "%"))
    times = [f"{one.evaluation.milliseconds:.1f}" for one in models]
    return [*found, ("Time of a picture", " → ".join(times), "ms")]


def _plots(models: Sequence[NamedEvaluation]) -> list[Markup]:
    named = [("noisy", "plain", models[0].evaluation, "noisy")]
    named += [(one.name, style, one.evaluation, "cleaned")
              for one, style in zip(models, STYLES, strict=False)]  # fmt: skip
    by_family = []
    for name, style, evaluation, which in named:
        means = side(evaluation.summary(), which)
        shares = {family: 100 * row["f"] for family, row in means.items() if "f" in row}
        by_family.append((name, style, shares))
    scattered = [_scattered(*one) for one in named]
    axes = ("Recall", "Precision")
    results = [point for series in scattered[1:] for point in series.points]
    near = lower_limit([point[0] for point in results]), lower_limit([p[1] for p in results])
    return [
        family_chart("F by family, %", by_family),
        scatter_chart("Recall and precision of every picture", scattered, axes, (0.0, 0.0)),
        scatter_chart("The same, nearer", scattered[1:], axes, near),
    ]


def _scattered(name: str, style: str, evaluation: Evaluation, which: str) -> Series:
    points = []
    for case in evaluation.cases:
        row = case.noisy if which == "noisy" else case.cleaned
        if "recall" in row and "precision" in row:
            place = 100 * row["recall"], 100 * row["precision"]
            points.append((*place, f"{case.family}: {case.name}"))
    return Series(name, style, points)


def _tables(models: Sequence[NamedEvaluation]) -> list[FigureTable]:
    counts = models[0].evaluation.counts()
    summaries = [one.evaluation.summary() for one in models]
    noisy = TableRow("noisy", "plain", side(summaries[0], "noisy"))
    means = [side(table, "cleaned") for table in summaries]
    worst = [side(table, "cleaned", worst=True) for table in summaries]
    if len(models) == 1:
        rows = [TableRow("cleaned", "main", means[0]), TableRow("worst tenth", "low", worst[0])]
        return [FigureTable("Figures by family", [noisy, *rows], counts)]
    return [
        FigureTable("Means by family", [noisy, *_compared(models, means)], counts),
        FigureTable("The worst tenth by family", _compared(models, worst), counts),
    ]


def _compared(
    models: Sequence[NamedEvaluation], sides: Sequence[Mapping[str, Figures]]
) -> list[TableRow]:
    rows = [TableRow(one.name, "", values) for one, values in zip(models, sides, strict=True)]
    return [*rows, TableRow("difference", "main", difference(*sides), signed=True)]


def _verified(models: Sequence[NamedEvaluation]) -> list[Verified]:
    """The rows of the verification; empty if nothing was verified."""
    first = models[0].evaluation.verification
    found = [(name, style, first[name])
             for name, style in (("clean", "c2"), ("noisy", "plain")) if name in first]  # fmt: skip
    return found + [(one.name, style, one.evaluation.verification["cleaned"])
                    for one, style in zip(models, STYLES, strict=False)
                    if "cleaned" in one.evaluation.verification]  # fmt: skip


def _error_plot(verified: Sequence[Verified]) -> Markup:
    curves = [
        Series(name, style, [(100 * x, 100 * y, "") for x, y in zip(one.fpr, one.fnr, strict=True)])
        for name, style, one in verified
    ]
    rates = {name: 100 * one.eer for name, _, one in verified}
    return error_chart("Error rates over all thresholds", curves, rates)
