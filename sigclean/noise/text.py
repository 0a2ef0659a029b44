"""Printed and typed text where signatures have it: above, below, beside, behind, across."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sigclean.noise import wording
from sigclean.noise.page import Layer, Page
from sigclean.noise.printing import shows, spread
from sigclean.noise.typesetting import Setting, choose_setting, print_block


def _letter_end(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """The end of a letter: a closing above the signature, the signatory's lines below."""
    left, top, right, bottom = page.ink
    x = left + (right - left) * rng.uniform(-0.25, 0.45)
    if rng.random() < 0.75:
        y = top + (bottom - top) * rng.uniform(-0.2, 0.3)
        print_block(rng, layer, [wording.one_of(rng, wording.CLOSINGS)], setting, (x, y), (0, 1))
    if rng.random() < 0.85:
        x += (right - left) * float(rng.normal(0, 0.05))
        y = bottom - (bottom - top) * rng.uniform(-0.15, 0.4)
        print_block(rng, layer, wording.signatory(rng), setting, (x, y))


def _running_lines(rng: np.random.Generator, page: Page, setting: Setting, count: int) -> list[str]:
    """`count` lines of running text, somewhat wider than the page or a column of it."""
    letters = int(np.clip(page.width * rng.uniform(0.5, 1.5) / (0.5 * setting.size), 6, 200))
    lines = [" ".join(wording.words(rng, letters // 5 + 2)) for _ in range(count)]
    return [line[: max(letters - int(rng.integers(0, 6)), 3)] for line in lines]


def _paragraph(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """Running text above or below the signature, cut by the picture's border."""
    _, top, _, bottom = page.ink
    setting = replace(setting, align=str(rng.choice(("left", "block"))))
    count = int(rng.integers(1, 5))
    lines = _running_lines(rng, page, setting, count)
    x = page.width * rng.uniform(-0.3, 0.3)
    overlap = (bottom - top) * rng.uniform(-0.1, 0.25)
    if rng.random() < 0.5:
        print_block(rng, layer, lines, setting, (x, top + overlap), (0, 1))
    else:
        print_block(rng, layer, lines, setting, (x, bottom - overlap))


def _behind(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """A page of running text behind the strokes, at any line pitch."""
    small = min(setting.size, max(page.height // 6, 5))
    setting = choose_setting(rng, page, small)
    setting = replace(setting, align=str(rng.choice(("left", "block"))), tracking=0, jitter=0)
    setting = replace(setting, pitch=setting.size * spread(rng, 0.9, 3.5))
    count = min(int(page.height / setting.pitch) + 2, 40)
    lines = _running_lines(rng, page, setting, count)
    anchor = (page.width * rng.uniform(-0.4, 0.3), -setting.pitch * rng.uniform(0, 1))
    print_block(rng, layer, lines, setting, anchor)


def _sideways(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """A number or a name up a margin, as archives and printers put it, or upside down."""
    setting = choose_setting(rng, page, setting.size * rng.uniform(0.5, 1.2))
    kinds = (wording.number, wording.contact, wording.name, wording.company)
    lines = [kinds[int(rng.integers(4))](rng) for _ in range(int(rng.integers(1, 3)))]
    setting = replace(setting, degrees=float(rng.choice((90, 90, -90, 180))))
    anchor = (page.width * rng.uniform(0, 1), page.height * rng.uniform(0, 1))
    print_block(rng, layer, lines, setting, anchor, (0.5, 0.5))


def _watermark(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """One large word across the page, mostly pale, often askew, solid or in outlines."""
    word = wording.one_of(rng, wording.WATERMARKS)
    size = min(1.6 * page.width / len(word), page.height) * rng.uniform(0.4, 1.2)
    setting = choose_setting(rng, page, size)
    grey = rng.uniform(0.55, 0.92) if rng.random() < 0.6 else rng.uniform(0.05, 0.6)
    tint = np.clip(grey + rng.normal(0, 0.1, 3) * (rng.random() < 0.5), 0, 0.95)
    setting = replace(
        setting,
        colour=(float(tint[0]), float(tint[1]), float(tint[2])),
        degrees=float(rng.normal(0, 25)),
        shear=rng.uniform(0.1, 0.45) if rng.random() < 0.3 else 0,
        hollow=bool(rng.random() < 0.35),
        tracking=0,
        jitter=0,
    )
    anchor = (page.width * rng.uniform(0.3, 0.7), page.height * rng.uniform(0.3, 0.7))
    print_block(rng, layer, [word], setting, anchor, (0.5, 0.5))


def _cut(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """Print, often large and bold, that the picture's border cuts through."""
    setting = choose_setting(rng, page, setting.size * rng.uniform(1, 2.5))
    line = wording.one_of(rng, wording.TITLES + wording.CLOSINGS)
    line = line if rng.random() < 0.5 else " ".join(wording.words(rng, 5))
    shown = rng.uniform(0.15, 0.7) * setting.size
    x = page.width * rng.uniform(-0.3, 0.6)
    side = rng.random()
    if side < 0.4:
        print_block(rng, layer, [line], setting, (x, shown), (0, 1))
    elif side < 0.8:
        print_block(rng, layer, [line], setting, (x, page.height - shown))
    else:
        end = (-0.3 * page.width, page.width - 3 * shown)[int(rng.integers(2))]
        print_block(rng, layer, [line], setting, (end, page.height * rng.uniform(0, 0.9)))


def _beside(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """A few words left or right of the signature: a date, a number, a caption, an address."""
    left, top, right, bottom = page.ink
    kinds = (wording.number, wording.contact, wording.name, wording.company)
    lines = [kinds[int(rng.integers(4))](rng) for _ in range(int(rng.integers(1, 4)))]
    if rng.random() < 0.3:
        lines = [wording.one_of(rng, wording.CAPTIONS)]
    y = rng.uniform(top, bottom)
    if rng.random() < 0.5:
        x = left + (right - left) * rng.uniform(-0.1, 0.15)
        print_block(rng, layer, lines, setting, (x, y), (1, 0.5))
    else:
        x = right - (right - left) * rng.uniform(-0.1, 0.15)
        print_block(rng, layer, lines, setting, (x, y), (0, 0.5))


def _caption(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """Captions in tiny letters, as forms have them, anywhere."""
    size = min(page.height, page.width) * spread(rng, 0.02, 0.07)
    for _ in range(int(rng.integers(1, 4))):
        setting = choose_setting(rng, page, size)
        line = wording.one_of(rng, wording.CAPTIONS)
        anchor = (page.width * rng.uniform(0, 0.9), page.height * rng.uniform(0, 1))
        print_block(rng, layer, [line], setting, anchor)


def _to_sign(rng: np.random.Generator, page: Page, layer: Layer, setting: Setting) -> None:
    """`X______`: a row of underscores or dots under the ink, with a word before it."""
    left, _, right, bottom = page.ink
    mark = "_.-"[int(rng.integers(3))]
    count = int((right - left) * rng.uniform(0.6, 1.4) / max(setting.font.getlength(mark), 1))
    word = wording.one_of(rng, ("X", "By:", "x ", "Signed", "Date", "✗", "Unterschrift:", ""))
    setting = replace(setting, tracking=0, jitter=0, align="left")
    base = bottom - setting.size * rng.uniform(0, 2)
    x = left - setting.size * rng.uniform(0, 3)
    print_block(rng, layer, [word + mark * min(max(count, 3), 200)], setting, (x, base), (0, 0.9))


TextLayout = Callable[[np.random.Generator, Page, Layer, Setting], None]
TEXT_LAYOUTS: tuple[tuple[TextLayout, float], ...] = (
    (_letter_end, 0.3),
    (_paragraph, 0.17),
    (_behind, 0.13),
    (_cut, 0.12),
    (_beside, 0.12),
    (_caption, 0.08),
    (_to_sign, 0.08),
    (_sideways, 0.04),
    (_watermark, 0.12),
)


def text(rng: np.random.Generator, page: Page) -> Layer:
    """Printed and typed text around, behind and across the signature: one to three arrangements."""
    layer = page.blank()
    setting = choose_setting(rng, page)
    layouts, weights = zip(*TEXT_LAYOUTS, strict=True)
    count = int(rng.choice((1, 2, 3), p=(0.45, 0.38, 0.17)))
    chosen = rng.choice(len(layouts), count, replace=False, p=np.divide(weights, sum(weights)))
    for index in chosen:
        layouts[int(index)](rng, page, layer, setting)
    if not shows(layer):  # everything fell outside the page
        _behind(rng, page, layer, setting)
    return layer
