"""Adapting to scans: backdrops, pairs written on them, warnings, the judge, and a whole run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import save_untrained
from PIL import Image, ImageDraw

from sigclean.corpus.signatures import Source
from sigclean.drawn import draw_signature
from sigclean.errors import DataError
from sigclean.model_files.weights_folder import read_folder
from sigclean.training.adapting.backdrops import Backdrop, confident_strokes, make_backdrop
from sigclean.training.adapting.checks import check_scans
from sigclean.training.adapting.examples import Example, PairsOnScans
from sigclean.training.adapting.filling import fill_holes
from sigclean.training.adapting.judge import Judge, blend
from sigclean.training.adapting.pairs import write_on
from sigclean.training.adapting.scans import Scan, look_at
from sigclean.training.command_line import parse
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.sources import open_sides
from sigclean.training.loop import train
from sigclean.training.watching import journal

CARD = Path(__file__).parents[1] / "model_card.md"
DEFAULT = Path(__file__).parents[1] / "sigclean" / "weights"


def drawn(seed: int, width: int = 400) -> Image.Image:
    return draw_signature(np.random.default_rng(seed), width)


def ruled(seed: int, *, colour: str = "navy") -> Image.Image:
    """A drawn signature on ruled paper with a line of print."""
    picture = drawn(seed)
    draw = ImageDraw.Draw(picture)
    for y in range(12, picture.height, 24):
        draw.line((0, y, picture.width, y), fill=colour, width=2)
    draw.text((8, 2), f"Signature of applicant {seed}", fill="black")
    return picture


def save(folder: Path, pictures: list[Image.Image]) -> Path:
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number:03d}.png")
    return folder


def sources(folder: Path) -> list[Source]:
    return [Source(path.name, path) for path in sorted(folder.iterdir())]


def looked_at(folder: Path) -> list[Scan]:
    return look_at(sources(folder), DEFAULT, 0, BadFiles(0))


# --- backdrops ------------------------------------------------------------------------------------


def test_a_hole_in_stripes_is_filled_with_stripes() -> None:
    stripes = np.full((120, 200, 3), 255, np.uint8)
    stripes[::8] = stripes[1::8] = 40
    hole = np.zeros((120, 200), bool)
    hole[40:80, 60:130] = True
    torn = stripes.copy()
    torn[hole] = (200, 0, 0)
    filled = fill_holes(np.random.default_rng(0), torn, hole)
    assert np.abs(filled.astype(int) - stripes).mean() < 2
    assert np.array_equal(filled[~hole], stripes[~hole])


def test_only_strokes_kept_with_confidence_are_painted_out() -> None:
    scan = np.full((80, 160, 3), 255, np.uint8)
    scan[20:24, 10:70] = 30  # a stroke
    scan[60:64, 90:150] = 30  # print, which the model keeps by halves
    keep = np.zeros((80, 160), np.uint8)
    keep[20:24, 10:70] = 250
    keep[60:64, 90:150] = 140
    strokes = confident_strokes(scan, keep)
    assert strokes[22, 40]
    assert not strokes[62, 120]
    backdrop = make_backdrop(np.random.default_rng(0), scan, keep)
    assert backdrop.box == (10, 20, 70, 24)
    assert backdrop.pen == (30, 30, 30)
    assert backdrop.picture[22, 40].min() > 240
    assert backdrop.picture[62, 120].max() == 30


def test_a_scan_without_ink_that_is_kept_stays_as_it_is() -> None:
    scan = np.full((40, 60, 3), 230, np.uint8)
    backdrop = make_backdrop(np.random.default_rng(0), scan, np.zeros((40, 60), np.uint8))
    assert backdrop.box is None
    assert np.array_equal(backdrop.picture, scan)


def paper(level: int, *, colour: bool, box: tuple[int, int, int, int] | None = None) -> Backdrop:
    picture = np.full((200, 400, 3), level, np.uint8)
    return Backdrop(picture, box, None, is_coloured=colour, is_hard=False)


def test_a_pair_is_the_truth_multiplied_with_the_backdrop() -> None:
    backdrop = paper(200, colour=True)
    noisy, truth = write_on(np.random.default_rng(1), backdrop, drawn(1))
    assert noisy.size == truth.size == (400, 200)
    expected = np.rint(np.asarray(truth).astype(float) * 200 / 255)
    assert np.abs(np.asarray(noisy) - expected).max() <= 1
    assert np.asarray(truth).min() < 150


def test_signatures_on_grey_scans_are_grey() -> None:
    for seed in range(8):
        _, truth = write_on(
            np.random.default_rng(seed), paper(255, colour=False), drawn(seed), (180, 20, 20)
        )
        pixels = np.asarray(truth).astype(int)
        assert (pixels.max(axis=2) - pixels.min(axis=2)).max() <= 1


def test_signatures_are_mostly_written_where_the_scan_had_its_own() -> None:
    backdrop = paper(255, colour=True, box=(250, 120, 390, 190))
    centres = []
    for seed in range(40):
        _, truth = write_on(np.random.default_rng(seed), backdrop, drawn(seed))
        centres.append(np.nonzero(np.asarray(truth).min(axis=2) < 200)[1].mean())
    assert np.median(centres) > 250


# --- what is said before the hours are spent ------------------------------------------------------


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signatures of as many hands on ruled paper."""
    return save(tmp_path_factory.mktemp("forms") / "scans", [ruled(seed) for seed in range(24)])


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("clean") / "A", [drawn(seed) for seed in range(50, 62)])


