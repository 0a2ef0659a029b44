"""`sigclean evaluate`: measure how well a model cleans; write the figures and a web page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from sigclean.errors import ImageError, SigcleanError, one_line
from sigclean.evaluation.evaluation_set import EvaluationSet
from sigclean.extras import require
from sigclean.model_files.names import DEFAULT_MODEL

if TYPE_CHECKING:
    from sigclean.cleaner import SignatureCleaner
    from sigclean.evaluation.cases import Case
    from sigclean.evaluation.scores import Evaluation

EPILOG = """\
examples:
  sigclean evaluate --clean signatures --noise all -o report
  sigclean evaluate --clean truth --noisy scans -o report       pairs have the same name
  sigclean evaluate --dataset dataset -o report                 testA and testB
  sigclean evaluate --noisy scans -o report                     no clean versions
  sigclean evaluate --dataset dataset --compare default run/weights -o report
  sigclean evaluate --compare old/evaluation.json new/evaluation.json -o report

The report folder gets index.html and evaluation.json. Pictures that cannot be used are named and
left out; the exit status is then 1.
"""
MEASURING_PACKAGES = ("cv2", "skimage", "torch", "torchmetrics")


PICTURES = {
    "--clean": "folder of clean signatures: the truth of --noisy, or pictures to make --noise on",
    "--noisy": "folder of noisy pictures; without their clean versions in --clean, only the share "
    "of ink that is kept is measured",
    "--dataset": "data set made by sigclean prepare; its testA and testB are measured",
    "--verification": "folder with a sub-folder for each writer, which holds clean pictures "
    "genuine_* and forged_*: measure how well forgeries are recognised when clean, noisy and "
    "cleaned; the kinds of --noise are used in turn",
}
MATERIAL = {
    "--fonts": "folder of fonts for printed text (default: the system's)",
    "--documents": "folder of scanned pages without signatures",
    "--papers": "folder of pictures of papers and blank cheques",
    "--stamps": "folder of pictures of stamps, on transparent or white paper",
}


@dataclass(frozen=True)
class Models:
    """The models to measure.

    Attributes:
        sources: weights, or None for the packaged ones; of two models that are compared each can be
            the path of an earlier evaluation instead.
        revision, device: as in `SignatureCleaner.from_pretrained`.
        workers: the number of processes.
    """

    sources: tuple[str | Path | None, ...]
    revision: str | None
    device: str
    workers: int


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure how well a model cleans; write a report",
        description="Measure how well a model cleans, or compare two models; write a report.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="REPORT_DIR",
        help="folder of the report, created if it does not exist",
    )
    _add_folders(parser.add_argument_group("pictures"), PICTURES)
    _add_noise(parser.add_argument_group("noise that is made on --clean and --verification"))
    _add_models(parser.add_argument_group("models"))
    parser.set_defaults(run=run)


def _add_folders(group: argparse._ArgumentGroup, helps: Mapping[str, str]) -> None:
    for option, text in helps.items():
        group.add_argument(option, type=Path, metavar="DIR", help=text)


def _add_noise(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--noise",
        metavar="all|FAMILY[,...]",
        help="kinds of noise, each measured on its own: seed (a few rules and a printed name), "
        "paper, cheque, document, form, rules, text, stamp, frame, office, dirt, scan, photo, "
        "colour, turned, bars, mix (several on one page), none (clean input); all: every one",
    )
    count = "number of signatures of --clean to use, spread evenly over the folder (default: 60)"
    group.add_argument("--count", type=int, default=60, help=count)
    seed = "seed of the noise: the same seed makes the same noise (default: 7)"
    group.add_argument("--seed", type=int, default=7, help=seed)
    _add_folders(group, MATERIAL)


def _add_models(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    text = "model to measure: a weights folder or Hub repository (default: the packaged model)"
    add("--weights", metavar="PATH|USER/REPO", help=text)
    text = (
        "two models to measure side by side, in place of --weights: each a weights folder, a Hub "
        f"repository, '{DEFAULT_MODEL}' (the packaged model), or an evaluation.json of before"
    )
    add("--compare", nargs=2, metavar=("A", "B"), help=text)
    add("--revision", help="branch, tag or commit of the repository of --weights")
    text = (
        "device that cleans (default: auto, a GPU if there is one); an unavailable device is an "
        "error"
    )
    add("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"), help=text)
    text = "processes that clean on the CPU, each with one thread (default: %(default)s)"
    add("--workers", type=int, default=1, metavar="N", help=text)


def run(args: argparse.Namespace) -> int:
    """Measure, write the report, print a short table; returns 1 if pictures were left out."""
    require("jinja2", extra="evaluate", purpose="a report")
    if args.compare and (args.weights or args.revision):
        raise SigcleanError("--compare names both models: leave out --weights and --revision")
    if args.workers < 1:
        raise SigcleanError(f"--workers must be at least 1, not {args.workers}")
    pictures = EvaluationSet(**{one.name: getattr(args, one.name) for one in fields(EvaluationSet)})
    models = Models(_sources(args), args.revision, args.device, args.workers)
    problems = list(dict.fromkeys(_evaluate(pictures, models, args.output)))
    for problem in problems:
        print(f"sigclean: skipped: {one_line(problem)}", file=sys.stderr)
    if problems:
        print(f"sigclean: {len(problems)} pictures were left out", file=sys.stderr)
    return 1 if problems else 0


def _sources(args: argparse.Namespace) -> tuple[str | Path | None, ...]:
    from sigclean.evaluation.comparing import is_evaluation

    if not args.compare:
        return (args.weights,)
    weights = {DEFAULT_MODEL: None}
    return tuple(Path(one) if is_evaluation(one) else weights.get(one, one) for one in args.compare)


def _evaluate(pictures: EvaluationSet, models: Models, folder: Path) -> list[str]:
    """Measure the models and write the report; returns a sentence for each unusable picture."""
    from sigclean.evaluation.comparing import read_evaluation
    from sigclean.evaluation.writing import write_comparison, write_evaluation

    measures = not all(isinstance(source, Path) for source in models.sources)
    pictures.check(needed=measures)
    if measures:
        require(*MEASURING_PACKAGES, extra="evaluate", purpose="measuring")
    _check_writable(folder)
    cases, problems = pictures.cases() if measures else ([], [])
    evaluations: list[Evaluation] = []
    cleaners: list[SignatureCleaner | None] = []
    for source in models.sources:
        if isinstance(source, Path):
            evaluations.append(read_evaluation(source))
            cleaners.append(None)
        else:
            evaluation, cleaner, broken = _measure(source, models, pictures, cases)
            evaluations.append(evaluation)
            cleaners.append(cleaner)
            problems += broken
    if len(evaluations) > 1:
        print(write_comparison(folder, evaluations, cleaners, cases))
    else:
        print(write_evaluation(folder, evaluation, cleaner, cases))
    return problems


def _check_writable(folder: Path) -> None:
    """Fail now rather than after hours of measuring. Raises SigcleanError if it is not writable."""
    from sigclean.evaluation.report import PAGE_FILE
    from sigclean.files import atomic_write

    with atomic_write(folder / f"{PAGE_FILE}.part") as draft:
        draft.touch()
    (folder / f"{PAGE_FILE}.part").unlink()


def _measure(
    source: str | None, models: Models, pictures: EvaluationSet, cases: list[Case]
) -> tuple[Evaluation, SignatureCleaner, list[str]]:
    """Load a model and measure it on all cases, with a progress bar on a terminal.

    Returns:
        The evaluation, the model, and one sentence for each picture that could not be used.
    """
    from sigclean.bulk.progress import progress_bar
    from sigclean.cleaner import SignatureCleaner
    from sigclean.evaluation.measuring import measure, model_name
    from sigclean.evaluation.scores import Evaluation

    cleaner = SignatureCleaner.from_pretrained(
        source,
        revision=models.revision,
        device=models.device,
        runtime="torch",  # other processes can be handed its networks
    )
    assert cleaner.folder is not None  # it was loaded from one
    name = model_name(source, cleaner.folder)
    with progress_bar(len(cases), "picture") as progress:

        def tick() -> None:
            progress.update()

        found = measure(cleaner, cases, workers=models.workers, on_case=tick)
    problems = list(found.broken)
    try:
        rates = pictures.verify(cleaner)
    except ImageError as error:  # the figures measured before must not be lost with it
        rates = {}
        problems.append(f"no verification: {error}")
    settings = pictures.settings()
    evaluation = Evaluation(name, settings, found.cases, rates, found.milliseconds)
    return evaluation, cleaner, problems
