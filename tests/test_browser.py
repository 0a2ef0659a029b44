"""The demo as people see it: a real Chromium opens the page, uploads, presses Clean."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from demo_server import Demo, pixels
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from sigclean import SignatureCleaner

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.goto(demo.url)
    yield opened
    opened.close()


def upload(page: Page, path: Path) -> None:
    page.locator("#picture input[type=file]").set_input_files(path)
    expect(page.locator("#picture img")).to_be_visible()


def clean(page: Page, path: Path) -> None:
    upload(page, path)
    page.get_by_role("button", name="Clean", exact=True).click()
    expect(page.locator("#compare img").first).to_be_visible()


def shown(image: Locator) -> np.ndarray:
    """The pixels that the browser decoded for an <img>."""
    data = image.evaluate(
        """async image => {
            await image.decode();
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            canvas.getContext("2d").drawImage(image, 0, 0);
            return canvas.toDataURL("image/png").split(",")[1];
        }"""
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def test_the_result_shown_is_the_cleaners_own_to_the_pixel(
    page: Page, demo: Demo, noisy_file: Path
) -> None:
    clean(page, noisy_file)
    expected = pixels(SignatureCleaner.from_pretrained(demo.weights)(noisy_file))
    assert np.array_equal(shown(page.locator("#result img")), expected)


def test_the_slider_compares_the_noisy_picture_with_the_clean_one(
    page: Page, noisy_file: Path
) -> None:
    clean(page, noisy_file)
    noisy, cleaned = page.locator("#compare img").all()
    assert np.array_equal(shown(noisy), pixels(noisy_file))
    assert np.array_equal(shown(cleaned), shown(page.locator("#result img")))


def test_the_transparent_png_is_downloaded_under_the_uploads_name(
    page: Page, demo: Demo, noisy_file: Path, tmp_path: Path
) -> None:
    clean(page, noisy_file)
    with page.expect_download() as download:
        page.get_by_role("button", name="Transparent PNG").click()
    assert download.value.suggested_filename == "my scan.transparent.png"
    download.value.save_as(tmp_path / "got.png")
    cleaner = SignatureCleaner.from_pretrained(demo.weights)
    assert np.array_equal(
        pixels(tmp_path / "got.png"), pixels(cleaner(noisy_file, transparent=True))
    )


def test_size_and_milliseconds_are_shown(page: Page, noisy_file: Path) -> None:
    clean(page, noisy_file)
    expect(page.locator("#note")).to_contain_text("640 × 280 pixels, cleaned in ")
    expect(page.locator("#note")).to_contain_text(" ms")


def test_a_broken_file_is_answered_in_words_and_the_next_one_is_cleaned(
    page: Page, noisy_file: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    page.locator("#picture input[type=file]").set_input_files(broken)
    expect(page.locator("#picture img")).to_have_count(1)
    page.get_by_role("button", name="Clean", exact=True).click()
    expect(page.get_by_text("broken.png is not a picture that can be read.")).to_be_visible()
    page.get_by_role("button", name="Remove Image").click()
    clean(page, noisy_file)


def test_an_example_is_one_click_away(page: Page) -> None:
    page.locator(".gallery-item").first.click()
    expect(page.locator("#picture img")).to_be_visible()
    page.get_by_role("button", name="Clean", exact=True).click()
    expect(page.locator("#note")).to_contain_text("720 × 360 pixels, cleaned in ")


def test_a_new_picture_takes_the_old_result_away(page: Page, noisy_file: Path) -> None:
    clean(page, noisy_file)
    page.get_by_role("button", name="Remove Image").click()
    expect(page.locator("#result img")).to_have_count(0)
    expect(page.locator("#compare")).not_to_be_visible()
    expect(page.get_by_role("button", name="Transparent PNG")).to_be_disabled()


def test_the_page_asks_no_other_server_for_anything(
    browser: Browser, demo: Demo, noisy_file: Path
) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(demo.url)
    clean(page, noisy_file)
    page.close()
    own = (demo.url, "data:", "blob:")
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(own)] == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_the_screen(
    browser: Browser, demo: Demo, noisy_file: Path, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto(demo.url)
    clean(page, noisy_file)
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.close()
    assert overflow <= 0
