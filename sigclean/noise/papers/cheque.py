"""The print of a cheque: payee and amount rules, boxes, captions, bank name, figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import chance, coverage, hsv, tint
from sigclean.noise.page import Layer, Page
from sigclean.noise.stamps.emblems import emblem
from sigclean.noise.stamps.shapes import Plate, dots
from sigclean.noise.stamps.text import box_text
from sigclean.noise.stamps.words import Scribe, date, digits, phrase, pick, scribe

CAPTIONS = (
    "Pay", "Pay to the order of", "Date", "Authorised signature", "Authorized signature",
    "Memo", "For", "or bearer", "Rupees", "Dollars", "Pounds", "Please sign above",
    "Signature(s)", "Drawer", "Amount", "Account payee only", "A/C No.", "Montant",
    "Payez contre ce chèque", "A l'ordre de", "le", "à", "Unterschrift", "Betrag", "Ort, Datum",
    "Firma", "Páguese por este cheque a", "Handtekening", "Bedrag", "Podpis", "Сумма",
    "Подпись", "Υπογραφή", "Not negotiable", "Void after 90 days", "Title", "By",
)  # fmt: skip
SIGNS = ("$", "£", "€", "¥", "Rs.", "EUR", "USD", "CHF", "zł", "kr")


def print_cheque(rng: np.random.Generator, page: Page, layer: Layer) -> None:
    """Print a cheque's fixed parts onto the layer, in place, in one ink or two.

    The page is the whole cheque, or the part round the signature: then the whole is laid out on a
    larger sheet of which the page shows a window, mostly near the lower right.
    """
    zoom = 1.0 if chance(rng, 0.35) else rng.uniform(1.2, 3.5)
    size = page.width * zoom, page.height * zoom * rng.uniform(0.8, 1.2)
    corner = _corner(rng, page, size)
    fine = min((16, 24, 40), key=lambda pixels: abs(pixels - 0.08 * size[1]))
    for parts in (PARTS[:4], PARTS[4:]):
        hand = scribe(rng, page.material, fine)
        sheet = Sheet(np.zeros((page.height, page.width), np.uint8), hand, size, corner)
        for part in parts:
            if chance(rng, 0.72):
                part(rng, sheet)
        layer *= tint(coverage(sheet.plate), _dark(rng))


def _corner(rng: np.random.Generator, page: Page, size: tuple[float, float]) -> tuple[float, float]:
    """The place of the page's left upper corner on the cheque: mostly towards the lower right."""
    reach = size[0] - page.width, size[1] - page.height
    return reach[0] * rng.beta(3, 1), reach[1] * rng.beta(3, 1.2)


