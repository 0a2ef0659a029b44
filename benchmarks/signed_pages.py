"""Pages with signatures whose place is known, of several kinds, to measure and to fit the finder.

Everything that a page is made of comes from folders, or is drawn: pages of print, signatures,
words, stamps, papers, cheques. A page is made as paper is: print, then ink by multiplication, then
a scanner or a camera, which sees page and truth alike.
"""

from __future__ import annotations

from collections.abc import Callable

from page_captures import captured, photographed
from page_ink import add_answers, make_signature, place_ink, sign, sized, touching_shift, write
from page_pictures import CARD, add_pictures, make_card, strike
from page_sheets import (
    Rng,
    Sheet,
    Sources,
    darkest_of,
    find_room,
    is_seen,
    material_of,
    pick_file,
    printed_page,
    to_picture,
)
from PIL import Image, ImageChops

from sigclean.drawn import writer
from sigclean.drawn.hand import pick_hand
from sigclean.noise import compose, draw_families
from sigclean.noise.page import Page
from sigclean.noise.papers.paper import cheque


def make_page(rng: Rng, kind: str, sources: Sources) -> tuple[Image.Image, list[Image.Image]]:
    """Make a page of one of `KINDS`; returns it with the darkness of each signature's ink, L, of
    those that can be seen."""
    sheet = KINDS[kind](rng, sources)
    if kind == "angle":
        sheet = photographed(rng, sheet)
    page = sheet.picture
    if kind != "crop":
        page = captured(rng, page, kind in ("angle", "card", "cheque"))
    return page, [truth for truth in sheet.signatures if is_seen(page, truth)]


def _plain(rng: Rng, sources: Sources) -> Sheet:
    """One or two signatures, 1.3 to 3 inches wide, mostly where there is room."""
    sheet = printed_page(rng, sources)
    for _ in range(int(rng.choice([1, 1, 2]))):
        sign(rng, sheet, sources, rng.uniform(1.3, 3.0))
    return sheet


def _initials(rng: Rng, sources: Sources) -> Sheet:
    """One to three pairs of initials, 0.3 to 0.8 inches wide."""
    sheet = printed_page(rng, sources)
    for _ in range(int(rng.integers(1, 4))):
        ink = write(rng, writer.initials(rng, pick_hand(rng), int(rng.choice([2, 2, 3]))))
        place_ink(rng, sheet, sized(ink, rng.uniform(0.3, 0.8), 0.6, sheet.inch))
    return sheet


def _small(rng: Rng, sources: Sources) -> Sheet:
    """One or two signatures, 0.6 to 1 inch wide."""
    sheet = printed_page(rng, sources)
    for _ in range(int(rng.integers(1, 3))):
        sign(rng, sheet, sources, rng.uniform(0.6, 1.0))
    return sheet


def _touching(rng: Rng, sources: Sources) -> Sheet:
    """Two signatures side by side, or one below the other, whose ink touches."""
    sheet = printed_page(rng, sources)
    beside = rng.random() < 0.7
    inks = [make_signature(rng, sources) for _ in range(2)]
    inks = [sized(ink, rng.uniform(1.2, 2.2), 1.0, sheet.inch) for ink in inks]
    axis = 0 if beside else 1
    shift = touching_shift(*inks, axis)
    size = (shift + inks[1].width, max(ink.height for ink in inks))
    if not beside:
        size = (max(ink.width for ink in inks), shift + inks[1].height)
    left, top = find_room(rng, sheet, size, 0.05)
    sheet.put(inks[0], left, top, signature=True)
    sheet.put(inks[1], left + (shift if beside else 0), top + (0 if beside else shift), True)
    return sheet


def _stamped(rng: Rng, sources: Sources) -> Sheet:
    """A signature over a stamp, and at times a stamp alone."""
    sheet = printed_page(rng, sources)
    box = sign(rng, sheet, sources, rng.uniform(1.3, 2.6))
    strike(rng, sheet, sources, box)
    if rng.random() < 0.5:
        strike(rng, sheet, sources, None)
    return sheet


