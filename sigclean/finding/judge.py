"""The judge of candidates by their measures; `benchmarks/fit_judge.py` fitted it to drawn pages."""

from __future__ import annotations

from pathlib import Path

from sigclean.pieces.logistic import Judge, read_judge

FILE = Path(__file__).with_name("judge.json")


def load_judge() -> Judge:
    """Load the judge, whose scores are those of signatures from 0.5 on."""
    return read_judge(FILE)
