"""What people do on the page, for tests in a real browser."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from demo_server import pixels
from PIL import Image
from playwright.sync_api import Download, Locator, Page, expect

expect.set_options(timeout=30_000)  # milliseconds: ten times what an idle machine needs


def upload(page: Page, path: Path) -> None:
    """Choose a file; returns when its result is shown."""
    page.locator("#file").set_input_files(path)
    ready(page)


def ready(page: Page) -> None:
    """Wait until what is shown is what is chosen."""
    expect(page.locator("#png")).to_be_enabled()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def choose(page: Page, *choices: str) -> None:
    """Choose the appearance of the result, or how it is looked at."""
    for choice in choices:
        page.get_by_role("radio", name=choice, exact=True).locator("visible=true").check()


def download(page: Page, button: str) -> Download:
    with page.expect_download() as begun:
        press(page, button)
    return begun.value


def downloaded(page: Page, button: str = "Download PNG") -> np.ndarray:
    return pixels(Path(download(page, button).path()))


def drag(
    page: Page,
    start: tuple[float, float],
    end: tuple[float, float],
    on: str = "#editor .frame canvas",
    steps: int = 8,
) -> None:
    """Drag the mouse between two places, given as fractions of an element's sides."""
    around = page.locator(on).bounding_box()
    assert around is not None
    (x, y), (to_x, to_y) = (
        (around["x"] + u * around["width"], around["y"] + v * around["height"])
        for u, v in (start, end)
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to_x, to_y, steps=steps)
    page.mouse.up()


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


def give(page: Page, paths: list[Path], how: str, target: str = "body") -> None:
    """Paste or drop files, with the types that a browser finds by their names, on an element."""
    page.locator("html[data-takes=files]").wait_for()
    known = {".png": "image/png", ".jpg": "image/jpeg", ".pdf": "application/pdf"}
    files = [
        {
            "name": path.name,
            "type": known.get(path.suffix, ""),
            "data": base64.b64encode(path.read_bytes()).decode(),
        }
        for path in paths
    ]
    page.locator(target).first.evaluate(
        """(target, [files, how]) => {
            const transfer = new DataTransfer();
            for (const {name, type, data} of files) {
                const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
                transfer.items.add(new File([bytes], name, {type}));
            }
            const way = {bubbles: true, cancelable: true};
            target.dispatchEvent(how === "paste"
                ? new ClipboardEvent("paste", {...way, clipboardData: transfer})
                : new DragEvent("drop", {...way, dataTransfer: transfer}));
        }""",
        [files, how],
    )
