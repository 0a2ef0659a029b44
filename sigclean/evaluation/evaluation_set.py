"""The pictures that a model is measured on, as the options of `sigclean evaluate` name them.

Modules that need OpenCV are imported where they are used: comparing two earlier evaluations works
without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigclean.errors import SigcleanError
from sigclean.version import __version__

if TYPE_CHECKING:
    from sigclean.cleaner import SignatureCleaner
    from sigclean.evaluation.cases import Case
    from sigclean.evaluation.scores import Verification
    from sigclean.noise import Material

FOLDERS = ("clean", "noisy", "dataset", "verification", "fonts", "documents", "papers", "stamps")


@dataclass(frozen=True)
class EvaluationSet:
    """Folders of pictures, and the noise to make on the clean ones."""

    clean: Path | None = None  # clean signatures: the truth of `noisy`, or to make noise on
    noisy: Path | None = None  # noisy pictures; one is paired with the clean one of the same name
    dataset: Path | None = None  # a data set that `sigclean prepare` made
    verification: Path | None = None  # writers, each a sub-folder of genuine_* and forged_*
    noise: str | None = None  # kinds of noise joined by commas, or "all"; None to make no noise
    count: int = 60  # the number of clean signatures that get noise
    seed: int = 7  # the seed of the noise
    fonts: Path | None = None  # a folder of material for the noise, as the following
    documents: Path | None = None
    papers: Path | None = None
    stamps: Path | None = None

    def check(self, *, needed: bool) -> None:
        """Raise SigcleanError if folders exclude each other, or if one is needed but not given.

        Args:
            needed: true if a model is to be measured, so that pictures must be given.
        """
        if self.dataset and (self.clean or self.noisy):
            raise SigcleanError("--dataset has its own pictures: leave out --clean and --noisy")
        if needed and not (self.clean or self.noisy or self.dataset):
            raise SigcleanError("nothing to measure: give --clean, --noisy or --dataset")
        if self.noise and (self.noisy or not self.clean):
            raise SigcleanError("--noise needs --clean, without --noisy")
        if needed and self.clean and not (self.noisy or self.noise):
            raise SigcleanError("--clean needs --noisy, or --noise all")
        if self.verification and not needed:
            raise SigcleanError("--verification needs a model to measure, not earlier figures")

    def cases(self) -> tuple[list[Case], list[str]]:
        """Return the cases, and one sentence for each picture without a counterpart.

        Raises:
            SigcleanError: a folder has no pictures, or no writers that can be verified; or the
                noise is unknown. All is checked now, rather than after hours of measuring.
        """
        from sigclean.evaluation import cases
        from sigclean.evaluation.verification import find_writers

        if self.verification:
            find_writers(self.verification)
        if self.dataset:
            return cases.dataset_cases(self.dataset), []
        if self.clean and self.noisy:
            return cases.paired_cases(self.clean, self.noisy)
        if self.clean:
            families, material = cases.chosen_families(self.noise or ""), self._material()
            return cases.noise_cases(self.clean, families, self.count, self.seed, material), []
        assert self.noisy is not None  # see `check`
        return cases.real_cases(self.noisy), []

    def verify(self, cleaner: SignatureCleaner) -> dict[str, Verification]:
        """Measure the error rates of signature verification: clean, noisy and cleaned.

        Returns an empty dictionary if `verification` is not given. Raises what
        `evaluation.verification.verify` raises.
        """
        from sigclean.evaluation.cases import chosen_families
        from sigclean.evaluation.verification import verify

        if not self.verification:
            return {}
        families = chosen_families(self.noise or "all")
        material = self._material()
        return verify(
            cleaner, self.verification, families=families, seed=self.seed, material=material
        )

    def settings(self) -> dict[str, Any]:
        """Return everything that affects the figures, for the report.

        A folder is given by its name, since its full path may contain a person's name.
        """
        folders = {name: getattr(self, name) for name in FOLDERS}
        found = {name: path.resolve().name for name, path in folders.items() if path}
        if self.noise:
            found |= {"noise": self.noise, "count": self.count, "seed": self.seed}
        if self.verification:
            found |= {"seed": self.seed, "noise": self.noise or "all"}
        return {"sigclean": __version__, **found}

    def _material(self) -> Material:
        from sigclean.noise import find_material

        return find_material(self.fonts, self.documents, self.papers, self.stamps)
