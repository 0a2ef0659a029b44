"""The page in a real Chromium: from a dropped file to the download."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import axe_playwright_python
import numpy as np
import pytest
from browser_page import choose, download, downloaded, drag, press, ready, region, shown, upload
from demo_server import ROOT, Demo, ask, pixels
from pdfs import text_pdf
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from reportlab.pdfgen.canvas import Canvas

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.regions import crop_region

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
WHOLE_PAGE = ROOT / "examples" / "0-whole-page.png"
SIGNED = ((130, 780, 550, 970), (680, 780, 1100, 970))  # pixels: boxes of its signatures, about


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


@pytest.fixture
def two_pages(tmp_path: Path) -> Path:
    """A PDF: a blank page, and one with two signatures."""
    path = tmp_path / "contract.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.drawString(72, 700, "Contract")
    canvas.showPage()
    canvas.drawImage(str(WHOLE_PAGE), 0, 0, 595, 842)
    canvas.save()
    return path


def use_the_default_model(page: Page) -> None:
    page.locator("#model").select_option("default")


def test_a_file_is_cleaned_at_once_and_shown_as_the_cleaners_own_to_the_pixel(
    page: Page, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    choose(page, "White")
    upload(page, noisy_file)
    expected = pixels(cleaner(noisy_file))
    assert np.array_equal(shown(page.locator("#result .after img")), expected)
    assert np.array_equal(downloaded(page), expected)


def test_the_names_of_files_say_the_look(
    page: Page, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    upload(page, noisy_file)
    got = download(page, "Download PNG")
    assert got.suggested_filename == "my scan.transparent.png"
    assert np.array_equal(pixels(Path(got.path())), pixels(cleaner(noisy_file, transparent=True)))
    choose(page, "White", "Blue", "Cropped")
    ready(page)
    assert download(page, "Download PNG").suggested_filename == "my scan.white-blue-cropped.png"
    assert download(page, "Download SVG").suggested_filename == "my scan.white-blue-cropped.svg"


def test_height_margin_and_a_free_colour_are_those_of_the_download(
    page: Page, noisy_file: Path
) -> None:
    upload(page, noisy_file)
    choose(page, "Cropped", "White")
    page.get_by_label("Margin").locator("visible=true").fill("0")
    page.locator("#result .own").fill("#c01050")
    page.get_by_label("Height").locator("visible=true").fill("100")
    page.locator("#result .height").blur()
    expect(page.locator("#note")).to_contain_text("× 100 pixels")
    ready(page)
    got = downloaded(page)
    assert got.shape[0] == 100
    ink = got[got.min(axis=2) < 80]
    assert np.abs(ink.astype(int) - (0xC0, 0x10, 0x50)).max() < 90
    dark = (got.min(axis=2) < 225).nonzero()
    assert dark[0].min() < 6 and dark[1].min() < 6  # no margin is left


def test_the_svg_has_the_pngs_paper_and_colour(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    choose(page, "White", "Blue")
    ready(page)
    text = Path(download(page, "Download SVG").path()).read_text(encoding="utf-8")
    assert 'width="640"' in text
    assert '<rect width="100%" height="100%" fill="#ffffff"/>' in text
    assert 'fill="#1a3698"' in text  # the blue of the PNG
    assert "<path" in text
    choose(page, "Transparent")
    ready(page)
    assert "<rect" not in Path(download(page, "Download SVG").path()).read_text(encoding="utf-8")


def test_the_note_gives_the_size_of_what_is_downloaded(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    expect(page.locator("#note")).to_contain_text("640 × 280 pixels")
    choose(page, "Cropped")
    ready(page)
    height, width = downloaded(page).shape[:2]
    expect(page.locator("#note")).to_contain_text(f"{width} × {height} pixels")


def test_the_slider_compares_the_noisy_picture_with_the_clean_one(
    page: Page, noisy_file: Path
) -> None:
    upload(page, noisy_file)
    under = page.locator("#result .slider .under")
    difference = shown(under).astype(int) - pixels(noisy_file)
    assert np.abs(difference).mean() < 3  # it is shown as a JPEG
    slider = page.get_by_label("Slide between before and after")
    slider.press("ArrowLeft")
    line = page.locator("#result .slider .frame")
    assert line.evaluate("frame => frame.style.getPropertyValue('--at')") == "49%"


def test_removed_ink_is_shown_in_red(page: Page, tmp_path: Path) -> None:
    Image.open(ROOT / "examples" / "1-letter.png").convert("RGB").save(tmp_path / "letter.png")
    use_the_default_model(page)
    upload(page, tmp_path / "letter.png")
    choose(page, "Removed")
    ready(page)
    red, green, _ = shown(page.locator("#result .removed img")).astype(int).transpose(2, 0, 1)
    assert ((red - green) > 80).mean() > 0.01


def test_both_are_seen_beside_each_other_and_enlarged(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    choose(page, "Side by side")
    boxes = [page.locator(f"#result .{name} img").bounding_box() for name in ("before", "after")]
    one, other = (box for box in boxes if box)
    assert one["y"] + one["height"] <= other["y"]  # below each other: larger for a wide picture
    press(page, "Show the result larger")
    press(page, "Show the result larger")
    larger = page.locator("#result .after img").bounding_box()
    assert larger is not None
    assert larger["width"] == pytest.approx(2 * other["width"], rel=0.01)
    page.locator("#result figure.after").evaluate("pane => { pane.scrollLeft = 60; }")
    page.wait_for_function(
        "document.querySelector('#result figure.before').scrollLeft === 60"
    )  # both show the same place


def test_a_region_that_is_drawn_is_cut_from_the_upload_at_full_resolution(
    page: Page, cleaner: SignatureCleaner, scan: Image.Image, tmp_path: Path
) -> None:
    choose(page, "White")
    upload(page, tmp_path / "scan.png")
    drag(page, (0.25, 0.3), (0.75, 0.8))
    box = region(page)
    assert box == pytest.approx((0.25, 0.3, 0.75, 0.8), abs=0.01)
    ready(page)
    expected = cleaner(crop_region(scan, box, 0))
    assert expected.width == pytest.approx(1500, abs=30)
    assert np.array_equal(downloaded(page), pixels(expected))


def test_a_region_is_resized_moved_and_straightened(
    page: Page, cleaner: SignatureCleaner, scan: Image.Image, tmp_path: Path
) -> None:
    choose(page, "White")
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
    ready(page)
    assert np.array_equal(downloaded(page), pixels(cleaner(crop_region(scan, box, 10))))


def test_a_picture_on_its_side_is_turned(
    page: Page, cleaner: SignatureCleaner, noisy_file: Path
) -> None:
    choose(page, "White")
    upload(page, noisy_file)
    press(page, "Turn right")
    expect(page.locator("#editor .size")).to_contain_text("280 × 640 of 280 × 640")
    ready(page)
    turned = Image.open(noisy_file).transpose(Image.Transpose.ROTATE_270)
    assert np.array_equal(downloaded(page), pixels(cleaner(turned)))


def test_the_signatures_of_a_page_are_found_the_best_is_cleaned_and_all_are_downloaded(
    page: Page,
) -> None:
    use_the_default_model(page)
    upload(page, WHOLE_PAGE)
    found = []
    for number in (1, 2):
        page.get_by_role("button", name=f"Signature {number}", exact=True).press("Enter")
        left, top, right, bottom = region(page)
        found.append((left * 1240, top * 1754, right * 1240, bottom * 1754))
    for box, signed in zip(sorted(found), SIGNED, strict=True):
        assert signed[0] - 40 < box[0] < box[2] < signed[2] + 40
        assert signed[1] - 40 < box[1] < box[3] < signed[3] + 40
    expect(page.get_by_role("button", name="Show signature 2")).to_be_visible()
    expect(page.locator("#all")).to_be_enabled()
    archive = zipfile.ZipFile(download(page, "Download all signatures").path())
    assert archive.namelist() == [
        "0-whole-page-1.transparent.png", "0-whole-page-2.transparent.png", "manifest.jsonl"
    ]  # fmt: skip
    with archive.open("0-whole-page-2.transparent.png") as file:
        assert np.array_equal(pixels(Image.open(file)), downloaded(page))


@pytest.mark.parametrize("lying", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270])
def test_a_page_that_lies_on_its_side_is_turned_by_itself(
    page: Page, tmp_path: Path, lying: Image.Transpose
) -> None:
    with Image.open(WHOLE_PAGE) as upright:
        upright.transpose(lying).save(tmp_path / "lying.png")
    use_the_default_model(page)
    upload(page, tmp_path / "lying.png")
    expect(page.locator("#editor .size")).to_contain_text("of 1240 × 1754 pixels")
    left, top, right, bottom = region(page)
    box = (left * 1240, top * 1754, right * 1240, bottom * 1754)
    assert any(
        signed[0] - 40 < box[0] < box[2] < signed[2] + 40
        and signed[1] - 40 < box[1] < box[3] < signed[3] + 40
        for signed in SIGNED
    )
    asked = page.evaluate("!dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    assert not asked  # nothing was done by hand


def test_a_pdf_has_a_chooser_of_pages(page: Page, two_pages: Path) -> None:
    use_the_default_model(page)
    upload(page, two_pages)
    expect(page.locator("#editor .of")).to_have_text("2")
    press(page, "Next page")
    expect(page.get_by_role("button", name="Signature 2", exact=True)).to_be_visible()
    ready(page)
    got = download(page, "Download PNG")
    assert got.suggested_filename == "contract.p2.transparent.png"
    assert (pixels(Path(got.path()))[..., 3] > 100).sum() > 300


def test_a_page_without_a_signature_is_answered_in_words(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (600, 800), "white").save(tmp_path / "blank.png")
    upload(page, tmp_path / "blank.png")
    expect(page.locator("#note")).to_contain_text("No signature was found here")
    press(page, "Find signatures")
    expect(page.get_by_text("No signature was found on this page.")).to_be_visible()


def test_a_broken_file_is_answered_in_words_and_the_work_before_is_kept(
    page: Page, noisy_file: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    page.locator("#file").set_input_files(broken)
    expect(page.get_by_text("broken.png is not a picture that can be read.")).to_be_visible()
    expect(page.locator("#choose")).to_be_visible()
    upload(page, noisy_file)
    page.locator("#file").set_input_files(broken)
    expect(page.get_by_text("broken.png is not a picture that can be read.")).to_be_visible()
    ready(page)
    expect(page.locator("#editor .name")).to_have_text("my scan.png")


def test_an_example_is_one_click_away(page: Page) -> None:
    press(page, "Cheque")
    expect(page.locator("#editor .size")).to_contain_text("720 × 360 of 720 × 360 pixels")
    ready(page)


def test_another_picture_takes_the_old_result_away(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    press(page, "Another picture")
    expect(page.locator("#choose")).to_be_visible()
    expect(page.locator("#result[data-empty]")).to_be_visible()
    expect(page.locator("#png")).to_be_disabled()
    upload(page, noisy_file)


def test_delete_now_deletes_all_files(browser: Browser, demo: Demo, noisy_file: Path) -> None:
    page = browser.new_page()
    page.goto(demo.url)
    before = set(demo.files())
    upload(page, noisy_file)
    assert len(set(demo.files()) - before) >= 5
    press(page, "Delete now")
    expect(page.get_by_text("Deleted: the picture and its results")).to_be_visible()
    assert set(demo.files()) - before == set()
    page.close()


def test_delete_now_deletes_what_was_made_for_the_strip_and_for_other_buttons(
    page: Page, demo: Demo
) -> None:
    before = set(demo.files())
    use_the_default_model(page)
    upload(page, WHOLE_PAGE)
    expect(page.locator("#all")).to_be_enabled()
    download(page, "Download SVG")
    download(page, "Download all signatures")
    press(page, "Delete now")
    expect(page.get_by_text("Deleted: the picture and its results")).to_be_visible()
    assert set(demo.files()) - before == set()


def test_the_result_is_copied(browser: Browser, demo: Demo, noisy_file: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(demo.url)
    choose(page, "White")
    upload(page, noisy_file)
    press(page, "Copy")
    expect(page.get_by_text("Copied: paste it")).to_be_visible()
    size = page.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read();
            const picture = await createImageBitmap(await item.getType("image/png"));
            return [picture.width, picture.height];
        }"""
    )
    assert size == [640, 280]
    context.close()