def _dark(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A printing ink: black mostly, or a deep colour, or paler."""
    colour = hsv(rng.random(), rng.choice((0, rng.random())), rng.uniform(0, 0.45))
    strength = 1.0 if chance(rng, 0.65) else rng.uniform(0.4, 1)
    return np.asarray(1 - (1 - colour) * strength, np.float32)


@dataclass(frozen=True)
class Sheet:
    """A cheque in its own coordinates (0 to 1 both ways), of which the plate is a window.

    Attributes:
        plate: HxW, what is printed so far, 0 to 255.
        hand: the letters it is printed in.
        size: the whole cheque's width and height, pixels.
        corner: where the plate's left upper corner lies on it, pixels.
    """

    plate: Plate
    hand: Scribe
    size: tuple[float, float]
    corner: tuple[float, float]

    @property
    def thick(self) -> int:
        """The usual thickness of a rule, pixels."""
        return max(1, round(min(self.size) / 250))

    def point(self, x: float, y: float) -> tuple[int, int]:
        """Convert a place on the cheque to pixels."""
        return round(x * self.size[0] - self.corner[0]), round(y * self.size[1] - self.corner[1])

    def line(self, start: tuple[float, float], end: tuple[float, float], thick: int = 0) -> None:
        """A rule from place to place."""
        cv2.line(self.plate, self.point(*start), self.point(*end), 255, thick or self.thick)

    def box(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """An outlined box."""
        cv2.rectangle(self.plate, self.point(*start), self.point(*end), 255, self.thick)

    def text(
        self,
        rng: np.random.Generator,
        text: str,
        at: tuple[float, float],
        tall: float,
        room: float = 1,
    ) -> float:
        """Write with the left lower corner at a place; returns its share of the cheque's width."""
        line = self.hand.write(rng, text)
        high = tall * self.size[1]
        wide = min(line.shape[1] * high / line.shape[0], room * self.size[0])
        x, y = self.point(*at)
        box_text(self.plate, line, (x + wide / 2, y - high / 2), (wide, high), 1)
        return wide / self.size[0]


def _letter(rng: np.random.Generator) -> float:
    """The height of small print as a share of the cheque's."""
    return float(rng.uniform(0.022, 0.05))


def _rules(rng: np.random.Generator, sheet: Sheet) -> None:
    """Print payee, amount in words and purpose: for each a caption, then a rule."""
    y, right = rng.uniform(0.2, 0.4), rng.uniform(0.6, 0.97)
    for _ in range(int(rng.integers(1, 5))):
        taken = (
            sheet.text(rng, pick(rng, CAPTIONS), (0.04, y), _letter(rng)) if chance(rng, 0.8) else 0
        )
        start = (0.05 + taken, y)
        if chance(rng, 0.2):
            for x in np.arange(start[0], right, 0.008):
                sheet.line((x, y), (x + 0.003, y))
        else:
            sheet.line(start, (right, y))
        y += rng.uniform(0.09, 0.16)


def _amount(rng: np.random.Generator, sheet: Sheet) -> None:
    """The box for the amount, with its sign, and the date's boxes."""
    x, y = rng.uniform(0.65, 0.8), rng.uniform(0.3, 0.5)
    sheet.box((x, y), (rng.uniform(0.9, 0.98), y + rng.uniform(0.07, 0.14)))
    sheet.text(
        rng, pick(rng, SIGNS), (x - 0.05 if chance(rng, 0.5) else x + 0.01, y + 0.09), 0.06, 0.045
    )
    start, step, top = rng.uniform(0.55, 0.75), rng.uniform(0.018, 0.028), rng.uniform(0.05, 0.12)
    sheet.text(rng, "Date", (start - 0.08, top + 0.05), _letter(rng), 0.07)
    if chance(rng, 0.5):
        for k in range(8):
            sheet.box((start + k * step, top), (start + (k + 1) * step, top + 0.06))
    elif chance(rng, 0.6):
        sheet.text(rng, date(rng), (start, top + 0.05), 0.05, 0.25)
    else:
        sheet.line((start, top + 0.06), (0.95, top + 0.06))


def _signature_line(rng: np.random.Generator, sheet: Sheet) -> None:
    """One or two rules to sign on, of text so small that it looks like a line, or a box."""
    x, y = rng.uniform(0.5, 0.7), rng.uniform(0.72, 0.86)
    if chance(rng, 0.2):
        sheet.box((x, y - rng.uniform(0.12, 0.25)), (0.97, y))
    elif chance(rng, 0.3):
        text = phrase(rng, sheet.hand.script, 2) + " "
        sheet.text(rng, text * 4, (x, y), 0.012, 0.96 - x)
    else:
        for k in range(1 + chance(rng, 0.25)):
            sheet.line((x, y - k * 0.14), (rng.uniform(0.9, 0.98), y - k * 0.14))
    if chance(rng, 0.8):
        tall = _letter(rng)
        below = y + tall * rng.uniform(1.2, 1.6)
        sheet.text(rng, pick(rng, CAPTIONS), (x + rng.uniform(0, 0.1), below), tall, 0.3)
        if chance(rng, 0.3):
            sheet.text(rng, phrase(rng, sheet.hand.script, 2), (x, y - 0.3), tall, 0.4)


def _bank(rng: np.random.Generator, sheet: Sheet) -> None:
    """The bank's emblem, name and address; the drawer's name."""
    for x, y in ((0.04, rng.uniform(0.06, 0.12)), (0.04, rng.uniform(0.6, 0.7))):
        if chance(rng, 0.6):
            place = sheet.point(x + 0.03, y + 0.04)
            emblem(rng, sheet.plate, place, sheet.size[1] * 0.06)
            x += 0.07
        tall = rng.uniform(0.04, 0.09)
        sheet.text(rng, phrase(rng, sheet.hand.script, 2), (x, y + tall), tall, 0.4)
        for k in range(int(rng.integers(0, 4))):
            below = y + tall + (k + 1) * 0.05
            sheet.text(rng, phrase(rng, sheet.hand.script, 3), (x, below), 0.033, 0.35)


def _figures(rng: np.random.Generator, sheet: Sheet) -> None:
    """The code line at the foot (blocky figures, groups, transit marks) and the cheque's number."""
    y, tall = rng.uniform(0.92, 0.97), rng.uniform(0.04, 0.07)
    x = rng.uniform(0.05, 0.2)
    while x < 0.85:
        count = int(rng.integers(3, 12))
        _code_figures(rng, sheet, (x, y), tall, count)
        x += count * tall * sheet.size[1] / sheet.size[0] * 0.8 + rng.uniform(0.02, 0.08)
    sheet.text(rng, digits(rng, 4, 8), (0.85, 0.08), rng.uniform(0.035, 0.06), 0.12)


# The strokes of a figure as pairs of corners: two at the top, two halfway, two at the foot.
TOP, MIDDLE, FOOT, LEFT, RIGHT, LOW_LEFT, LOW_RIGHT = (
    (0, 1), (2, 3), (4, 5), (0, 2), (1, 3), (2, 4), (3, 5),
)  # fmt: skip
DIGITS = (
    (TOP, FOOT, LEFT, RIGHT, LOW_LEFT, LOW_RIGHT),
    (RIGHT, LOW_RIGHT, FOOT),
    (TOP, RIGHT, MIDDLE, LOW_LEFT, FOOT),
    (TOP, RIGHT, MIDDLE, LOW_RIGHT, FOOT),
    (LEFT, RIGHT, MIDDLE, LOW_RIGHT),
    (TOP, LEFT, MIDDLE, LOW_RIGHT, FOOT),
    (LEFT, MIDDLE, LOW_LEFT, LOW_RIGHT, FOOT),
    (TOP, RIGHT, LOW_RIGHT),
    (TOP, MIDDLE, FOOT, LEFT, RIGHT, LOW_LEFT, LOW_RIGHT),
    (TOP, MIDDLE, LEFT, RIGHT, LOW_RIGHT),
)


def _code_figures(
    rng: np.random.Generator, sheet: Sheet, at: tuple[float, float], tall: float, count: int
) -> None:
    """Blocky figures of uneven weight, close to the look of E-13B, between transit marks."""
    high, (x, y) = tall * sheet.size[1], sheet.point(*at)
    thin = max(1, round(high * rng.uniform(0.06, 0.14)))
    corners = np.array([(0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5), (0, 1), (0.5, 1)]) * high
    for k in range(count):
        place = corners + np.array([x + 0.8 * high * k, y - high])
        if k in (0, count - 1) and chance(rng, 0.5):
            dots(sheet.plate, place[rng.integers(0, 6, 3)], (0, 0), 1.5 * thin)
            continue
        for segment in DIGITS[int(rng.integers(10))]:
            ends = np.rint(place[list(segment)]).astype(np.int32)
            cv2.polylines(sheet.plate, [ends], False, 255, thin * (1 + chance(rng, 0.25)))


def _small_print(rng: np.random.Generator, sheet: Sheet) -> None:
    """Rows of tiny print, along an edge or upright at the side."""
    tall = rng.uniform(0.012, 0.025)
    y = rng.choice((0.04, 0.97, rng.uniform(0.1, 0.9)))
    for k in range(int(rng.integers(1, 5))):
        text = " ".join(phrase(rng, sheet.hand.script, 4) for _ in range(3))
        at = rng.uniform(0, 0.3), float(y) + k * tall * 1.5
        sheet.text(rng, text, at, tall, rng.uniform(0.3, 0.7))


def _frame(rng: np.random.Generator, sheet: Sheet) -> None:
    """A border of one or two lines, or of loops."""
    inset = rng.uniform(0.005, 0.03)
    for k in range(int(rng.integers(1, 4))):
        near, far = inset * (1 + k), 1 - inset * (1 + k)
        sheet.box((near, near * 1.8), (far, 1 - near * 1.8))
    if chance(rng, 0.3):
        step, radius = inset * 1.5, max(1, round(inset * sheet.size[0]))
        for x in np.arange(0, 1, step):
            for y in (inset, 1 - inset):
                cv2.circle(sheet.plate, sheet.point(x, y), radius, 255, 1, cv2.LINE_AA)


def _loose_captions(rng: np.random.Generator, sheet: Sheet) -> None:
    """A few captions where no rule asked for them, so that no layout can be learnt by heart."""
    for _ in range(int(rng.integers(0, 5))):
        at = rng.uniform(0, 0.9), rng.uniform(0.1, 1)
        sheet.text(rng, pick(rng, CAPTIONS), at, _letter(rng) * rng.uniform(0.8, 1.6), 0.4)


PARTS: tuple[Callable[[np.random.Generator, Sheet], None], ...] = (
    _rules, _amount, _signature_line, _small_print, _figures, _bank, _frame, _loose_captions,
)  # fmt: skip
