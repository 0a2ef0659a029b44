"""Words invented in many scripts, and which of them a font can draw."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import ImageFont

SCRIPTS = {
    "latin": "ABCDEFGHIJKLMNOPRSTUVWZ",
    "accented": "AÁÀÄÅĄBCČÇDEÉÈÊFGĞHIÍÎJKLŁMNÑOÓÔÖØPRŘSŠŞTUÚÜVYÝZŽŻ",
    "cyrillic": "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЮЯ",
    "greek": "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ",
    "armenian": "ԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐ",
    "georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "devanagari": "अकखगघचजझटठडतथदधनपफबभमयरलवशषसह",
    "bengali": "অকখগঘচজটঠডতথদধনপফবভমযরলশষসহ",
    "gurmukhi": "ਅਕਖਗਘਚਜਟਠਡਤਥਦਧਨਪਫਬਭਮਯਰਲਵਸਹ",
    "gujarati": "અકખગઘચજટઠડતથદધનપફબભમયરલવશસહ",
    "tamil": "அகஙசஞடணதநபமயரலவழளறன",
    "thai": "กขคงจฉชญดตถทธนบปผพภมยรลวศสหอ",
    "cjk": "中国日本東京大北海山田印章公司有限財務専用部局学校市長合同",
    "hangul": "가나다라마바사아자차카타파하고노도로",
}

# Signs that follow a letter: vowels, and what joins it to the next one.
_SIGNS = {
    "devanagari": "ािीुूेैोौं्", "bengali": "ািীুূেৈোৌং্", "gurmukhi": "ਾਿੀੁੂੇੈੋੌੰ",
    "gujarati": "ાિીુૂેૈોૌં્", "tamil": "ாிீுூெேொ்", "thai": "ะาิีึืุู่้",
}  # fmt: skip
SHAPED = frozenset((*_SIGNS, "arabic"))
"""Scripts whose letters change with their neighbours: drawn by a layout engine that knows how."""

_NEVER_DRAWN = "\U0010ffff"  # a code point no font has: what it draws is the missing-glyph box
_SHORT = frozenset(("cjk", "hangul"))


def word(rng: np.random.Generator, script: str) -> str:
    """An invented word of the script."""
    letters, signs = SCRIPTS[script], _SIGNS.get(script, "")
    length = int(rng.integers(1, 4)) if script in _SHORT else int(rng.integers(2, 11))
    chosen = [letters[i] for i in rng.integers(0, len(letters), length)]
    if signs:
        chosen = [
            letter + (signs[int(rng.integers(len(signs)))] if rng.random() < 0.45 else "")
            for letter in chosen[:6]
        ]
    return "".join(chosen)


def translated(rng: np.random.Generator, line: str, script: str) -> str:
    """The line with invented words of the script in the place of its words; figures stay."""
    words = [
        word(rng, script) if any(letter.isalpha() for letter in part) else part
        for part in line.split(" ")
    ]
    text = " ".join(words)
    return text.title() if rng.random() < 0.7 else text  # where there is no case, nothing changes


def has_glyphs(text: str, font: ImageFont.FreeTypeFont) -> bool:
    """True if `font` has a glyph of its own for every character of `text`."""
    box = bytes(font.getmask(_NEVER_DRAWN))
    return all(bytes(font.getmask(letter)) != box for letter in set(text) if not letter.isspace())


def scripts_of(font: ImageFont.FreeTypeFont) -> tuple[str, ...]:
    """The scripts that the font can draw."""
    return scripts_in(_file(font))


def scripts_in(path: str | None) -> tuple[str, ...]:
    """The scripts that the font in a file, or Pillow's own, can draw."""
    has = letters_of(path)
    return tuple(name for name, letters in SCRIPTS.items() if has.issuperset(letters))


def drawable(font: ImageFont.FreeTypeFont, text: str) -> str:
    """The text without the letters that the font lacks; some that it has when nothing is left."""
    has = letters_of(_file(font))
    ascii_too = (
        "A" in has
    )  # with Latin letters come figures and signs; fonts of one script lack all
    kept = "".join(
        letter
        for letter in text
        if letter in has or letter.isspace() or (ascii_too and letter.isascii())
    )
    if kept.strip():
        return kept
    return "No. 1" if ascii_too or not has else "".join(sorted(has)[:5])


def _file(font: ImageFont.FreeTypeFont) -> str | None:
    """The font's file, or None for Pillow's own, which has none."""
    return font.path if isinstance(font.path, str) else None


# By file, not by font: fonts are closed and opened again, and come in many sizes.
@lru_cache(maxsize=4096)
def letters_of(path: str | None) -> frozenset[str]:
    """The letters, both cases, and signs of the scripts of which a font file has a sample."""
    try:
        font = ImageFont.truetype(path, 12) if path else ImageFont.load_default(12)
    except OSError:
        return frozenset()
    if not isinstance(font, ImageFont.FreeTypeFont):
        return frozenset(SCRIPTS["latin"])
    known = [name for name, text in SCRIPTS.items() if has_glyphs(_sample(text), font)]
    drawn = "".join(SCRIPTS[name] + _SIGNS.get(name, "") for name in known)
    return frozenset(drawn + drawn.lower())


def _sample(letters: str) -> str:
    """Four letters spread over the alphabet, those beyond ASCII first."""
    special = "".join(letter for letter in letters if not letter.isascii()) or letters
    return "".join(special[len(special) * k // 4] for k in range(4))
