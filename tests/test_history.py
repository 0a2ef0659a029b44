"""samples.html of a run: written from its folder, opened in a real Chromium from the disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from sigclean.training.options import TrainConfig
from sigclean.training.watching import journal
from sigclean.training.watching.history import write_page


def fill(folder: Path, validations: int, lines: int) -> TrainConfig:
    """The folder of a run that logged so often; the F-measure is best at the second validation."""
    config = TrainConfig(output_dir=str(folder), dataroot="<img src=x onerror=alert(1)>")
    (folder / "samples").mkdir(parents=True)
    end = 100 * validations
    for line in range(1, lines + 1):
        journal.append(folder / "log.jsonl", {"step": line * end // lines, "G_A": 1 / line,
                       "G_B": 0.5, "D_A": 0.25, "own <loss>": 1.0, "lr_G": 2e-4})  # fmt: skip
    for number in range(1, validations + 1):
        f = 95.0 if number == 2 else 60 + number / validations
        journal.append(folder / "log.jsonl", {"step": 100 * number, "f": f, "recall": 70.0,
                       "precision": 80.0, "psnr": 20.0 + number / validations})  # fmt: skip
        picture = Image.new("RGB", (60, 40), (number % 256, number // 256, 0))
        picture.save(folder / "samples" / f"{100 * number:08d}.png")
    journal.append(folder / "speed.jsonl", {"step": end, "seconds": 1, "pictures_per_second": 4.2})
    return config


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "mine <b>&"
    return write_page(fill(folder, 5, 40), 800)


def test_the_page_needs_nothing_but_the_pictures_of_its_folder(run: Path) -> None:
    text = run.read_text(encoding="utf-8")
    assert run.name == "samples.html"
    assert set(re.findall(r'(?:src|href)="([^"]*)"', text)) == {"data:,"} | {
        f"samples/{step:08d}.png" for step in (100, 200, 300, 400, 500)
    }
    assert not re.search(r"https?://|@import|url\(", text)


def test_names_options_and_losses_are_escaped(run: Path) -> None:
    text = run.read_text(encoding="utf-8")
    assert "mine &lt;b&gt;&amp;" in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "own &lt;loss&gt;" in text
    assert not re.search(r"<b>&|<img src=x|<loss>", text)


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    config = replace(fill(tmp_path / "run", 1, 1), hub_token="hf_secret")
    assert "hf_secret" not in write_page(config, 100).read_text(encoding="utf-8")


def test_a_run_without_anything_yet_has_a_page(tmp_path: Path) -> None:
    text = write_page(TrainConfig(output_dir=str(tmp_path)), 10).read_text(encoding="utf-8")
    assert "Step 0 of 10" in text
    assert "All options" in text


def test_a_long_run_has_a_page_of_moderate_size(tmp_path: Path) -> None:
    page = write_page(fill(tmp_path / "run", 400, 6000), 40_000)
    text = page.read_text(encoding="utf-8")
    assert text.count('loading="lazy"') == 400
    assert len(text) < 1_000_000


# --- in a browser -------------------------------------------------------------------------------


@pytest.fixture
def page(browser: Browser, run: Path) -> Iterator[Page]:
    """The page, which must not complain about anything."""
    complaints: list[str] = []
    opened = browser.new_page(viewport={"width": 360, "height": 780})
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("requestfailed", lambda request: complaints.append(request.url))
    opened.goto(run.as_uri())
    yield opened
    opened.close()
    assert complaints == []


def test_the_slider_begins_at_the_last_grid_and_swaps_it(page: Page) -> None:
    grid = page.locator("#grid")
    expect(grid).to_have_attribute("src", "samples/00000500.png")
    page.locator("#slider").fill("1")
    expect(grid).to_have_attribute("src", "samples/00000200.png")
    assert grid.evaluate("image => image.decode().then(() => image.naturalWidth)") == 60
    expect(page.locator("#at")).to_have_text("step 200")
    expect(page.locator("#figures")).to_contain_text("F-measure 95")
    expect(page.locator("#full")).to_have_attribute("href", "samples/00000200.png")


def test_the_keyboard_and_the_buttons_move_the_slider_to_its_ends(page: Page) -> None:
    before, after = page.get_by_label("Earlier"), page.get_by_label("Later")
    page.locator("#slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#at")).to_have_text("step 400")
    page.keyboard.press("Home")
    expect(page.locator("#at")).to_have_text("step 100")
    expect(before).to_be_disabled()
    after.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#at")).to_have_text("step 200")
    page.locator("#slider").press("End")
    expect(after).to_be_disabled()


def test_the_curves_tell_their_values_at_the_slider_and_at_the_pointer(page: Page) -> None:
    value = page.locator(".chart", has_text="Ink found").locator(".key b").first
    expect(value).to_have_text("61")
    page.locator("#slider").fill("1")
    expect(value).to_have_text("95")
    chart = page.locator(".chart", has_text="adversarial")
    chart.locator("svg").hover(position={"x": 5, "y": 40})
    expect(chart.locator(".key b").first).to_have_text("1")
    page.mouse.move(1, 1)
    expect(chart.locator(".key b").first).not_to_have_text("1")


def test_the_best_validation_is_marked(page: Page) -> None:
    expect(page.locator("tr.best td").first).to_have_text("200")
    expect(page.locator("tbody tr td:first-child").first).to_have_text("500")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.locator("summary").click()
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0


def test_grids_out_of_sight_are_not_loaded(browser: Browser, tmp_path: Path) -> None:
    path = write_page(fill(tmp_path / "run", 300, 10), 30_000)
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    loaded: list[str] = []
    page.on("requestfinished", lambda request: loaded.append(request.url))
    page.goto(path.as_uri())  # waits for the pictures that are not lazy, and for those in sight
    page.close()
    assert 0 < len(loaded) < 150


def test_dark_and_light_follow_the_system(browser: Browser, run: Path) -> None:
    shades = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(run.as_uri())
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        shades.append(sum(map(int, re.findall(r"\d+", colour)[:3])))
        page.close()
    assert shades[0] > 600 > 150 > shades[1]
