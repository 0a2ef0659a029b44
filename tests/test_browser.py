"""The demo in a real Chromium, which opens the page, uploads and presses Clean."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import numpy as np
import pytest
from demo_server import CHROMIUM, ROOT, Demo, pixels
from PIL import Image
from playwright.sync_api import Browser, Download, Locator, Page, expect, sync_playwright

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.regions import crop_region

ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
)
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
WHOLE_PAGE = ROOT / "examples" / "0-whole-page.png"
SIGNED = ((130, 780, 550, 970), (680, 780, 1100, 970))  # pixels: boxes of its signatures, about

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=30_000)  # milliseconds: ten times what an idle machine needs
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


@pytest.fixture(scope="module")
def cleaner(demo: Demo) -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(demo.weights)


@pytest.fixture
def scan(tmp_path: Path) -> Image.Image:
    """A large scan, of which the browser is shown a smaller picture; at tmp_path/scan.png."""
    picture = Image.new("RGB", (3000, 1500), (240, 240, 235))
    picture.paste(draw_signature(np.random.default_rng(14), 1200, 500), (900, 600))
    picture.save(tmp_path / "scan.png", compress_level=1)
    return picture


def upload(page: Page, path: Path) -> None:
    page.locator("#picture input[type=file]").set_input_files(path)
    expect(page.locator("#editor .size")).to_contain_text("Region:")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def clean(page: Page, path: Path | None = None) -> None:
    if path:
        upload(page, path)
    press(page, "Clean")
    expect(page.locator("#result .viewer:not([data-empty])")).to_be_visible()


def choose(page: Page, *choices: str) -> None:
    """Choose the appearance of the result."""
    for choice in choices:
        page.get_by_label(choice, exact=True).first.check()


def download(page: Page, button: str) -> Download:
    with page.expect_download() as begun:
        press(page, button)
    return begun.value


def downloaded(page: Page, button: str = "Download PNG") -> np.ndarray:
    return pixels(Path(download(page, button).path()))


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag the mouse between two places, given as fractions of the picture's sides."""
    around = page.locator("#editor canvas").bounding_box()
    assert around is not None
    for (x, y), act in ((start, page.mouse.down), (end, page.mouse.up)):
        page.mouse.move(around["x"] + x * around["width"], around["y"] + y * around["height"])
        act()


def region(page: Page) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the region, in fractions of the picture's sides."""
    left, top, width, height = page.locator("#editor .box").evaluate(
        "box => ['left', 'top', 'width', 'height'].map(side => parseFloat(box.style[side]) / 100)"
    )
    return left, top, left + width, top + height


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
    page: Page, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    choose(page, "White")
    clean(page, noisy_file)
    expected = pixels(cleaner(noisy_file))
    assert np.array_equal(shown(page.locator("#result .after img")), expected)
    assert np.array_equal(downloaded(page), expected)


