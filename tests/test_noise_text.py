"""Print on the page: fonts, text, rules, forms, fragments of real pages."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from sigclean.errors import DataError
from sigclean.noise import lettering, scripts
from sigclean.noise.documents import Sheet, document, find_pieces, handwriting, letter_height, solid
from sigclean.noise.forms import form
from sigclean.noise.page import Layer, Material, Overlay, Page
from sigclean.noise.printing import dashes, line_mask
from sigclean.noise.ruling import rules
from sigclean.noise.text import text

FAMILIES = (text, rules, form, document)
PAGE = Page(300, 160, (60, 40, 240, 120))


def print_on(family: Overlay, seed: int, page: Page = PAGE) -> Layer:
    return family(np.random.default_rng(seed), page)


def typed_page(path: Path, notes: bool = False) -> Path:
    """A page of typed lines, with a large looping scrawl on its lower half when `notes`."""
    picture = Image.new("L", (850, 1100), 255)
    draw = ImageDraw.Draw(picture)
    for row in range(24):
        line = "the quick brown fox jumps over the lazy dog and back again"
        draw.text((60, 40 + 20 * row), line, fill=0, font=ImageFont.load_default(17))
    if notes:
        for x in range(100, 700, 60):
            draw.ellipse((x, 700, x + 110, 900), outline=0, width=3)
    picture.save(path)
    return path


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(8))
def test_a_layer_has_the_size_of_the_page_and_stays_between_ink_and_paper(
    family: Overlay, seed: int
) -> None:
    layer = print_on(family, seed)
    assert layer.shape == (160, 300, 3)
    assert layer.dtype == np.float32
    assert layer.min() >= 0
    assert layer.max() <= 1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(8))
def test_every_layer_shows_something_and_leaves_paper(family: Overlay, seed: int) -> None:
    darkest = print_on(family, seed).min(axis=2)
    assert (darkest < 0.95).any()
    assert (darkest == 1).mean() > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_prints_the_same(family: Overlay) -> None:
    assert np.array_equal(print_on(family, 5), print_on(family, 5))


@pytest.mark.parametrize("family", FAMILIES)
def test_other_seeds_print_otherwise(family: Overlay) -> None:
    layers = {print_on(family, seed).tobytes() for seed in range(10)}
    assert len(layers) == 10


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(1, 1), (30, 8), (8, 30), (100, 40), (1600, 60)])
def test_pages_of_any_size_are_printed_on(family: Overlay, size: tuple[int, int]) -> None:
    page = Page(*size, (0, 0, *size))
    for seed in range(6):
        assert print_on(family, seed, page).shape == (size[1], size[0], 3)


def test_letters_grow_with_the_page() -> None:
    def ink_share(page: Page) -> float:
        return float(np.mean([1 - print_on(text, seed, page).min(axis=2) for seed in range(25)]))

    small = ink_share(Page(200, 100, (40, 25, 160, 75)))
    large = ink_share(Page(1000, 500, (200, 125, 800, 375)))
    assert large == pytest.approx(small, rel=0.5)


def test_a_broken_font_gives_way_to_pillows_own(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    font = lettering.pick_font(np.random.default_rng(0), Material(fonts=(broken,)), 20)
    assert lettering.text_mask("Ag", font).max() > 0.5
    page = Page(300, 160, PAGE.ink, Material(fonts=(broken,)))
    assert np.array_equal(print_on(text, 3, page), print_on(text, 3))


def test_text_is_cut_tight() -> None:
    font = lettering.pick_font(np.random.default_rng(0), Material(), 40)
    mask = lettering.text_mask("Sincerely", font)
    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert edge.max() > 0
    assert lettering.text_mask(" ", font).max() == 0


def test_letters_a_font_lacks_are_known() -> None:
    font = lettering.pick_font(np.random.default_rng(0), Material(), 24)
    assert scripts.has_glyphs("Signature No. 4", font)
    assert not scripts.has_glyphs("署名", font)


def test_system_fonts_print_a_known_script_and_none_looks_like_handwriting() -> None:
    for path in lettering.system_fonts():
        family, _ = ImageFont.truetype(str(path), 20).getname()
        assert "script" not in (family or "").lower()
        assert "chancery" not in path.stem.lower()
        assert scripts.scripts_in(str(path))


def test_print_is_in_latin_letters_when_no_font_draws_others() -> None:
    assert lettering.pick_foreign(np.random.default_rng(0), Material(), 24) is None


def test_a_foreign_font_draws_its_script() -> None:
    fonts = Material(fonts=lettering.system_fonts()[::7])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        if (picked := lettering.pick_foreign(rng, fonts, 30)) is None:
            pytest.skip("this system has no font of another script")
        font, script = picked
        written = scripts.drawable(font, scripts.word(rng, script))
        assert script not in ("latin", "accented")
        assert scripts.has_glyphs(written, font)
        assert lettering.text_mask(written, font).max() > 0.5


@pytest.mark.parametrize("script", scripts.SCRIPTS)
def test_a_translated_line_keeps_its_figures_and_no_latin_word(script: str) -> None:
    line = scripts.translated(np.random.default_rng(1), "Paid on 12.03.1999 by hand", script)
    assert "12.03.1999" in line
    assert "Paid" not in line
    assert len(line.split(" ")) == 5


def test_what_a_font_lacks_is_left_out() -> None:
    font = lettering.pick_font(np.random.default_rng(0), Material(), 24)  # Pillow's own
    assert scripts.drawable(font, "署A名1") == "A1"
    assert scripts.drawable(font, "署名") == "No. 1"


def test_a_folder_without_fonts_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=tmp_path.name):
        lettering.fonts_in(tmp_path)
    with pytest.raises(DataError, match="missing"):
        lettering.fonts_in(tmp_path / "missing")


def test_a_line_covers_its_thickness() -> None:
    for thickness in (0.5, 1, 2.5, 6):
        assert line_mask(50, thickness).sum(axis=0) == pytest.approx(thickness, abs=0.05)


def test_a_rising_line_ends_higher_than_it_starts() -> None:
    mask = line_mask(100, 2, rise=10)
    assert mask[:, 0].argmax() - mask[:, -1].argmax() == pytest.approx(10, abs=1)


def test_dashes_leave_the_share_asked_for() -> None:
    assert dashes(1000, 6, 2).mean() == pytest.approx(0.75, abs=0.05)


def test_documents_come_from_the_files_named(tmp_path: Path) -> None:
    page = Page(300, 160, PAGE.ink, Material(documents=(typed_page(tmp_path / "page.png"),)))
    fragments = [print_on(document, seed, page) for seed in range(6)]
    assert all((layer.min(axis=2) < 0.95).any() for layer in fragments)
    synthetic = [print_on(document, seed) for seed in range(6)]
    assert not any(np.array_equal(a, b) for a, b in zip(fragments, synthetic, strict=True))


def test_a_broken_document_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nand then nothing")
    page = Page(300, 160, PAGE.ink, Material(documents=(broken, tmp_path / "missing.png")))
    assert (print_on(document, 1, page).min(axis=2) < 0.95).any()


def test_handwriting_on_a_document_is_avoided_and_print_is_not(tmp_path: Path) -> None:
    ink = 255 - np.asarray(Image.open(typed_page(tmp_path / "notes.png", notes=True)))
    pieces = find_pieces(ink)
    avoid = handwriting(ink, letter_height(pieces), pieces)
    assert avoid[700:900, 110:750].all()
    assert not avoid[:500].any()


def test_ruled_boxes_on_a_document_are_not_handwriting() -> None:
    ink = np.zeros((400, 400), np.uint8)
    cv2.rectangle(ink, (50, 50), (350, 300), 255, 2)
    cv2.line(ink, (50, 120), (350, 120), 255, 2)
    assert not handwriting(ink, 12, find_pieces(ink)).any()


def test_a_page_is_avoided_exactly_where_its_bits_say() -> None:
    marked = np.zeros((20, 37), np.uint8)
    marked[5, 9] = 1
    sheet = Sheet(np.zeros_like(marked), 10.0, np.packbits(marked, axis=1))
    for left in range(37):
        for right in range(left + 1, 38):
            expected = bool(marked[3:8, left:right].any())
            assert sheet.avoids(slice(3, 8), slice(left, right)) is expected
    assert not sheet.avoids(slice(6, 20), slice(0, 37))


def test_black_slabs_of_a_document_are_avoided_and_bold_rules_are_not() -> None:
    ink = np.zeros((400, 400), np.uint8)
    ink[100:300, 100:200] = 255
    ink[350:362] = 255
    avoid = solid(ink, 12)
    assert avoid[100:300, 100:200].all()
    assert avoid.sum() == 200 * 100
