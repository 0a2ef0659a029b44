"""The figures that tell how well pictures are cleaned: their names, meanings and units."""

from dataclasses import dataclass
from typing import Literal

TOLERANCE = "of the ink, one pixel tolerance"


@dataclass(frozen=True)
class Figure:
    """The names, meaning and notation of a figure."""

    name: str  # a legend's or tile's text
    meaning: str  # a definition in a few words, with the unit
    unit: Literal["%", "dB", ""] = "%"  # "%" for shares, "dB", or "" for a bare number
    digits: int = 2  # digits after the point
    better: Literal["higher", "lower", "neither"] = "higher"  # change that is an improvement
    heading: str = ""  # a column's text; the name unless that is too wide
    metric: str = ""  # the name in the Hub's model index, of figures of a validation

    @property
    def column(self) -> str:
        """The text at the head of a column."""
        return self.heading or self.name

    @property
    def in_full(self) -> str:
        """The name on a model card, of figures of a validation."""
        return f"{self.name} (dB)" if self.unit == "dB" else f"{self.name} {TOLERANCE} (%)"

    def written(self, value: float, signed: bool = False) -> str:
        """Write a value without its unit; a share in [0, 1] becomes per cent."""
        scale = 100 if self.unit == "%" else 1
        return f"{scale * value:{'+' if signed else ''}.{self.digits}f}"


FIGURES = {
    "f": Figure(
        "F-measure",
        "harmonic mean of recall and precision, one pixel of tolerance, %",
        heading="F",
        metric="f1",
    ),
    "recall": Figure("Recall", "truth ink within one pixel of result ink, %", metric="recall"),
    "precision": Figure(
        "Precision", "result ink within one pixel of truth ink, %", metric="precision"
    ),
    "exact_f": Figure("Exact F", "F without tolerance, %"),
    "exact_recall": Figure("Exact R", "recall without tolerance, %"),
    "exact_precision": Figure("Exact P", "precision without tolerance, %"),
    "pseudo_f": Figure("Pseudo-F", "F of exact P and the share of the skeleton that is found, %"),
    "drd": Figure("DRD", "distance reciprocal distortion, lower is better", "", better="lower"),
    "psnr": Figure("PSNR", "of the grey pictures, dB", "dB", metric="psnr"),
    "ssim": Figure("SSIM", "of the grey pictures, 1 is equal", "", 4),
    "kept": Figure(  # a rise can be print left or strokes kept
        "Kept", "input ink that is in the result, %", better="neither"
    ),
    "lost": Figure("Lost", "truth ink that is not in the result, %", better="lower"),
    "invented": Figure(
        "Invented", "result ink more than two pixels from input ink, %", digits=3, better="lower"
    ),
    "invented_same_level": Figure(
        "Invented*",
        "the same, ink taken at the higher of both pictures' levels, %",
        digits=3,
        better="lower",
    ),
}

VALIDATED = ("f", "recall", "precision", "psnr")  # figures of a validation; shares in per cent
