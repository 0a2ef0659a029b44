"""The page adapted.html of a run folder: the scans as they are, cleaned before, and cleaned now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sigclean.cleaner import SignatureCleaner
from sigclean.corpus.signatures import Source, open_picture
from sigclean.errors import ImageError
from sigclean.files import atomic_write_text
from sigclean.metrics import ink_kept, ink_lost
from sigclean.reports.embedding import data_url
from sigclean.reports.pages import render_page
from sigclean.training.adapting.judge import Verdict

PAGE_FILE = "adapted.html"
TEMPLATE = Path(__file__).parent / "templates" / PAGE_FILE
LOOKED_AT = 60  # held-out scans that are cleaned by both models
SHOWN = 20  # those that changed most are shown
FIGURES = (
    ("f_scans", "F on pairs of scans"),
    ("f_other", "F with other noise"),
    ("kept", "Ink of scans that is kept"),
)


@dataclass(frozen=True)
class ShownScan:
    """A scan beside its clean pictures."""

    name: str
    scan: Image.Image
    before: Image.Image
    after: Image.Image
    lost: float  # share of the ink kept before that is erased now
    added: float  # share of the ink kept now that was erased before

    @property
    def said(self) -> str:
        """The figures in words."""
        kept = ink_kept(self.after, self.scan)
        return (
            f"{kept:.1%} of the ink is kept; {self.lost:.1%} of what was kept before is erased, "
            f"{self.added:.1%} of what is kept now was erased before"
        )


def write_report(folder: Path, before: Path, scans: Sequence[Source], verdict: Verdict) -> Path:
    """Clean held-out scans with both models and write the page; returns its path.

    Args:
        folder: the run's, with the adapted model in G_B.
        before: the folder of the model that the adaptation began with.

    Raises SigcleanError if the page cannot be written.
    """
    shown = _most_changed(scans, *map(_cleaner, (before, folder / "G_B")))
    path = folder / PAGE_FILE
    atomic_write_text(
        path,
        render_page(
            TEMPLATE,
            name=folder.resolve().name,
            verdict=verdict,
            numbers=_numbers(verdict),
            shown=shown,
            data_url=data_url,
        ),
    )
    return path


def _cleaner(folder: Path) -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(folder, runtime="torch")


def _numbers(verdict: Verdict) -> list[tuple[str, str, str]]:
    """The figures before and after, for large letters: label, value and unit of each."""
    return [
        (label, f"{verdict.before[name]:.2f} → {verdict.after[name]:.2f}", "%")
        for name, label in FIGURES
        if name in verdict.before
    ]


def _most_changed(
    scans: Sequence[Source], before: SignatureCleaner, after: SignatureCleaner
) -> list[ShownScan]:
    """The scans whose ink differs most between both models, the most changed first."""
    shown = []
    for source in scans[:LOOKED_AT]:
        try:
            scan = open_picture(source)
        except ImageError:  # it was named when the scans were read
            continue
        old, new = before(scan), after(scan)
        shown.append(ShownScan(source.name, scan, old, new, ink_lost(new, old), ink_lost(old, new)))
    return sorted(shown, key=lambda one: -(one.lost + one.added))[:SHOWN]
