"""Measure the web page from drop to finished download: presses of buttons, and seconds.

    python benchmarks/page_steps.py                          # this version
    python benchmarks/page_steps.py --against ../before      # and another's, in turns
    python benchmarks/page_steps.py --files scan.jpg a.pdf   # your own files

Chromium, which must be on the PATH, chooses a file, presses what a person must press as soon as it
can be pressed, and waits until the PNG is on the disk. The dropping itself is no press. Then it
erases by two strokes, and waits after each until the PNG can be downloaded again. The other
version's source is expected to have the page of 0.1, with the buttons Clean and Find signatures.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from PIL import Image
from playwright.sync_api import Browser, Page, TimeoutError, expect, sync_playwright
from serving import ROOT, serving

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 60_000  # milliseconds that a step may take
REFUSED = 10_000  # milliseconds after which a page that shows no picture has refused the file

STROKES = (((0.1, 0.15), (0.3, 0.2)), ((0.6, 0.8), (0.9, 0.75)))  # ends, in shares of the picture

Steps = Callable[[Page, Path, bool], int]
"""Takes a file to its download; `is_page` says that signatures must be found. Returns presses."""


def main() -> None:
    """Measure and print a row for each file."""
    args = parse_args()
    flows: dict[str, tuple[Path, Steps]] = {"now": (ROOT, now)}
    if args.against:
        flows = {"before": (args.against, before), **flows}
    print(f"{'file':26}{'version':>9}{'presses':>9}{'seconds (median)':>18}")
    touched: list[float] = []
    with files(args.files) as paths, browsing() as browser, ExitStack() as stack:
        servers = {
            name: stack.enter_context(serving(600, folder / "app.py"))
            for name, (folder, _) in flows.items()
        }
        for name, (_, steps) in flows.items():
            timed(browser, servers[name].url, *paths[0], steps, [])  # the first time is slower
        for path, is_page in paths:
            outcomes: dict[str, list[tuple[int, float]]] = {name: [] for name in flows}
            for name in list(flows) * args.turns:
                url, steps = servers[name].url, flows[name][1]
                measured = timed(browser, url, path, is_page, steps, touched)
                outcomes[name].append(measured)
            for name, all_measured in outcomes.items():
                presses, seconds = all_measured[0][0], median(one[1] for one in all_measured)
                said = f"{presses:>9}{seconds:>18.2f}" if presses else f"{'refused':>27}"
                print(f"{path.name:26}{name:>9}{said}", flush=True)

    if touched:
        print(f"a stroke of the brush, of {len(touched)}: {median(touched):.2f} s (median)")


def parse_args() -> argparse.Namespace:
    """Parse the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--against", type=Path, help="the folder of another version's source")
    parser.add_argument("--turns", type=int, default=3, help="times that each file is taken")
    parser.add_argument("--files", type=Path, nargs="+", help="pictures and PDFs of your own")
    return parser.parse_args()


@contextmanager
def files(own: list[Path] | None) -> Iterator[list[tuple[Path, bool]]]:
    """Yield files, and whether each is a page: by default a picture, a page and a PDF of it."""
    with tempfile.TemporaryDirectory() as folder:
        page = ROOT / "examples" / "0-whole-page.png"
        pdf = Path(folder) / "0-whole-page.pdf"
        with Image.open(page) as picture:
            picture.convert("RGB").save(pdf, resolution=150)
        usual = [(ROOT / "examples" / "3-stamp.png", False), (page, True), (pdf, True)]
        yield [(path, path.suffix == ".pdf") for path in own] if own else usual


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start Chromium without a window."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def timed(
    browser: Browser, url: str, path: Path, is_page: bool, steps: Steps, touched: list[float]
) -> tuple[int, float]:
    """Take a file to its download in a new window; returns presses, 0 if the page refused it, and
    seconds. Where there is a brush, the seconds that each stroke takes are added to `touched`."""
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.locator("input[type=file]").first.wait_for(state="attached")
    page.wait_for_timeout(2000)  # a person needs longer to find the file
    begun = perf_counter()
    try:
        presses = steps(page, path, is_page)
    except (TimeoutError, AssertionError):  # what Playwright and its `expect` raise
        presses = 0
    seconds = perf_counter() - begun
    if presses and steps is now:
        page.get_by_role("radio", name="Erase", exact=True).check()
        touched += [stroke(page, *ends) for ends in STROKES]
    page.close()
    return presses, seconds


def now(page: Page, path: Path, is_page: bool) -> int:
    """Drop, download."""
    page.locator("#file").set_input_files(path)
    return download(page)


def before(page: Page, path: Path, is_page: bool) -> int:
    """Drop, find the signatures of a page, choose the likeliest, clean, download."""
    page.locator("#picture input[type=file]").set_input_files(path)
    region = page.locator("#editor .size")
    region.filter(has_text="Region:").wait_for(timeout=REFUSED)
    presses = 1
    if is_page:
        press(page, "Find signatures")
        first = page.get_by_role("button", name="Suggested signature 1")
        first.press("Enter")  # as a click, which would have to hit the frame's line
        presses += 2
    press(page, "Clean")
    return presses + download(page)


def press(page: Page, name: str) -> None:
    """Press a button as soon as it can be pressed."""
    page.get_by_role("button", name=name, exact=True).click()


def download(page: Page) -> int:
    """Download the PNG; returns the presses that it takes."""
    button = page.locator("#png")
    expect(button).to_be_enabled()
    with page.expect_download() as begun:
        button.click()
    begun.value.path()
    return 1


def stroke(page: Page, start: tuple[float, float], end: tuple[float, float]) -> float:
    """Draw a stroke on the result; returns the seconds from its end until the PNG has it."""
    box = page.locator("#result figure:visible .frame").last.bounding_box()
    assert box is not None
    (x, y), (to_x, to_y) = (
        (box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in (start, end)
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to_x, to_y, steps=8)
    with page.expect_response(lambda answer: answer.url.endswith("/page/show")):
        begun = perf_counter()
        page.mouse.up()
    expect(page.locator("#png")).to_be_enabled()
    return perf_counter() - begun


if __name__ == "__main__":
    main()
