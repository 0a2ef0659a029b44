"""Fit the judge of `sigclean.finding` to drawn pages; writes `sigclean/finding/judge.json`.

    python benchmarks/fit_judge.py DATA                       # DATA as for fit_finder.py
    python benchmarks/fit_judge.py --documents PAGES --clean SIGNATURES --words WORDS \
        --stamps STAMPS --papers PAPERS --cheques CHEQUES

Run it again when the cleaner's weights or the finder's network have changed. With DATA, pages are
made of the files that `fit_finder.py` holds out: the network is surer of what it has learned from.

It learns how well a candidate's box fits a signature's. Its bias is then moved so that on pages
that it did not learn from, 0.5 is the score at which signatures found less false boxes is largest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from finder_sources import split_sources
from logistic_fit import fit, save
from page_sheets import SIDES
from regions import add_sources, matches, sources_of, true_boxes
from signed_pages import KINDS, make_page

from sigclean import SignatureCleaner
from sigclean.compositing.results import MARGIN
from sigclean.finding.boxes import overlaps
from sigclean.finding.find import Found, choose, measured, whole_box
from sigclean.finding.judge import FILE
from sigclean.finding.sheet import read_sheet
from sigclean.letterbox import Box
from sigclean.pieces.logistic import Judge

OFTEN = {"unsigned": 3, "plain": 2, "form": 2}  # pages of these kinds, for one of the others
POOR, GOOD = 0.5, 0.85  # overlap of a box with a signature's: worth nothing, and all
RIDGE = 60.0  # penalty of the weights' squares
FOLDS = 5  # parts of the pages, each judged by what was learned from the others
FALSE = 1.5  # signatures that one false box costs


@dataclass(frozen=True)
class Case:
    """The candidates of a page, in pixels of the map.

    Attributes:
        known: the candidates.
        whole: the box with a margin that would be suggested for each candidate's box.
        boxes: those of the signatures, with a margin.
    """

    known: list[Found]
    whole: dict[Box, Box]
    boxes: list[Box]

    def worth(self) -> list[float]:
        """For each candidate in [0, 1] how well its box fits that of a signature."""
        if not self.boxes:
            return [0.0] * len(self.known)
        best = [overlaps(self.boxes, self.whole[one.candidate.box]).max() for one in self.known]
        return [float(np.clip((value - POOR) / (GOOD - POOR), 0, 1)) for value in best]


def main() -> None:
    """Make the pages, fit the judge, write it."""
    args = _arguments()
    begin = time.perf_counter()
    cleaner = SignatureCleaner.from_pretrained(args.weights, threads=1)
    kinds = [kind for kind in KINDS for _ in range(OFTEN.get(kind, 1))]
    cases = [_case(args, cleaner, kinds, number) for number in range(args.pages)]
    judge = fit_to(cases)
    save(replace(judge, bias=judge.bias - best_bias(cases)), args.output)
    print(f"{args.output}: {args.pages} pages, {time.perf_counter() - begin:.0f} s")


def fit_to(cases: Sequence[Case]) -> Judge:
    """Fit a judge to the candidates of pages."""
    measures = np.array([one.measures for case in cases for one in case.known], np.float32)
    wanted = np.array([value for case in cases for value in case.worth()])
    return fit(measures, wanted, RIDGE)


def best_bias(cases: Sequence[Case]) -> float:
    """The logit at which found signatures less false boxes are most, on pages not learned from."""
    judged: list[Case] = []
    for fold in range(FOLDS):
        judge = fit_to([case for place, case in enumerate(cases) if place % FOLDS != fold])
        for case in cases[fold::FOLDS]:
            scores = judge.scores([one.measures for one in case.known]) if case.known else []
            scored = [
                replace(one, score=float(score))
                for one, score in zip(case.known, scores, strict=True)
            ]
            judged.append(replace(case, known=scored))
    best = (-1e9, 0.0)
    for bias in np.arange(-1.5, 2.0, 0.1):
        found, false = 0, 0
        for case in judged:
            chosen = choose([_moved(one, bias) for one in case.known])
            boxes = [case.whole[one.candidate.box] for one in chosen]
            hits = matches(boxes, case.boxes)
            found, false = found + hits, false + len(boxes) - hits
        best = max(best, (found - FALSE * false, float(bias)))
        print(f"bias {bias:.1f}: {found} found, {false} false")
    return best[1]


def _moved(one: Found, bias: float) -> Found:
    logit = np.log(one.score + 1e-9) - np.log(1 - one.score + 1e-9)
    return replace(one, score=float(1 / (1 + np.exp(bias - logit))))


def _case(
    args: argparse.Namespace,
    cleaner: SignatureCleaner,
    kinds: Sequence[str],
    number: int,
) -> Case:
    """Make a page and its candidates."""
    rng = np.random.default_rng([args.seed, 77, number])
    page, truths = make_page(rng, kinds[number % len(kinds)], args.sources)
    sheet = read_sheet(page, cleaner)
    if sheet is None:
        return Case([], {}, [])
    boxes = true_boxes(truths, max(sheet.ink.shape) / max(page.size))
    known = measured(sheet)
    whole = {one.candidate.box: _with_margin(whole_box(one.candidate, sheet)) for one in known}
    return Case(known, whole, boxes)


def _with_margin(box: Box) -> Box:
    room = round(MARGIN * max(box[2] - box[0], box[3] - box[1]))
    return box[0] - room, box[1] - room, box[2] + room, box[3] + room


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fit the judge of the finder.")
    parser.add_argument("data", type=Path, nargs="?", help="a folder as fit_finder.py takes it")
    add_sources(parser)
    parser.add_argument("--weights", help="a folder or Hub repository; the packaged model without")
    parser.add_argument("--pages", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=FILE)
    args = parser.parse_args()
    args.sources = split_sources(args.data, True)[0] if args.data else sources_of(args)
    args.sources = replace(args.sources, sides=SIDES)
    return args


if __name__ == "__main__":
    main()
