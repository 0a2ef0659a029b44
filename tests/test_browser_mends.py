"""The page in a real Chromium where it used to go wrong: each test failed before its mend."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from browser_page import choose, download, downloaded, drag, give, press, ready, shown, upload
from conftest import CHROMIUM_ARGUMENTS
from demo_server import CHROMIUM, ROOT, Demo, pixels, start_demo
from pdfs import blank_pdf, text_pdf
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from reportlab.pdfgen.canvas import Canvas

from sigclean import SignatureCleaner
from sigclean.demo.parts import SMALL_EXAMPLES, example_pictures
from sigclean.drawn import draw_signature

WHOLE_PAGE = ROOT / "examples" / "0-whole-page.png"


@pytest.fixture
def other_file(tmp_path: Path) -> Path:
    path = tmp_path / "other.png"
    draw_signature(np.random.default_rng(8), 400, 200).save(path)
    return path


def delayed(page: Page, pattern: str, times: int | None = 1) -> list[Route]:
    """Hold back the page's next request to an address, or all; returns them, to be let go."""
    held: list[Route] = []
    page.route(pattern, lambda route: held.append(route), times=times)
    return held


def late_answers(page: Page, pattern: str, times: int | None = 1) -> list[Callable[[], None]]:
    """Hold back the server's answer to the next request, or to all; calling one lets it go."""
    held: list[Callable[[], None]] = []

    def hold(route: Route) -> None:
        answer = route.fetch()
        held.append(lambda: route.fulfill(response=answer))

    page.route(pattern, hold, times=times)
    return held


def expire(demo: Demo) -> None:
    """Delete all uploads and results, as happens after a while."""
    for folder in [path for path in demo.cache.rglob("*") if len(path.name) == 32]:
        shutil.rmtree(folder)


def until_held(page: Page, held: Sequence[object], count: int = 1) -> None:
    for _ in range(600):
        if len(held) >= count:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{len(held)} requests came, not {count}")


# 1: the camera


@pytest.fixture
def camera_page(demo: Demo, tmp_path: Path) -> Iterator[Page]:
    """The page in a browser whose camera shows a red left half and a blue right half."""
    if CHROMIUM is None:
        pytest.skip("needs chromium on the PATH")
    width, height = 320, 240
    y, u, v = (np.empty(size, np.uint8) for size in ((240, 320), (120, 160), (120, 160)))
    for plane, left, right in ((y, 81, 41), (u, 90, 240), (v, 240, 110)):  # red, blue in YUV
        half = plane.shape[1] // 2
        plane[:, :half], plane[:, half:] = left, right
    frame = b"FRAME\n" + y.tobytes() + u.tobytes() + v.tobytes()
    head = f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode()
    video = tmp_path / "camera.y4m"
    video.write_bytes(head + frame * 10)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*CHROMIUM_ARGUMENTS.split(), f"--use-file-for-fake-video-capture={video}"],
        )
        page = chromium.new_page()
        page.add_init_script(
            """const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = (wanted) => {
                window.wanted = wanted;
                return real(wanted);
            };"""
        )
        page.goto(demo.url)
        yield page
        chromium.close()


