"""`sigclean evaluate`: how well a model cleans, as figures, and as a page to look at."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigclean.errors import ImageError, SigcleanError, one_line
from sigclean.extras import require
from sigclean.model_files.names import DEFAULT_MODEL

if TYPE_CHECKING:
    from sigclean.cleaner import SignatureCleaner
    from sigclean.evaluation.cases import Case
    from sigclean.evaluation.scores import Evaluation, Verification
    from sigclean.noise import Material

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


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `sigclean`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure how well a model cleans",
        description="Measure a model on pictures, or compare two; write figures and a page.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="REPORT_DIR")
    _add_pictures(parser.add_argument_group("pictures"))
    _add_noise(parser.add_argument_group("noise that is made"))
    _add_models(parser.add_argument_group("models"))
    parser.set_defaults(run=run)


def _add_pictures(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--clean", type=Path, metavar="DIR", help="clean signatures, the truth")
    group.add_argument("--noisy", type=Path, metavar="DIR", help="noisy pictures")
    group.add_argument("--dataset", type=Path, metavar="DATASET", help="made by sigclean prepare")
    group.add_argument(
        "--verification",
        type=Path,
        metavar="DIR",
        help="folders of writers with genuine_* and forged_*: does cleaning help to tell them? "
        "They get the families of --noise in turn",
    )


def _add_noise(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--noise", help="for --clean: all, or families joined by commas, also none and mix"
    )
    group.add_argument("--count", type=int, default=60, help="signatures (default: 60)")
    group.add_argument("--seed", type=int, default=7, help="(default: 7)")
    group.add_argument("--fonts", type=Path, metavar="DIR", help="default: the system's")
    group.add_argument("--documents", type=Path, metavar="DIR", help="pages without signatures")
    group.add_argument("--papers", type=Path, metavar="DIR", help="papers, blank cheques")
    group.add_argument("--stamps", type=Path, metavar="DIR", help="stamps, transparent or white")


def _add_models(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--weights", metavar="PATH|USER/REPO", help="a weights folder or a Hub repository"
    )
    group.add_argument("--revision", help="branch, tag or commit of the Hub repository")
    group.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    group.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help=f"two models side by side: weights, '{DEFAULT_MODEL}', or evaluation.json files",
    )
    group.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default: 1)")


def run(args: argparse.Namespace) -> int:
    """Measure, write the report, print a short table; returns 1 if pictures were left out."""
    from sigclean.evaluation.comparing import is_evaluation

    sources = args.compare or [args.weights]
    earlier = [bool(args.compare) and is_evaluation(source) for source in sources]
    _check(args, needs_pictures=not all(earlier))
    if not all(earlier):
        packages = ("cv2", "skimage", "torch", "torchmetrics")
        require(*packages, extra="evaluate", purpose="measuring")
    _make_folder(args.output)
    problems: list[str] = []
    cases = [] if all(earlier) else _cases(args, problems)
    if args.verification:
        _check_writers(args.verification)
    measured = [
        _measure(args, source, cases, problems) if not old else _read(source)
        for source, old in zip(sources, earlier, strict=True)
    ]
    _report(args, [one for one, _ in measured], [cleaner for _, cleaner in measured], cases)
    problems = list(dict.fromkeys(problems))
    for problem in problems:
        print(f"sigclean: skipped: {one_line(problem)}", file=sys.stderr)
    if problems:
        print(f"sigclean: {len(problems)} pictures were left out", file=sys.stderr)
    return 1 if problems else 0


def _check(args: argparse.Namespace, needs_pictures: bool) -> None:
    """Raises SigcleanError for options that do not go together."""
    ways = [bool(args.clean or args.noisy), bool(args.dataset)]
    if sum(ways) > 1:
        raise SigcleanError("--dataset has its own pictures: leave out --clean and --noisy")
    if needs_pictures and not any(ways):
        raise SigcleanError("nothing to measure: give --clean, --noisy or --dataset")
    if args.noise and (args.noisy or not args.clean):
        raise SigcleanError("--noise is made on the pictures of --clean, without --noisy")
    if needs_pictures and args.clean and not (args.noisy or args.noise):
        raise SigcleanError("--clean needs --noisy, or --noise all")
    if args.compare and (args.weights or args.revision):
        raise SigcleanError("--compare names both models: leave out --weights and --revision")
    if args.verification and not needs_pictures:
        raise SigcleanError("--verification needs a model that is measured, not earlier figures")
    if args.workers < 1:
        raise SigcleanError(f"--workers must be at least 1, not {args.workers}")


def _make_folder(folder: Path) -> None:
    """Before hours of measuring, not after them. Raises SigcleanError if it cannot be written."""
    from sigclean.evaluation.report import PAGE_FILE
    from sigclean.files import atomic_write

    with atomic_write(folder / f"{PAGE_FILE}.part") as draft:
        draft.touch()
    (folder / f"{PAGE_FILE}.part").unlink()


def _check_writers(folder: Path) -> None:
    """Likewise. Raises DataError if nothing in the folder can be verified."""
    from sigclean.evaluation.verification import find_writers

    find_writers(folder)


def _cases(args: argparse.Namespace, problems: list[str]) -> list[Case]:
    """The pictures asked for; what has no counterpart is added to the problems."""
    from sigclean.evaluation import cases

    if args.dataset:
        return cases.dataset_cases(args.dataset)
    if args.clean and args.noisy:
        found, alone = cases.paired_cases(args.clean, args.noisy)
        problems += alone
        return found
    if args.clean:
        families = cases.chosen_families(args.noise)
        return cases.noise_cases(args.clean, families, args.count, args.seed, _material(args))
    return cases.real_cases(args.noisy)


def _material(args: argparse.Namespace) -> Material:
    from sigclean.noise import find_material

    return find_material(args.fonts, args.documents, args.papers, args.stamps)


def _read(source: str) -> tuple[Evaluation, None]:
    from sigclean.evaluation.comparing import read_evaluation

    return read_evaluation(Path(source)), None


def _measure(
    args: argparse.Namespace, source: str | None, cases: list[Case], problems: list[str]
) -> tuple[Evaluation, SignatureCleaner]:
    """One model on all cases, with a progress bar on a terminal."""
    from tqdm import tqdm

    from sigclean.cleaner import SignatureCleaner
    from sigclean.evaluation.measuring import measure, model_name
    from sigclean.evaluation.scores import Evaluation

    source = None if args.compare and source == DEFAULT_MODEL else source
    cleaner = SignatureCleaner.from_pretrained(
        source,
        revision=args.revision,
        device=args.device,
        runtime="torch",  # other processes can be handed its networks
    )
    assert cleaner.folder is not None  # it was loaded from one
    name = model_name(source, cleaner.folder)
    with tqdm(total=len(cases), unit="picture", disable=not sys.stderr.isatty()) as progress:

        def tick() -> None:
            progress.update()

        found = measure(cleaner, cases, workers=args.workers, on_case=tick)
    problems += found.broken
    verification = _verify(args, cleaner, problems)
    settings = _settings(args)
    return Evaluation(name, settings, found.cases, verification, found.milliseconds), cleaner


def _verify(
    args: argparse.Namespace, cleaner: SignatureCleaner, problems: list[str]
) -> dict[str, Verification]:
    """By condition; nothing if it was not asked for, or a picture is broken, which is added to the
    problems: what was measured before must not be lost with it."""
    if not args.verification:
        return {}
    from sigclean.evaluation.cases import chosen_families
    from sigclean.evaluation.verification import verify

    families = chosen_families(args.noise or "all")
    try:
        return verify(
            cleaner,
            args.verification,
            families=families,
            seed=args.seed,
            material=_material(args),
        )
    except ImageError as error:
        problems.append(f"no verification: {error}")
        return {}


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """All that decides the figures; of folders the names, since paths tell of people."""
    from sigclean.version import __version__

    folders = ("clean", "noisy", "dataset", "verification",
               "fonts", "documents", "papers", "stamps")  # fmt: skip
    named = {name: getattr(args, name).resolve().name for name in folders if getattr(args, name)}
    made = {name: getattr(args, name) for name in ("noise", "count", "seed")} if args.noise else {}
    if args.verification:
        made |= {"seed": args.seed, "noise": args.noise or "all"}
    return {"sigclean": __version__, **named, **made}


def _report(
    args: argparse.Namespace,
    evaluations: list[Evaluation],
    cleaners: list[SignatureCleaner | None],
    cases: list[Case],
) -> None:
    """Write the files and print the short table."""
    from sigclean.evaluation.writing import write_comparison, write_evaluation

    if args.compare:
        print(write_comparison(args.output, evaluations, cleaners, cases))
        return
    cleaner = cleaners[0]
    assert cleaner is not None  # without --compare nothing is read from a file
    print(write_evaluation(args.output, evaluations[0], cleaner, cases))