def test_the_result_can_be_dragged_out_of_the_browser(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    for dragged in ("#png", "#result .after img"):
        kind, name, url = page.evaluate(
            """dragged => {
                const way = {bubbles: true, cancelable: true, dataTransfer: new DataTransfer()};
                document.querySelector(dragged).dispatchEvent(new DragEvent("dragstart", way));
                return way.dataTransfer.getData("DownloadURL").split(/:(.*?):(.*)/, 3);
            }""",
            dragged,
        )
        assert (kind, name) == ("image/png", f"{noisy_file.stem}.transparent.png")
        assert np.array_equal(
            pixels(Image.open(io.BytesIO(ask(url).body))), downloaded(page, "Download PNG")
        )


def test_who_waits_sees_the_place_in_the_queue(page: Page, noisy_file: Path) -> None:
    held: list[Route] = []
    page.route("**/page/clean", lambda route: held.append(route), times=1)
    page.route("**/page/place/*", lambda route: route.fulfill(json={"place": 3}))
    page.locator("#file").set_input_files(noisy_file)
    expect(page.locator("#result .state")).to_have_text("Waiting: place 3 in the queue")
    expect(page.locator("#png")).to_be_disabled()
    held[0].continue_()
    ready(page)
    expect(page.locator("#result .state")).to_be_empty()


def test_about_is_the_card_of_the_model_that_is_chosen(page: Page) -> None:
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#card")).to_contain_text("eraser0 has no card.")
    page.locator("#which").get_by_label("default").check()
    expect(page.locator("#card")).to_contain_text("sigclean: the default cleaner")


def test_help_says_how_to_use_the_result(page: Page) -> None:
    page.get_by_role("tab", name="Help").click()
    expect(page.get_by_role("heading", name="What it cannot do")).to_be_visible()
    expect(page.get_by_text("Preview: Annotate, Signature")).to_be_visible()


def test_the_page_asks_no_other_server_for_anything(
    browser: Browser, demo: Demo, noisy_file: Path
) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(demo.url)
    upload(page, noisy_file)
    page.close()
    own = (demo.url, "data:", "blob:")
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(own)] == []


