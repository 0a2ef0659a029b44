"""Scans from which little can be learned are named before the hours are spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sigclean.corpus.signatures import Source, open_picture
from sigclean.errors import DataError, ImageError
from sigclean.training.adapting.rendering import is_coloured
from sigclean.training.adapting.scans import Scan
from sigclean.training.watching.validation import spread

FEWEST = 5  # scans: with fewer nothing could be learned and measured
FEW = 60  # scans: with fewer the result depends on which they are
MOST_CLEAN = 0.5  # share of clean pictures that cannot be a mistake of the model
WORTH_A_WORD = 0.1  # share from which clean pictures or pages are named
UNSIGNED = 0.5  # share of scans without a signature from which they are named
ONE_WRITER = 0.55  # median likeness of shapes. SigComp2011: 0.59 to 0.85 within 9 writers of 10,
# 0.18 to 0.67 within two writers together, at most 0.39 within twenty pictures of 43 writers
COMPARED = 60  # signatures that are compared with each other
LOOKED_AT = 40  # clean pictures whose colours are looked at


def check_scans(scans: Sequence[Scan], clean: Sequence[Source]) -> list[str]:
    """Return warnings, a sentence each, about the scans and the clean signatures given with them.

    Raises DataError for scans that cannot teach anything: too few, or mostly clean pictures.
    """
    count = len(scans)
    if count < FEWEST:
        raise DataError(f"--adapt: {_scans(count)}, and at least {FEWEST} are needed")
    cleans = _count(scan.is_clean for scan in scans)
    if cleans > MOST_CLEAN * count:
        raise DataError(
            f"--adapt: {cleans} of {count} scans are clean already, signatures alone on white "
            "paper: it needs the noisy documents, and --dataroot the clean signatures"
        )
    return [
        *_about_number(count),
        *_about_content(scans, cleans),
        *_about_writers(scans),
        *_about_colours(scans, clean),
    ]


def _about_number(count: int) -> list[str]:
    if count >= FEW:
        return []
    return [f"only {_scans(count)} to adapt to: {FEW} or more teach what all of them share"]


def _about_content(scans: Sequence[Scan], cleans: int) -> list[str]:
    count, said = len(scans), []
    unsigned = _count(not scan.has_signature for scan in scans)
    pages = _count(scan.is_page for scan in scans)
    if unsigned == count:
        said.append(
            f"no signature was found on any of {_scans(count)}: they teach as blank forms, and "
            "nothing shows whether signatures on them survive"
        )
    elif unsigned >= UNSIGNED * count:
        said.append(f"no signature was found on {unsigned} of {count} scans")
    if cleans >= WORTH_A_WORD * count:
        said.append(f"{cleans} of {count} scans are clean already, which teaches nothing")
    if pages >= WORTH_A_WORD * count:
        said.append(
            f"{pages} of {count} scans are whole pages, on which signatures are small: cut them "
            "out first, with `sigclean extract`"
        )
    return said


def _about_writers(scans: Sequence[Scan]) -> list[str]:
    shapes = [scan.shape for scan in scans if scan.shape is not None]
    shapes = [shapes[place] for place in spread(len(shapes), COMPARED)]
    if len(shapes) < FEWEST:
        return []
    alike = np.stack(shapes) @ np.stack(shapes).T
    median = float(np.median(alike[np.triu_indices(len(shapes), 1)]))
    if median < ONE_WRITER:
        return []
    return [
        f"the signatures on the scans look alike (median likeness {median:.2f}), as those of one "
        "writer: others may be cleaned less well, so check the report with signatures of others"
    ]


def _about_colours(scans: Sequence[Scan], clean: Sequence[Source]) -> list[str]:
    coloured = _count(scan.backdrop.look.is_coloured for scan in scans)
    if coloured < len(scans) / 2 or any(isinstance(one.content, int) for one in clean[:1]):
        return []  # drawn signatures have inks of all colours
    if any(_has_colour(one) for one in clean[:LOOKED_AT]):
        return []
    return [
        "the scans are in colour and the clean signatures are not: most of these are written in "
        "the colours of the scans' pens or of common ones, one in five stays as it is"
    ]


def _has_colour(source: Source) -> bool:
    try:
        return is_coloured(np.asarray(open_picture(source)))
    except ImageError:
        return False  # it is reported in its turn


def _count(facts: Iterable[bool]) -> int:
    return sum(facts)


def _scans(count: int) -> str:
    return f"{count} scan{'' if count == 1 else 's'}"
