"""`sigclean prepare`: the four folders, the pictures in them, and errors."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from waiting import wait_until

from sigclean.corpus.prepare import FAMILIES_KEY, Recipe, in_test, prepare
from sigclean.drawn import draw_signature
from sigclean.errors import DataError, SigcleanError
from sigclean.noise import FAMILIES, Material

RECIPE = Recipe(noise=("seed", "rules"), size=64, test_fraction=0.3)
NONE = Material()


@pytest.fixture(scope="module")
def signatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with eight signatures, two of them in a sub-folder."""
    folder = tmp_path_factory.mktemp("signatures")
    (folder / "more").mkdir()
    for i in range(8):
        name = f"more/s{i}.png" if i > 5 else f"s{i}.png"
        draw_signature(np.random.default_rng([1, i]), 160).save(folder / name)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, by its path, hidden files too."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "sigclean", "prepare", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120)


def wait_for_pictures(output: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the process has written a picture; fail if it ends before."""
    wait_until(lambda: process.poll() is not None or list(output.glob("trainB/*.png")), 120)
    assert process.poll() is None


def group_has_ended(leader: int) -> bool:
    """Return whether no process of a session of its own is left."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    return False


def test_every_signature_becomes_a_pair_of_squares_with_one_name(
    signatures: Path, tmp_path: Path
) -> None:
    summary = prepare(signatures, tmp_path, RECIPE, material=NONE)
    assert (summary.made, summary.kept, summary.broken) == (8, 0, [])
    for side in ("train", "test"):
        assert names(tmp_path / f"{side}A") == names(tmp_path / f"{side}B") != set()
    pictures = list(tmp_path.rglob("*.png"))
    assert len(pictures) == 16
    assert {Image.open(path).size for path in pictures} == {(64, 64)}


def test_a_noisy_picture_is_its_truth_under_noise_that_it_names(
    signatures: Path, tmp_path: Path
) -> None:
    prepare(signatures, tmp_path, RECIPE, material=NONE)
    for path in (tmp_path / "trainB").iterdir():
        with Image.open(path) as noisy, Image.open(tmp_path / "trainA" / path.name) as truth:
            assert noisy.text[FAMILIES_KEY] in ("seed", "rules")
            darker = np.asarray(noisy).astype(int) <= np.asarray(truth).astype(int) + 2
            assert darker.all()


def test_the_strips_of_the_letterbox_are_black(tmp_path: Path) -> None:
    (tmp_path / "wide").mkdir()
    for i in range(3):
        wide = draw_signature(np.random.default_rng(i), 160, 80)
        wide.save(tmp_path / "wide" / f"s{i}.png")
    recipe = Recipe(noise=("seed",), size=64, keep_layout=True)
    prepare(tmp_path / "wide", tmp_path / "made", recipe, material=NONE)
    made = list((tmp_path / "made").rglob("*.png"))
    assert len(made) == 6
    for path in made:
        assert not np.asarray(Image.open(path))[0].any()


def test_one_signature_is_never_on_both_sides(signatures: Path, tmp_path: Path) -> None:
    twice = tmp_path / "twice"
    for i, path in enumerate(sorted(signatures.rglob("*.png"))):
        for copy in ("first", "second"):
            target = twice / copy / f"{i}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    prepare(twice, tmp_path / "set", Recipe(noise=("seed",), size=64, variants=2), material=NONE)
    content = {
        side: {name.rsplit("-", 2)[1] for name in names(tmp_path / "set" / f"{side}B")}
        for side in ("train", "test")
    }
    assert len(content["train"] | content["test"]) == 8
    assert not content["train"] & content["test"]


def test_the_share_of_tests_is_the_one_asked_for() -> None:
    recipe = Recipe(test_fraction=0.25)
    share = np.mean([in_test(str(i).encode(), recipe) for i in range(4000)])
    assert share == pytest.approx(0.25, abs=0.03)


def test_variants_are_placed_anew(signatures: Path, tmp_path: Path) -> None:
    prepare(signatures, tmp_path, Recipe(("seed",), variants=3, size=64), material=NONE)
    pictures = files(tmp_path / "trainB") | files(tmp_path / "testB")
    assert len(pictures) == len(set(pictures.values())) == 24


def test_more_processes_and_more_files_change_no_picture(signatures: Path, tmp_path: Path) -> None:
    prepare(signatures / "more", tmp_path / "one", RECIPE, material=NONE)
    prepare(signatures / "more", tmp_path / "two", RECIPE, material=NONE, workers=2, drawn=3)
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert len(two) == len(one) + 6
    assert one.items() <= two.items()


def test_another_seed_draws_other_noise(signatures: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        recipe = Recipe(noise=("seed",), seed=seed, size=64, test_fraction=0)
        prepare(signatures / "more", tmp_path / str(seed), recipe, material=NONE)
    one, two = (files(tmp_path / str(seed) / "trainB") for seed in (1, 2))
    assert one.keys() == two.keys()
    assert all(one[name] != two[name] for name in one)


def test_running_again_makes_only_what_is_missing(signatures: Path, tmp_path: Path) -> None:
    prepare(signatures, tmp_path, RECIPE, material=NONE)
    whole = files(tmp_path)
    lost = sorted((tmp_path / "trainB").iterdir())[0]
    lost.unlink()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    machine = platform.node().partition(".")[0]
    (tmp_path / "trainB" / f".sigclean.{machine}.{ended.pid}.1.tmp").write_bytes(b"half")
    summary = prepare(signatures, tmp_path, RECIPE, material=NONE)
    assert (summary.made, summary.kept) == (1, 7)
    assert files(tmp_path) == whole


@pytest.mark.slow
def test_a_run_that_was_killed_resumes_to_the_same_pictures(tmp_path: Path) -> None:
    options = ("--drawn", 6, "--size", 64, "--noise", "seed", "--variants", 5)
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    process = subprocess.Popen(command(*options, "-o", cut, "--workers", 2), start_new_session=True)
    wait_for_pictures(cut, process)
    process.kill()
    process.wait()
    wait_until(lambda: group_has_ended(process.pid))  # its workers end by themselves
    made = len(list(cut.rglob("*.png")))
    assert 0 < made < 60
    assert run(*options, "-o", cut, "--workers", 2).returncode == 0
    assert run(*options, "-o", whole, "--workers", 2).returncode == 0
    assert files(cut) == files(whole)


def test_ctrl_c_ends_all_processes_without_a_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("--drawn", 5000, "-o", tmp_path / "set", "--size", 64, "--workers", 2),
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_pictures(tmp_path / "set", process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=120)  # a worker may still be reading its fonts
    assert process.returncode == 130
    assert said.strip() == "sigclean: interrupted"
    assert group_has_ended(process.pid)


def test_broken_files_are_named_and_the_others_are_made(signatures: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    clean.mkdir()
    (clean / "empty.png").write_bytes(b"")
    (clean / "text.jpg").write_text("no picture")
    whole = (signatures / "s0.png").read_bytes()
    (clean / "cut.png").write_bytes(whole[: len(whole) // 2])
    (clean / "good.png").write_bytes(whole)
    Image.new("RGB", (60, 30), (120, 160, 130)).save(clean / "tinted.png")
    result = run(clean, "-o", tmp_path / "set", "--size", 64, "--noise", "seed")
    assert result.returncode == 1
    assert result.stdout.strip() == f"{tmp_path / 'set'}: 1 pictures made, 4 files skipped"
    lines = result.stderr.splitlines()
    assert len(lines) == 4
    for name in ("cut.png", "empty.png", "text.jpg", "tinted.png"):
        assert sum(str(clean / name) in line for line in lines) == 1


def test_files_that_could_share_a_name_do_not(signatures: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    (clean / "a").mkdir(parents=True)
    for i, name in enumerate(("x.png", "x.jpg", "a/x.png", "a-x.png", "real-x.png")):
        with Image.open(signatures / f"s{i}.png") as picture:
            picture.save(clean / name)
    real = tmp_path / "noisy"
    real.mkdir()
    (real / "x.png").write_bytes((signatures / "s5.png").read_bytes())
    recipe = Recipe(noise=("seed",), size=64, test_fraction=0)
    summary = prepare(clean, tmp_path / "set", recipe, noisy=real, material=NONE)
    assert summary.made == 6
    assert len(names(tmp_path / "set" / "trainA")) == 5
    assert len(names(tmp_path / "set" / "trainB")) == 6


def test_real_noisy_pictures_join_domain_b_without_a_truth(
    signatures: Path, tmp_path: Path
) -> None:
    recipe = Recipe(noise=("seed",), size=64, test_fraction=0.3)
    prepare(signatures / "more", tmp_path, recipe, noisy=signatures, material=NONE)
    for side in ("train", "test"):
        alone = names(tmp_path / f"{side}B") - names(tmp_path / f"{side}A")
        assert alone
        assert all(name.startswith("real-") for name in alone)


def test_paper_that_is_nearly_white_becomes_white(tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    clean.mkdir()
    paper = Image.new("RGB", (120, 60), (250, 244, 238))
    paper.paste((10, 10, 40), (30, 25, 90, 29))
    paper.save(clean / "x.png")
    recipe = Recipe(("seed",), size=64, test_fraction=0, keep_layout=True)
    prepare(clean, tmp_path / "set", recipe, material=NONE)
    (truth,) = (tmp_path / "set" / "trainA").iterdir()
    pixels = np.asarray(Image.open(truth))[16:48]  # between the strips
    assert (pixels[:10] == 255).all()
    assert pixels.min() < 60


def test_pictures_of_the_data_set_are_not_its_sources(signatures: Path, tmp_path: Path) -> None:
    (tmp_path / "s.png").write_bytes((signatures / "s0.png").read_bytes())
    for _ in range(2):
        summary = prepare(tmp_path, tmp_path / "set", RECIPE, material=NONE)
    assert (summary.made, summary.kept) == (0, 1)


def test_an_extremely_tall_or_flat_picture_is_made(tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    clean.mkdir()
    for i, size in enumerate([(1, 3000), (3000, 1), (1, 1)]):
        picture = Image.new("RGB", size, "white")
        picture.putpixel((0, 0), (0, 0, i) if i < 2 else (250, 250, 250))
        picture.save(clean / f"{i}.png")
    assert prepare(clean, tmp_path / "set", RECIPE, material=NONE).made == 3


@pytest.mark.parametrize("other", [{"seed": 9}, {"noise": "all"}, {"variants": 2}, {"size": 128}])
def test_a_folder_holds_one_recipe(signatures: Path, tmp_path: Path, other: dict) -> None:
    prepare(signatures / "more", tmp_path, RECIPE, material=NONE)
    before = files(tmp_path)
    changed = Recipe(**{"noise": ("seed", "rules"), "size": 64, "test_fraction": 0.3} | other)
    with pytest.raises(DataError, match="other options"):
        prepare(signatures / "more", tmp_path, changed, material=NONE)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    "wrong",
    [{"variants": 0}, {"test_fraction": 1.0}, {"test_fraction": -0.1}, {"size": 0}, {"size": 9999},
     {"test_fraction": float("nan")}],
)  # fmt: skip
def test_invalid_recipes_are_refused(wrong: dict) -> None:
    with pytest.raises(DataError):
        Recipe(**wrong)


def test_help_names_every_family_of_noise_and_every_default() -> None:
    said = " ".join(run("--help").stdout.split())
    assert all(f" {name}," in said or f" {name} " in said for name in FAMILIES)
    for option, default in {"--noise": "all", "--size": 512, "--test-fraction": 0.1}.items():
        assert f"(default: {default})" in said.split(f" {option} ")[-1].split(" --")[0]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away")
def test_as_many_workers_as_cores_that_may_be_used() -> None:
    core = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, {{{core}}}); from sigclean.cli import build_parser; "
        "print(build_parser().parse_args(['prepare', '-o', 'set']).workers)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_noise_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SigcleanError, match="coffee"):
        Recipe(noise=("coffee",))


def assert_one_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode in (1, 2)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("sigclean: error: ")
    assert all(word in result.stderr for word in words)


def test_unusable_input_is_reported_in_one_sentence(signatures: Path, tmp_path: Path) -> None:
    empty, output = tmp_path / "empty", tmp_path / "set"
    empty.mkdir()
    assert_one_sentence(run(empty, "-o", output), str(empty), "no pictures")
    assert_one_sentence(run(tmp_path / "none", "-o", output), "none", "does not exist")
    assert_one_sentence(run("-o", output), "--drawn")
    assert_one_sentence(run(signatures, "-o", output, "--noisy", empty), "no pictures")
    assert not output.exists()


def test_an_unwritable_output_is_reported_in_one_sentence(signatures: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    assert_one_sentence(run(signatures, "-o", file / "set"), str(file))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"mine")
    assert_one_sentence(run(signatures, "-o", tmp_path / "photos"), "not empty")
    assert names(tmp_path / "photos") == {"holiday.jpg"}


def test_a_killed_worker_is_reported_in_one_sentence(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("--drawn", 5000, "-o", tmp_path / "set", "--size", 64, "--workers", 2),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("this system does not list a process's children")
    wait_for_pictures(tmp_path / "set", process)
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    output, said = process.communicate(timeout=120)
    assert_one_sentence(
        subprocess.CompletedProcess([], process.returncode, output, said), "was killed"
    )
