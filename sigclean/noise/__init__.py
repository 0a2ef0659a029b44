# ruff: noqa: E402 (the check precedes imports that need OpenCV)
"""Noise for clean signatures, seeded: families of print, paper, scanner and camera, and their mix.

A family is one function. *Overlays* print on the page and are multiplied with the signature;
*captures* then take its picture. To add one, write it and name it in the table below. *Scenes*
change the truth as well: other ink on other paper, a page that is turned, strips about it.
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
from sigclean.noise.bold_frames import frame
from sigclean.noise.colours import coloured
from sigclean.noise.dirt import dirt
from sigclean.noise.documents import document
from sigclean.noise.edges import bars
from sigclean.noise.forms import form
from sigclean.noise.geometry import View, choose_view, desk_beside, page_angle, tilted
from sigclean.noise.lettering import fonts_in, system_fonts
from sigclean.noise.office import office
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
    "SCENES",
    "Material",
    "check_families",
    "compose",
    "draw_families",
    "find_material",
    "parse_families",
]

Picture = npt.NDArray[np.uint8]

_INKED = 200  # of 255: what is darker is ink

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
        "frame": frame,
        "office": office,
        "dirt": dirt,
    }
)
CAPTURES: MappingProxyType[str, Capture] = MappingProxyType({"scan": scan, "photo": photo})
SCENES = ("colour", "turned", "bars")
FAMILIES: tuple[str, ...] = (*OVERLAYS, *CAPTURES, *SCENES)
FAMILIES_KEY = "sigclean:families"  # key of the PNG text that names the noise of a picture

# Shares of the pictures that "all" makes. They are chosen, not measured: as letters, forms, cheques
# and photos usually combine families, with enough of each family alone to learn it well.
_CLEAN, _ORIGINAL, _ALONE = 0.08, 0.03, 0.33  # no noise; the seed; one family; else a mix
_ALONE_SHARES = {
    "paper": 0.08, "cheque": 0.11, "document": 0.08, "form": 0.07, "rules": 0.11, "text": 0.1,
    "stamp": 0.12, "frame": 0.11, "office": 0.07, "dirt": 0.03, "scan": 0.05, "photo": 0.07,
}  # fmt: skip
_SHEETS = {"paper": 0.2, "cheque": 0.2, "": 0.6}
_PRINT = {
    "text": 0.42, "rules": 0.4, "stamp": 0.34, "form": 0.2, "document": 0.18, "frame": 0.17,
    "office": 0.16, "dirt": 0.05,
}  # fmt: skip
_CAPTURED = {"scan": 0.27, "photo": 0.33, "": 0.4}
_COLOUR, _TURNED, _BARS = 0.09, 0.42, 0.08  # scenes, on top of all of it
_HARD_TO_SEE = ("scan", "paper", "cheque")  # on coloured paper: grey or dark, ink would be lost
_TO_TURN = ("rules", "text", "form")  # one of them is printed on a page that is turned alone


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
    families = _print_and_capture(rng)
    colour, turned, framed = rng.random(3) < (_COLOUR, _TURNED, _BARS)
    if colour:
        families = tuple(name for name in families if name not in _HARD_TO_SEE)
    scenes = zip(SCENES, (colour, turned and bool(families), framed), strict=True)
    return (*(name for name, shown in scenes if shown), *families)


def _print_and_capture(rng: np.random.Generator) -> tuple[str, ...]:
    """Overlays and at most one capture; nothing for a clean page."""
    kind = rng.random()
    if kind < _CLEAN:
        return ()
    if kind < _CLEAN + _ORIGINAL:
        return ("seed",)
    if kind < _CLEAN + _ORIGINAL + _ALONE:
        return (_drawn_from(rng, _ALONE_SHARES),)
    sheet, capture = _drawn_from(rng, _SHEETS), _drawn_from(rng, _CAPTURED)
    printed = [name for name, share in _PRINT.items() if rng.random() < share]
    families = [name for name in (sheet, *printed, capture) if name]
    return tuple(families) if families else (str(rng.choice(list(_PRINT))),)


def _drawn_from(rng: np.random.Generator, shares: dict[str, float]) -> str:
    return str(rng.choice(list(shares), p=np.divide(list(shares.values()), sum(shares.values()))))


def compose(
    rng: np.random.Generator,
    families: Sequence[str],
    clean: Image.Image | None = None,
    material: Material | None = None,
    *,
    signed: bool = True,
) -> tuple[Picture, Picture]:
    """Dirty one signature.

    Args:
        rng: decides everything; the same state gives the same pictures.
        families: names from `FAMILIES`. Overlays are printed in the order given; captures follow.
            A page that is `turned` and has nothing printed on it gets rules, text or a form.
        clean: RGB, ink on white paper; a drawn signature when None.
        material: fonts and pictures to draw from; the system's fonts when None.
        signed: False leaves the signature out. The noise is then laid out as if it were there, and
            the truth is white.

    Returns:
        The noisy picture and its truth, both HxWx3 of uint8. The truth is the clean picture, turned
        as the page is, in the ink that the page shows, and white where strips are.

    Raises:
        SigcleanError: a name that is not a family.
    """
    check_families(families)
    if clean is None:
        clean = draw_signature(rng)
    picture = np.asarray(clean.convert("RGB"))
    view = None
    if "turned" in families:
        picture, view = _turned(rng, picture)
        if not any(name in OVERLAYS for name in families):
            families = (str(rng.choice(_TO_TURN)), *families)
    written: Layer = np.divide(picture, 255, dtype=np.float32)
    truth = written if signed else np.ones_like(written)
    noisy = truth.copy()
    if "colour" in families:
        noisy, truth = coloured(rng, truth)
    material = material or Material(fonts=system_fonts())
    page = _page(picture, truth if signed else written, material)
    for name in (name for name in families if name in OVERLAYS):
        noisy *= OVERLAYS[name](rng, page)
    if view:
        noisy, truth = _seen(rng, view, noisy, truth)
    for name in (name for name in families if name in CAPTURES):
        noisy = CAPTURES[name](rng, noisy)
    if "bars" in families:
        noisy, truth = bars(rng, noisy, truth)
    return _levels(noisy), _levels(truth)


def _turned(rng: np.random.Generator, picture: Picture) -> tuple[Picture, View]:
    """The signature on a page as large as what a camera sees of it, and that camera's view."""
    angle = page_angle(rng)
    picture = tilted(rng, picture, angle)
    view = choose_view(rng, angle, picture.shape[:2], _ink_box(picture))
    return view.enlarged(picture), view


def _seen(rng: np.random.Generator, view: View, noisy: Layer, truth: Layer) -> tuple[Layer, Layer]:
    """Both as the camera sees them; a desk beside the paper is noise."""
    beside = view.beside()
    truth = view.seen(truth)
    return desk_beside(rng, view.seen(noisy), beside), truth + beside[..., None] * (1 - truth)


def _page(picture: Picture, truth: Layer, material: Material) -> Page:
    """Describe the signature to the overlays: its box and the colour of its pen."""
    inked = darkest_channel(picture) < _INKED
    strokes = truth[inked]
    pen = np.median(strokes, axis=0) if len(strokes) else None
    colour = None if pen is None else (float(pen[0]), float(pen[1]), float(pen[2]))
    return Page(picture.shape[1], picture.shape[0], _box(inked), material, colour)


def _levels(layer: Layer) -> Picture:
    return np.rint(np.clip(layer, 0, 1) * 255).astype(np.uint8)


def _ink_box(picture: Picture) -> tuple[int, int, int, int]:
    """Find left, top, right and bottom of the ink; without any ink, of the whole picture."""
    return _box(darkest_channel(picture) < _INKED)


def _box(ink: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    if not ink.any():
        return (0, 0, ink.shape[1], ink.shape[0])
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
