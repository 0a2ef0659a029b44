"""The page's own requests: strokes, looks, limits, and what is answered to nonsense."""

from __future__ import annotations

import io
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_server import ROOT, Answer, Demo, ask, pixels, post, sentence_of, start_demo
from pdfs import blank_pdf, signed_pdf, text_pdf
from PIL import Image, ImageChops
from reportlab.pdfgen.canvas import Canvas

from sigclean import SignatureCleaner
from sigclean.demo.appearance import Appearance, read_appearance
from sigclean.demo.service.received import safe_name
from sigclean.demo.settings import Settings
from sigclean.demo.strokes import draw_masks, read_strokes
from sigclean.demo.works import Result, Works
from sigclean.documents import read_pages
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.views.inversion import is_inverted


def send(demo: Demo, content: bytes, name: str = "scan.png") -> Answer:
    return post(demo, f"upload?name={name}", content)


def cleaned(demo: Demo, path: Path) -> dict[str, Any]:
    work = send(demo, path.read_bytes()).json
    return {**work, **post(demo, "clean", {"work": work["work"]}).json}


def as_png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def line(*points: tuple[float, float, float], kind: str = "erase") -> dict[str, Any]:
    return {"kind": kind, "radius": 0.05, "points": [list(point) for point in points]}


def test_a_stroke_covers_its_points_and_fades_at_its_edge() -> None:
    stroke = read_strokes([line((0.2, 0.5, 1), (0.8, 0.5, 1))])
    erase, restore = draw_masks(stroke, (200, 100))
    mask = np.asarray(erase)
    assert (mask[48:53, 45:155] == 255).all()
    assert (mask[:30] == 0).all()
    assert len(np.unique(mask[:, 100])) > 3
    assert restore.getbbox() is None


def test_where_strokes_overlap_the_last_one_counts() -> None:
    strokes = read_strokes([line((0.5, 0.5, 1)), line((0.5, 0.5, 1), kind="restore")])
    erase, restore = draw_masks(strokes, (200, 100))
    assert (erase.getpixel((100, 50)), restore.getpixel((100, 50))) == (0, 255)


def test_a_thousand_strokes_across_the_largest_picture_take_seconds() -> None:
    places = np.random.default_rng(0).random((1000, 50, 3)).tolist()
    strokes = [
        {"kind": ("erase", "restore")[number % 2], "radius": radius, "points": points}
        for number, (points, radius) in enumerate(zip(places, [0.5, 0.002] * 500, strict=True))
    ]
    begun = time.process_time()
    erase, restore = draw_masks(read_strokes(strokes), (8000, 6000))
    assert time.process_time() - begun < 20
    assert erase.size == restore.size == (8000, 6000)


def test_a_long_stroke_is_the_same_as_its_parts() -> None:
    whole = read_strokes([line((0.05, 0.1, 1), (0.95, 0.9, 1), (0.05, 0.9, 1))])
    dots = [(0.05 + 0.09 * step, 0.1 + 0.08 * step, 1.0) for step in range(11)]
    parts = read_strokes([line(*dots, (0.05, 0.9, 1))])
    masks = [
        np.asarray(draw_masks([replace(one, radius=0.004) for one in strokes], (1500, 800))[0])
        for strokes in (whole, parts)
    ]
    assert (masks[0] > 128).sum() == pytest.approx(2 * 6 * (1570 + 1350), rel=0.1)
    assert ((masks[0] > 128) != (masks[1] > 128)).mean() < 0.002
    middle = masks[0][400 - 2 : 400 + 3, 750 - 2 : 750 + 3]
    assert (middle > 250).any()


def test_less_pressure_is_thinner_and_strokes_may_lie_outside() -> None:
    wide, thin = (
        int(
            (np.asarray(draw_masks(read_strokes([line((0.5, 0.5, p))]), (200, 200))[0]) > 128).sum()
        )
        for p in (1.0, 0.0)
    )
    assert thin < wide / 4
    outside = read_strokes([line((3, 3, 1), (4, -4, 1))])
    assert draw_masks(outside, (200, 100))[0].getbbox() is None


@pytest.mark.parametrize(
    "strokes",
    [
        "erase",
        [1],
        [{"kind": "erase"}],
        [line()],
        [{**line((0, 0, 1)), "kind": "paint"}],
        [{**line((0, 0, 1)), "radius": 0}],
        [{**line((0, 0, 1)), "radius": float("nan")}],
        [line((float("nan"), 0, 1))],
        [line((0, 0, 2))],
        [line((1e9, 0, 1))],
        [line((0, 0, 1))] * 1001,
        [line(*[(0, 0, 1)] * 3000)] * 20,
    ],
)
def test_strokes_that_make_no_sense_are_refused_in_one_sentence(strokes: Any) -> None:
    with pytest.raises(SigcleanError, match=r"^(a stroke cannot be read|the strokes )"):
        read_strokes(strokes)


