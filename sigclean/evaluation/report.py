"""index.html: one evaluation or two side by side, as tables, plots and the pictures behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sigclean.evaluation.pictures import Shown, data_url
from sigclean.evaluation.plots import Series, error_plot, family_plot, lower_limit, scatter_plot
from sigclean.evaluation.scores import CLEAN_INPUT, OVERALL, WORST, Evaluation, Verification
from sigclean.evaluation.style import SCRIPT, STYLE
from sigclean.evaluation.tables import FIGURES, Line, Row, count_by, difference, html_table, side

PAGE_FILE = "index.html"
TILES = (
    ("F", OVERALL, "f"),
    ("F, worst tenth", OVERALL, f"f{WORST}"),
    ("F, clean input", CLEAN_INPUT, "f"),
    ("Recall", OVERALL, "recall"),
    ("Precision", OVERALL, "precision"),
    ("Ink kept", OVERALL, "kept"),
    ("Ink invented*", OVERALL, "invented_same_level"),
)
STYLES = ("c0", "c1")  # of the first model and the second


@dataclass(frozen=True)
class Model:
    """An evaluation and what it is called: "cleaned" when alone, else by the two models' names."""

    name: str
    evaluation: Evaluation


def render(models: Sequence[Model], shown: Sequence[Shown], notes: Sequence[str] = ()) -> str:
    """The whole page; whatever a file or a person named is escaped.

    Args:
        models: one evaluation, or two of the same cases.
        shown: cases to look at, in order.
        notes: sentences of warning for the top of the page.
    """
    title = " and ".join(one.evaluation.model for one in models)
    body = (_head(models, notes), _plots(models), _tables(models), _verification(models),
            _pictures(shown, compared=len(models) > 1), _settings(models))  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)} · sigclean evaluate</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n{''.join(body)}</main>\n"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _head(models: Sequence[Model], notes: Sequence[str]) -> str:
    evaluation = models[0].evaluation
    families = len(evaluation.families())
    title = "Two models side by side" if len(models) > 1 else "How well it cleans"
    names = "".join(
        f"<p>{f'<b>{escape(one.name)}</b> ' if len(models) > 1 else ''}"
        f"{escape(one.evaluation.model)}</p>"
        for one in models
    )
    warnings = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    counted = f"{len(evaluation.cases)} pictures of {families} {_plural('family', families)}"
    return (
        f'<h1>{title}</h1>{names}<p class="soft">{counted}</p>{warnings}'
        f'<dl class="tiles">{_tiles(models)}</dl>'
    )


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word[:-1]}ies"


def _tiles(models: Sequence[Model]) -> str:
    """The figures that matter most, in large letters; of two models, from one to the other."""
    summaries = [one.evaluation.summary() for one in models]
    tiles: list[tuple[str, list[float], int, str]] = []
    for label, family, name in TILES:
        rows = [table.get(family, {}).get("cleaned", {}) for table in summaries]
        if all(name in row for row in rows):
            figure = FIGURES[name.removesuffix(WORST)]
            values = [figure.scale * row[name] for row in rows]
            tiles.append((label, values, figure.digits, "%"))
    ways = [one.evaluation.recovered_share() for one in models]
    known = [100 * way for way in ways if way is not None]
    if len(known) == len(ways):
        tiles.append(("Error rate, way back", known, 1, "%"))
    tiles.append(("Time of a picture", [one.evaluation.milliseconds for one in models], 1, "ms"))
    return "".join(
        f"<div><dt>{label}</dt><dd>{' → '.join(f'{value:.{digits}f}' for value in values)} "
        f"<small>{unit}</small></dd></div>"
        for label, values, digits, unit in tiles
    )


def _plots(models: Sequence[Model]) -> str:
    named = [("noisy", "plain", models[0].evaluation, "noisy")]
    named += [(one.name, style, one.evaluation, "cleaned")
              for one, style in zip(models, STYLES, strict=False)]  # fmt: skip
    by_family = []
    for name, style, evaluation, which in named:
        means = side(evaluation.summary(), which)
        shares = {family: row["f"] for family, row in means.items() if "f" in row}
        by_family.append((name, style, shares))
    scattered = [_scattered(*one) for one in named]
    axes = ("Recall", "Precision")
    results = [point for series in scattered[1:] for point in series.points]
    near = lower_limit([point[0] for point in results]), lower_limit([p[1] for p in results])
    drawn = [
        family_plot("F by family, %", by_family),
        scatter_plot("Recall and precision of every picture", scattered, axes, (0.0, 0.0)),
        scatter_plot("The same, nearer", scattered[1:], axes, near),
    ]
    return f'<h2>Plots</h2><div class="charts">{"".join(drawn)}</div>' if any(drawn) else ""


def _scattered(name: str, style: str, evaluation: Evaluation, which: str) -> Series:
    points = []
    for case in evaluation.cases:
        row = case.noisy if which == "noisy" else case.cleaned
        if "recall" in row and "precision" in row:
            points.append((row["recall"], row["precision"], f"{case.family}: {case.name}"))
    return Series(name, style, points)


