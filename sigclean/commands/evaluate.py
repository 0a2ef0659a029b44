"""`sigclean evaluate`: measure how well a model cleans, as figures and as a page to look at."""

from __future__ import annotations

import argparse
import sys
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
  sigclean evaluate --clean truth --noisy scans -o report       the same names are pairs
  sigclean evaluate --dataset dataset -o report                 its test side
  sigclean evaluate --noisy scans -o report                     without truth
  sigclean evaluate --dataset dataset --compare default run/weights -o report
  sigclean evaluate --compare old/evaluation.json new/evaluation.json -o report

The report folder gets index.html and evaluation.json. Pictures that cannot be used are named and
left out; the exit status is then 1.
"""
MEASURING_PACKAGES = ("cv2", "skimage", "torch", "torchmetrics")


@dataclass(frozen=True)
class Models:
    """The models to measure.

    Attributes:
        sources: the weights of one model, None for the packaged ones; or of two that are compared,
            each of which can be an earlier evaluation instead.
        compared: whether there are two.
        revision: branch, tag or commit of a Hub repository.
        device: the device that computes.
        workers: the number of processes.
    """

    sources: tuple[str | None, ...]
    compared: bool
    revision: str | None
    device: str
    workers: int

    def check(self) -> None:
        """Raise SigcleanError if there is no process."""
        if self.workers < 1:
            raise SigcleanError(f"--workers must be at least 1, not {self.workers}")

    def load(self, source: str | None) -> SignatureCleaner:
        """Load the model of a source. Raises WeightsError if it cannot be loaded."""
        from sigclean.cleaner import SignatureCleaner

        return SignatureCleaner.from_pretrained(
            source,
            revision=self.revision,
            device=self.device,
            runtime="torch",  # other processes can be handed its networks
        )


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure how well a model cleans",
        description="Measure a model on pictures, or compare two; write figures and a page.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="REPORT_DIR",
        help="folder for index.html and evaluation.json",
    )
    _add_pictures(parser.add_argument_group("pictures"))
    _add_noise(parser.add_argument_group("noise that is made on --clean and --verification"))
    _add_models(parser.add_argument_group("models"))
    parser.set_defaults(run=run)


def _add_pictures(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--clean",
        type=Path,
        metavar="DIR",
        help="clean signatures: the truth of --noisy, or pictures that --noise is made on",
    )
    group.add_argument(
        "--noisy",
        type=Path,
        metavar="DIR",
        help="noisy pictures; without --clean there is no truth, and only the ink kept is measured",
    )
    group.add_argument(
        "--dataset", type=Path, metavar="DATASET", help="test side of a set by sigclean prepare"
    )
    group.add_argument(
        "--verification",
        type=Path,
        metavar="DIR",
        help="folders of writers with clean genuine_* and forged_* pictures: measure whether noise "
        "and cleaning change how well forgeries are told; they get the families of --noise in turn",
    )


def _add_noise(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--noise",
        metavar="all|FAMILY[,...]",
        help="families, each measured on its own: seed, paper, cheque, document, form, rules, "
        "text, stamp, scan, photo, mix (several on one page), none (clean input); all: every one",
    )
    group.add_argument(
        "--count",
        type=int,
        default=60,
        help="clean signatures that get noise, spread over the folder (default: %(default)s)",
    )
    group.add_argument(
        "--seed", type=int, default=7, help="seed of the noise (default: %(default)s)"
    )
    for name, what in (
        ("fonts", "fonts of printed text (default: the system's)"),
        ("documents", "scanned pages without signatures"),
        ("papers", "pictures of papers and blank cheques"),
        ("stamps", "pictures of stamps, on white or transparent"),
    ):
        group.add_argument(f"--{name}", type=Path, metavar="DIR", help=what)


def _add_models(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--weights",
        metavar="PATH|USER/REPO",
        help="model to measure: a weights folder or Hub repository (default: the packaged model)",
    )
    group.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="two models to measure side by side, in place of --weights: each a weights folder, a "
        f"Hub repository, '{DEFAULT_MODEL}' (the packaged model), or an evaluation.json of before",
    )
    group.add_argument("--revision", help="branch, tag or commit of the repository of --weights")
    group.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="device that cleans (default: auto, a GPU if there is one); an unavailable device is "
        "an error",
    )
    group.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes that clean on the CPU, each with one thread (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Measure, write the report, print a short table; returns 1 if pictures were left out."""
    require("jinja2", extra="evaluate", purpose="a report")
    pictures, models = _parse(args)
    return _evaluate(pictures, models, args.output)