def warnings(scans: list[Scan], clean: list[Source] | None = None) -> str:
    return "\n".join(check_scans(scans, clean or [Source("drawn", 1)]))


def test_few_scans_are_a_warning_and_very_few_an_error(forms: Path) -> None:
    scans = looked_at(forms)
    assert warnings(scans) == (
        "only 24 scans to adapt to: 60 or more teach what all of them share"
    )
    with pytest.raises(DataError, match="4 scans, and at least 5 are needed"):
        check_scans(scans[:4], [])
    assert "only" not in warnings(scans * 3)


def test_scans_without_any_signature_are_named(tmp_path: Path) -> None:
    blank = Image.new("RGB", (400, 160), "white")
    ImageDraw.Draw(blank).line((0, 120, 400, 120), fill="black", width=2)
    unsigned = looked_at(save(tmp_path / "blank", [blank] * 6))
    assert "no signature was found on any of 6 scans: they teach as blank forms" in warnings(
        unsigned
    )
    signed = looked_at(save(tmp_path / "forms", [ruled(seed) for seed in range(4)]))
    assert "no signature was found on 6 of 10 scans" in warnings(unsigned + signed)


def test_clean_pictures_in_place_of_scans_are_refused(forms: Path, tmp_path: Path) -> None:
    clean = looked_at(save(tmp_path / "clean", [drawn(seed) for seed in range(6)]))
    with pytest.raises(DataError, match="6 of 6 scans are clean already"):
        check_scans(clean, [])
    mixed = looked_at(forms)[:20] + clean
    assert "6 of 26 scans are clean already, which teaches nothing" in warnings(mixed)


def test_scans_of_one_writer_are_named(tmp_path: Path) -> None:
    base = drawn(3)
    one = []
    for number in range(8):  # the same movement at other sizes, as a writer repeats a signature
        size = 300 + 20 * number
        again = base.resize((size, base.height * size // base.width))
        ImageDraw.Draw(again).line((0, 10 + number, size, 10 + number), fill="black", width=1)
        one.append(again)
    assert "as those of one writer" in warnings(looked_at(save(tmp_path / "one", one)))
    many = [ruled(seed) for seed in range(8)]
    assert "writer" not in warnings(looked_at(save(tmp_path / "many", many)))


def test_coloured_scans_and_grey_signatures_are_named(forms: Path, tmp_path: Path) -> None:
    grey = save(tmp_path / "grey", [drawn(seed).convert("L") for seed in range(5)])
    scans = looked_at(forms)
    assert "the scans are in colour and the clean signatures are not" in warnings(
        scans, sources(grey)
    )
    coloured = [Image.fromarray(np.asarray(drawn(seed)) | np.uint8([0, 0, 160])) for seed in (1, 2)]
    assert "colour" not in warnings(scans, sources(save(tmp_path / "blue", coloured)))


def test_whole_pages_are_named(tmp_path: Path) -> None:
    page = Image.new("RGB", (1240, 1754), "white")  # A4 at 150 dots per inch
    page.paste(ruled(1), (700, 1400))
    scans = looked_at(save(tmp_path / "pages", [page] * 5))
    assert "5 of 5 scans are whole pages" in warnings(scans)


def test_a_broken_scan_is_skipped_and_too_many_end_the_run(forms: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "scans", [ruled(seed) for seed in range(6)])
    (folder / "000.png").write_bytes(b"no picture")
    assert len(look_at(sources(folder), DEFAULT, 0, BadFiles(1))) == 5
    with pytest.raises(Exception, match="--max_bad_files"):
        look_at(sources(folder), DEFAULT, 0, BadFiles(0))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--recipe", "adapt"], "--recipe adapt needs --adapt, the folder of scans"),
        (["--adapt", "x", "--recipe", "scratch"], "--adapt goes with --recipe adapt, not scratch"),
        (["--adapt", "x", "--noisy", "y"], "--adapt takes the place of --noisy: leave that out"),
        (["--adapt", "x", "--weights", ""], "--adapt needs --weights, the model to adapt"),
        (["--adapt", "x", "--num_validation_images", "0"], "judged on held-out pairs"),
    ],
)
def test_options_that_contradict_an_adaptation_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(words, None)


def test_an_empty_folder_and_a_data_set_of_pairs_are_one_sentence(
    forms: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no pictures"):
        open_sides(parse(["--adapt", str(tmp_path / "empty")], None), test=True)
    save(tmp_path / "pairs" / "trainA", [drawn(1)])
    words = ["--adapt", str(forms), "--dataroot", str(tmp_path / "pairs")]
    with pytest.raises(DataError, match="pairs/trainA as --dataroot"):
        open_sides(parse(words, None), test=True)
