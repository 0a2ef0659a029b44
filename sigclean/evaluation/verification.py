"""Signature verification: does cleaning help to tell genuine signatures from skilled forgeries?

This is the question of the method's paper (arXiv 2004.12104), asked with a fixed descriptor and no
training, so that the figures depend on the pictures alone. Each writer has a few clean genuine
signatures as references. A questioned signature, clean, noisy or cleaned, is accepted if its
descriptor is near enough to theirs; one threshold serves all writers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.arrays import Float, UInt8
from sigclean.cleaner import SignatureCleaner
from sigclean.errors import DataError
from sigclean.evaluation.cases import CLEAN_INPUT, MIX, dirty
from sigclean.evaluation.scores import CONDITIONS, Verification
from sigclean.images import find_images, read_image
from sigclean.metrics import grey, ink_level
from sigclean.noise import Material

REFERENCES = 5  # genuine signatures of each writer that others are compared with
_FRAME = (256, 128)  # pixels: width and height of a normalised signature
_REACH = 2.2  # standard deviations of the ink from its centre to the frame's edge
_CELL = 32  # pixels: side of a histogram's cell

Rates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Writer:
    """One writer's files, sorted by name; the first `REFERENCES` genuine ones are references."""

    genuine: tuple[Path, ...]
    forged: tuple[Path, ...]

    def questioned(self) -> Iterator[tuple[Path, bool]]:
        """Yield each other signature, and whether it is forged."""
        yield from ((path, False) for path in self.genuine[REFERENCES:])
        yield from ((path, True) for path in self.forged)


@dataclass(frozen=True)
class Enrolled:
    """A writer who is known by references."""

    references: tuple[Float, ...]  # their descriptors
    mean_distance: float  # the average distance between two of them

    def distance(self, descriptor: Float) -> float:
        """The distance of a signature from the references, less that between references.

        The difference makes writers comparable, so that one threshold can serve all of them.
        """
        return _mean_distance(descriptor, self.references) - self.mean_distance


def verify(
    cleaner: SignatureCleaner,
    folder: Path,
    *,
    families: Sequence[str] = (MIX,),
    seed: int,
    material: Material,
) -> dict[str, Verification]:
    """Measure the error rates of clean, noisy and cleaned signatures.

    Args:
        folder: clean pictures, `<writer>/genuine_*` and `<writer>/forged_*`.
        families: families of noise, which the signatures get in turn; clean input is left out
            unless it is the only one.
        seed: the seed of the noise.
        material: fonts, pages, papers and stamps for the noise.

    Returns:
        The error rates by condition, see `scores.CONDITIONS`.

    Raises:
        DataError: see `find_writers`.
        ImageError: a picture cannot be read.
    """
    turns = cycle([name for name in families if name != CLEAN_INPUT] or [CLEAN_INPUT])
    distances: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in CONDITIONS}
    for writer in find_writers(folder):
        known = enrol([describe(read_image(path)) for path in writer.genuine[:REFERENCES]])
        for path, forged in writer.questioned():
            noisy = dirty(path, next(turns), seed, material).noisy
            pictures = (read_image(path), noisy, cleaner(noisy))
            for condition, picture in zip(CONDITIONS, pictures, strict=True):
                distances[condition][forged].append(known.distance(describe(picture)))
    return {name: error_rates(*both) for name, both in distances.items()}


