"""Things that people do without meaning to: reload, go back, two tabs, a server that restarts."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from browser_page import choose, downloaded, drag, press, ready, region, upload
from demo_server import Demo, pixels, start_demo
from pdfs import blank_pdf
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature


@pytest.fixture(scope="module")
def cleaner(demo: Demo) -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(demo.weights)


@pytest.fixture
def other_file(tmp_path: Path) -> Path:
    path = tmp_path / "other.png"
    draw_signature(np.random.default_rng(9), 400, 200).save(path)
    return path


@pytest.fixture
def restarted(
    tmp_path: Path, eraser_weights: Path
) -> Iterator[tuple[Demo, Callable[[], None], Callable[[], None]]]:
    """A demo, a function that kills it, and one that starts another in its place, with no files."""
    running = [start_demo(tmp_path, eraser_weights)]
    port = running[0].url.rpartition(":")[2]

    def kill() -> None:
        running[-1].process.kill()
        running[-1].process.communicate()

    def start() -> None:
        (tmp_path / "again").mkdir()
        running.append(start_demo(tmp_path / "again", eraser_weights, GRADIO_SERVER_PORT=port))

    yield running[0], kill, start
    if running[-1].process.poll() is None:
        running[-1].stop()


def leaving(page: Page, script: str) -> list[str]:
    """Leave the page by a script; returns which questions are asked, all of which are declined."""
    asked: list[str] = []

    def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", stay)
    with page.expect_event("dialog"):
        page.evaluate(f"setTimeout(() => {{ {script} }})")
    return asked


def test_a_click_makes_no_region_of_zero_size(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    drag(page, (0.2, 0.2), (0.7, 0.8))
    ready(page)
    before = region(page)
    page.locator("#editor .frame canvas").click(position={"x": 2, "y": 2}, force=True)
    drag(page, (0.95, 0.1), (0.95, 0.9))  # a line without a width
    ready(page)
    assert region(page) == before
    for _ in range(80):
        page.locator("#editor .box").press("Shift+ArrowLeft")
    ready(page)
    left, _, right, _ = region(page)
    assert right - left == pytest.approx(0.01, abs=1e-6)
    assert downloaded(page).shape[1] >= 1


def test_a_pdf_of_500_pages_is_opened_and_left_through(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(blank_pdf(500, (120, 60), content="20 20 80 20 re S"))
    upload(page, path)
    chooser = page.locator("#editor .page")
    expect(page.locator("#editor .pages")).to_contain_text("of 500")
    for wanted, reached in (("500", "500"), ("501", "500"), ("0", "500"), ("2", "2")):
        chooser.fill(wanted)
        chooser.blur()
        expect(chooser).to_have_value(reached)
        ready(page)
    press(page, "Previous page")
    expect(chooser).to_have_value("1")
    page.get_by_role("tab", name="Several").click()
    page.locator("#files").set_input_files([path])
    said = "long.pdf has 500 pages: the first 50 were taken."
    expect(page.locator(".several .message")).to_contain_text(said)
    expect(page.locator("#grid li")).to_have_count(50)


def test_two_tabs_do_not_get_into_each_others_way(
    browser: Browser, demo: Demo, cleaner: SignatureCleaner, noisy_file: Path, other_file: Path
) -> None:
    context = browser.new_context()
    tabs = [context.new_page() for _ in range(2)]
    files = [noisy_file, other_file]
    for tab in tabs:
        tab.goto(demo.url)
        choose(tab, "White")
    for tab, file in zip(tabs, files, strict=True):
        tab.locator("#file").set_input_files(file)
    for tab, file in zip(tabs, files, strict=True):
        ready(tab)
        assert np.array_equal(downloaded(tab), pixels(cleaner(file)))
    upload(tabs[1], noisy_file)  # the same file in both
    press(tabs[1], "Delete now")
    expect(tabs[1].get_by_text("Deleted: the picture")).to_be_visible()
    choose(tabs[0], "Transparent")
    ready(tabs[0])
    assert downloaded(tabs[0]).shape == (280, 640, 4)
    context.close()


def test_back_is_asked_about_while_there_are_strokes(
    page: Page, demo: Demo, noisy_file: Path
) -> None:
    page.goto(f"{demo.url}/?second")
    upload(page, noisy_file)
    choose(page, "Erase")
    drag(page, (0.2, 0.5), (0.8, 0.5), "#result .after .frame")
    ready(page)
    before = downloaded(page)
    assert leaving(page, "history.back()") == ["beforeunload"]
    assert np.array_equal(downloaded(page), before)
    press(page, "Undo")
    ready(page)


def test_a_reload_is_asked_about_after_a_region_was_drawn(page: Page, noisy_file: Path) -> None:
    upload(page, noisy_file)
    drag(page, (0.1, 0.1), (0.6, 0.9))
    ready(page)
    assert leaving(page, "location.reload()") == ["beforeunload"]
    assert region(page) == pytest.approx((0.1, 0.1, 0.6, 0.9), abs=0.02)


def test_a_reload_is_asked_about_until_a_batch_was_downloaded(page: Page, noisy_file: Path) -> None:
    page.get_by_role("tab", name="Several").click()
    page.locator("#files").set_input_files([noisy_file])
    expect(page.locator("#zip")).to_be_enabled()
    assert leaving(page, "location.reload()") == ["beforeunload"]
    expect(page.locator("#grid li")).to_have_count(1)
    with page.expect_download():
        press(page, "Download zip")
    expect(page.locator("#zip")).to_be_enabled()
    page.reload()
    expect(page.locator("#choose")).to_be_visible()


def test_a_reload_while_a_file_is_sent_leaves_a_page_that_works(
    page: Page, noisy_file: Path, cleaner: SignatureCleaner
) -> None:
    page.route("**/page/upload*", lambda route: None)  # never sent on
    page.locator("#file").set_input_files(noisy_file)
    expect(page.locator("#result .state")).to_have_text("Opening …")
    page.unroute_all(behavior="ignoreErrors")
    page.reload()
    choose(page, "White")
    upload(page, noisy_file)
    assert np.array_equal(downloaded(page), pixels(cleaner(noisy_file)))


def test_after_the_server_was_restarted_the_work_goes_on(
    browser: Browser,
    restarted: tuple[Demo, Callable[[], None], Callable[[], None]],
    noisy_file: Path,
) -> None:
    demo, kill, start = restarted
    page = browser.new_page()
    page.goto(demo.url)
    choose(page, "White")
    upload(page, noisy_file)
    choose(page, "Erase")
    drag(page, (0.2, 0.5), (0.8, 0.5), "#result .after .frame")
    ready(page)
    before = downloaded(page)
    demo.process.send_signal(signal.SIGSTOP)  # no answer comes before it is killed
    with page.expect_request("**/page/show"):
        choose(page, "Blue")
    kill()
    expect(page.get_by_text("The server does not answer. Your work is kept")).to_be_visible()
    expect(page.locator("#png")).to_be_disabled()
    start()
    press(page, "Try again")
    ready(page)
    choose(page, "As it is")
    ready(page)
    assert np.array_equal(downloaded(page), before)
    page.close()


def test_a_batch_goes_on_after_the_server_was_restarted(
    browser: Browser,
    restarted: tuple[Demo, Callable[[], None], Callable[[], None]],
    noisy_file: Path,
    other_file: Path,
) -> None:
    demo, kill, start = restarted
    page = browser.new_page()
    page.goto(demo.url)
    page.get_by_role("tab", name="Several").click()
    page.locator("#files").set_input_files([noisy_file, other_file])
    expect(page.locator("#zip")).to_be_enabled()
    kill()
    start()
    choose(page, "White")
    expect(page.locator("#report")).to_have_text("2 pictures cleaned.")
    with page.expect_download() as begun:
        press(page, "Download zip")
    assert Path(begun.value.path()).stat().st_size > 1000
    page.close()


def test_a_picture_of_one_pixel_is_opened(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), "white").save(tmp_path / "dot.png")
    upload(page, tmp_path / "dot.png")
    expect(page.locator("#note")).to_contain_text("No signature was found here")
    page.locator("#editor .box").press("Shift+ArrowLeft")
    ready(page)