@pytest.mark.parametrize(
    "look",
    [
        {"paper": "pink"}, {"size": "huge"}, {"ink": "reddish"}, {"ink": 5}, {"height": 0},
        {"height": "tall"}, {"height": 1e300}, {"margin": -1}, {"margin": float("nan")},
    ],
)  # fmt: skip
def test_looks_that_make_no_sense_are_refused(look: dict[str, Any]) -> None:
    with pytest.raises(SigcleanError):
        read_appearance(look)


def test_height_and_margin_are_exact_and_the_printed_size_stays() -> None:
    clean = Image.new("RGB", (300, 100), "white")
    clean.paste((10, 10, 60), (100, 40, 200, 60))
    clean.info["dpi"] = (300, 300)
    got = Appearance("white", "cropped", "as is", height=400, margin=0.5).apply(clean)
    ink = np.argwhere(np.asarray(got).min(axis=2) < 128)
    assert got.height == 400
    box = ink.max(axis=0) - ink.min(axis=0)
    assert box[1] / got.width == pytest.approx(0.5, abs=0.03)
    assert got.info["dpi"][0] == pytest.approx(300 * 400 / (22 + 2 * 51), rel=0.02)


def test_a_result_is_shown_touched_up_and_downloaded(demo: Demo, noisy_file: Path) -> None:
    result = cleaned(demo, noisy_file)
    first = ask(f"{demo.url}/{result['png']['url']}")
    assert first.headers["cache-control"] == "no-store"
    assert pixels(Image.open(io.BytesIO(first.body))).shape == (280, 640, 4)
    everything = {"kind": "erase", "radius": 0.5, "points": [[-0.5, 0.5, 1], [1.5, 0.5, 1]]}
    shown = post(demo, "show", {"result": result["result"], "strokes": [everything] * 2}).json
    assert shown["blank"]


def test_the_resolution_of_a_page_is_turned_along(demo: Demo) -> None:
    content = io.BytesIO()
    fax = draw_signature(np.random.default_rng(2), 640, 280)
    fax.save(content, "PNG", dpi=(204, 98))
    work = send(demo, content.getvalue()).json["work"]
    for turns, box, paper, expected in (
        (0, [0, 0, 1, 1], "transparent", (204, 98)),
        (1, [0, 0, 1, 1], "transparent", (98, 204)),
        (3, [0, 0, 1, 0.9], "white", (98, 204)),
    ):
        area = {"turns": turns, "box": box, "angle": 0}
        asked = {"work": work, "area": area, "look": {"paper": paper}}
        shown = post(demo, "clean", asked).json
        file = io.BytesIO(ask(f"{demo.url}/{shown['png']['url']}").body)
        assert Image.open(file).info["dpi"] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("verb", "asked", "status"),
    [
        ("nothing", {}, 404),
        ("clean", b"{", 400),
        ("clean", [], 400),
        ("clean", {}, 410),
        ("clean", {"work": "../../etc"}, 410),
        ("clean", {"work": "0" * 32}, 410),
        ("show", {"result": {"path": "https://example.org"}}, 410),
        ("page", {"work": None, "page": "1"}, 410),
        ("example", {"number": 99}, 422),
        ("example", {"number": "https://example.org"}, 422),
        ("zip", {"items": []}, 422),
        ("zip", {"items": [{"result": "x"}]}, 410),
        ("forget", {"keys": ["..", "../..", None, 5]}, 200),
        ("clean", b"x" * 5_000_000, 413),
    ],
)
def test_nonsense_is_answered_in_one_sentence(
    demo: Demo, verb: str, asked: Any, status: int
) -> None:
    answer = post(demo, verb, asked)
    assert answer.status == status
    if status != 200:
        assert "\n" not in answer.json["error"]
        assert answer.json["error"].endswith(".")


