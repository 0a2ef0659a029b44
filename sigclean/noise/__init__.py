# ruff: noqa: E402 (the check precedes imports that need OpenCV)
"""Noise for clean signatures, seeded: families of print, paper, scanner and camera, and their mix.

A family is one function. *Overlays* print on the page and are multiplied with the signature;
*captures* then take its picture. To add one, write it and name it in the table below.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.errors import DataError, SigcleanError
from sigclean.extras import require

require("cv2", extra="train", purpose="making noise")

from sigclean.arrays import darkest_channel
from sigclean.drawn import draw_signature
from sigclean.images import find_images
from sigclean.noise.documents import document
from sigclean.noise.forms import form
from sigclean.noise.lettering import fonts_in, system_fonts
from sigclean.noise.page import Capture, Layer, Material, Overlay, Page
from sigclean.noise.papers.paper import cheque, paper
from sigclean.noise.photos import photo
from sigclean.noise.ruling import rules
from sigclean.noise.scans import scan
from sigclean.noise.seed import seed
from sigclean.noise.stamps.stamp import stamp
from sigclean.noise.text import text

__all__ = [
    "CAPTURES",
    "FAMILIES",
    "FAMILIES_KEY",
    "OVERLAYS",
    "Material",
    "check_families",
    "compose",
    "draw_families",
    "find_material",
    "parse_families",
]

Picture = npt.NDArray[np.uint8]

OVERLAYS: MappingProxyType[str, Overlay] = MappingProxyType(
    {
        "seed": seed,
        "paper": paper,
        "cheque": cheque,
        "document": document,
        "form": form,
        "rules": rules,
        "text": text,
        "stamp": stamp,
    }
)
CAPTURES: MappingProxyType[str, Capture] = MappingProxyType({"scan": scan, "photo": photo})
FAMILIES: tuple[str, ...] = (*OVERLAYS, *CAPTURES)
FAMILIES_KEY = "sigclean:families"  # key of the PNG text that names the noise of a picture

# Shares of the pictures that "all" makes. They are chosen, not measured: as letters, forms, cheques
# and photos usually combine families, with enough of each family alone to learn it well.
_CLEAN, _ORIGINAL, _ALONE = (
    0.08,
    0.05,
    0.27,
)  # no noise; the seed; one family alone; all others are mixes
# paper, cheque, document, form, rules, text, stamp, scan, photo
_ALONE_SHARES = (0.1, 0.16, 0.1, 0.08, 0.08, 0.12, 0.16, 0.08, 0.12)
_SHEETS = {"paper": 0.2, "cheque": 0.2, "": 0.6}
_PRINT = {"text": 0.5, "rules": 0.42, "stamp": 0.42, "form": 0.22, "document": 0.22}
_CAPTURED = {"scan": 0.27, "photo": 0.33, "": 0.4}


def find_material(
    fonts: Path | None = None,
    documents: Path | None = None,
    papers: Path | None = None,
    stamps: Path | None = None,
) -> Material:
    """List the files of the folders given, and the system's fonts if there is no folder of fonts.

    Raises DataError for a folder that does not exist or holds nothing of its kind.
    """
    found = Material(
        fonts=fonts_in(fonts) if fonts else system_fonts(),
        documents=tuple(find_images(documents)) if documents else (),
        papers=tuple(find_images(papers)) if papers else (),
        stamps=tuple(find_images(stamps)) if stamps else (),
    )
    for kind, folder in (
        ("fonts", fonts), ("documents", documents), ("papers", papers), ("stamps", stamps)
    ):  # fmt: skip
        if folder and not getattr(found, kind):
            raise DataError(f"{folder} holds no {kind}")
    return found


def parse_families(names: str) -> str | tuple[str, ...]:
    """Parse `--noise`: `all` (a mix, new for every picture) or families joined by commas.

    Raises SigcleanError for a name that is not a family.
    """
    if names == "all":
        return "all"
    families = tuple(name.strip() for name in names.split(",") if name.strip())
    check_families(families or [names])
    return families


def check_families(families: Sequence[str]) -> None:
    """Check that all names are families; raises SigcleanError if one is not."""
    if unknown := [name for name in families if name not in FAMILIES]:
        raise SigcleanError(
            f"unknown noise {', '.join(map(repr, unknown))}: choose all, "
            f"or from {', '.join(FAMILIES)}"
        )


def draw_families(rng: np.random.Generator, noise: str | Sequence[str] = "all") -> tuple[str, ...]:
    """Draw the families of one picture.

    Args:
        noise: `all` draws a combination as documents have them, sometimes none at all, so that
            clean pictures stay as they are; a sequence of names draws one of them.
    """
    if noise != "all":
        return (str(rng.choice(list(noise))),)
    kind = rng.random()
    if kind < _CLEAN:
        return ()
    if kind < _CLEAN + _ORIGINAL:
        return ("seed",)
    if kind < _CLEAN + _ORIGINAL + _ALONE:
        return (str(rng.choice(FAMILIES[1:], p=_ALONE_SHARES)),)
    sheet, capture = (
        str(rng.choice(list(table), p=list(table.values()))) for table in (_SHEETS, _CAPTURED)
    )
    printed = [name for name, share in _PRINT.items() if rng.random() < share]
    families = [name for name in (sheet, *printed, capture) if name]
    return tuple(families) if families else (str(rng.choice(list(_PRINT))),)


def compose(
    rng: np.random.Generator,
    families: Sequence[str],
    clean: Image.Image | None = None,
    material: Material | None = None,
) -> tuple[Picture, Picture]:
    """Dirty one signature.

    Args:
        rng: decides everything; the same state gives the same pictures.
        families: names from `FAMILIES`. Overlays are printed in the order given; captures follow.
        clean: RGB, ink on white paper; a drawn signature when None.
        material: fonts and pictures to draw from; the system's fonts when None.

    Returns:
        The noisy picture and its truth, both HxWx3 of uint8. The truth is the clean picture.

    Raises:
        SigcleanError: a name that is not a family.
    """
    check_families(families)
    if clean is None:
        clean = draw_signature(rng)
    truth = np.asarray(clean.convert("RGB"))
    height, width = truth.shape[:2]
    page = Page(width, height, _ink_box(truth), material or Material(fonts=system_fonts()))
    noisy: Layer = np.divide(truth, 255, dtype=np.float32)
    for name in (name for name in families if name in OVERLAYS):
        noisy *= OVERLAYS[name](rng, page)
    for name in (name for name in families if name in CAPTURES):
        noisy = CAPTURES[name](rng, noisy)
    return np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8), truth.copy()


def _ink_box(picture: Picture) -> tuple[int, int, int, int]:
    """Find left, top, right and bottom of the ink; without any ink, of the whole picture."""
    ink = darkest_channel(picture) < 200
    if not ink.any():
        return (0, 0, picture.shape[1], picture.shape[0])
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
