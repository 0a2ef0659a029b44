"""The brush of the page in a real Chromium: what it erases and restores is in the download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser_page import choose, download, downloaded, drag, press, ready, upload
from demo_server import Demo
from PIL import Image, ImageChops, ImageDraw
from playwright.sync_api import Browser, Page, expect

from sigclean.drawn import draw_signature


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """A drawn signature of 640x280 under a ruled line, and crossed by a red ring."""
    clean = draw_signature(np.random.default_rng([2, 3]), 640, 280)
    noise = Image.new("RGB", clean.size, "white")
    draw = ImageDraw.Draw(noise)
    draw.line((0, 200, 640, 200), fill=(90, 90, 90), width=2)
    draw.ellipse((480, 20, 600, 140), outline=(210, 40, 50), width=6)
    path = tmp_path / "signed.png"
    ImageChops.multiply(clean, noise).save(path)
    return path


@pytest.fixture
def painted(page: Page, signed: Path) -> Page:
    """The page with the picture cleaned by the default model, on white."""
    page.locator("#model").select_option("default")
    choose(page, "White")
    upload(page, signed)
    return page


AFTER = "#result .after .frame"


def test_a_stroke_erases_and_is_undone_and_redone(painted: Page) -> None:
    before = downloaded(painted)
    painted.keyboard.press("e")
    expect(painted.get_by_role("radio", name="Erase")).to_be_checked()
    painted.get_by_label("Size of the brush").fill("60")
    drag(painted, (0.3, 0.3), (0.7, 0.6), AFTER)
    ready(painted)
    erased = downloaded(painted)
    assert (erased >= before).all()
    assert (erased > before).any(axis=2).sum() > 200
    painted.keyboard.press("Control+z")
    ready(painted)
    assert np.array_equal(downloaded(painted), before)
    painted.keyboard.press("Control+Shift+z")
    ready(painted)
    assert np.array_equal(downloaded(painted), erased)
    press(painted, "Undo")
    ready(painted)
    assert np.array_equal(downloaded(painted), before)
    expect(painted.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_stroke_restores_the_inputs_ink_softly_and_never_darker(
    painted: Page, signed: Path
) -> None:
    before = downloaded(painted)
    assert (before[200, 10:60] > 230).all()  # the line was removed
    painted.keyboard.press("r")
    drag(painted, (0.02, 200 / 280), (0.12, 200 / 280), "#result .removed .frame")
    ready(painted)
    after = downloaded(painted)
    assert (after[200, 20:60] < 130).all()
    with Image.open(signed) as picture:
        assert (after >= np.asarray(picture.convert("RGB"))).all()
    far = np.ones(after.shape[:2], bool)
    far[180:220, :110] = False
    assert np.array_equal(after[far], before[far])
    levels = np.unique(after[200, 60:110, 0])
    assert len(levels) > 3  # its end fades


def test_restore_shows_what_can_be_brought_back(painted: Page) -> None:
    painted.keyboard.press("e")
    expect(painted.get_by_role("radio", name="Result", exact=True)).to_be_checked()
    painted.keyboard.press("r")
    expect(painted.get_by_role("radio", name="Removed", exact=True)).to_be_checked()
    ready(painted)
    expect(painted.locator("#result .removed img")).to_be_visible()


def test_svg_and_crop_follow_the_brush(painted: Page) -> None:
    painted.keyboard.press("r")
    painted.get_by_label("Size of the brush").fill("20")
    drag(painted, (0.01, 200 / 280), (0.1, 200 / 280), "#result .removed .frame")
    ready(painted)
    choose(painted, "Cropped")
    ready(painted)
    width = downloaded(painted).shape[1]
    press(painted, "Undo")
    ready(painted)
    assert downloaded(painted).shape[1] < width - 40
    press(painted, "Redo")
    ready(painted)
    svg = Path(download(painted, "Download SVG").path()).read_text(encoding="utf-8")
    assert f'width="{width}"' in svg


def test_strokes_stay_in_place_when_the_region_moves_and_turns(painted: Page) -> None:
    painted.keyboard.press("e")
    painted.get_by_label("Size of the brush").fill("80")
    drag(painted, (0.1, 0.1), (0.9, 0.1), AFTER, steps=12)
    drag(painted, (0.1, 0.9), (0.9, 0.9), AFTER, steps=12)
    for y in (0.3, 0.5, 0.7):
        drag(painted, (0.02, y), (0.98, y), AFTER, steps=12)
    ready(painted)
    assert (downloaded(painted)[:, 60:580] < 128).sum() == 0
    press(painted, "Turn right")
    ready(painted)
    turned = downloaded(painted)
    assert turned.shape[:2] == (640, 280)
    assert (turned[60:580] < 128).sum() == 0


def test_a_colour_is_dropped_and_the_pens_is_kept_by_a_click(painted: Page) -> None:
    painted.keyboard.press("r")
    painted.get_by_label("Size of the brush").fill("80")
    drag(painted, (0.75, 0.15), (0.94, 0.15), "#result .removed .frame")  # some of the ring
    ready(painted)

    def red() -> int:
        got = downloaded(painted).astype(int)
        return int(((got[..., 0] - got[..., 1]) > 80).sum())

    ring_before = red()
    assert ring_before > 100
    press(painted, "Undo")
    choose(painted, "Side by side")
    choose(painted, "Drop colour")
    ring = painted.locator("#result .before .frame").bounding_box()
    assert ring is not None
    painted.mouse.click(
        ring["x"] + ring["width"] * 600 / 640 - 2, ring["y"] + ring["height"] * 80 / 280
    )
    expect(painted.get_by_role("button", name="Undo")).to_be_enabled()
    ready(painted)
    assert red() < ring_before / 10  # some edges of the crossings
    choose(painted, "Keep colour")
    painted.mouse.click(
        ring["x"] + ring["width"] * 600 / 640 - 2, ring["y"] + ring["height"] * 80 / 280
    )
    ready(painted)
    press(painted, "Undo")
    press(painted, "Undo")
    expect(painted.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_click_on_bare_paper_is_answered_in_words(painted: Page) -> None:
    choose(painted, "Drop colour")
    painted.locator("#result .before .frame").click(position={"x": 4, "y": 4})
    expect(painted.get_by_text("There is no ink at this place")).to_be_visible()


def test_a_hundred_strokes_are_undone_one_by_one(painted: Page) -> None:
    before = downloaded(painted)
    painted.keyboard.press("e")
    around = painted.locator(AFTER).bounding_box()
    assert around is not None
    for number in range(100):
        painted.mouse.click(
            around["x"] + around["width"] * (0.1 + 0.008 * number), around["y"] + 120
        )
    ready(painted)
    for _ in range(100):
        painted.keyboard.press("Control+z")
    ready(painted)
    assert np.array_equal(downloaded(painted), before)
    expect(painted.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_stroke_may_leave_the_picture(painted: Page) -> None:
    painted.keyboard.press("e")
    drag(painted, (0.5, 0.5), (1.6, -0.8), AFTER)
    ready(painted)
    assert downloaded(painted).shape == (280, 640, 3)


def test_a_finger_erases(browser: Browser, demo: Demo, signed: Path) -> None:
    phone = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    page = phone.new_page()
    page.goto(demo.url)
    page.locator("#model").select_option("default")
    choose(page, "White")
    upload(page, signed)
    before = downloaded(page)
    choose(page, "Erase")
    page.get_by_label("Size of the brush").fill("80")
    frame = page.locator(AFTER)
    frame.scroll_into_view_if_needed()
    around = frame.bounding_box()
    assert around is not None
    client = page.context.new_cdp_session(page)
    for kind, share in (
        ("touchStart", 0.3),
        ("touchMove", 0.5),
        ("touchMove", 0.7),
        ("touchEnd", 1),
    ):
        point = {
            "x": around["x"] + share * around["width"],
            "y": around["y"] + share * around["height"],
        }
        points = [] if kind == "touchEnd" else [point]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    ready(page)
    assert (downloaded(page) > before).any(axis=2).sum() > 100
    phone.close()


def test_a_pen_draws_thinner_with_less_pressure(painted: Page) -> None:
    painted.keyboard.press("r")
    painted.get_by_label("Size of the brush").fill("80")
    strokes = []
    painted.on(
        "request",
        lambda request: (
            strokes.append(request.post_data_json.get("strokes"))
            if request.url.endswith("/page/show")
            else None
        ),
    )
    painted.locator("#result .removed .frame").evaluate(
        """(frame) => {
            const around = frame.getBoundingClientRect();
            const send = (kind, share, pressure) => frame.dispatchEvent(new PointerEvent(kind, {
                bubbles: true, cancelable: true, pointerId: 1, isPrimary: true, pointerType: "pen",
                button: kind === "pointermove" ? -1 : 0, pressure,
                clientX: around.left + around.width * share, clientY: around.top + 40 }));
            frame.setPointerCapture = () => {};
            send("pointerdown", 0.2, 0.1);
            send("pointermove", 0.4, 0.5);
            send("pointerup", 0.4, 0);
        }"""
    )
    expect(painted.get_by_role("button", name="Undo")).to_be_enabled()
    ready(painted)
    assert [round(point[2], 2) for point in strokes[-1][0]["points"]] == [0.1, 0.5]
