"""Adapting to scans: backdrops, pairs written on them, warnings, the judge, and a whole run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import save_untrained
from PIL import Image, ImageDraw
from safetensors.torch import load_file

from sigclean.cleaner import SignatureCleaner
from sigclean.corpus.signatures import Source
from sigclean.drawn import draw_signature
from sigclean.errors import DataError
from sigclean.model_files.weights_folder import read_folder
from sigclean.training.adapting.backdrops import Backdrop, Strokes, make_backdrop
from sigclean.training.adapting.checks import check_scans
from sigclean.training.adapting.examples import Example
from sigclean.training.adapting.filling import fill_holes
from sigclean.training.adapting.judge import Judge, blend
from sigclean.training.adapting.pairs import write_on
from sigclean.training.adapting.rendering import Look, measure_look, rendered
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


@cache
def packaged() -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(runtime="torch")


def looked_at(folder: Path) -> list[Scan]:
    return look_at(sources(folder), packaged(), 0, BadFiles(0))


# --- backdrops ------------------------------------------------------------------------------------


def test_a_hole_in_stripes_is_filled_with_stripes() -> None:
    stripes = np.full((120, 200, 3), 255, np.uint8)
    stripes[::8] = stripes[1::8] = 40
    hole = np.zeros((120, 200), bool)
    hole[40:80, 60:130] = True
    torn = stripes.copy()
    torn[hole] = (200, 0, 0)
    filled = fill_holes(np.random.default_rng(0), torn, hole)
    wrong = (np.abs(filled.astype(int) - stripes).max(axis=2) > 60)[hole].mean()
    assert wrong < 0.1, "a smooth filling would be wrong on a quarter of it"
    assert np.array_equal(filled[~hole], stripes[~hole])


def test_only_strokes_kept_with_confidence_are_painted_out() -> None:
    scan = np.full((80, 160, 3), 255, np.uint8)
    scan[20:24, 10:70] = 30  # a stroke
    scan[60:64, 90:150] = 30  # print, which the model keeps by halves
    keep = np.zeros((80, 160), np.uint8)
    keep[20:24, 10:70] = 250
    keep[60:64, 90:150] = 128
    strokes = Strokes.find(scan, keep).sure(0.8)
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
    return Backdrop(picture, box, None, Look(colour, tone=0.9, softness=5.0))


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


def test_ink_takes_the_tone_and_the_edges_of_a_scan_of_black_and_white() -> None:
    soft = np.asarray(drawn(5).convert("L").convert("RGB"))
    scan = np.where(np.asarray(ruled(6, colour="black").convert("L")) < 140, 10, 255)
    scan = np.repeat(scan[..., None], 3, axis=2).astype(np.uint8)
    look = measure_look(scan, scan[..., 0] < 128)
    assert not look.is_coloured
    assert look.tone > 0.9
    ink = rendered(np.random.default_rng(0), soft, look)
    assert measure_look(ink, ink[..., 0] < 128).softness < 0.5 * max(
        measure_look(soft, soft[..., 0] < 128).softness, 0.1
    )
    assert ink.min() < 40


def test_coloured_ink_with_soft_edges_stays_as_it_is() -> None:
    ink = np.asarray(drawn(7))
    assert np.array_equal(rendered(np.random.default_rng(0), ink, Look(True, 0.9, 9.0)), ink)


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
    assert warnings(scans) == ("only 24 scans to adapt to: 60 or more teach what all of them share")
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
    assert len(look_at(sources(folder), packaged(), 0, BadFiles(1))) == 5
    with pytest.raises(Exception, match="--max_bad_files"):
        look_at(sources(folder), packaged(), 0, BadFiles(0))


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


# --- pairs, the judge and the run -----------------------------------------------------------------


def options(forms: Path, clean: Path, output: Path, weights: Path, *more: str) -> list[str]:
    words = (
        f"--adapt {forms} --dataroot {clean} --output_dir {output} --weights {weights} "
        "--batch_size 2 --crop_size 64 --dataloader_num_workers 0 --ngf_A 2 --ndf 2 "
        "--netG_A resnet_6blocks --num_validation_images 6 --validation_steps 2 "
        "--checkpointing_steps 2 --logging_steps 1 --hub_onnx false --max_train_steps 4"
    )
    return [*words.split(), *more]


def test_the_test_side_is_the_same_every_time_and_half_of_it_on_scans(
    forms: Path, clean: Path, tmp_path: Path
) -> None:
    config = parse(options(forms, clean, tmp_path, DEFAULT), None)
    (train_side, one), (_, other) = (open_sides(config, test=True) for _ in range(2))
    assert one is not None and other is not None
    assert [example.on_scan for example in one.pairs.examples] == [True, False] * 3
    for place in range(6):
        for mine, its in zip(one.pairs[place], other.pairs[place], strict=True):
            assert torch.equal(mine, its)
    names = [{one.name for one in side.unpaired.examples} for side in (train_side, one)]
    assert len(names[1]) == 3
    assert not names[0] & names[1], "scans are held out"


def test_training_pairs_are_drawn_anew_on_scans_and_with_other_noise(
    forms: Path, clean: Path, tmp_path: Path
) -> None:
    config = parse(options(forms, clean, tmp_path, DEFAULT), None)
    side, _ = open_sides(config, test=True)
    example = Example(side.clean.examples[0], 0, None)
    sizes = {side.pairs.open(example, np.random.default_rng(seed))[0].size for seed in range(12)}
    assert any(width == 512 for width, _ in sizes), "a scan at the network's scale"
    assert len(sizes) > 3, "pages of other noise have sizes of their own"


@pytest.fixture(scope="module")
def judged(
    forms: Path, clean: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Judge, torch.nn.Module]:
    """A judge, and a model that is better on its pairs than the one that it began with."""
    config = parse(options(forms, clean, tmp_path_factory.mktemp("run"), DEFAULT), None)
    _, test = open_sides(config, test=True)
    assert test is not None
    good = read_folder(DEFAULT)[0].eval()
    bad = read_folder(DEFAULT)[0].eval()
    with torch.no_grad():
        bad.head.bias += 8.0  # keeps much that it should erase
    return Judge(bad, test, torch.device("cpu")), good


def test_the_judge_keeps_what_is_better(judged: tuple[Judge, torch.nn.Module]) -> None:
    judge, better = judged
    best, verdict = judge.choose(better)
    assert verdict.share > 0
    assert verdict.after["f_scans"] > verdict.before["f_scans"]
    assert verdict.after["f_other"] >= verdict.before["f_other"] - 0.2
    assert f"{verdict.after['f_scans']:.2f}" in verdict.sentence
    assert not torch.equal(best.head.bias, judge.before.head.bias)


def test_the_judge_keeps_the_model_as_it_was_when_nothing_is_gained(
    judged: tuple[Judge, torch.nn.Module],
) -> None:
    judge, _ = judged
    worse = blend(judge.before, judge.before, 0.0)
    with torch.no_grad():
        worse.head.bias -= 60.0  # erases everything
    best, verdict = judge.choose(worse)
    assert verdict.share == 0
    assert best is judge.before
    assert verdict.sentence.startswith("nothing was gained, so G_B keeps the weights")


def test_a_blend_lies_between_both(judged: tuple[Judge, torch.nn.Module]) -> None:
    judge, better = judged
    mixed = blend(judge.before, better, 0.25)
    assert torch.allclose(mixed.head.bias - better.head.bias, torch.full((4,), 6.0), atol=1e-5)


def test_an_adaptation_ends_with_a_verdict_a_report_and_weights(
    forms: Path, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {"widths": (8, 8, 8), "encoder_depths": (1, 1, 1), "decoder_depths": (1, 1)}
    weights = save_untrained("eraser", arguments, 128, 2, tmp_path / "weights", spread=2.0)
    run = tmp_path / "run"
    config = parse(options(forms, clean, run, weights), None)
    assert (config.recipe, config.warmup_steps) == ("adapt", 4)
    outcome = train(config, CARD)
    first = read_folder(weights)[0].state_dict()
    trained = load_file(run / "checkpoint-4" / "G_B.safetensors")
    norms = [name for name in first if name.endswith(("running_mean", "running_var"))]
    assert norms
    assert any(not torch.equal(first[name], trained[name]) for name in first)
    assert all(torch.equal(first[name], trained[name]) for name in norms), "their statistics stay"
    said = capsys.readouterr().err
    assert "warning: only 24 scans to adapt to" in said
    assert "F on pairs of held-out scans" in said
    assert "Compared with the weights that it began with: " in (
        run / "G_B" / "README.md"
    ).read_text("utf-8")
    read_folder(outcome.cleaner)
    figures = [line for line in journal.read(run / "log.jsonl") if "f" in line]
    assert [line["step"] for line in figures] == [0, 2, 4]
    assert {"f_scans", "f_other", "kept", "lost", "added"} <= figures[-1].keys()
    page = (run / "adapted.html").read_text("utf-8")
    assert page.count("<figure>") == 3 * 3, "scan, before and now of each held-out scan"
    assert "Ink of scans that is kept" in page
    assert "kept" in (run / "samples.html").read_text("utf-8")


def test_a_run_that_gained_nothing_gives_back_the_very_weights(
    forms: Path, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {"widths": (8, 8), "encoder_depths": (1, 1), "decoder_depths": (1,), "norm": "none"}
    weights = save_untrained("eraser", arguments, 128, 2, tmp_path / "weights", spread=2.0)
    words = options(forms, clean, tmp_path / "run", weights, "--max_train_steps", "1")
    cleaner = train(parse([*words, "--warmup_lr", "1e-12"], None), CARD).cleaner
    before, after = (read_folder(folder)[0].state_dict() for folder in (weights, cleaner))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert "nothing was gained, so G_B keeps the weights" in capsys.readouterr().err


def test_a_run_ends_at_its_time_limit_as_if_all_steps_were_done(
    forms: Path, clean: Path, tmp_path: Path
) -> None:
    arguments = {"widths": (8, 8), "encoder_depths": (1, 1), "decoder_depths": (1,), "norm": "none"}
    weights = save_untrained("eraser", arguments, 128, 2, tmp_path / "weights", spread=2.0)
    words = options(forms, clean, tmp_path / "run", weights, "--max_train_seconds", "1")
    config = replace(parse(words, None), max_train_steps=10_000, warmup_steps=10_000)
    outcome = train(config, CARD)
    assert outcome.stopped is None
    assert (tmp_path / "run" / "adapted.html").is_file()
    log = journal.read(tmp_path / "run" / "log.jsonl")
    assert log[-1]["step"] < 1000
    assert any(line["step"] == log[-1]["step"] and "paired" in line for line in log)
    assert "has not ended" not in (tmp_path / "run" / "G_B" / "README.md").read_text("utf-8")


def test_scans_are_looked_at_anew_twice_and_a_resumed_run_agrees(
    forms: Path, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {"widths": (8, 8), "encoder_depths": (1, 1), "decoder_depths": (1,), "norm": "none"}
    weights = save_untrained("eraser", arguments, 128, 2, tmp_path / "weights", spread=2.0)
    more = ["--checkpointing_steps", "1", "--checkpoints_total_limit", "0", "--seed", "5"]
    run = tmp_path / "run"
    words = options(forms, clean, run, weights, *more)
    train(parse(words, None), CARD)
    assert capsys.readouterr().err.count("the scans' backdrops are made anew") == 2
    state = {
        (part, step): load_file(run / f"checkpoint-{step}" / f"{part}.safetensors")
        for part, step in (("teacher", 1), ("teacher", 3), ("G_B", 4))
    }
    first = read_folder(weights)[0].state_dict()
    average = torch.load(run / "checkpoint-2" / "averages-G_B.pt", weights_only=True)
    for name, tensor in first.items():
        assert torch.equal(state["teacher", 1][name], tensor)
    assert any(not torch.equal(state["teacher", 3][name], first[name]) for name in first)
    kept = average["weights"]
    assert all(torch.equal(state["teacher", 3][name], kept[name]) for name in first)
    for start in (3, 2):
        for step in range(start + 1, 5):
            shutil.rmtree(run / f"checkpoint-{step}")
        train(parse([*words, "--resume_from_checkpoint", "latest"], None), CARD)
        again = load_file(run / "checkpoint-4" / "G_B.safetensors")
        assert all(torch.equal(again[name], tensor) for name, tensor in state["G_B", 4].items())
