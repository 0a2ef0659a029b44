"""The parts of the finder: candidates, and the judge."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sigclean import SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.finding import judge
from sigclean.finding.boxes import overlaps, shared
from sigclean.finding.candidates import propose
from sigclean.finding.features import measure, measure_page
from sigclean.finding.find import whole_box
from sigclean.finding.judge import load_judge
from sigclean.finding.network import FILE, STRIDE, Sight, decode, look
from sigclean.finding.seen import measure_sight, seen
from sigclean.finding.sheet import MAP, Candidate, Sheet, read_sheet

NOTHING = Sight(
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.float32),
    np.zeros((3, 225, MAP // STRIDE), np.float32),
    np.zeros((225, MAP // STRIDE), np.float32),
)


def sheet_of(dark: np.ndarray, keep: float = 1.0) -> Sheet:
    """A sheet with this ink, all of it kept to the same degree."""
    ink = dark > 0.12
    kept = np.where(ink, np.float32(keep), np.float32(0))
    return Sheet(ink, dark, np.zeros_like(dark), kept, kept, NOTHING)


def darkness_of(*signatures: tuple[int, int, int]) -> np.ndarray:
    """A map with drawn signatures: seed, left and top of each, 300 pixels wide."""
    dark = np.zeros((900, MAP), np.float32)
    for seed, left, top in signatures:
        ink = draw_signature(np.random.default_rng([seed, 8]), 300, 140).convert("L")
        part = dark[top : top + 140, left : left + 300]
        np.maximum(part, 1 - np.asarray(ink, np.float32) / 255, out=part)
    return dark


def box_of(dark: np.ndarray) -> tuple[int, int, int, int]:
    """The box of the ink on a map."""
    rows, columns = np.nonzero(dark > 0.12)
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return int(left), int(top), int(right), int(bottom)


def test_a_signature_is_among_the_candidates_whole() -> None:
    dark = darkness_of((1, 300, 200))
    found = propose(sheet_of(dark))
    assert overlaps([one.box for one in found], box_of(dark)).max() > 0.95


def test_both_of_two_signatures_that_touch_are_candidates() -> None:
    first = darkness_of((1, 200, 300))
    right = box_of(first)[2]
    second = darkness_of((2, right - 8 - box_of(darkness_of((2, 0, 300)))[0], 300))
    assert box_of(second)[0] == right - 8
    boxes = [one.box for one in propose(sheet_of(np.maximum(first, second)))]
    for dark in (first, second):
        assert overlaps(boxes, box_of(dark)).max() > 0.7


def print_on(dark: np.ndarray) -> np.ndarray:
    """The map with twenty lines of letters above and on the left of what it has."""
    ink = Image.new("L", (dark.shape[1], dark.shape[0]))
    draw = ImageDraw.Draw(ink)
    for line in range(20):
        draw.text((60, 60 + 22 * line), "the party of the first part " * 2, 255)
    return np.maximum(dark, np.asarray(ink, np.float32) / 255)


def test_print_that_is_not_kept_is_no_candidate() -> None:
    assert propose(sheet_of(print_on(darkness_of()), keep=0.1)) == []


def test_strokes_unlike_print_are_candidates_though_nothing_of_them_is_kept() -> None:
    dark = darkness_of((1, 700, 600))
    found = propose(sheet_of(print_on(dark), keep=0.1))
    assert overlaps([one.box for one in found], box_of(dark)).max() > 0.7


def test_what_is_kept_in_windows_alone_is_a_candidate() -> None:
    dark = darkness_of((1, 300, 200))
    sheet = sheet_of(dark)
    found = propose(replace(sheet, whole=np.zeros_like(dark)))
    assert overlaps([one.box for one in found], box_of(dark)).max() > 0.95


def test_measures_are_finite_and_as_many_as_the_judge_knows() -> None:
    sheet = sheet_of(darkness_of((1, 300, 200), (2, 700, 600)))
    candidates = propose(sheet)
    page, known = measure_page(sheet, candidates), load_judge()
    for one in candidates:
        own = [*measure(one, page), *measure_sight(one, sheet)]
        assert np.isfinite(own).all() and len(own) == len(known.mean)


def test_scores_do_not_depend_on_other_candidates_scored_with_them() -> None:
    known = load_judge()
    measures = np.random.default_rng(0).normal(known.mean, known.deviation, (5, len(known.mean)))
    together = known.scores(measures.tolist())
    alone = [known.scores([row])[0] for row in measures.tolist()]
    assert together == pytest.approx(alone, abs=1e-5)
    assert ((together >= 0) & (together <= 1)).all()


def test_the_judges_file_is_small() -> None:
    assert judge.FILE.stat().st_size < 50_000
    assert set(json.loads(judge.FILE.read_text())) == {"mean", "deviation", "weights", "bias"}


def found_by_hand(*peaks: tuple[int, int, float]) -> np.ndarray:
    """An output of the network, 100x120 cells, with these peaks (column, row, logit), each of a
    signature 160 pixels wide and 80 high."""
    found = np.full((8, 100, 120), -9, np.float32)
    found[3:7] = np.log(np.array([80, 40, 80, 40], np.float32) / 8)[:, None, None]
    for column, row, logit in peaks:
        found[0, row, column] = logit
    return found


def test_a_peak_of_the_network_is_a_box_about_it() -> None:
    sight = decode(found_by_hand((50, 40, 1.0), (90, 80, -1.0)))
    assert sight.boxes == pytest.approx(np.array([[122, 122, 282, 202], [282, 282, 442, 362]]))
    assert sight.scores == pytest.approx([0.731, 0.269], abs=1e-3)


def test_of_two_peaks_of_one_signature_the_likelier_counts() -> None:
    sight = decode(found_by_hand((50, 40, -1.0), (53, 40, 1.0)))
    assert len(sight.boxes) == 1 and sight.scores[0] > 0.5
    assert len(decode(found_by_hand((50, 40, -1.0), (80, 40, 1.0))).boxes) == 2


def test_unlikely_places_are_none() -> None:
    sight = decode(found_by_hand((50, 40, -6.0)))
    assert sight.boxes.shape == (0, 4) and sight.scores.shape == (0,)


@pytest.mark.parametrize("size", [(MAP, 905), (905, MAP), (MAP, 2), (33, MAP)])
def test_the_network_sees_pages_of_any_shape(size: tuple[int, int]) -> None:
    sight = look(Image.new("RGB", size, "white"))
    assert sight.ink.shape == (-(-size[1] // STRIDE), -(-size[0] // STRIDE))
    assert sight.heats.shape == (3, *sight.ink.shape)
    assert (sight.ink < 0.5).all() and (sight.scores < 0.2).all()


def test_the_network_sees_a_signature_on_a_page() -> None:
    dark = print_on(darkness_of((1, 700, 600)))
    page = Image.fromarray(np.rint(255 * (1 - dark)).astype(np.uint8)).convert("RGB")
    sight = look(page)
    assert overlaps(sight.boxes, box_of(darkness_of((1, 700, 600))))[0] > 0.6


def test_what_the_network_sees_is_a_candidate_though_nothing_of_it_is_kept() -> None:
    dark = darkness_of((1, 300, 200))
    box = box_of(dark)
    ink = np.zeros(NOTHING.ink.shape, np.float32)
    ink[box[1] // STRIDE : box[3] // STRIDE + 1, box[0] // STRIDE : box[2] // STRIDE + 1] = 1
    place = np.array([box], np.float32) + np.array([[5, 5, -5, -5]], np.float32)
    sight = Sight(place, np.ones(1, np.float32), NOTHING.heats, ink)
    (one,) = seen(replace(sheet_of(dark, keep=0.0), sight=sight))
    assert one.box == box


def test_the_place_of_a_box_is_the_one_that_overlaps_most() -> None:
    boxes = np.array([[0, 0, 100, 50], [10.4, 0, 110.4, 50]], np.float32)
    sight = replace(NOTHING, boxes=boxes, scores=np.array([0.5, 0.4], np.float32))
    assert sight.place_of((12, 0, 112, 50), 0.6) == (10, 0, 110, 50)
    assert sight.place_of((300, 0, 400, 50), 0.6) is None
    assert NOTHING.place_of((12, 0, 112, 50), 0.6) is None


def test_strokes_that_make_a_box_much_larger_are_another_signatures() -> None:
    dark = darkness_of((1, 300, 200))
    left, top, right, bottom = box_of(dark)
    half = (left, top, (left + right) // 2, bottom)
    own = dark[top:bottom, left : half[2]] > 0.12
    sheet = sheet_of(dark)
    assert whole_box(Candidate(half, own), sheet)[2] > half[2] + 40
    sight = replace(NOTHING, boxes=np.array([half], np.float32), scores=np.ones(1, np.float32))
    assert whole_box(Candidate(half, own), replace(sheet, sight=sight)) == half


def test_the_networks_file_is_small() -> None:
    assert FILE.stat().st_size < 2_000_000


def test_shares_of_boxes() -> None:
    boxes = [(0, 0, 10, 10), (5, 5, 6, 6), (20, 20, 30, 30)]
    assert overlaps(boxes, (0, 0, 10, 10)).tolist() == [1, 0.01, 0]
    assert shared(boxes, (0, 0, 10, 10)).tolist() == [1, 1, 0]
    assert overlaps([], (0, 0, 1, 1)).size == 0


def test_a_small_picture_is_read_at_one_scale() -> None:
    cleaner = SignatureCleaner.from_pretrained(device="cpu")
    small = read_sheet(draw_signature(np.random.default_rng(1), 400), cleaner)
    assert small is not None and small.fine is small.whole
    page = Image.new("RGB", (900, 1200), "white")
    page.paste(draw_signature(np.random.default_rng(1), 250), (300, 800))
    large = read_sheet(page, cleaner)
    assert large is not None and large.fine is not large.whole
    assert max(large.ink.shape) == MAP
