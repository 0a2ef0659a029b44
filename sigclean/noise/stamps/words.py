"""Words on stamps and their letters: invented in many scripts, with dates and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import ImageFont

from sigclean.noise.fields import chance, coverage, resized
from sigclean.noise.lettering import pick_font, pick_foreign, shaped, text_mask
from sigclean.noise.page import Mask, Material
from sigclean.noise.scripts import SHAPED, drawable, scripts_of, word

WEIGHTS = {"latin": 8.0, "accented": 3.0, "cyrillic": 3.0, "greek": 1.5}

NOTICES = (
    "RECEIVED", "PAID", "APPROVED", "COPY", "ORIGINAL", "CONFIDENTIAL", "DRAFT", "POSTED",
    "ENTERED", "CANCELLED", "VOID", "CERTIFIED", "CERTIFIED TRUE COPY", "URGENT", "FILED",
    "CHECKED", "REJECTED", "VERIFIED", "FIRST CLASS", "AIR MAIL", "PAR AVION", "PAYÉ", "REÇU",
    "BEZAHLT", "EINGEGANGEN", "GEBUCHT", "ERLEDIGT", "PAGADO", "RECIBIDO", "COPIA", "PAGATO",
    "ONTVANGEN", "BETAALD", "ZAPŁACONO", "ОПЛАЧЕНО", "КОПИЯ ВЕРНА", "УТВЕРЖДАЮ", "ПОЛУЧЕНО",
    "ΑΚΡΙΒΕΣ ΑΝΤΙΓΡΑΦΟ", "FOR DEPOSIT ONLY", "SECRET", "INVOICED", "FAXED", "SCANNED", "PASSED",
    "FINAL", "SAMPLE", "NOT NEGOTIABLE",
)  # fmt: skip
BODIES = (
    "BANK", "UNIVERSITY", "NOTARY PUBLIC", "CITY COUNCIL", "MINISTRY OF FINANCE",
    "DISTRICT COURT", "POST OFFICE", "REGISTRY", "TRADING CO.", "LIMITED", "INSURANCE",
    "HOSPITAL", "CUSTOMS", "POLICE", "EMBASSY", "SCHOOL", "GMBH & CO. KG", "STADT",
    "AMTSGERICHT", "NOTAIRE", "MAIRIE DE", "SOCIÉTÉ", "COMMUNE", "GEMEENTE", "S.A.", "S.R.L.",
    "SP. Z O.O.", "URZĄD MIASTA", "ТОО", "ООО", "НОТАРИУС", "МИНИСТЕРСТВО", "ΔΗΜΟΣ", "ΕΤΑΙΡΕΙΑ",
    "COMPANY SEAL", "CORPORATE SEAL", "ENGINEERING", "LICENSED", "STATE OF", "COUNTY",
    "DEPARTMENT", "ACCOUNTS", "LABORATORY", "LIBRARY", "SECRETARIAT", "CLINIC",
)  # fmt: skip
LABELS = (
    "Date", "No.", "Ref.", "By", "Signed", "Dept.", "Datum", "Name", "Tel.", "Fax", "Initials",
    "Acct.", "Time", "Approved", "Checked by", "Nr.", "Fecha", "Firma", "Le", "Дата", "Подпись",
    "Amount", "P.O. Box",
)  # fmt: skip
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAI", "JUN", "JUL", "AUG", "SEP", "OKT", "NOV", "DEC")


def pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    """One of the words."""
    return words[int(rng.integers(len(words)))]


def digits(rng: np.random.Generator, low: int = 3, high: int = 12) -> str:
    """A number of `low` to `high` digits, now and then grouped or with a letter in front."""
    number = "".join(map(str, rng.integers(0, 10, int(rng.integers(low, high + 1)))))
    if chance(rng, 0.2):
        number = f"{number[:2]}-{number[2:]}"
    return chr(65 + int(rng.integers(26))) + number if chance(rng, 0.15) else number


def date(rng: np.random.Generator) -> str:
    """A date between 1950 and 2039 in one of the usual orders."""
    day, month, year = (
        int(rng.integers(1, 29)),
        int(rng.integers(12)),
        int(rng.integers(1950, 2040)),
    )
    formats = (
        f"{day:02d} {MONTHS[month]} {year}", f"{MONTHS[month]} {day:02d} {year}",
        f"{day:02d}.{month + 1:02d}.{year}", f"{year}-{month + 1:02d}-{day:02d}",
        f"{day}/{month + 1}/{year % 100:02d}", f"{day:02d} {MONTHS[month]}. {year % 100:02d}",
        f"{MONTHS[month]} {day} '{year % 100:02d}", f"{day:02d} - {month + 1:02d} - {year}",
    )  # fmt: skip
    return pick(rng, formats)


def phrase(rng: np.random.Generator, script: str, words: int = 0) -> str:
    """A line of `words` words (1 to 4 when 0): bodies, notices, invented names, numbers."""
    parts = []
    for _ in range(words or int(rng.integers(1, 5))):
        roll = rng.random()
        if roll < 0.35 and script in WEIGHTS:
            parts.append(pick(rng, BODIES))
        elif roll < 0.45 and script in WEIGHTS:
            parts.append(pick(rng, NOTICES))
        elif roll < 0.55:
            parts.append(digits(rng, 1, 8))
        else:
            parts.append(word(rng, script))
    return " ".join(parts)


@dataclass(frozen=True)
class Scribe:
    """A style of lettering: a font (None: invented letters), a script, a case."""

    font: ImageFont.FreeTypeFont | None
    script: str
    case: str

    def write(self, rng: np.random.Generator, text: str) -> Mask:
        """The text as HxW coverage, about 40 pixels high, tight."""
        if self.font is None:
            return invented_line(rng, len(text.strip()) or 1)
        mask = text_mask(drawable(self.font, self.styled(text)), self.font)
        return mask if mask.size else np.zeros((8, 8), np.float32)

    def styled(self, text: str) -> str:
        """The text in this scribe's case and spacing."""
        if self.case == "title":
            return text.title()
        if self.case == "lower":
            return text.lower()
        return " ".join(text) if self.case == "spaced" and len(text) < 24 else text

    def phrase(self, rng: np.random.Generator, words: int = 0) -> Mask:
        """A written line of this scribe's script."""
        return self.write(rng, phrase(rng, self.script, words))