def _parse(args: argparse.Namespace) -> tuple[EvaluationSet, Models]:
    """Raises SigcleanError for options of the models that do not go together."""
    if args.compare and (args.weights or args.revision):
        raise SigcleanError("--compare names both models: leave out --weights and --revision")
    pictures = EvaluationSet(**{one.name: getattr(args, one.name) for one in fields(EvaluationSet)})
    sources = tuple(args.compare or [args.weights])
    models = Models(sources, bool(args.compare), args.revision, args.device, args.workers)
    models.check()
    return pictures, models


def _evaluate(pictures: EvaluationSet, models: Models, folder: Path) -> int:
    from sigclean.evaluation.comparing import is_evaluation, read_evaluation

    earlier = [models.compared and is_evaluation(str(source)) for source in models.sources]
    pictures.check(needed=not all(earlier))
    if not all(earlier):
        require(*MEASURING_PACKAGES, extra="evaluate", purpose="measuring")
    _check_writable(folder)
    cases, problems = ([], []) if all(earlier) else pictures.cases()
    evaluations: list[Evaluation] = []
    cleaners: list[SignatureCleaner | None] = []
    for source, is_earlier in zip(models.sources, earlier, strict=True):
        if is_earlier:
            evaluations.append(read_evaluation(Path(str(source))))
            cleaners.append(None)
            continue
        source = None if models.compared and source == DEFAULT_MODEL else source
        cleaner = models.load(source)
        evaluation, broken = _measure(cleaner, source, pictures, cases, models.workers)
        evaluations.append(evaluation)
        cleaners.append(cleaner)
        problems += broken
    _report(folder, evaluations, cleaners, cases)
    return _tell(list(dict.fromkeys(problems)))


def _check_writable(folder: Path) -> None:
    """Fail now rather than after hours of measuring. Raises SigcleanError if it is not writable."""
    from sigclean.evaluation.report import PAGE_FILE
    from sigclean.files import atomic_write

    with atomic_write(folder / f"{PAGE_FILE}.part") as draft:
        draft.touch()
    (folder / f"{PAGE_FILE}.part").unlink()


def _measure(
    cleaner: SignatureCleaner,
    source: str | None,
    pictures: EvaluationSet,
    cases: list[Case],
    workers: int,
) -> tuple[Evaluation, list[str]]:
    """Measure one model on all cases, with a progress bar on a terminal.

    Returns:
        The evaluation, and one sentence for each picture that could not be used.
    """
    from tqdm import tqdm

    from sigclean.evaluation.measuring import measure, model_name
    from sigclean.evaluation.scores import Evaluation

    assert cleaner.folder is not None  # it was loaded from one
    name = model_name(source, cleaner.folder)
    with tqdm(total=len(cases), unit="picture", disable=not sys.stderr.isatty()) as progress:

        def tick() -> None:
            progress.update()

        found = measure(cleaner, cases, workers=workers, on_case=tick)
    problems = list(found.broken)
    try:
        rates = pictures.verify(cleaner)
    except ImageError as error:  # the figures measured before must not be lost with it
        rates = {}
        problems.append(f"no verification: {error}")
    settings = pictures.settings()
    return Evaluation(name, settings, found.cases, rates, found.milliseconds), problems


def _report(
    folder: Path,
    evaluations: list[Evaluation],
    cleaners: list[SignatureCleaner | None],
    cases: list[Case],
) -> None:
    """Write the files and print the short table."""
    from sigclean.evaluation.writing import write_comparison, write_evaluation

    if len(evaluations) > 1:
        print(write_comparison(folder, evaluations, cleaners, cases))
        return
    cleaner = cleaners[0]
    assert cleaner is not None  # without --compare nothing is read from a file
    print(write_evaluation(folder, evaluations[0], cleaner, cases))


def _tell(problems: list[str]) -> int:
    """Print the pictures that were left out; returns the exit status."""
    for problem in problems:
        print(f"sigclean: skipped: {one_line(problem)}", file=sys.stderr)
    if problems:
        print(f"sigclean: {len(problems)} pictures were left out", file=sys.stderr)
    return 1 if problems else 0