def _tables(models: Sequence[Model]) -> str:
    cases = models[0].evaluation.cases
    counts = count_by([case.family for case in cases], OVERALL, apart=CLEAN_INPUT)
    summaries = [one.evaluation.summary() for one in models]
    noisy = Line("noisy", "plain", side(summaries[0], "noisy"))
    means = [side(table, "cleaned") for table in summaries]
    worst = [side(table, "cleaned", worst=True) for table in summaries]
    if len(models) == 1:
        lines = [noisy, Line("cleaned", "main", means[0]), Line("worst tenth", "low", worst[0])]
        return f"<h2>Figures by family</h2>{html_table('Figures by family', lines, counts)}"
    return "".join(
        f"<h2>{title}</h2>" + html_table(title, [*first, *_compared(models, rows)], counts)
        for title, first, rows in (("Means by family", [noisy], means),
                                   ("The worst tenth by family", [], worst))
    )  # fmt: skip


def _compared(models: Sequence[Model], rows: Sequence[Mapping[str, Row]]) -> list[Line]:
    lines = [Line(one.name, "", row) for one, row in zip(models, rows, strict=True)]
    return [*lines, Line("difference", "main", difference(*rows), signed=True)]


def _verification(models: Sequence[Model]) -> str:
    """Error curves and their figures; nothing where nothing was verified."""
    first = models[0].evaluation.verification
    found = [(name, style, first[name])
             for name, style in (("clean", "c2"), ("noisy", "plain")) if name in first]  # fmt: skip
    found += [(one.name, style, one.evaluation.verification["cleaned"])
              for one, style in zip(models, STYLES, strict=False)
              if "cleaned" in one.evaluation.verification]  # fmt: skip
    if not found:
        return ""
    curves = [Series(name, style, [(x, y, "") for x, y in zip(one.fpr, one.fnr, strict=True)])
              for name, style, one in found]  # fmt: skip
    drawn = error_plot("Error rates over all thresholds", curves,
                       {name: one.eer for name, _, one in found})  # fmt: skip
    rows = "".join(_verified(name, one) for name, _, one in found)
    heads = "".join(f"<th>{head}</th>" for head in ("Probes", "EER, %", "AUC, %", "Pictures"))
    return (
        '<h2>Does cleaning help verification?</h2><p class="soft">Genuine signatures against '
        "skilled forgeries, one threshold for all writers, references always clean, the "
        "families of noise in turn; the equal error rate (EER) lies where a curve crosses the "
        "diagonal.</p>"
        f'<div class="charts">{drawn}<div class="card"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></div>"
    )


def _verified(name: str, one: Verification) -> str:
    return (
        f"<tr><td>{escape(name)}</td><td>{100 * one.eer:.2f}</td><td>{100 * one.auc:.2f}</td>"
        f"<td>{one.genuine} + {one.forged}</td></tr>"
    )


def _pictures(shown: Sequence[Shown], compared: bool) -> str:
    if not shown:
        return ""
    title = "What changed most" if compared else "The worst pictures, by F or by ink kept"
    articles = "".join(_case(number, one) for number, one in enumerate(shown, 1))
    moves = (("ArrowLeft", "‹", "Picture before"), ("ArrowRight", "›", "Next picture"),
             ("ArrowUp", "↑", "Case before"), ("ArrowDown", "↓", "Next case"))  # fmt: skip
    buttons = "".join(
        f'<button type="button" data-move="{key}" aria-label="{label}" title="{label}">{sign}'
        "</button>"
        for key, sign, label in moves
    )
    return (
        f'<h2>{title}</h2><p class="soft">Press a picture to see it large; the arrow keys go to '
        f"the others.</p>{articles}"
        '<dialog aria-label="Picture"><form method="dialog"><p>'
        f'{buttons}<b id="what"></b><span class="soft" id="which"></span>'
        '<button class="close" aria-label="Close" title="Close">✕</button></p></form>'
        '<img alt=""></dialog>'
    )


def _case(number: int, shown: Shown) -> str:
    figures = "".join(
        f'<figure><button aria-label="Enlarge: {escape(name)}, {escape(shown.title)}">'
        f'<img decoding="async" src="{data_url(picture)}" alt="{escape(name)}" '
        f'width="{picture.width}" height="{picture.height}"></button>'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, picture in shown.pictures
    )
    return (
        f'<article class="card case"><h3>{number}. {escape(shown.title)} '
        f'<small>{escape(shown.said)}</small></h3><div class="triple">{figures}</div></article>'
    )


def _settings(models: Sequence[Model]) -> str:
    names = dict.fromkeys(name for one in models for name in one.evaluation.settings)
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{escape(str(one.evaluation.settings.get(name, '–')))}</td>"
                  for one in models)
        + "</tr>"
        for name in names
    )  # fmt: skip
    meanings = "".join(
        f"<tr><td>{escape(figure.label)}</td><td>{escape(figure.meaning)}</td></tr>"
        for figure in FIGURES.values()
    )
    return (
        '<h2>How it was measured</h2><details class="card"><summary>What the figures mean</summary>'
        f'<table class="options"><tbody>{meanings}</tbody></table></details>'
        '<details class="card"><summary>All settings</summary>'
        f'<table class="options"><tbody>{rows}</tbody></table></details>'
    )
