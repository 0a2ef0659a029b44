"""Finding the signatures of a page, and cutting one out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.finding import network
from sigclean.finding.direction import is_upright, lies_on_its_side
from sigclean.finding.sheet import read_sheet
from sigclean.letterbox import Letterbox
from sigclean.noise import compose, wording
from sigclean.noise.lettering import system_fonts
from sigclean.noise.page import Material, Page
from sigclean.noise.stamps.stamp import stamp
from sigclean.noise.typesetting import choose_setting, print_block
from sigclean.regions import Region, crop_region, suggest_regions, upright

Box = tuple[int, int, int, int]

WIDTH, HEIGHT = 1240, 1754  # A4 at 150 dots per inch


@pytest.fixture(scope="module")
def cleaner() -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(device="cpu")


def printed_page(seed: int) -> Image.Image:
    """A letter: eight paragraphs, with room below for two signatures and their names."""
    rng = np.random.default_rng([seed, 6])
    page = Page(WIDTH, HEIGHT, (0, 0, WIDTH, HEIGHT), Material(fonts=system_fonts()))
    setting = replace(
        choose_setting(rng, page, 22),
        font=ImageFont.load_default(22),  # the same on every computer
        pitch=30,
        colour=(0.05, 0.05, 0.05),
        degrees=0,
        capitals=False,
        align="left",
        hollow=False,
        script="latin",
    )
    layer = page.blank()
    y = 150.0
    while y < 1150:
        lines = [" ".join(wording.words(rng, 9)) for _ in range(int(rng.integers(1, 6)))]
        print_block(rng, layer, lines, setting, (150, y))
        y += setting.pitch * (len(lines) + 1)
    for x in (150, 750):
        print_block(rng, layer, [wording.name(rng)], setting, (x, 1530))
    return Image.fromarray(np.rint(layer * 255).astype(np.uint8))


def signed(
    page: Image.Image, seed: int, left: int, bottom: int, width: int = 320
) -> tuple[Image.Image, Box]:
    """The page with a drawn signature, about two inches wide, and the box of its ink."""
    ink = draw_signature(np.random.default_rng([seed, 8]), 320, 150)
    ink = ink.resize((width, round(150 * width / 320)), Image.Resampling.LANCZOS)
    white = Image.new("RGB", page.size, "white")
    white.paste(ink, (left, bottom - ink.height))
    box = ImageChops.invert(white).getbbox()
    assert box is not None
    return ImageChops.multiply(page, white), box


def overlap(region: Region, box: Box) -> float:
    """The intersection over the union of a region and a box."""
    left, top = max(region.left, box[0]), max(region.top, box[1])
    right, bottom = min(region.right, box[2]), min(region.bottom, box[3])
    common = max(right - left, 0) * max(bottom - top, 0)
    own = (region.right - region.left) * (region.bottom - region.top)
    return common / (own + (box[2] - box[0]) * (box[3] - box[1]) - common)


def test_a_page_of_print_has_no_signature(cleaner: SignatureCleaner) -> None:
    assert suggest_regions(printed_page(1), cleaner) == []


def test_both_signatures_of_a_page_are_found(cleaner: SignatureCleaner) -> None:
    page, left = signed(printed_page(2), 1, 170, 1540)
    page, right = signed(page, 2, 760, 1540)
    found = suggest_regions(page, cleaner)
    assert len(found) == 2
    for box in (left, right):
        assert max(overlap(region, box) for region in found) > 0.5
    assert 1 >= found[0].score >= found[1].score >= 0.5
    assert all(isinstance(side, int) for side in (found[0].left, found[0].bottom))


def test_dark_strips_around_a_page_are_no_signature(cleaner: SignatureCleaner) -> None:
    page, box = signed(printed_page(2), 1, 170, 1540)
    padded = Image.new("RGB", (WIDTH + 300, HEIGHT + 100))
    padded.paste(page, (150, 50))
    (region,) = suggest_regions(padded, cleaner)
    assert overlap(region, (box[0] + 150, box[1] + 50, box[2] + 150, box[3] + 50)) > 0.5


def test_a_cut_is_one_signature(cleaner: SignatureCleaner) -> None:
    clean = draw_signature(np.random.default_rng(3), 640)
    noisy, _ = compose(np.random.default_rng(3), ["rules"], clean)
    box = ImageChops.invert(clean).getbbox()
    (region,) = suggest_regions(Image.fromarray(noisy), cleaner)
    assert box is not None and overlap(region, box) > 0.7


def found_share(
    cleaner: SignatureCleaner, pages: list[tuple[Image.Image, list[Box]]]
) -> tuple[int, int, int]:
    """The numbers of signatures, of those found, and of boxes that are on none of them."""
    signatures = hits = false = 0
    for page, boxes in pages:
        regions = suggest_regions(page, cleaner)
        own = sum(max((overlap(one, box) for one in regions), default=0) > 0.5 for box in boxes)
        beside = sum(max(overlap(one, box) for box in boxes) < 0.2 for one in regions)
        signatures, hits, false = signatures + len(boxes), hits + own, false + beside
    return signatures, hits, false


@pytest.mark.parametrize("width", [110, 140, 450], ids=["0.7 inches", "0.9 inches", "3 inches"])
def test_small_and_large_signatures_are_found(cleaner: SignatureCleaner, width: int) -> None:
    pages = []
    for seed in range(4):
        page, box = signed(printed_page(seed), seed, 170, 1540, width)
        pages.append((page, [box]))
    signatures, hits, false = found_share(cleaner, pages)
    assert signatures == 4 and hits >= 3 and false <= 1


def test_the_finder_takes_as_many_threads_as_the_cleaner_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, load = [], network._load

    def recorded(threads: int) -> object:
        asked.append(threads)
        return load(threads)

    monkeypatch.setattr(network, "_load", recorded)
    page, _ = signed(printed_page(0), 0, 170, 1540, 450)
    found = [
        suggest_regions(page, SignatureCleaner.from_pretrained(threads=threads))
        for threads in (1, 2)
    ]
    assert asked == [1, 2]
    assert [(one.left, one.top) for one in found[0]] == [(one.left, one.top) for one in found[1]]


def test_pairs_of_initials_are_found(cleaner: SignatureCleaner) -> None:
    pages = []
    for seed in range(8):
        page, box = signed(printed_page(seed), seed, 170, 1540, 80)
        pages.append((page, [box]))
    signatures, hits, false = found_share(cleaner, pages)
    assert signatures == 8 and hits >= 3 and false <= 1


def test_a_cut_with_a_printed_name_is_one_signature_with_all_of_its_ink(
    cleaner: SignatureCleaner,
) -> None:
    for seed in range(3):
        picture = Image.new("RGB", (760, 360), "white")
        font = ImageFont.load_default(22)
        ImageDraw.Draw(picture).text((60, 320), "Director", (40, 40, 40), font=font)
        picture, box = signed(picture, seed, 60, 300, 560)
        (region,) = suggest_regions(picture, cleaner)
        assert region.left <= box[0] + 8 and region.right >= box[2] - 8


def test_a_signature_over_a_stamp_is_found(cleaner: SignatureCleaner) -> None:
    pages = []
    for seed in range(4):
        page, box = signed(printed_page(seed), seed, 170, 1540)
        rng, side = np.random.default_rng([seed, 12]), 240
        layer = stamp(rng, Page(side, side, (0, 0, side, side), Material()))
        white = Image.new("RGB", page.size, "white")
        white.paste(Image.fromarray(np.rint(layer * 255).astype(np.uint8)), (240, 1360))
        pages.append((ImageChops.multiply(page, white), [box]))
    signatures, hits, false = found_share(cleaner, pages)
    assert signatures == 4 and hits >= 3 and false <= 1


def test_pictures_and_logos_are_no_signatures(cleaner: SignatureCleaner) -> None:
    page = printed_page(3)
    draw = ImageDraw.Draw(page)
    gradient = Image.radial_gradient("L").resize((260, 320))
    page.paste(Image.merge("RGB", [gradient, gradient.rotate(90), gradient]), (150, 1200))
    draw.ellipse((700, 1250, 850, 1400), outline=(180, 20, 30), width=18)
    draw.text((710, 1420), "ACME", (20, 40, 160), font=ImageFont.load_default(60))
    assert suggest_regions(page, cleaner) == []


def test_answers_on_a_form_are_ranked_below_the_signature(cleaner: SignatureCleaner) -> None:
    first = 0
    for seed in range(4):
        page, box = signed(printed_page(seed), seed, 700, 1540)
        for line in range(4):
            page, _ = signed(page, 50 + 4 * seed + line, 170, 1300 + 60 * line, 120)
        found = suggest_regions(page, cleaner)
        first += bool(found) and overlap(found[0], box) > 0.5
    assert first >= 3


def test_boxes_hold_nearly_all_ink_of_the_signatures_found(cleaner: SignatureCleaner) -> None:
    shares = []
    for seed in range(6):
        bare = printed_page(seed)
        page, box = signed(bare, seed, 170, 1540)
        truth = 255 - np.asarray(signed(Image.new("RGB", bare.size, "white"), seed, 170, 1540)[0])
        for one in suggest_regions(page, cleaner):
            if overlap(one, box) > 0.5:
                inside = truth[one.top : one.bottom, one.left : one.right]
                shares.append(float(inside.sum() / truth.sum()))
    assert len(shares) >= 4 and np.mean(shares) > 0.97


def test_a_turned_photo_of_a_page_has_its_signature(cleaner: SignatureCleaner) -> None:
    page, box = signed(printed_page(2), 1, 170, 1540)
    turned = page.rotate(9, Image.Resampling.BICUBIC, expand=True, fillcolor=(90, 70, 60))
    mark = Image.new("L", page.size)
    mark.paste(255, box)
    where = mark.rotate(9, expand=True).getbbox()
    assert where is not None
    regions = suggest_regions(turned, cleaner)
    assert max(overlap(one, where) for one in regions) > 0.4


@pytest.mark.parametrize(
    ("turn", "back"),
    [
        (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270),
        (Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_90),
    ],
)
def test_a_page_that_lies_on_its_side_has_its_signatures(
    cleaner: SignatureCleaner, turn: Image.Transpose, back: Image.Transpose
) -> None:
    page, left = signed(printed_page(2), 1, 170, 1540)
    page, right = signed(page, 2, 760, 1540)
    lying = page.transpose(turn)
    found = suggest_regions(lying, cleaner)
    assert [region.turned for region in found] == 2 * [
        270 if turn == Image.Transpose.ROTATE_90 else 90
    ]
    for box in (left, right):
        mark = Image.new("L", page.size)
        mark.paste(255, box)
        where = mark.transpose(turn).getbbox()
        assert where is not None
        best = max(found, key=lambda region, where=where: overlap(region, where))
        assert overlap(best, where) > 0.5
        mark = Image.new("L", lying.size)
        mark.paste(255, (best.left, best.top, best.right, best.bottom))
        readable = page.crop(mark.transpose(back).getbbox())
        assert upright(lying, best).tobytes() == readable.tobytes()


def test_print_tells_whether_a_page_lies_on_its_side(cleaner: SignatureCleaner) -> None:
    page = printed_page(3)
    for picture, lies in (
        (page, False),
        (page.transpose(Image.Transpose.ROTATE_180), False),
        (page.transpose(Image.Transpose.ROTATE_90), True),
        (page.rotate(8, fillcolor="white"), False),
        (signed(Image.new("RGB", (900, 600), "white"), 1, 200, 400)[0], False),
    ):
        sheet = read_sheet(picture, cleaner)
        assert sheet is not None and lies_on_its_side(sheet) == lies


def test_print_tells_which_way_is_up(cleaner: SignatureCleaner) -> None:
    page = printed_page(3)
    blank = signed(Image.new("RGB", (900, 600), "white"), 1, 200, 400)[0]
    for picture, up in ((page, True), (page.rotate(180), False), (blank, None)):
        sheet = read_sheet(picture, cleaner)
        assert sheet is not None and is_upright(sheet) is up


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (900, 2), (400, 600)])
@pytest.mark.parametrize("colour", ["white", "black"])
def test_without_ink_there_is_nothing(
    cleaner: SignatureCleaner, size: tuple[int, int], colour: str
) -> None:
    assert suggest_regions(Image.new("RGB", size, colour), cleaner) == []


@dataclass(frozen=True)
class KeepsAll:
    """A cleaner that erases nothing."""

    letterbox: Letterbox
    threads: int | None = None

    def keep_map(self, picture: Image.Image) -> Image.Image:
        return Image.new("L", picture.size, 255)

    def keep_of_parts(self, parts: list[Image.Image]) -> list[Image.Image]:
        return [self.keep_map(part) for part in parts]


@pytest.mark.parametrize("thickness", [1, 2, 3, 5, 8, 40])
def test_pages_that_are_hardly_more_than_a_line_can_be_read(thickness: int) -> None:
    pixels = np.full((thickness, 5000, 3), 255, np.uint8)
    pixels[:, np.arange(5000) % 7 < 2] = 0
    for page in (pixels, pixels.transpose(1, 0, 2)):
        image = Image.fromarray(np.ascontiguousarray(page))
        for one in suggest_regions(image, KeepsAll(Letterbox())):
            assert 0 <= one.left < one.right <= image.width
            assert 0 <= one.top < one.bottom <= image.height


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """200x100 pixels, every one different from its neighbours."""
    pixels = np.random.default_rng(5).integers(0, 200, (100, 200, 3), np.uint8)
    return Image.fromarray(pixels)


def test_a_box_is_cut_at_full_resolution(picture: Image.Image) -> None:
    cut = crop_region(picture, (0.25, 0.1, 0.75, 0.9), 0)
    assert cut.tobytes() == picture.crop((50, 10, 150, 90)).tobytes()


@pytest.mark.parametrize(("angle", "turns"), [(90, 1), (180, 2), (-90, 3), (270, 3), (360, 0)])
def test_a_quarter_turn_keeps_every_pixel(picture: Image.Image, angle: int, turns: int) -> None:
    cut = np.asarray(crop_region(picture, (0, 0.2, 0.5, 1), angle))
    expected = np.rot90(np.asarray(picture.crop((0, 20, 100, 100))), turns)
    assert cut.shape == expected.shape and (cut == expected).all()


@pytest.mark.parametrize("angle", [10, -30, 60, 135, -170])
def test_an_angle_turns_counter_clockwise_about_the_middle_of_the_box(angle: float) -> None:
    smooth = Image.radial_gradient("L").resize((300, 200)).convert("RGB")
    smooth.paste("black", (200, 80, 230, 100))
    cut = crop_region(smooth, (0.4, 0.2, 0.9, 0.7), angle)
    expected = smooth.rotate(
        angle, Image.Resampling.BICUBIC, center=(195, 90), fillcolor="white"
    ).crop((195 - cut.width // 2, 90 - cut.height // 2, 195 + cut.width // 2, 90 + cut.height // 2))
    difference = ImageChops.difference(cut, expected)
    assert np.asarray(difference).mean() < 1


def test_a_box_turned_on_its_side_is_as_wide_as_it_was_tall(picture: Image.Image) -> None:
    assert crop_region(picture, (0.25, 0.25, 0.75, 0.75), 80).size == (50, 100)
    assert crop_region(picture, (0.25, 0.25, 0.75, 0.75), -10).size == (100, 50)


def test_what_lies_beyond_the_page_is_white() -> None:
    cut = crop_region(Image.new("RGB", (100, 100)), (0.0, 0.0, 0.5, 0.5), 30)
    assert cut.getpixel((0, 0)) == (255, 255, 255)
    assert cut.getpixel((25, 30)) == (0, 0, 0)


def test_a_box_ends_where_the_page_ends(picture: Image.Image) -> None:
    assert crop_region(picture, (-1, -0.5, 0.5, 7), 0).size == (100, 100)


@pytest.mark.parametrize(
    "box", [(0.5, 0, 0.5, 1), (0.6, 0, 0.5, 1), (0, 0.5, 1, 0.501), (2, 0, 3, 1), (-2, 0, -1, 1)]
)
def test_an_empty_box_is_one_sentence(
    picture: Image.Image, box: tuple[float, float, float, float]
) -> None:
    with pytest.raises(SigcleanError, match=r"^the region .* holds no pixel of the page$"):
        crop_region(picture, box, 0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_one_sentence(picture: Image.Image, bad: float) -> None:
    with pytest.raises(SigcleanError, match="finite"):
        crop_region(picture, (0, 0, bad, 1), 0)
    with pytest.raises(SigcleanError, match="finite"):
        crop_region(picture, (0, 0, 1, 1), bad)