@pytest.mark.parametrize(
    "more",
    [
        {"area": {"turns": 0, "box": [0.5, 0.5, 0.5, 0.9], "angle": 0}},  # zero size
        {"area": "everything"},
        {"area": {"turns": 0, "box": [0, 0, 2, 1], "angle": 0}},
        {"page": 7},
        {"page": -1},
        {"page": "first"},
        {"model": "unknown"},
        {"pen": "reddish"},
        {"dropped": ["reddish"]},
        {"dropped": "red"},
        {"look": {"paper": "pink"}},
        {"strokes": [{"kind": "erase"}]},
    ],
)
def test_wrong_options_are_answered_in_one_sentence(
    demo: Demo, noisy_file: Path, more: dict[str, Any]
) -> None:
    work = send(demo, noisy_file.read_bytes()).json["work"]
    answer = post(demo, "clean", {"work": work, **more})
    assert answer.status == 422
    assert "\n" not in answer.json["detail"]


def test_an_upload_that_cannot_be_read_leaves_nothing(demo: Demo) -> None:
    before = set(demo.files())
    answer = send(demo, b"not a picture", "broken.png")
    assert (answer.status, answer.json["error"]) == (
        422,
        "broken.png is not a picture that can be read.",
    )
    assert set(demo.files()) == before


def test_a_pdf_of_500_pages_opens_and_its_last_page_is_read(demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    canvas = Canvas(str(path), pagesize=(120, 60))
    for number in range(500):
        canvas.drawString(10, 30, f"page {number + 1}")
        canvas.showPage()
    canvas.save()
    opened = send(demo, path.read_bytes(), "long.pdf").json
    assert opened["pages"] == 500
    last = post(demo, "page", {"work": opened["work"], "page": 500}).json
    assert (last["width"], last["height"]) == (500, 250)


def test_large_files_and_pictures_are_refused(
    tmp_path: Path, eraser_weights: Path, noisy_file: Path
) -> None:
    running = start_demo(
        tmp_path, eraser_weights, SIGCLEAN_MAX_MEGABYTES=1, SIGCLEAN_MAX_MEGAPIXELS=1
    )
    try:
        answer = send(running, bytes(1_300_000))
        assert (answer.status, answer.json["error"]) == (413, "scan.png has more than 1 megabytes.")
        file = io.BytesIO()
        Image.new("1", (1200, 900)).save(file, "PNG")
        assert (
            "has more than 1 megapixels (1200x900)." in send(running, file.getvalue()).json["error"]
        )
        assert send(running, noisy_file.read_bytes()).status == 200
        assert len([path for path in running.files() if path.name == "scan.png"]) == 1
    finally:
        said = running.stop()
    assert "scan.png" not in said


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("C:\\Users\\a\\my scan.png", "my scan.png"),
        ("../../etc/passwd", "passwd"),
        ('a<b>:"|?*.png', "ab.png"),
        ("a\0b.png", "ab.png"),
        ("é 1.png", "é 1.png"),
        ("\r\n", "picture"),
        ("..", "picture"),
        ("", "picture"),
        ("x" * 300, "x" * 80),
        ("x" * 300 + ".jpeg", "x" * 80 + ".jpeg"),
    ],
)
def test_names_of_files_are_safe_and_lead_out_of_no_folder(given: str, safe: str) -> None:
    assert safe_name(given) == safe


def test_a_weight_is_one_that_makes_sense_and_is_in_the_name() -> None:
    assert read_appearance({"weight": 0.5}).suffix() == "transparent-50-thicker"
    assert read_appearance({"weight": -0.3}).suffix() == "transparent-30-thinner"
    assert read_appearance({"weight": 0}) == Appearance()
    for weight in (-0.6, 1.1, float("nan"), "bold"):
        with pytest.raises(SigcleanError, match="the weight must be a number from"):
            read_appearance({"weight": weight})


@pytest.mark.parametrize(
    "more", [{"dpi": 5}, {"dpi": 10**9}, {"dpi": "high"}, {"dpi": [3]}, {"invert": "perhaps"}]
)
def test_a_wrong_way_to_read_a_pdf_is_answered_in_one_sentence(
    demo: Demo, more: dict[str, Any]
) -> None:
    work = send(demo, text_pdf(), "letter.pdf").json["work"]
    answer = post(demo, "clean", {"work": work, **more})
    assert answer.status == 422
    assert "\n" not in answer.json["detail"]


def test_wide_pages_of_pdfs_are_searched_and_wide_pictures_are_not(demo: Demo) -> None:
    cheque, photo, cut = (600, 250), (1600, 900), (1600, 800)
    opened = send(demo, blank_pdf(size=cheque), "cheque.pdf").json
    assert (opened["search"], opened["width"]) == (True, 2500)
    searched = [send(demo, as_png(Image.new("RGB", size))).json["search"] for size in (photo, cut)]
    assert searched == [True, False]