def _beside(rng: Rng, sources: Sources) -> Sheet:
    """A signature beside photos and logos."""
    sheet = printed_page(rng, sources)
    add_pictures(rng, sheet, sources)
    sign(rng, sheet, sources, rng.uniform(1.2, 2.6))
    return sheet


def _cheque(rng: Rng, sources: Sources) -> Sheet:
    """A cheque that fills the picture, with the amount and the payee written by hand in places."""
    side = int(rng.choice([1100, 1600, 2100]))
    if sources.cheques and rng.random() < 0.7:
        picture = sources.read(pick_file(rng, sources.cheques))
        picture = picture.resize((side, round(side * picture.height / picture.width)))
    else:
        high = round(side * rng.uniform(0.38, 0.5))
        right, low = round(0.94 * side), round(0.86 * high)
        ink = round(0.6 * side), round(0.6 * high), right, low
        page = Page(side, high, ink, material_of(sources))
        picture = to_picture(cheque(rng, page))
    sheet = Sheet(picture, side / rng.uniform(6, 8.2))
    low = picture.height * rng.uniform(0.78, 0.95)
    written = sized(make_signature(rng, sources), rng.uniform(1.3, 2.4), 0.9, sheet.inch)
    left = round(rng.uniform(0.5, 0.95) * (picture.width - written.width))
    sheet.put(written, left, max(round(low - written.height), 0), signature=True)
    if rng.random() < 0.5:
        add_answers(rng, sheet, sources, int(rng.integers(1, 4)), below=0.1, above=0.6)
    return sheet


def _card(rng: Rng, sources: Sources) -> Sheet:
    """A card with a photo, alone in the picture or copied onto a page."""
    sheet = printed_page(rng, sources)
    alone = rng.random() < 0.5
    inch = 1000 / CARD[0] if alone else sheet.inch * rng.uniform(1, 1.4)
    card = make_card(rng, sources, inch)
    if alone:
        return card
    left, top = find_room(rng, sheet, card.picture.size, 0.1)
    sheet.picture.paste(card.picture, (left, top))
    for truth in card.signatures:
        whole = Image.new("L", sheet.picture.size)
        whole.paste(truth, (left, top))
        sheet.signatures.append(whole)
    return sheet


def _form(rng: Rng, sources: Sources) -> Sheet:
    """A form with answers written by hand, signed once."""
    sheet = printed_page(rng, sources)
    sign(rng, sheet, sources, rng.uniform(1.2, 2.6))
    add_answers(rng, sheet, sources, int(rng.integers(2, 9)))
    return sheet


def _unsigned(rng: Rng, sources: Sources) -> Sheet:
    """No signature, but at times stamps, pictures, answers, and rules to sign on."""
    sheet = printed_page(rng, sources)
    if rng.random() < 0.35:
        strike(rng, sheet, sources, None)
    if rng.random() < 0.35:
        add_pictures(rng, sheet, sources)
    if rng.random() < 0.3:
        add_answers(rng, sheet, sources, int(rng.integers(1, 9)))
    return sheet


def _crop(rng: Rng, sources: Sources) -> Sheet:
    """A picture that shows little more than one signature, with noise of any kind."""
    signature = make_signature(rng, sources)
    families = [name for name in draw_families(rng) if name not in ("bars", "colour")]
    noisy, truth = compose(rng, families, signature, material_of(sources))
    sheet = Sheet(Image.fromarray(noisy), noisy.shape[1] / 3)
    sheet.signatures.append(ImageChops.invert(darkest_of(Image.fromarray(truth))))
    return sheet


Make = Callable[[Rng, Sources], Sheet]
KINDS: dict[str, Make] = {
    "plain": _plain,
    "initials": _initials,
    "small": _small,
    "touching": _touching,
    "stamp": _stamped,
    "beside": _beside,
    "cheque": _cheque,
    "card": _card,
    "angle": _plain,
    "form": _form,
    "crop": _crop,
    "unsigned": _unsigned,
}