def test_the_transparent_png_is_downloaded_under_the_uploads_name(
    page: Page, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    clean(page, noisy_file)
    got = download(page, "Download PNG")
    assert got.suggested_filename == "my scan.transparent.png"
    assert np.array_equal(pixels(Path(got.path())), pixels(cleaner(noisy_file, transparent=True)))


def test_another_appearance_is_made_from_the_same_result(
    page: Page, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    clean(page, noisy_file)
    whole = page.locator("#result .after img").get_attribute("src")
    choose(page, "Cropped")
    expect(page.locator("#result .after img")).not_to_have_attribute("src", whole or "")
    cropped = page.locator("#result .after img").get_attribute("src")
    choose(page, "Blue")
    expect(page.locator("#result .after img")).not_to_have_attribute("src", cropped or "")
    got = downloaded(page)
    assert got.shape == pixels(cleaner(noisy_file, crop=True, transparent=True)).shape
    ink = got[got[..., 3] > 0]
    assert (ink[:, 2] > ink[:, 0]).all()


def test_the_svg_holds_paths_of_the_pictures_size(page: Page, noisy_file: Path) -> None:
    clean(page, noisy_file)
    got = download(page, "Download SVG")
    assert got.suggested_filename == "my scan.svg"
    text = Path(got.path()).read_text(encoding="utf-8")
    assert 'width="640"' in text
    assert "<path" in text


def test_the_slider_compares_the_noisy_picture_with_the_clean_one(
    page: Page, noisy_file: Path
) -> None:
    clean(page, noisy_file)
    under = page.locator("#result .slider .under")
    difference = shown(under).astype(int) - pixels(noisy_file)
    assert np.abs(difference).mean() < 3  # it is shown as a JPEG
    slider = page.get_by_label("Slide between before and after")
    slider.press("ArrowLeft")
    line = page.locator("#result .slider .frame")
    assert line.evaluate("frame => frame.style.getPropertyValue('--at')") == "49%"


def test_removed_ink_is_shown_in_red(page: Page, tmp_path: Path) -> None:
    Image.open(ROOT / "examples" / "1-letter.png").convert("RGB").save(tmp_path / "letter.png")
    page.get_by_label("Model").first.click()
    page.get_by_role("option", name="default").click()
    clean(page, tmp_path / "letter.png")
    page.get_by_text("Removed", exact=True).click()
    expect(page.locator("#result .removed img")).to_be_visible()
    red, green, _ = shown(page.locator("#result .removed img")).astype(int).transpose(2, 0, 1)
    assert ((red - green) > 80).mean() > 0.01


def test_both_are_seen_side_by_side(page: Page, noisy_file: Path) -> None:
    clean(page, noisy_file)
    page.get_by_text("Side by side", exact=True).click()
    boxes = [page.locator(f"#result .{name} img").bounding_box() for name in ("before", "after")]
    left, right = (box for box in boxes if box)
    assert left["x"] + left["width"] < right["x"]
    assert left["y"] == right["y"]


def test_size_and_milliseconds_are_shown(page: Page, noisy_file: Path) -> None:
    clean(page, noisy_file)
    expect(page.locator("#note")).to_contain_text("640 × 280 pixels, cleaned in ")
    expect(page.locator("#note")).to_contain_text(" ms")


def test_a_region_that_is_drawn_is_cut_from_the_upload_at_full_resolution(
    page: Page, cleaner: SignatureCleaner, scan: Image.Image, tmp_path: Path
) -> None:
    upload(page, tmp_path / "scan.png")
    drag(page, (0.25, 0.3), (0.75, 0.8))
    box = region(page)
    assert box == pytest.approx((0.25, 0.3, 0.75, 0.8), abs=0.01)
    choose(page, "White")
    clean(page)
    expected = cleaner(crop_region(scan, box, 0))
    assert expected.width == pytest.approx(1500, abs=30)
    assert np.array_equal(downloaded(page), pixels(expected))


def test_a_region_is_resized_moved_and_straightened(
    page: Page, cleaner: SignatureCleaner, scan: Image.Image, tmp_path: Path
) -> None:
    upload(page, tmp_path / "scan.png")
    drag(page, (0.25, 0.3), (0.6, 0.6))
    drag(page, (0.6, 0.6), (0.7, 0.7))  # its corner
    assert region(page) == pytest.approx((0.25, 0.3, 0.7, 0.7), abs=0.01)
    drag(page, (0.4, 0.4), (0.45, 0.45))  # from within
    page.locator("#editor .box").press("ArrowLeft")
    page.locator("#editor .box").press("Shift+ArrowDown")
    box = region(page)
    assert box == pytest.approx((0.29, 0.35, 0.74, 0.76), abs=0.01)
    page.get_by_label("Straighten").fill("10")
    choose(page, "White")
    clean(page)
    assert np.array_equal(downloaded(page), pixels(cleaner(crop_region(scan, box, 10))))


def test_a_picture_on_its_side_is_turned(
    page: Page, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    upload(page, noisy_file)
    press(page, "Turn right")
    expect(page.locator("#editor .size")).to_contain_text("280 × 640 of 280 × 640")
    choose(page, "White")
    clean(page)
    turned = Image.open(noisy_file).transpose(Image.Transpose.ROTATE_270)
    assert np.array_equal(downloaded(page), pixels(cleaner(turned)))


def test_signatures_of_a_page_are_found_and_one_of_them_is_chosen(page: Page) -> None:
    upload(page, WHOLE_PAGE)
    page.get_by_label("Model").first.click()
    page.get_by_role("option", name="default").click()
    press(page, "Find signatures")
    found = []
    for number in (1, 2):
        page.get_by_role("button", name=f"Suggested signature {number}").press("Enter")
        left, top, right, bottom = region(page)
        found.append((left * 1240, top * 1754, right * 1240, bottom * 1754))
    for box, signed in zip(sorted(found), SIGNED, strict=True):
        assert signed[0] - 40 < box[0] < box[2] < signed[2] + 40
        assert signed[1] - 40 < box[1] < box[3] < signed[3] + 40


def test_a_page_without_a_signature_is_answered_in_words(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (600, 800), "white").save(tmp_path / "blank.png")
    upload(page, tmp_path / "blank.png")
    press(page, "Find signatures")
    expect(page.get_by_text("No signature was found on this page.")).to_be_visible()
    clean(page)
    expect(page.locator("#note")).to_contain_text("No signature was found here")


def test_a_broken_file_is_answered_in_words_and_the_next_one_is_cleaned(
    page: Page, noisy_file: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    page.locator("#picture input[type=file]").set_input_files(broken)
    expect(page.get_by_text("broken.png is not a picture that can be read.")).to_be_visible()
    expect(page.locator("#picture").get_by_text("Drop Image Here")).to_be_visible()
    clean(page, noisy_file)


def test_clean_waits_for_a_picture(page: Page, noisy_file: Path) -> None:
    expect(page.get_by_role("button", name="Clean", exact=True)).to_be_disabled()
    upload(page, noisy_file)
    expect(page.get_by_role("button", name="Clean", exact=True)).to_be_enabled()


def test_an_example_is_one_click_away(page: Page) -> None:
    press(page, "Cheque")
    expect(page.locator("#editor .size")).to_contain_text("720 × 360 of 720 × 360 pixels")
    clean(page)


def test_another_picture_takes_the_old_result_away(page: Page, noisy_file: Path) -> None:
    clean(page, noisy_file)
    press(page, "Another picture")
    expect(page.locator("#picture input[type=file]")).to_be_attached()
    expect(page.locator("#result .viewer[data-empty]")).to_be_visible()
    expect(page.get_by_role("button", name="Download PNG")).to_be_disabled()
    upload(page, noisy_file)


def test_a_picture_is_pasted_anywhere_also_over_another(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    page.evaluate(
        """async () => {
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [300, 120];
            canvas.getContext("2d").fillRect(20, 20, 90, 9);
            const blob = await new Promise((done) => canvas.toBlob(done));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([blob], "image.png", {type: "image/png"}));
            const paste = new ClipboardEvent("paste", {clipboardData, bubbles: true});
            document.body.dispatchEvent(paste);
        }"""
    )
    expect(page.locator("#editor .size")).to_contain_text("300 × 120 of 300 × 120 pixels")


def test_a_picture_is_taken_with_the_camera(page: Page) -> None:
    page.get_by_label("Capture from camera").click()
    page.locator("#picture").get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#picture video')?.videoWidth > 0")
    page.locator("#picture").get_by_label("capture photo").click()
    expect(page.locator("#editor .size")).to_contain_text("Region:")


def test_several_pictures_become_a_zip(page: Page, noisy_file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    page.get_by_role("tab", name="Several").click()
    page.locator("#files input[type=file]").set_input_files([noisy_file, broken])
    expect(page.locator("#files")).to_contain_text("broken")
    press(page, "Clean all")
    expect(page.locator("#report")).to_contain_text("1 picture cleaned.")
    expect(page.locator("#report")).to_contain_text("broken.png is not a picture")
    archive = zipfile.ZipFile(download(page, "Download zip").path())
    assert archive.namelist() == ["my scan.clean.png", "manifest.jsonl"]


def test_about_is_the_card_of_the_model_that_is_chosen(page: Page) -> None:
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#card")).to_contain_text("eraser0 has no card.")
    page.locator("#which").get_by_label("default").check()
    expect(page.locator("#card")).to_contain_text("sigclean: the default cleaner")


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


def test_nothing_moves_when_a_picture_comes_in_and_is_cleaned(page: Page, noisy_file: Path) -> None:
    def places() -> list[dict[str, float] | None]:
        names = ("#clean", "#result", "#png", "#examples")
        return [page.locator(name).bounding_box() for name in names]  # type: ignore[misc]

    expect(page.locator("#picture input[type=file]")).to_be_attached()
    before = places()
    upload(page, noisy_file)
    assert places() == before
    clean(page)
    assert places() == before


def test_a_phone_is_enough(browser: Browser, demo: Demo, noisy_file: Path) -> None:
    phone = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    page = phone.new_page()
    page.goto(demo.url)
    clean(page, noisy_file)
    for view in ("Side by side", "Result", "Removed", "Slider"):
        page.get_by_text(view, exact=True).tap()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator("#result .slider .frame").tap(position={"x": 20, "y": 60})
    assert int(page.get_by_label("Slide between").input_value()) < 15
    assert downloaded(page).shape == (280, 640, 4)
    for tab in ("Several", "About"):
        page.get_by_role("tab", name=tab).tap()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    phone.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, demo: Demo, scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 900})  # type: ignore[arg-type]
    page.goto(demo.url)
    page.evaluate(AXE)
    expect(page.locator("#picture input[type=file]")).to_be_attached()
    found = problems(page)
    clean(page, WHOLE_PAGE)
    for view in ("Side by side", "Removed", "Slider"):
        page.get_by_text(view, exact=True).click()
        found += problems(page)
    for tab in ("Several", "About"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab, selected=True)).to_be_visible()
        found += problems(page)
    page.close()
    assert found == []


def problems(page: Page) -> list[str]:
    """The serious problems that axe finds on the page, and still finds when all has faded in."""
    found: list[str] = []
    for _ in range(4):
        if not (found := problems_now(page)):
            break
    return found


def problems_now(page: Page) -> list[str]:
    """The serious or critical problems that axe finds on the page as it is."""
    found = page.evaluate("axe.run().then(results => results.violations)")
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