@pytest.mark.parametrize(
    ("lying", "turned"),
    [(None, 0), (Image.Transpose.ROTATE_90, 270), (Image.Transpose.ROTATE_270, 90)],
)
def test_a_page_that_lies_on_its_side_is_found_out(
    demo: Demo, lying: Image.Transpose | None, turned: int
) -> None:
    with Image.open(ROOT / "examples" / "0-whole-page.png") as page:
        lies = page.transpose(lying) if lying is not None else page
        work = send(demo, as_png(lies)).json["work"]
    found = post(demo, "find", {"work": work, "model": "default"}).json
    assert (len(found["regions"]), found["turned"]) == (2, turned)
    left, top, right, bottom = found["best"]
    assert (lies.width * (right - left) > lies.height * (bottom - top)) == (turned == 0)


def test_a_whole_wide_page_of_a_pdf_is_cleaned_in_windows_as_the_cleaner_does(demo: Demo) -> None:
    signature = draw_signature(np.random.default_rng(2), 640, 280)
    content = signed_pdf(signature, size=(960, 400), box=(600, 100, 160, 70))
    work = send(demo, content, "slide.pdf").json["work"]
    asked = {"work": work, "look": {"paper": "white"}, "model": "default"}
    shown = post(demo, "clean", asked).json
    got = pixels(Image.open(io.BytesIO(ask(f"{demo.url}/{shown['png']['url']}").body)))
    [page] = read_pages(content)
    cleaner = SignatureCleaner.from_pretrained()
    assert np.array_equal(got, pixels(cleaner(page.image, window="auto")))
    assert not np.array_equal(got, pixels(cleaner(page.image)))


def test_bright_ink_is_decided_for_the_page_not_for_each_region(demo: Demo) -> None:
    dark = Image.new("RGB", (1400, 1000), "white")
    written = draw_signature(np.random.default_rng(2), 640, 280).resize((1280, 560))
    dark.paste(written, (60, 200))
    bright = ImageChops.invert(dark)
    work = send(demo, as_png(bright)).json["work"]
    sides = (590, 460, 660, 530)  # too few pixels to be sure
    region = bright.crop(sides)
    box = [side / length for side, length in zip(sides, bright.size * 2, strict=True)]
    assert is_inverted(bright)
    assert not is_inverted(region)
    asked = {"work": work, "model": "default", "look": {"paper": "white"}}
    asked["area"] = {"turns": 0, "angle": 0, "box": box}
    for invert, image, how in (("auto", region, "always"), ("never", region, "never")):
        shown = post(demo, "clean", {**asked, "invert": invert}).json
        got = pixels(Image.open(io.BytesIO(ask(f"{demo.url}/{shown['png']['url']}").body)))
        assert np.array_equal(got, pixels(SignatureCleaner.from_pretrained()(image, invert=how)))
        assert ((got < 128).mean() > 0.02) == (how == "always")


def test_a_margin_that_makes_too_many_pixels_is_one_sentence(demo: Demo) -> None:
    work = send(demo, as_png(draw_signature(np.random.default_rng(2), 3000, 2900))).json["work"]
    look = {"size": "cropped", "margin": 2}
    answer = post(demo, "clean", {"work": work, "model": "default", "look": look})
    assert answer.status == 422
    assert re.fullmatch(
        r"With this margin .*: at most 50 megapixels are made\.", sentence_of(answer)
    )


def test_a_password_in_a_header_opens_a_pdf_and_is_not_kept(demo: Demo) -> None:
    locked = text_pdf(password="pass word")
    before = set(demo.files())
    for header in ({}, {"X_Password": "wrong"}):
        refused = post(demo, "upload?name=secret.pdf", locked, **header)
        assert (refused.status, refused.json["needs"]) == (422, "password")
    assert set(demo.files()) == before
    opened = post(demo, "upload?name=secret.pdf&dpi=72", locked, X_Password="pass%20word").json
    assert (opened["pages"], opened["width"], opened["drawn"]) == (1, 595, True)
    assert post(demo, "page", {"work": opened["work"]}).status == 422


def test_a_resolution_that_says_nothing_is_not_kept(tmp_path: Path) -> None:
    noisy = Image.new("RGB", (8, 8))
    noisy.info["dpi"] = (float("nan"), 0)
    works = Works(tmp_path, Settings())
    result = Result("0" * 32, "scan", "default", None, "auto", 1.0, 8, 8)
    works.write(result, noisy, Image.new("L", (8, 8)))
    assert "dpi" not in works.result(result.key)[1].info