def is_red_then_blue(picture: np.ndarray) -> bool:
    middle = picture[picture.shape[0] // 2].astype(int)
    left, right = middle[len(middle) // 4], middle[3 * len(middle) // 4]
    return bool(left[0] - left[2] > 80 and right[2] - right[0] > 80)


def test_a_camera_picture_is_not_mirrored_and_the_rear_camera_is_asked(camera_page: Page) -> None:
    page = camera_page
    press(page, "Use the camera")
    page.wait_for_function("document.querySelector('video').videoWidth > 0")
    live = page.locator("video").screenshot()
    with Image.open(io.BytesIO(live)) as seen:
        assert is_red_then_blue(np.asarray(seen.convert("RGB")))
    assert page.evaluate("window.wanted.video.facingMode.ideal") == "environment"
    press(page, "Take the picture")
    ready(page)
    assert is_red_then_blue(shown(page.locator("#result .slider .under")))


# 2: what can be downloaded is what is shown and chosen


def test_of_quick_choices_the_last_one_counts(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    choose(page, "White")
    ready(page)
    for last in ("Blue", "Black", "Blue", "As it is", "Blue"):
        page.get_by_role("radio", name="Black", exact=True).check()
        page.get_by_role("radio", name=last, exact=True).check()
        ready(page)
        name = download(page, "Download PNG").suggested_filename
        assert (
            name
            == {
                "Blue": "my scan.white-blue.png",
                "Black": "my scan.white-black.png",
                "As it is": "my scan.white.png",
            }[last]
        )


def white_is_held(page: Page, noisy_file: Path) -> list[Route]:
    """Choose white paper for a picture; its answer is held back."""
    upload(page, noisy_file)
    held = delayed(page, "**/page/show")
    choose(page, "White")
    until_held(page, held)
    return held


def test_while_a_choice_is_carried_out_nothing_can_be_downloaded(
    page: Page, noisy_file: Path
) -> None:
    held = white_is_held(page, noisy_file)
    for name in ("#png", "#svg", "#copy"):
        expect(page.locator(name)).to_be_disabled()
    expect(page.locator("#result[data-old]")).to_be_visible()
    held[0].continue_()
    ready(page)
    assert download(page, "Download PNG").suggested_filename == "my scan.white.png"


def test_what_was_removed_is_shown_when_it_is_chosen_during_work(
    page: Page, noisy_file: Path
) -> None:
    held = white_is_held(page, noisy_file)
    choose(page, "Removed")
    held[0].continue_()
    ready(page)
    assert shown(page.locator("#result .removed img")).shape == (280, 640, 3)


@pytest.mark.parametrize("choice", ["look", "bright ink", "model", "broken file"])
def test_signatures_are_found_whatever_is_chosen_during_the_search(
    page: Page, choice: str, tmp_path: Path
) -> None:
    if choice != "model":
        page.locator("#model").select_option("default")
    held = delayed(page, "**/page/find")
    page.locator("#file").set_input_files(WHOLE_PAGE)
    until_held(page, held)
    if choice == "look":
        choose(page, "White")
    elif choice == "bright ink":
        page.locator(".studio .invert").select_option("never")
    elif choice == "model":
        page.locator("#model").select_option("default")
    else:
        (tmp_path / "broken.png").write_bytes(b"not a picture")
        page.locator("#file").set_input_files(tmp_path / "broken.png")
        expect(page.get_by_text("broken.png is not a picture")).to_be_visible()
    held[0].continue_()
    ready(page)
    expect(page.get_by_role("button", name="Signature 2", exact=True)).to_be_visible()
    paper = "white" if choice == "look" else "transparent"
    assert download(page, "Download PNG").suggested_filename == f"0-whole-page.{paper}.png"


def test_a_button_is_off_while_its_file_is_made_and_the_file_is_of_the_last_choice(
    page: Page, noisy_file: Path
) -> None:
    upload(page, noisy_file)
    held = delayed(page, "**/page/svg")
    press(page, "Download SVG")
    until_held(page, held)
    expect(page.locator("#svg")).to_be_disabled()
    came: list[str] = []
    page.on("download", lambda file: came.append(file.suggested_filename))
    choose(page, "Blue")  # the SVG that is on its way is no longer what is chosen
    ready(page)
    held[0].continue_()
    assert download(page, "Download SVG").suggested_filename == "my scan.transparent-blue.svg"
    assert came == ["my scan.transparent-blue.svg"]


def test_a_second_region_drawn_while_the_first_is_cleaned_is_cleaned(
    page: Page, demo: Demo, noisy_file: Path
) -> None:
    choose(page, "White")
    upload(page, noisy_file)
    held = delayed(page, "**/page/clean", times=None)
    drag(page, (0.1, 0.1), (0.6, 0.9))
    until_held(page, held)
    drag(page, (0.7, 0.1), (0.95, 0.9))
    until_held(page, held, 2)
    held[1].continue_()
    expect(page.locator("#note")).to_contain_text("160 × 224")
    held[0].continue_()  # late
    ready(page)
    assert downloaded(page).shape[:2] == (224, 160)
    expect(page.locator("#note")).to_contain_text("160 × 224")


# 3: late results


def test_the_late_result_of_the_picture_before_is_thrown_away(
    page: Page, noisy_file: Path, other_file: Path
) -> None:
    upload(page, noisy_file)
    held = delayed(page, "**/page/show")
    choose(page, "Blue")
    until_held(page, held)
    page.locator("#file").set_input_files(other_file)
    expect(page.locator("#editor .name")).to_have_text("other.png")
    ready(page)
    held[0].continue_()
    expect(page.locator("#note")).to_contain_text("400 × 200")
    got = download(page, "Download PNG")
    assert got.suggested_filename == "other.transparent-blue.png"
    assert pixels(Path(got.path())).shape == (200, 400, 4)


def test_a_result_whose_picture_comes_late_does_not_replace_a_newer_one(
    page: Page, noisy_file: Path
) -> None:
    upload(page, noisy_file)
    held = delayed(page, "**/page/file/*/*-blue.png")
    choose(page, "Blue")
    until_held(page, held)
    choose(page, "Black")
    ready(page)
    held[0].continue_()
    late = held[0].request.url
    page.evaluate("async (url) => { const i = new Image(); i.src = url; await i.decode(); }", late)
    assert download(page, "Download PNG").suggested_filename == "my scan.transparent-black.png"


def test_a_picture_that_opens_late_does_not_replace_the_one_chosen_after_it(
    page: Page, noisy_file: Path, other_file: Path
) -> None:
    held = delayed(page, "**/page/upload?name=my*")
    page.locator("#file").set_input_files(noisy_file)
    until_held(page, held)
    page.locator("#file").set_input_files(other_file)
    ready(page)
    held[0].continue_()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#editor .name")).to_have_text("other.png")
    expect(page.locator("#note")).to_contain_text("400 × 200")


def test_a_file_that_is_sent_again_late_does_not_replace_the_one_opened_after_it(
    page: Page, demo: Demo, other_file: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(text_pdf(pages=2))
    upload(page, letter)
    expire(demo)
    held = late_answers(page, "**/page/upload*")
    press(page, "Next page")
    until_held(page, held)
    upload(page, other_file)
    with page.expect_response("**/page/forget"):
        held[0]()
    press(page, "Turn right")  # cleaned again, from the file that is open
    expect(page.locator("#note")).to_contain_text("200 × 400")
    ready(page)
    got = download(page, "Download PNG")
    assert got.suggested_filename == "other.transparent.png"


def test_a_result_beside_a_moved_region_is_marked_as_old(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    held = delayed(page, "**/page/clean")
    page.locator("#editor .box").press("Shift+ArrowLeft")
    expect(page.locator("#result[data-old]")).to_be_visible()
    expect(page.get_by_text("Old: the region was changed")).to_be_visible()
    expect(page.locator("#png")).to_be_disabled()
    until_held(page, held)
    held[0].continue_()
    expect(page.locator("#result[data-old]")).to_have_count(0)
    ready(page)


def test_what_is_made_after_delete_now_is_deleted_as_well(page: Page, demo: Demo) -> None:
    before = set(demo.files())
    page.locator("#model").select_option("default")
    upload(page, WHOLE_PAGE)
    expect(page.locator("#all")).to_be_enabled()
    held = late_answers(page, "**/page/clean", times=None)
    page.locator("#model").select_option(index=0)
    until_held(page, held)
    held[0]()
    until_held(page, held, 2)  # of the strip
    press(page, "Delete now")
    expect(page.get_by_text("Deleted: the picture and its results")).to_be_visible()
    with page.expect_response("**/page/forget"):
        held[1]()
    assert set(demo.files()) - before == set()


def test_the_time_of_deletion_is_that_of_what_was_made_last(page: Page, noisy_file: Path) -> None:
    page.clock.set_fixed_time(datetime(2026, 1, 2, 12, 0))
    upload(page, noisy_file)
    expect(page.locator("#note")).to_contain_text("Deleted from the server by 12:11.")
    page.clock.set_fixed_time(datetime(2026, 1, 2, 12, 5))
    choose(page, "White")
    expect(page.locator("#note")).to_contain_text("Deleted from the server by 12:16.")


def test_a_page_that_was_turned_back_by_hand_stays_so(page: Page, tmp_path: Path) -> None:
    with Image.open(WHOLE_PAGE) as upright:
        lying = upright.transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "lying.tif", save_all=True, append_images=[lying])
    page.locator("#model").select_option("default")
    upload(page, tmp_path / "lying.tif")
    size = page.locator("#editor .size")
    expect(size).to_contain_text("of 1240 × 1754 pixels")
    press(page, "Turn left")
    expect(size).to_contain_text("of 1754 × 1240 pixels")
    ready(page)
    press(page, "Next page")
    expect(size).to_contain_text("of 1240 × 1754 pixels")
    press(page, "Previous page")
    expect(page.locator(".page")).to_have_value("1")
    ready(page)
    expect(size).to_contain_text("of 1754 × 1240 pixels")


# 5: files of every kind, from everywhere


@pytest.fixture
def kinds(tmp_path: Path, noisy_file: Path) -> dict[str, Path]:
    import pillow_heif

    heic = tmp_path / "photo"  # as some phones hand it over: without a suffix or a type
    with Image.open(noisy_file) as picture:
        pillow_heif.from_pillow(picture.convert("RGB")).save(str(heic) + ".heic")
    Path(f"{heic}.heic").rename(heic)
    plain = tmp_path / "scan without suffix"
    plain.write_bytes(noisy_file.read_bytes())
    pdf = tmp_path / "letter.pdf"
    canvas = Canvas(str(pdf), pagesize=(300, 150))
    canvas.drawImage(str(noisy_file), 0, 0, 300, 131)
    canvas.save()
    docx = tmp_path / "letter.docx"
    with zipfile.ZipFile(docx, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    return {"heic": heic, "png": plain, "pdf": pdf, "docx": docx}


@pytest.mark.parametrize("how", ["drop", "paste"])
@pytest.mark.parametrize("kind", ["heic", "png", "pdf"])
def test_files_without_a_type_or_a_suffix_and_pdfs_are_taken(
    page: Page, kinds: dict[str, Path], kind: str, how: str
) -> None:
    expect(page.locator("#choose")).to_be_visible()
    give(page, [kinds[kind]], how, "#privacy")
    ready(page)
    expect(page.locator("#editor .name")).to_have_text(kinds[kind].name)


def test_an_office_document_is_answered_in_our_own_words(
    page: Page, kinds: dict[str, Path]
) -> None:
    expect(page.locator("#choose")).to_be_visible()
    give(page, [kinds["docx"]], "drop")
    expect(page.get_by_text("letter.docx is an archive or office document")).to_be_visible()


def test_what_is_pasted_while_several_is_open_goes_there(page: Page, noisy_file: Path) -> None:
    page.get_by_role("tab", name="Several").click()
    expect(page.locator("#report")).to_be_visible()
    give(page, [noisy_file], "paste")
    expect(page.locator("#report")).to_have_text("1 picture cleaned.")
    expect(page.get_by_role("tab", name="Several", selected=True)).to_be_visible()
    page.get_by_role("tab", name="One picture").click()
    expect(page.locator("#choose")).to_be_visible()


def test_several_dropped_files_open_the_tab_for_several(
    page: Page, noisy_file: Path, other_file: Path
) -> None:
    expect(page.locator("#choose")).to_be_visible()
    give(page, [noisy_file, other_file], "drop")
    expect(page.get_by_role("tab", name="Several", selected=True)).to_be_visible()
    expect(page.locator("#report")).to_have_text("2 pictures cleaned.")


# 8: faults of the network and of the server


def test_a_lost_request_is_sent_again(page: Page, noisy_file: Path) -> None:
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)
            route.abort()

    page.route("**/page/clean", lose_the_first)
    upload(page, noisy_file)
    assert lost


def test_without_a_server_the_page_says_so_and_the_work_is_kept(
    page: Page, noisy_file: Path
) -> None:
    upload(page, noisy_file)
    page.context.set_offline(True)
    choose(page, "Blue")
    expect(page.get_by_text("The server does not answer. Your work is kept")).to_be_visible()
    expect(page.locator("#png")).to_be_disabled()
    page.context.set_offline(False)
    press(page, "Try again")
    ready(page)
    name = download(page, "Download PNG").suggested_filename
    assert name == "my scan.transparent-blue.png"


def test_expired_files_are_made_again_from_the_file_in_the_browser(
    browser: Browser, tmp_path: Path, noisy_file: Path, eraser_weights: Path
) -> None:
    running = start_demo(tmp_path, eraser_weights)
    page = browser.new_page()
    page.goto(running.url)
    upload(page, noisy_file)
    expire(running)
    press(page, "Download PNG")
    expect(page.get_by_text("Ready: press the button again.")).to_be_visible()
    assert downloaded(page).shape == (280, 640, 4)
    expire(running)
    choose(page, "White")  # nobody notices
    ready(page)
    assert downloaded(page).shape == (280, 640, 3)
    page.close()
    running.stop()


def test_strokes_are_asked_about_before_the_page_is_left(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    asked: list[str] = []

    def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", stay)
    choose(page, "Erase")
    drag(page, (0.2, 0.5), (0.8, 0.5), "#result .after .frame")
    ready(page)
    page.evaluate("setTimeout(() => location.reload())")
    page.wait_for_timeout(0)
    for _ in range(200):
        if asked:
            break
        page.wait_for_timeout(50)
    assert asked == ["beforeunload"]
    expect(page.locator("#editor .name")).to_have_text("my scan.png")


# 9: several pictures


def test_a_batch_shows_pictures_counts_blank_ones_apart_and_packs_the_chosen_look(
    page: Page, noisy_file: Path, tmp_path: Path
) -> None:
    broken, blank = tmp_path / "broken.png", tmp_path / "blank.png"
    broken.write_bytes(b"not a picture")
    Image.new("RGB", (300, 120), "white").save(blank)
    page.get_by_role("tab", name="Several").click()
    page.locator("#files").set_input_files([noisy_file, broken, blank])
    expected = "1 picture cleaned, 1 without a signature, 1 not cleaned."
    expect(page.locator("#report")).to_have_text(expected)
    expect(page.locator("#grid")).to_contain_text("broken.png is not a picture")
    assert shown(page.locator("#grid li:first-child .after")).shape == (280, 640, 3)
    archive = zipfile.ZipFile(download(page, "Download zip").path())
    assert archive.namelist() == ["my scan.transparent.png", "manifest.jsonl"]
    lines = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
    assert [line["ink"] > 0 for line in lines] == [True, False]
    single = download(page, "Download my scan.png")
    assert single.suggested_filename == "my scan.transparent.png"


def test_after_another_look_an_old_zip_cannot_be_downloaded(page: Page, noisy_file: Path) -> None:
    page.get_by_role("tab", name="Several").click()
    page.locator("#files").set_input_files([noisy_file])
    expect(page.locator("#zip")).to_be_enabled()
    held = delayed(page, "**/page/show")
    choose(page, "White")
    until_held(page, held)
    expect(page.locator("#zip")).to_be_disabled()
    held[0].continue_()
    expect(page.locator("#zip")).to_be_enabled()
    archive = zipfile.ZipFile(download(page, "Download zip").path())
    assert archive.namelist()[0] == "my scan.white.png"


def test_every_page_of_a_pdf_is_a_picture_of_the_batch(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "pages.pdf"
    canvas = Canvas(str(path), pagesize=(300, 150))
    for number in range(3):
        draw_signature(np.random.default_rng(number), 600, 300).save(tmp_path / f"{number}.png")
        canvas.drawImage(str(tmp_path / f"{number}.png"), 0, 0, 300, 150)
        canvas.showPage()
    canvas.save()
    page.get_by_role("tab", name="Several").click()
    page.locator("#files").set_input_files([path])
    expect(page.locator("#report")).to_have_text("3 pictures cleaned.")


def test_a_document_that_is_removed_while_it_is_sent_does_not_come_back(
    page: Page, demo: Demo, tmp_path: Path
) -> None:
    before = set(demo.files())
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(text_pdf(pages=3))
    page.get_by_role("tab", name="Several").click()
    held = late_answers(page, "**/page/upload*")
    page.locator("#files").set_input_files([letter])
    until_held(page, held)
    press(page, "Remove letter.pdf")
    with page.expect_response("**/page/forget"):
        held[0]()
    expect(page.locator("#report")).to_have_text("No pictures yet.")
    assert set(demo.files()) - before == set()


def test_remove_deletes_all_that_was_made_of_a_picture(
    page: Page, demo: Demo, noisy_file: Path
) -> None:
    before = set(demo.files())
    page.get_by_role("tab", name="Several").click()
    page.locator("#files").set_input_files([noisy_file])
    expect(page.locator("#report")).to_have_text("1 picture cleaned.")
    choose(page, "White")
    expect(page.locator("#grid li[data-white]")).to_be_visible()
    with page.expect_response("**/page/forget"):
        press(page, "Remove my scan.png")
    assert set(demo.files()) - before == set()


def test_a_picture_under_way_is_cleaned_once_more_with_the_model_that_is_chosen_meanwhile(
    page: Page, noisy_file: Path
) -> None:
    page.get_by_role("tab", name="Several").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    held = delayed(page, "**/page/clean")
    page.locator("#files").set_input_files([noisy_file])
    until_held(page, held)
    page.locator(".model").locator("visible=true").select_option("default")
    expect(page.locator("#report")).to_have_text("0 pictures cleaned, 1 to go.")
    assert asked.count("clean") == 1  # not begun twice
    held[0].continue_()
    expect(page.locator("#report")).to_have_text("1 picture cleaned.")
    assert (asked.count("clean"), asked.count("show")) == (2, 0)
    assert sum(url.startswith("upload") for url in asked) == 1


def test_a_document_whose_files_have_expired_is_sent_once_for_all_its_pages(
    page: Page, demo: Demo, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(blank_pdf(pages=3, size=(120, 60)))
    page.get_by_role("tab", name="Several").click()
    page.locator("#files").set_input_files([letter])
    expect(page.locator("#grid li[data-state=blank]")).to_have_count(3)
    expire(demo)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url.partition("/page/")[2]))
    with page.expect_response(lambda answer: answer.status == 410):
        choose(page, "White")
    expect(page.locator("#grid li[data-white]")).to_have_count(3)
    assert sum(one.startswith("upload") for one in sent) == 1


# 11: the keyboard, and what is the page's own


def test_arrow_keys_choose_within_groups_that_have_names(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    for group, first, second in (
        ("Paper", "Transparent", "White"),
        ("Size", "Original", "Cropped"),
        ("Ink", "As it is", "Black"),
    ):
        named = page.get_by_role("group", name=group, exact=True).locator("visible=true")
        named.get_by_role("radio", name=first).focus()
        page.keyboard.press("ArrowRight")
        expect(named.get_by_role("radio", name=second)).to_be_checked()
        expect(named.get_by_role("radio", name=second)).to_be_focused()
    ready(page)
    name = download(page, "Download PNG").suggested_filename
    assert name == "my scan.white-black-cropped.png"


def test_the_page_is_in_english_has_its_own_icon_and_leaves_no_history(
    browser: Browser, demo: Demo
) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(demo.url)
    expect(page.locator("#choose")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.title() == "sigclean"
    icon = page.request.get(f"{demo.url}/favicon.ico")
    assert b"#3945c4" in icon.body()
    press(page, "Stamp")
    ready(page)
    context.close()
    assert not list(demo.cache.parent.rglob("vibe_edit_history"))


# 12: examples of an installed package


def test_an_installed_package_has_a_few_small_examples() -> None:
    assert example_pictures((ROOT / "nowhere", SMALL_EXAMPLES))
    total = sum(path.stat().st_size for path in SMALL_EXAMPLES.iterdir())
    assert total < 200_000


@pytest.mark.slow
def test_the_wheel_holds_the_examples(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT / "sigclean", copy / "sigclean", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    command = ["pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(copy)]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {name for name in names if name.startswith("sigclean/demo/examples/")} == {
        f"sigclean/demo/examples/{path.name}" for path in SMALL_EXAMPLES.iterdir()
    }


def test_the_default_model_cleans_the_small_examples() -> None:
    cleaner = SignatureCleaner.from_pretrained()
    stamp = cleaner(SMALL_EXAMPLES / "3-stamp.jpg")
    assert stamp.getextrema() != ((255, 255),) * 3
