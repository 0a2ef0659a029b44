"""How files are read, in a real Chromium: passwords, the resolution of PDFs, bright ink, weight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser_page import choose, download, downloaded, drag, press, ready, region, upload
from demo_server import Demo, ask, pixels
from pdfs import signed_pdf
from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from sigclean import SignatureCleaner
from sigclean.compositing.weight import stroke_width
from sigclean.drawn import draw_signature


@pytest.fixture
def signature() -> Image.Image:
    return draw_signature(np.random.default_rng([2, 3]), 640, 280)


@pytest.fixture
def locked(tmp_path: Path, signature: Image.Image) -> Path:
    """An encrypted PDF of two pages."""
    path = tmp_path / "secret.pdf"
    path.write_bytes(signed_pdf(signature, password="geheim", pages=2))
    return path


def answer_password(page: Page, word: str, button: str = "Open") -> None:
    asked = page.get_by_role("dialog", name="Password")
    expect(asked).to_be_visible()
    asked.get_by_label("Password").fill(word)
    asked.get_by_role("button", name=button).click()


def test_an_encrypted_pdf_asks_for_its_password_until_it_is_right(page: Page, locked: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#file").set_input_files(locked)
    expect(page.get_by_text("secret.pdf is encrypted: its password is needed.")).to_be_visible()
    answer_password(page, "wrong")
    expect(page.get_by_text("secret.pdf is encrypted, and the password is wrong.")).to_be_visible()
    answer_password(page, "geheim")
    ready(page)
    expect(page.locator("#editor .pages")).to_contain_text("of 2")
    press(page, "Next page")
    expect(page.locator("#editor .page")).to_have_value("2")
    ready(page)
    assert downloaded(page).shape[2] == 4
    assert not [url for url in asked if "geheim" in url]


def test_without_a_password_the_work_before_is_kept(
    page: Page, locked: Path, noisy_file: Path
) -> None:
    upload(page, noisy_file)
    page.locator("#file").set_input_files(locked)
    answer_password(page, "", "Cancel")
    expect(page.locator(".studio .message")).to_contain_text("its password is needed")
    ready(page)
    expect(page.locator("#editor .name")).to_have_text("my scan.png")


def test_a_batch_asks_for_the_password_of_each_encrypted_file(
    page: Page, locked: Path, noisy_file: Path
) -> None:
    page.get_by_role("tab", name="Several").click()
    page.locator("#files").set_input_files([noisy_file, locked])
    expect(page.locator("#report")).to_have_text("1 picture cleaned, 1 not cleaned.")
    press(page, "Password of secret.pdf")
    answer_password(page, "geheim")
    expect(page.locator("#report")).to_have_text("3 pictures cleaned.")


def test_a_pdf_is_drawn_at_the_resolution_that_is_asked_for_and_strokes_stay(
    page: Page, tmp_path: Path, signature: Image.Image
) -> None:
    path = tmp_path / "letter.pdf"
    path.write_bytes(signed_pdf(signature, size=(288, 144), box=(20, 20, 240, 105)))
    choose(page, "White")
    upload(page, path)
    press(page, "Whole picture")
    expect(page.locator("#editor .size")).to_contain_text("of 1200 × 600 pixels")
    ready(page)
    page.keyboard.press("e")
    page.get_by_label("Size of the brush").fill("80")
    for y in (0.2, 0.4, 0.6, 0.8):
        drag(page, (0.05, y), (0.95, y), "#result .after .frame")
    ready(page)
    assert (downloaded(page) < 128).sum() == 0
    page.get_by_label("PDF at").fill("150")
    page.get_by_label("PDF at").blur()
    expect(page.locator("#editor .size")).to_contain_text("of 600 × 300 pixels")
    ready(page)
    small = downloaded(page)
    assert small.shape == (300, 600, 3)
    assert (small < 128).sum() == 0
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()


def test_only_pdfs_have_a_resolution_to_choose(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    expect(page.get_by_label("PDF at").locator("visible=true")).to_have_count(0)


def test_bright_ink_is_inverted_or_left_as_it_is(
    page: Page, demo: Demo, tmp_path: Path, signature: Image.Image
) -> None:
    path = tmp_path / "board.png"
    ImageChops.invert(signature).save(path)
    cleaner = SignatureCleaner.from_pretrained(demo.weights)
    choose(page, "White")
    upload(page, path)
    for choice in ("never", "always", "auto"):
        page.get_by_label("Bright ink").locator("visible=true").select_option(choice)
        ready(page)
        assert np.array_equal(downloaded(page), pixels(cleaner(path, invert=choice)))


def test_a_stroke_can_be_erased_from_an_inverted_picture(
    page: Page, tmp_path: Path, signature: Image.Image
) -> None:
    path = tmp_path / "board.png"
    ImageChops.invert(signature).save(path)
    page.locator("#model").select_option("default")
    choose(page, "White")
    upload(page, path)
    before = downloaded(page)
    choose(page, "Drop colour")
    row, column = np.argwhere(before.max(axis=2) < 60)[0]
    frame = page.locator("#result .before .frame")
    box = frame.bounding_box()
    assert box is not None
    place = {"x": column / 640 * box["width"], "y": row / 280 * box["height"]}
    frame.click(position=place)  # type: ignore[arg-type]
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    ready(page)
    assert (downloaded(page) < 128).sum() < (before < 128).sum() / 4


def test_the_weight_of_the_strokes_is_that_of_the_download(
    page: Page, tmp_path: Path, signature: Image.Image
) -> None:
    signature.save(tmp_path / "scan.png")
    page.locator("#model").select_option("default")
    choose(page, "White")
    upload(page, tmp_path / "scan.png")
    before = stroke_width(Image.fromarray(downloaded(page)))
    svgs = []
    for weight, name in (("50", "-50-thicker"), ("-30", "-30-thinner")):
        page.get_by_label("Weight").locator("visible=true").fill(weight)
        ready(page)
        got = download(page, "Download PNG")
        assert got.suggested_filename == f"scan.white{name}.png"
        after = stroke_width(Image.fromarray(pixels(Path(got.path()))))
        assert after / before == pytest.approx(1 + int(weight) / 100, abs=0.15)
        svgs.append(Path(download(page, "Download SVG").path()).read_text(encoding="utf-8"))
    assert svgs[0] != svgs[1]


def test_the_page_of_a_pdf_is_a_sheet_however_large_its_signature(
    page: Page, tmp_path: Path, signature: Image.Image
) -> None:
    path = tmp_path / "pasted.pdf"
    path.write_bytes(signed_pdf(signature, box=(60, 300, 480, 210)))
    page.locator("#model").select_option("default")
    upload(page, path)
    left, top, right, bottom = region(page)
    inked = ImageChops.invert(signature).getbbox()
    assert inked is not None
    drawn = [(60 + 0.75 * inked[side]) / 595 for side in (0, 2)]  # its ink on the page
    assert left == pytest.approx(drawn[0], abs=0.03)
    assert right == pytest.approx(drawn[1], abs=0.03)
    assert 0.35 < top < bottom < 0.7


def test_programs_send_the_password_as_a_field_and_the_description_says_so(
    demo: Demo, locked: Path
) -> None:
    refused = ask(f"{demo.url}/api/extract", locked.read_bytes())
    assert (refused.status, refused.json["needs"]) == (422, "password")
    assert refused.json["detail"].endswith(" is encrypted: its password is needed.")
    described = ask(f"{demo.url}/openapi.json").json
    for path in ("/api/clean", "/api/extract"):
        post = described["paths"][path]["post"]
        named = {one["name"] for one in post["parameters"]}
        form = post["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        assert {"invert", "dpi"} <= named
        assert "password" not in named
        assert {"invert", "dpi", "password"} <= set(form)
