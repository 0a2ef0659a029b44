"""The end of an adaptation: the best blend is kept, or the model as it was; a report shows both."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from sigclean.model_files.weights_folder import read_folder
from sigclean.training.adapting.judge import Judge, Verdict
from sigclean.training.adapting.report import write_report
from sigclean.training.data.domains import Domains


@dataclass
class Adaptation:
    """An adaptation on its way; for the main process.

    Attributes:
        weights: the folder of the model that it began with.
        judge: compares with that model.
        verdict: the judge's word, after `conclude`.
    """

    weights: Path
    judge: Judge
    verdict: Verdict | None = None

    @classmethod
    def begin(cls, weights: Path, test: Domains, device: torch.device) -> Adaptation:
        """Load the model once more, as what the adapted one is compared with."""
        before = read_folder(weights)[0].to(device).eval().requires_grad_(False)
        return cls(weights, Judge(before, test, device))

    def conclude(self, adapted: nn.Module) -> None:
        """Put the best blend into `adapted`, or the model as it was, and say so."""
        best, self.verdict = self.judge.choose(adapted)
        adapted.load_state_dict(best.state_dict())
        tqdm.write(f"train.py: {self.verdict.sentence}", file=sys.stderr)

    def report(self, folder: Path) -> None:
        """Write the report of a run folder, whose G_B is the result; nothing before `conclude`."""
        if self.verdict is not None:
            scans = self.judge.test.unpaired.examples
            path = write_report(folder, self.weights, scans, self.verdict)
            tqdm.write(f"train.py: before and after, side by side: {path}", file=sys.stderr)