def test_nothing_moves_when_a_picture_comes_in_and_is_cleaned(page: Page, noisy_file: Path) -> None:
    def places() -> list[dict[str, float] | None]:
        names = ("#result", "#png", "#examples")
        return [page.locator(name).bounding_box() for name in names]  # type: ignore[misc]

    expect(page.locator("#choose")).to_be_visible()
    before = places()
    upload(page, noisy_file)
    assert places() == before


@pytest.mark.parametrize("size", [(1440, 900), (1366, 768), (1280, 720)])
def test_a_result_and_its_download_lie_above_the_fold(
    browser: Browser, demo: Demo, size: tuple[int, int]
) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(demo.url)
    upload(page, WHOLE_PAGE)
    for part in ("#editor .stage", "#result .stage", "#png", "#note"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= size[1]
    page.close()


@pytest.mark.parametrize("size", [(1440, 900), (768, 1024)])
def test_no_way_of_looking_at_the_result_makes_it_higher(
    browser: Browser, demo: Demo, noisy_file: Path, size: tuple[int, int]
) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(demo.url)
    upload(page, noisy_file)
    heights = set()
    for view in ("Slider", "Side by side", "Result", "Removed", "Side by side"):
        choose(page, view)
        ready(page)
        press(page, "Show the result larger")
        stage = page.locator("#result .stage").bounding_box()
        assert stage is not None
        heights.add(round(stage["height"]))
    assert len(heights) == 1
    page.close()


@pytest.mark.parametrize("width", [1024, 768, 360])
def test_nothing_overlaps_and_nothing_is_too_small(
    browser: Browser, demo: Demo, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(demo.url)
    upload(page, WHOLE_PAGE)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for label in ("Straighten", "Size of the brush"):
        box = page.get_by_label(label).bounding_box()
        assert box is not None
        assert box["width"] >= 60
    overlaps = page.evaluate(
        """() => {
            const parts = [...document.querySelectorAll(
                ".studio :is(button, .look label, .views label, .kinds label, .straighten)")]
                .filter((one) => one.offsetParent && !one.closest(".hints, .strip, .message"));
            const found = [];
            const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
                && a.top < b.bottom - 1 && b.top < a.bottom - 1;
            parts.forEach((one, index) => parts.slice(index + 1).forEach((other) => {
                if (one.contains(other) || other.contains(one)) return;
                if (meet(one.getBoundingClientRect(), other.getBoundingClientRect()))
                    found.push(`${one.textContent.trim()} / ${other.textContent.trim()}`);
            }));
            return found;
        }"""
    )
    assert overlaps == []
    page.close()


def test_a_phone_is_enough(browser: Browser, demo: Demo, noisy_file: Path) -> None:
    phone = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    page = phone.new_page()
    page.goto(demo.url)
    upload(page, noisy_file)
    result = page.locator("#result .stage").bounding_box()
    assert result is not None
    assert 0 <= result["y"] < 740 / 2  # it is on the screen
    for view in ("Side by side", "Result", "Removed", "Slider"):
        page.get_by_role("radio", name=view, exact=True).tap()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    ready(page)
    page.locator("#result .slider .frame").tap(position={"x": 20, "y": 60})
    assert int(page.get_by_label("Slide between").input_value()) < 15
    assert downloaded(page).shape == (280, 640, 4)
    page.get_by_role("tab", name="Several").tap()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    phone.close()


def finger(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag a finger over the editor, from and to fractions of the picture's sides."""
    around = page.locator("#editor .frame canvas").bounding_box()
    assert around is not None
    client = page.context.new_cdp_session(page)
    for kind, (x, y) in (("touchStart", start), ("touchMove", end), ("touchEnd", end)):
        point = {"x": around["x"] + x * around["width"], "y": around["y"] + y * around["height"]}
        points = [] if kind == "touchEnd" else [point]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_finger_draws_a_region_and_then_another(
    browser: Browser, demo: Demo, scan: Image.Image, tmp_path: Path
) -> None:
    phone = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    page = phone.new_page()
    page.goto(demo.url)
    upload(page, tmp_path / "scan.png")
    page.locator("#editor").scroll_into_view_if_needed()
    finger(page, (0.2, 0.2), (0.5, 0.6))
    assert region(page) == pytest.approx((0.2, 0.2, 0.5, 0.6), abs=0.02)
    finger(page, (0.6, 0.3), (0.9, 0.8))
    assert region(page) == pytest.approx((0.6, 0.3, 0.9, 0.8), abs=0.02)
    phone.close()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    browser: Browser, demo: Demo, tmp_path: Path, scheme: str, width: int
) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    page.goto(demo.url)
    page.evaluate(AXE)
    expect(page.locator("#choose")).to_be_visible()
    found = problems(page)
    use_the_default_model(page)
    upload(page, WHOLE_PAGE)
    expect(page.locator("#all")).to_be_enabled()
    for view in ("Side by side", "Result", "Removed", "Slider", "Restore", "Drop colour", "Erase"):
        choose(page, view)
        ready(page)
        found += problems(page)
    secret = tmp_path / "secret.pdf"
    secret.write_bytes(text_pdf(password="x"))
    page.locator("#file").set_input_files(secret)
    expect(page.get_by_role("dialog", name="Password")).to_be_visible()
    found += problems(page)
    page.keyboard.press("Escape")
    choose(page, "Erase")
    page.locator("#file").set_input_files({"name": "x.png", "mimeType": "", "buffer": b"no"})
    expect(page.locator(".studio .message")).to_be_visible()
    found += problems(page)
    for tab in ("Several", "Help", "About") if width > 640 else ("Several",):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab, selected=True)).to_be_visible()
        found += problems(page)
        if tab == "Several":
            page.locator("#files").set_input_files([secret, WHOLE_PAGE.with_name("3-stamp.png")])
            expect(page.locator("#report")).to_have_text("1 picture cleaned, 1 not cleaned.")
            found += problems(page)
    page.close()
    assert found == []


def problems(page: Page) -> list[str]:
    """The problems that axe finds on the page, and still finds when all has faded in."""
    found: list[str] = []
    for _ in range(4):
        if not (found := problems_now(page)):
            break
    return found


def problems_now(page: Page) -> list[str]:
    """The problems of any impact that axe finds on the page as it is."""
    found = page.evaluate("axe.run().then(results => results.violations)")
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found
        for node in violation["nodes"]
    ]
