"""The model card of a run: `model_card.md` is the template, the facts of the run fill it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigclean.errors import DataError, one_line
from sigclean.model_files.config import ModelConfig
from sigclean.reports.figures import FIGURES, VALIDATED

if TYPE_CHECKING:
    from jinja2 import Template

METRICS = {name: (FIGURES[name].metric, FIGURES[name].in_full) for name in VALIDATED}


@dataclass(frozen=True)
class Measured:
    """The result of a validation."""

    step: int  # the step after which it was made
    pairs: int  # number of pictures with known truth whose mean it is
    cleaned: Mapping[str, float]  # f, recall, precision (per cent), psnr (dB)
    noisy: Mapping[str, float]  # the same figures of the noisy pictures as they are


@dataclass(frozen=True)
class CardFacts:
    """The facts that the template may use; it has no other source."""

    name: str  # of the run
    source: str  # what `SignatureCleaner.from_pretrained` takes
    model: ModelConfig  # G_B as its config.json describes it
    weight_count: int  # of G_B
    license: str  # of the weights, as the Hub names it; "" if it was not stated
    base_model: str  # Hub repository whose weights G_B began with, or ""
    dataset: str  # its name on the Hub, or that of its folder, never a path; "" if it was drawn
    on_hub: bool  # True if `dataset` is one of the Hub
    noise: str  # families of noise made on the fly; "" if the pictures were noisy already
    noisy: str  # name of the folder of real noisy pictures beside them, or ""
    clean: int | None  # pictures for training of domain A; None if a stream does not know
    pairs: int | None  # those of domain B with known truth, likewise
    unpaired: int  # those of domain B without known truth
    options: Mapping[str, Any]  # those that differ from the defaults and affect the weights
    step: int  # steps done
    end: int  # steps planned
    ended: bool  # true at the end of the training, perhaps by its time limit
    adapted: str  # the verdict on an adaptation, a sentence; "" without one
    warmup_steps: int  # planned steps of G_B alone
    processes: int
    batch: int  # pictures in a step of all processes together
    precision: str  # arithmetic of the training
    device: str  # processor of the training
    seed: int
    versions: Mapping[str, str]  # of the software, by name
    measured: Measured | None  # the latest validation
    samples: bool  # True if samples.png lies beside the card


def check_template(path: Path) -> None:
    """Raises DataError if the template is missing or not valid."""
    _load(path)


def fill_card(template: Path, facts: CardFacts) -> str:
    """Fill the template with the facts; returns the text of a README.md for the Hub.

    Raises DataError, naming the template, if it is missing, broken or asks for other facts.
    """
    from jinja2 import TemplateError

    values = {one.name: getattr(facts, one.name) for one in fields(facts)}
    try:
        return _load(template).render(card_data=_header(facts), figures=METRICS, **values)
    except TemplateError as error:
        raise DataError(f"{template} cannot be filled: {error}") from error


def code(text: object) -> str:
    """Quote any text as Markdown code in one line."""
    line = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _load(path: Path) -> Template:
    from jinja2 import Environment, StrictUndefined, TemplateError

    environment = Environment(
        undefined=StrictUndefined,  # a fact that is missing is an error, not a gap
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": code, "yaml": _yaml}
    try:
        return environment.from_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"the card's template {path} cannot be read: {reason}") from error
    except TemplateError as error:
        raise DataError(f"{path} is not a template of a card: {error}") from error


def _yaml(table: Mapping[str, Any]) -> str:
    """Write a table as YAML, each entry in one line, so that no value can end a block of code."""
    plain = {
        key: one_line(value) if isinstance(value, str) else value for key, value in table.items()
    }
    return "\n".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in plain.items()
    )


def _header(facts: CardFacts) -> str:
    """The metadata that the Hub reads, as YAML."""
    from huggingface_hub import EvalResult, ModelCardData

    figures = facts.measured.cleaned if facts.measured else {}
    results = [
        EvalResult(
            task_type="image-to-image",
            dataset_type=facts.dataset if facts.on_hub else "signatures",
            dataset_name=f"{_named(facts.dataset)}, held out",
            metric_type=metric,
            metric_name=words,
            metric_value=figures[key],
        )
        for key, (metric, words) in METRICS.items()
        if key in figures
    ]
    return ModelCardData(
        license=facts.license or "other",
        license_name=None if facts.license else "not-stated-yet",
        library_name="sigclean",
        pipeline_tag="image-to-image",
        tags=["signature", "handwriting", "document-processing", "cyclegan", facts.model.generator],
        datasets=[facts.dataset] if facts.on_hub else None,
        base_model=facts.base_model or None,
        model_name=one_line(facts.name),
        eval_results=results or None,
    ).to_yaml()


def _named(dataset: str) -> str:
    return one_line(dataset) if dataset else "signatures drawn by sigclean"
