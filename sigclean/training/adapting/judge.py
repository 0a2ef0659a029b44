"""The judge of an adaptation: what it gains on the scans, and what it forgets, against the model
that it began with."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from sigclean.arrays import Float
from sigclean.metrics import InkScores, ink_kept, ink_lost
from sigclean.training.data.domains import Domains
from sigclean.training.watching.validation import (
    generate,
    means_of,
    score_pairs,
    spread,
    without_strips,
)

SHOWN = 24  # held-out scans whose kept ink is compared
FORGETS = 0.2  # points of F that other noise may lose, at most
LEAST_GAIN = 0.1  # points of F that the scans have to gain, at least
ERRORS = 2.0  # standard errors that this gain has to exceed
SHARES = (0.25, 0.5, 0.75, 1.0)  # of the adapted weights, that are tried: WiSE-FT, arXiv 2109.01903

Scores = Sequence[InkScores]


@dataclass(frozen=True)
class Verdict:
    """The end of an adaptation."""

    share: float  # of the adapted weights in the model that is kept; 0: it is as it was
    before: Mapping[str, float]  # figures of the model before, by name
    after: Mapping[str, float]  # those of the model that is kept

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        scans, other = (
            f"{self.before[name]:.2f} -> {self.after[name]:.2f}" for name in ("f_scans", "f_other")
        )
        if not self.share:
            return (
                "nothing was gained, so G_B keeps the weights that it began with (F on pairs of "
                f"held-out scans {self.before['f_scans']:.2f})"
            )
        return (
            f"F on pairs of held-out scans {scans}, with noise of other kinds {other}, with "
            f"{self.share:.0%} of the change of the weights"
        )


@dataclass(frozen=True)
class Judge:
    """Measures models on the held-out side; for the main process.

    Attributes:
        before: the model that the adaptation began with, on `device`.
        test: the held-out side; its pairs say whether they are written on scans.
    """

    before: nn.Module
    test: Domains
    device: torch.device

    def figures(self, cleaner: nn.Module) -> dict[str, float]:
        """The figures of a validation; F of the pairs on held-out scans, `f_scans`, and of those
        with other noise, `f_other`; and the ink of the scans themselves.

        Of a scan's ink, `kept` is the share that the model keeps; `lost` is the share of the ink of
        the model before that this one erases, and `added` the share of this one's ink that the
        model before erases. All in per cent.
        """
        return self._figures(cleaner, self._scores(cleaner))

    def _figures(self, cleaner: nn.Module, scores: Mapping[str, Scores]) -> dict[str, float]:
        together = [one for some in scores.values() for one in some]
        by_kind = {f"f_{kind}": means_of(some).get("f") for kind, some in scores.items()}
        known = {name: value for name, value in by_kind.items() if value is not None}
        return {**means_of(together), **known, **self._ink(cleaner)}

    def choose(self, adapted: nn.Module) -> tuple[nn.Module, Verdict]:
        """The best blend of the model before and the adapted one, or the model before.

        A blend has to gain more F on scans than chance explains. On other noise it may lose little:
        the mean change less one standard error counts.
        """
        best, share, gain, scores = self.before, 0.0, LEAST_GAIN, self._begun
        for candidate in SHARES:
            model = blend(self.before, adapted, candidate)
            now = self._scores(model)
            gains, changes = (_gains(self._begun[kind], now[kind]) for kind in ("scans", "other"))
            least = max(gain, ERRORS * float(gains.std()) / len(gains) ** 0.5)
            if gains.mean() > least and _lower_bound(changes) >= -FORGETS:
                best, share, gain, scores = model, candidate, float(gains.mean()), now
        before = self._figures(self.before, self._begun)
        return best, Verdict(share, before, self._figures(best, scores) if share else before)

    @cached_property
    def _cleaned_before(self) -> list[Tensor]:
        """The held-out scans as the model before cleans them, uint8 3xHxW."""
        return generate(self.before, self._scans, self.device)

    @cached_property
    def _scans(self) -> list[Tensor]:
        unpaired = self.test.unpaired
        return [unpaired[place] for place in spread(len(unpaired), SHOWN)]

    @cached_property
    def _begun(self) -> dict[str, Scores]:
        return self._scores(self.before)

    def _scores(self, cleaner: nn.Module) -> dict[str, Scores]:
        """The figures of each pair, by the kind of the pair."""
        return {
            kind: score_pairs(cleaner, self.test, places, self.device)
            for kind, places in self._places()
        }

    def _places(self) -> Iterator[tuple[str, list[int]]]:
        examples = self.test.pairs.examples
        for kind, wanted in (("scans", True), ("other", False)):
            yield kind, [i for i, one in enumerate(examples) if one.on_scan == wanted]

    def _ink(self, cleaner: nn.Module) -> dict[str, float]:
        figures = []
        old_scans = self._cleaned_before
        is_old = cleaner is self.before
        cleaned = old_scans if is_old else generate(cleaner, self._scans, self.device)
        for scan, before, after in zip(self._scans, old_scans, cleaned, strict=True):
            noisy, old, new = without_strips(scan, scan, before, after)
            figures.append((ink_kept(new, noisy), ink_lost(new, old), ink_lost(old, new)))
        means = 100 * np.mean(figures, axis=0)
        return {
            name: round(float(value), 2)
            for name, value in zip(("kept", "lost", "added"), means, strict=True)
        }


def blend(one: nn.Module, other: nn.Module, share: float) -> nn.Module:
    """A network whose weights are the mean of two networks', `share` of them the other's."""
    mixed = copy.deepcopy(one)
    first, second = one.state_dict(), other.state_dict()
    mixed.load_state_dict(
        {
            name: torch.lerp(first[name], second[name], share)
            if first[name].is_floating_point()
            else second[name]
            for name in first
        }
    )
    return mixed


def _lower_bound(changes: Float) -> float:
    """The mean of some changes less its standard error; 0 without any."""
    return float(changes.mean() - changes.std() / len(changes) ** 0.5) if len(changes) else 0.0


def _gains(before: Scores, after: Scores) -> Float:
    """The change of each pair's F, in points."""
    return np.array([100 * (new.f - old.f) for old, new in zip(before, after, strict=True)])