def scribe(rng: np.random.Generator, material: Material, size: int = 40) -> Scribe:
    """A style of lettering for one stamp; the script is one that the font can draw."""
    foreign = pick_foreign(rng, material, size) if chance(rng, 0.1) else None
    if foreign:
        return Scribe(*foreign, "upper")
    font = pick_font(rng, material, size)
    can = scripts_of(font)
    if not can or chance(rng, 0.12):
        return Scribe(None, "latin", "upper")
    weights = np.array([WEIGHTS.get(name, 1.0) for name in can])
    script = can[int(rng.choice(len(can), p=weights / weights.sum()))]
    if script in SHAPED:
        return Scribe(shaped(font), script, "lower")
    case = ("upper", "title", "lower", "spaced")[int(rng.choice(4, p=(0.62, 0.2, 0.06, 0.12)))]
    return Scribe(font, script, case)


def invented_glyph(rng: np.random.Generator, strokes: int, bold: int, side: int = 40) -> Mask:
    """A letter of no alphabet: strokes on a grid, with now and then an arc or a dot."""
    glyph = np.zeros((side, side), np.uint8)
    knots = np.linspace(bold, side - 1 - bold, 4).astype(int)
    for _ in range(strokes):
        x0, y0, x1, y1 = (int(knots[i]) for i in rng.integers(0, 4, 4))
        roll = rng.random()
        if roll < 0.3:
            cv2.line(glyph, (x0, y0), (x1, y0), 255, bold, cv2.LINE_AA)
        elif roll < 0.6:
            cv2.line(glyph, (x0, y0), (x0, y1), 255, bold, cv2.LINE_AA)
        elif roll < 0.85:
            cv2.line(glyph, (x0, y0), (x1, y1), 255, bold, cv2.LINE_AA)
        else:
            turn, radius = int(rng.integers(0, 360)), int(rng.integers(side // 8, side // 2 - bold))
            centre = (side // 2, side // 2)
            cv2.ellipse(glyph, centre, (radius, radius), turn, 0, 230, 255, bold, cv2.LINE_AA)
    return coverage(glyph)


def invented_line(rng: np.random.Generator, length: int) -> Mask:
    """A line of invented letters, 40 pixels high, with gaps between words."""
    strokes, bold = int(rng.integers(2, 8)), int(rng.integers(2, 7))
    alphabet = [invented_glyph(rng, strokes, bold) for _ in range(min(length, 9))]
    width = int(rng.integers(24, 41))
    alphabet = [resized(glyph, width, 40) for glyph in alphabet]
    gap = np.zeros((40, int(rng.integers(2, 9))), np.float32)
    space = np.zeros((40, 22), np.float32)
    parts: list[Mask] = []
    for index in rng.integers(0, len(alphabet), min(length, 40)):
        parts += [alphabet[index], space if chance(rng, 0.15) else gap]
    return np.concatenate(parts[:-1], axis=1)
