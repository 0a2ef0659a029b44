"""Fit the judge of `sigclean.finding` to drawn pages; writes `sigclean/finding/judge.json`.

    python benchmarks/fit_finder.py                                  # all is drawn
    python benchmarks/fit_finder.py --documents PAGES --clean SIGNATURES --words WORDS \
        --stamps STAMPS --papers PAPERS --cheques CHEQUES

Run it again when the cleaner's weights have changed. The same seed and weights give the same file.

The first network chooses which candidates are looked at again; it learns from a third of the pages.
The last one learns from the candidates of the others that were looked at. Each learns how well a
candidate's box fits a signature's. The last one's bias is then moved so that on pages that it did
not learn from, 0.5 is the score at which signatures found less false boxes is largest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from regions import add_sources, matches, sources_of, true_boxes
from signed_pages import KINDS, make_page
from torch import nn

from sigclean import SignatureCleaner
from sigclean.finding.candidates import overlaps
from sigclean.finding.find import Found, choose, look_again, measured
from sigclean.finding.judge import FILE, Judge, Layers
from sigclean.finding.sheet import read_sheet

Boxes = list[tuple[int, int, int, int]]

OFTEN = {"unsigned": 3, "plain": 2, "form": 2}  # pages of these kinds, for one of the others
POOR, GOOD = 0.35, 0.7  # overlap of a box with a signature's: worth nothing, and all
HIDDEN, STEPS, RATE, DECAY = 20, 900, 0.01, 0.02
FALSE = 1.0  # signatures that one false box costs


@dataclass(frozen=True)
class Case:
    """The candidates of a page, and the boxes of its signatures, in pixels of the map."""

    known: list[Found]
    boxes: Boxes

    def worth(self) -> list[float]:
        """For each candidate in [0, 1] how well its box fits that of a signature."""
        if not self.boxes:
            return [0.0] * len(self.known)
        best = [overlaps(self.boxes, one.candidate.box).max() for one in self.known]
        return [float(np.clip((value - POOR) / (GOOD - POOR), 0, 1)) for value in best]


def main() -> None:
    """Make the pages, fit the judge, write it."""
    args = _arguments()
    torch.set_num_threads(1)
    begin = time.perf_counter()
    cleaner = SignatureCleaner.from_pretrained(args.weights, threads=1)
    kinds = [kind for kind in KINDS for _ in range(OFTEN.get(kind, 1))]
    third = args.pages // 3
    cases = [_case(args, cleaner, kinds, number) for number in range(third)]
    first = fit(cases, args.seed)
    print(f"first network: {third} pages, {time.perf_counter() - begin:.0f} s", flush=True)
    cases = [_case(args, cleaner, kinds, number, first) for number in range(third, args.pages)]
    last = fit(cases, args.seed)
    last = replace(last, output_bias=last.output_bias - _bias(cases, args.seed))
    save(Judge(first, last), args.output)
    print(f"{args.output}: {args.pages} pages, {time.perf_counter() - begin:.0f} s")


def fit(cases: Sequence[Case], seed: int) -> Layers:
    """Fit a network to the candidates of pages."""
    inputs = np.array([one.measures for case in cases for one in case.known], np.float32)
    wanted = torch.tensor([value for case in cases for value in case.worth()])
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    seen = torch.from_numpy(np.clip((inputs - mean) / scale, -6, 6))
    torch.manual_seed(seed)
    hidden, output = nn.Linear(inputs.shape[1], HIDDEN), nn.Linear(HIDDEN, 1)
    weights = [*hidden.parameters(), *output.parameters()]
    optimizer = torch.optim.AdamW(weights, RATE, weight_decay=DECAY)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        noisy = seen + 0.1 * torch.randn_like(seen)
        logits = output(torch.tanh(hidden(noisy)))[:, 0]
        loss = nn.functional.binary_cross_entropy_with_logits(logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
    print(f"{len(inputs)} candidates, {int((wanted > 0.5).sum())} good, loss {loss.item():.4f}")
    return Layers(
        mean,
        scale,
        hidden.weight.detach().numpy(),
        hidden.bias.detach().numpy(),
        output.weight.detach().numpy()[0],
        output.bias.item(),
    )


def save(judge: Judge, file: Path) -> None:
    """Write the judge's weights."""
    values = {
        name: {key: _rounded(value) for key, value in vars(layers).items()}
        for name, layers in vars(judge).items()
    }
    file.write_text(json.dumps(values, separators=(",", ":")) + "\n", encoding="utf-8")


def _rounded(value: np.ndarray | float) -> list | float:
    return np.asarray(value, np.float64).round(3).tolist()


def _bias(cases: Sequence[Case], seed: int) -> float:
    """The logit at which found signatures less false boxes are most, on pages not learned from."""
    judged: list[Case] = []
    for half in range(2):
        layers = fit(cases[1 - half :: 2], seed)
        for case in cases[half::2]:
            scores = layers.scores([one.measures for one in case.known]) if case.known else []
            scored = [
                replace(one, score=float(score))
                for one, score in zip(case.known, scores, strict=True)
            ]
            judged.append(Case(scored, case.boxes))
    best = (-1e9, 0.0)
    for bias in np.arange(-1.5, 2.0, 0.1):
        found, false = 0, 0
        for case in judged:
            boxes = [one.candidate.box for one in choose([_moved(o, bias) for o in case.known])]
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
    first: Layers | None = None,
) -> Case:
    """Make a page and its candidates; with a first network those that are looked at again."""
    rng = np.random.default_rng([args.seed, 77, number])
    page, truths = make_page(rng, kinds[number % len(kinds)], args.sources)
    sheet = read_sheet(page, cleaner)
    known = measured(sheet) if sheet else []
    if sheet is None or not known:
        return Case([], [])
    if first is not None:
        scores = first.scores([one.measures for one in known])
        known = look_again(page, sheet, cleaner, known, scores)
    return Case(known, true_boxes(truths, sheet.ink.shape[1] / page.width, margin=0))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fit the judge of the finder.")
    add_sources(parser)
    parser.add_argument("--weights", help="a folder or Hub repository; the packaged model without")
    parser.add_argument("--pages", type=int, default=420)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=FILE)
    args = parser.parse_args()
    args.sources = sources_of(args)
    return args


if __name__ == "__main__":
    main()
