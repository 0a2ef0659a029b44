"""Fonts for print, never for handwriting, and the letters they draw."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from sigclean.errors import DataError
from sigclean.noise.page import Mask, Material
from sigclean.noise.scripts import SHAPED, has_glyphs, letters_of, scripts_in

FONT_SUFFIXES = (".ttf", ".otf", ".ttc")

# Fonts that look like handwriting would teach that it is noise; fonts of symbols print no words.
# Matched against the file's name and the family's own, spaces removed.
_UNWANTED = re.compile(
    "script|chancery|hand|brush|z003|cursive|calligra|zapfino|mistral|vivaldi|vladimir|edwardian|"
    "kunstler|pristina|inkfree|segoesc|bradley|snell|savoye|markerfelt|noteworthy|chalk|signature|"
    "signpainter|pacifico|caveat|dancing|sacramento|kristi|allura|tangerine|purisa|domestic|ragei|"
    "freestyle|parchment|trattatello|felipa|italianno|parisienne|greatvibes|satisfy|"
    "dingbat|symbol|wingding|webding|emoji|icon|awesome|ornament|music|barcode|braille|blank|"
    "lastresort|keyboard|fallback"
)

_TRIES = 3  # fonts tried for Latin letters before Pillow's own is taken
_SMALLEST = 3  # pixels; FreeType refuses 0, and nothing below this can be read as a letter


def pick_font(rng: np.random.Generator, material: Material, size: int) -> ImageFont.FreeTypeFont:
    """A font of `material.fonts` at `size` pixels, or Pillow's own when there is none to use.

    A file that does not open, or that has no Latin letters, gives Pillow's own.
    """
    size = max(int(size), _SMALLEST)
    for _ in range(_TRIES if material.fonts else 0):
        path = material.fonts[int(rng.integers(len(material.fonts)))]
        if _draws_latin(path):
            return _open_font(path, size)
    return _default_font(size)


def pick_foreign(
    rng: np.random.Generator, material: Material, size: int
) -> tuple[ImageFont.FreeTypeFont, str] | None:
    """A font at `size` pixels and a script that it draws, not Latin; None without such a font.

    Every script is as likely, however many of the fonts draw it.
    """
    choices = _foreign_fonts(material.fonts)
    if not choices:
        return None
    script = sorted(choices)[int(rng.integers(len(choices)))]
    paths = choices[script]
    font = _open_font(paths[int(rng.integers(len(paths)))], max(int(size), _SMALLEST))
    return (shaped(font) if script in SHAPED else font), script


@lru_cache(maxsize=4)
def _foreign_fonts(fonts: tuple[Path, ...]) -> dict[str, tuple[Path, ...]]:
    """Scripts other than Latin, and which of the fonts draw them."""
    drawn: dict[str, list[Path]] = {}
    for path in fonts:
        for script in scripts_in(str(path)):
            drawn.setdefault(script, []).append(path)
    latin = ("latin", "accented")
    return {script: tuple(paths) for script, paths in drawn.items() if script not in latin}


def shaped(font: ImageFont.FreeTypeFont) -> ImageFont.FreeTypeFont:
    """The font with letters joined and signs set as scripts need it, where Pillow knows how."""
    if not isinstance(font.path, str) or not features.check_feature("raqm"):
        return font
    return _open_shaped(font.path, int(font.size))


def text_mask(text: str, font: ImageFont.FreeTypeFont) -> Mask:
    """One line of `text` as coverage, HxW in [0, 1], cut tight; 1x1 of 0 when nothing shows."""
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    canvas = Image.new("L", (max(right - left, 1) + 2, max(bottom - top, 1) + 2))
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), text, fill=255, font=font)
    box = canvas.getbbox()
    if box is None:
        return np.zeros((1, 1), np.float32)
    return np.asarray(canvas.crop(box), np.float32) / np.float32(255)


@lru_cache(maxsize=1)
def system_fonts() -> tuple[Path, ...]:
    """The fonts of this system that print a known script; symbols and handwriting left out."""
    return tuple(sorted(path for folder in _font_folders() for path in _print_fonts(folder)))


def fonts_in(folder: str | Path) -> tuple[Path, ...]:
    """The fonts in `folder` and below that print a known script, sorted.

    Raises DataError when the folder does not exist or has no such font.
    """
    if not Path(folder).is_dir():
        raise DataError(f"{folder} is not a folder of fonts")
    fonts = _print_fonts(Path(folder))
    if not fonts:
        raise DataError(f"{folder} has no font that prints a known script")
    return fonts


def _print_fonts(folder: Path) -> tuple[Path, ...]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in FONT_SUFFIXES)
    return tuple(path for path in files if _is_print(path))


def _font_folders() -> tuple[Path, ...]:
    home = Path.home()
    if sys.platform == "darwin":
        return (Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts")
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local"))
        windows = Path(os.environ.get("WINDIR", "C:/Windows"))
        return (windows / "Fonts", local / "Microsoft/Windows/Fonts")
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    system = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
    return (*system, data / "fonts", home / ".fonts")


def _is_print(path: Path) -> bool:
    """True if the file draws a known script and neither its name nor its family's is unwanted."""
    if _unwanted(path.stem) or not (_draws_latin(path) or letters_of(str(path))):
        return False
    return not _unwanted("".join(name or "" for name in _open_font(path, 16).getname()))


def _unwanted(name: str) -> bool:
    return _UNWANTED.search(name.lower().replace(" ", "")) is not None


@lru_cache(maxsize=4096)
def _draws_latin(path: Path) -> bool:
    try:
        return has_glyphs("AgRe4", _open_font(path, 24))
    except (OSError, ValueError):
        return False


# Opening costs more than drawing a line. Bounded: every open font holds a file handle.
@lru_cache(maxsize=192)
def _open_font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    # Basic layout draws a line several times as fast; nothing here needs ligatures.
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=128)
def _open_shaped(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.RAQM)


@lru_cache(maxsize=64)
def _default_font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font