def find_writers(folder: Path) -> list[Writer]:
    """Find the writers in a folder.

    Raises DataError if nobody has forgeries, or if a writer has too few genuine signatures for
    references and one more.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    writers = [
        _writer(path) for path in sorted(folder.iterdir()) if path.is_dir() and find_images(path)
    ]
    if not any(writer.forged for writer in writers):
        raise DataError(f"{folder} holds no forgeries: <writer>/forged_* is looked for")
    return writers


def _writer(folder: Path) -> Writer:
    paths = find_images(folder, recursive=False)
    genuine, forged = (
        tuple(path for path in paths if path.name.lower().startswith(kind))
        for kind in ("genuine", "forged")
    )
    if len(genuine) <= REFERENCES:
        raise DataError(
            f"{folder} holds {len(genuine)} genuine signatures (genuine_*): "
            f"at least {REFERENCES + 1} are needed"
        )
    return Writer(genuine, forged)


def enrol(references: Sequence[Float]) -> Enrolled:
    """Enrol a writer with the descriptors of at least two genuine signatures."""
    others = [
        _mean_distance(one, [other for other in references if other is not one])
        for one in references
    ]
    return Enrolled(tuple(references), float(np.mean(others)))


def describe(picture: Image.Image) -> Float:
    """Describe the shape of a signature, independent of its place, size and contrast.

    The descriptor holds histograms of oriented gradients (Dalal and Triggs 2005; for signatures
    Yilmaz et al. 2011) of the ink after moment normalisation (Casey 1970), as square roots, so that
    distances are Hellinger's.

    Returns:
        A vector of length 1; all zeros if there is no ink.
    """
    histograms = cv2.HOGDescriptor(
        _FRAME, (2 * _CELL, 2 * _CELL), (_CELL, _CELL), (_CELL, _CELL), 9
    ).compute(normalise(grey(picture)))
    shares = np.maximum(np.asarray(histograms, np.float32).ravel(), 0)
    return np.sqrt(shares / max(float(shares.sum()), 1e-9))


def normalise(picture: UInt8) -> UInt8:
    """Place the ink in the frame by its moments, since a box around it would depend on stray dots.

    Args:
        picture: a grey picture, HxW.

    Returns:
        128x256, 0 for paper and 255 for black: the ink's centre lies in the middle, and `_REACH`
        standard deviations reach the nearer edges.
    """
    ink = np.where(picture < ink_level(picture), 255 - picture, 0).astype(np.uint8)
    moments = cv2.moments(ink)
    mass = moments["m00"]
    if not mass:
        return np.zeros(_FRAME[::-1], np.uint8)
    centre = np.array([moments["m10"], moments["m01"]]) / mass
    deviation = np.sqrt(np.array([moments["mu20"], moments["mu02"]]) / mass)
    half = np.array(_FRAME) / 2
    scale = float((half / (_REACH * np.maximum(deviation, 0.5))).min())  # a dot has no deviation
    if scale < 1:  # blur first, or thin strokes fall between the samples
        ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), max(0.4 / scale, 0.3)), np.uint8)
    matrix = np.column_stack([scale * np.eye(2), half - scale * centre])
    return np.asarray(cv2.warpAffine(ink, matrix, _FRAME), np.uint8)


def error_rates(genuine: Sequence[float], forged: Sequence[float]) -> Verification:
    """Compute both error rates at every threshold, their area, and where they are equal.

    Args:
        genuine, forged: distances, at least one each; a distance at the threshold is accepted.
    """
    thresholds = np.unique([*genuine, *forged])
    fpr = np.concatenate([[0.0], _accepted(forged, thresholds)])
    fnr = 1 - np.concatenate([[0.0], _accepted(genuine, thresholds)])
    area = float(np.sum(np.diff(fpr) * (2 - fnr[1:] - fnr[:-1]) / 2))
    return Verification(
        eer=_meeting(fpr, fnr),
        auc=area,
        genuine=len(genuine),
        forged=len(forged),
        fpr=tuple(fpr.tolist()),
        fnr=tuple(fnr.tolist()),
    )


def _accepted(distances: Sequence[float], thresholds: Rates) -> Rates:
    return np.searchsorted(np.sort(distances), thresholds, side="right") / len(distances)


def _meeting(fpr: Rates, fnr: Rates) -> float:
    """The rate at which both are equal, on straight lines between the thresholds."""
    gap = fnr - fpr  # from 1 down to -1
    after = int(np.argmax(gap <= 0))
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(fpr[after - 1] + share * (fpr[after] - fpr[after - 1]))


def _mean_distance(one: Float, others: Sequence[Float]) -> float:
    return float(np.mean([np.linalg.norm(one - other) for other in others]))
