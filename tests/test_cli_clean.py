"""`sigclean clean` and `python -m sigclean clean`: results, messages, and exit statuses."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.bulk.inputs import FileInput, InputOptions
from sigclean.bulk.picture_worker import OutputStyle, picture_worker
from sigclean.bulk.pipeline import in_order
from sigclean.cli import main
from sigclean.drawn import draw_signature
from sigclean.ink import recolour
from sigclean.tracing import trace_svg

SIZES = {"a.jpg": (200, 80), "b.png": (80, 120), "sub/c.tif": (64, 64)}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of drawn signatures on yellowish paper."""
    for seed, (name, size) in enumerate(SIZES.items()):
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ink = np.asarray(draw_signature(np.random.default_rng(seed), *size))
        Image.fromarray((ink * [0.9, 0.9, 0.8]).astype(np.uint8)).save(path)
    return tmp_path / "scans"


@pytest.fixture
def weights(eraser_weights: Path) -> list[str]:
    return ["--weights", str(eraser_weights), "--device", "cpu"]


@pytest.fixture
def packaged() -> list[str]:
    """The model of the package, without PyTorch: processes start fast."""
    return ["--runtime", "onnx", "--device", "cpu"]


def files(folder: Path) -> list[str]:
    found = folder.rglob("*") if folder.is_dir() else []
    return sorted(path.relative_to(folder).as_posix() for path in found if path.is_file())


def process(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "sigclean", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, **options)


def test_a_folder_is_cleaned_at_the_inputs_own_sizes(
    scans: Path, tmp_path: Path, weights: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["clean", str(scans), "-r", "-o", str(out), *weights]) == 0
    assert files(out) == ["a.png", "b.png", "sub/c.png"]
    for name, size in SIZES.items():
        with Image.open((out / name).with_suffix(".png")) as result:
            assert (result.format, result.mode, result.size) == ("PNG", "RGB", size)
    assert capfd.readouterr() == ("", "")  # no bar without a terminal


def test_the_result_is_that_of_the_python_interface(
    scans: Path, tmp_path: Path, weights: list[str], eraser_weights: Path
) -> None:
    cleaner = SignatureCleaner.from_pretrained(eraser_weights, device="cpu")
    for options in ({}, {"transparent": True}, {"crop": True}, {"raw": True}):
        flags = [f"--{name}" for name in options]
        target = tmp_path / "one.png"
        assert main(["clean", str(scans / "a.jpg"), "-o", str(target), *flags, *weights]) == 0
        expected = cleaner(scans / "a.jpg", **options)
        with Image.open(target) as result:
            assert result.mode == expected.mode
            assert np.array_equal(result, expected)


def test_without_an_output_results_lie_beside_their_inputs_and_are_not_cleaned_again(
    scans: Path, weights: list[str]
) -> None:
    for _ in range(2):
        assert main(["clean", str(scans), *weights]) == 0
    assert files(scans) == ["a.clean.png", "a.jpg", "b.clean.png", "b.png", "sub/c.tif"]


def test_broken_files_are_named_and_the_others_cleaned(
    scans: Path, tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (scans / "b.png").read_bytes()
    (scans / "half.png").write_bytes(whole[: len(whole) // 2])
    (scans / "empty.png").touch()
    (scans / "huge.ppm").write_bytes(b"P6 10000 6000 255\n")
    out = tmp_path / "out"
    assert main(["clean", str(scans), "-o", str(out), *weights]) == 1
    assert files(out) == ["a.png", "b.png"]
    assert capsys.readouterr().err.splitlines() == [
        f"sigclean: {scans / 'empty.png'} is empty (0 bytes)",
        f"sigclean: {scans / 'half.png'} is truncated or broken, and cannot be read",
        f"sigclean: {scans / 'huge.ppm'} has more than 50 megapixels (10000x6000)",
        "sigclean: 3 of 5 pictures could not be cleaned",
    ]


def test_a_missing_file_is_named_and_the_others_cleaned(
    scans: Path, tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = [str(scans / name) for name in ("a.jpg", "missing.png")]
    assert main(["clean", *inputs, "-o", str(tmp_path / "out"), *weights]) == 1
    assert files(tmp_path / "out") == ["a.png"]
    assert f"{scans / 'missing.png'} does not exist" in capsys.readouterr().err


def test_a_broken_picture_alone_is_one_sentence_on_one_line(
    tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "two\nlines \x1b[31m.png"
    broken.touch()
    assert main(["clean", str(broken), *weights]) == 1
    assert capsys.readouterr().err == (
        f"sigclean: {tmp_path}/two\\nlines \\x1b[31m.png is empty (0 bytes)\n"
    )
    assert files(tmp_path) == [broken.name]


def test_the_batch_size_changes_nothing(scans: Path, tmp_path: Path, weights: list[str]) -> None:
    for size in "12":
        out = str(tmp_path / size)
        assert main(["clean", str(scans), "-r", "-o", out, "--batch-size", size, *weights]) == 0
    for name in files(tmp_path / "1"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_the_number_of_workers_changes_nothing(
    scans: Path, tmp_path: Path, weights: list[str]
) -> None:
    for workers in "013":
        out = str(tmp_path / workers)
        assert main(["clean", str(scans), "-r", "-o", out, "--workers", workers, *weights]) == 0
        for name in files(tmp_path / "0"):
            assert (tmp_path / "0" / name).read_bytes() == (Path(out) / name).read_bytes()


def test_batches_of_a_gpu_give_the_results_of_single_pictures(
    scans: Path, eraser_weights: Path
) -> None:
    @dataclass(frozen=True)
    class InBatches:  # as on a GPU, on the CPU
        runtime: Any
        batches: bool = True

        def __getattr__(self, name: str) -> Any:
            return getattr(self.runtime, name)

    cleaner = SignatureCleaner.from_pretrained(eraser_weights, device="cpu")
    many = replace(cleaner, runtime=InBatches(cleaner.runtime))
    paths = [scans / name for name in SIZES] * 4
    with picture_worker(many, OutputStyle(crop=True), 1, 2) as worker:
        assert worker.workers == 4  # enough for two batches
        pngs = in_order(
            lambda path, stop: worker.do(
                FileInput(path, InputOptions()), stop, lambda done: done.content
            ),
            paths,
            worker.workers,
        )
        for path, png in zip(paths, pngs, strict=True):
            with Image.open(BytesIO(png)) as result:
                assert np.array_equal(result, cleaner(path, crop=True))


def test_strokes_in_another_ink_and_their_outlines(
    scans: Path, tmp_path: Path, weights: list[str], eraser_weights: Path
) -> None:
    target = tmp_path / "one.png"
    options = ["--ink", "#1a3698", "--transparent", "--svg"]
    assert main(["clean", str(scans / "a.jpg"), "-o", str(target), *options, *weights]) == 0
    cleaner = SignatureCleaner.from_pretrained(eraser_weights, device="cpu")
    expected = recolour(cleaner(scans / "a.jpg", transparent=True), "#1a3698")
    with Image.open(target) as result:
        assert np.array_equal(result, expected)
    assert target.with_suffix(".svg").read_text() == trace_svg(expected)


def test_a_missing_svg_file_is_made_for_an_existing_result(
    scans: Path, tmp_path: Path, weights: list[str]
) -> None:
    words = ["clean", str(scans), "-o", str(tmp_path / "out"), "--skip-existing", *weights]
    assert main(words) == 0
    assert main([*words, "--svg"]) == 0
    assert files(tmp_path / "out") == ["a.png", "a.svg", "b.png", "b.svg"]


def test_existing_results_are_skipped_with_the_option(
    scans: Path, tmp_path: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_text("mine")
    assert main(["clean", str(scans), "-o", str(out), "--skip-existing", *weights]) == 0
    assert (out / "a.png").read_text() == "mine"
    assert "skipped 1 of 2" in capsys.readouterr().err
    assert main(["clean", str(scans), "-o", str(out), *weights]) == 0
    assert (out / "a.png").read_bytes().startswith(b"\x89PNG")


def test_two_inputs_of_one_name_have_a_result_each(
    scans: Path, tmp_path: Path, weights: list[str]
) -> None:
    (scans / "a.png").write_bytes((scans / "b.png").read_bytes())
    assert main(["clean", str(scans), "-o", str(tmp_path / "out"), *weights]) == 0
    assert files(tmp_path / "out") == ["a.jpg.png", "a.png.png", "b.png"]


def test_a_result_that_would_replace_an_input_is_refused_before_anything_is_done(
    scans: Path, weights: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (scans / "b.png").read_bytes()
    assert main(["clean", str(scans), "-o", str(scans), *weights]) == 1
    assert (scans / "b.png").read_bytes() == before
    assert files(scans) == sorted(SIZES)
    assert capsys.readouterr().err.startswith("sigclean: error: ")


def test_standard_input_to_standard_output(
    scans: Path, packaged: list[str], tmp_path: Path
) -> None:
    picture = (scans / "b.png").read_bytes()
    done = process("clean", "-", *packaged, input=picture)
    assert (done.returncode, done.stderr) == (0, b"")
    assert main(["clean", str(scans / "b.png"), "-o", str(tmp_path / "b.png"), *packaged]) == 0
    assert done.stdout == (tmp_path / "b.png").read_bytes()


def test_a_broken_picture_leaves_standard_output_empty(packaged: list[str]) -> None:
    done = process("clean", "-", *packaged, input=b"not a picture")
    assert (done.returncode, done.stdout) == (1, b"")
    assert (
        done.stderr.decode().strip() == "sigclean: error: <stdin> is not a picture that can be read"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
def test_a_full_disk_behind_standard_output_is_one_sentence(
    scans: Path, packaged: list[str]
) -> None:
    command = [
        sys.executable,
        "-m",
        "sigclean",
        "clean",
        str(scans / "b.png"),
        "-o",
        "-",
        *packaged,
    ]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"sigclean: error: standard output cannot be written")


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor in the child")
def test_closed_standard_input_is_one_sentence() -> None:
    done = process("clean", "-", "-o", "x.png", preexec_fn=lambda: os.close(0))
    assert done.returncode == 1
    assert done.stderr == b"sigclean: error: standard input is closed\n"


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor in the child")
def test_closed_standard_output_is_one_sentence(scans: Path) -> None:
    done = process("clean", scans / "b.png", "-o", "-", preexec_fn=lambda: os.close(1))
    assert done.returncode == 1
    assert done.stderr == b"sigclean: error: standard output is closed\n"


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor in the child")
def test_messages_never_go_to_standard_output(packaged: list[str]) -> None:
    done = process("clean", "-", *packaged, input=b"no picture", preexec_fn=lambda: os.close(2))
    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.skipif(os.name != "posix", reason="named pipes and signals of POSIX")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_after_a_signal_finished_results_stay_and_nothing_else(
    number: signal.Signals, status: int, scans: Path, packaged: list[str], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "slow.png")
    inputs = [scans / "a.jpg", tmp_path / "slow.png", scans / "b.png"]
    command = [sys.executable, "-m", "sigclean", "clean", *inputs, "-o", tmp_path / "out"]
    command += ["--workers", "1", *packaged]  # in turn
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE) as running,
        (tmp_path / "slow.png").open("wb"),  # waits until the other end is opened
    ):
        running.send_signal(number)
        _, errors = running.communicate(timeout=120)
    assert (running.returncode, b"Traceback" in errors) == (status, False)
    assert files(tmp_path / "out") == ["a.png"]


def test_a_file_to_standard_output_and_standard_input_to_a_file(
    scans: Path, packaged: list[str], tmp_path: Path
) -> None:
    to_stdout = process("clean", scans / "b.png", "-o", "-", *packaged)
    target = tmp_path / "target.png"
    with (scans / "b.png").open("rb") as file:
        to_file = process("clean", "-", "-o", target, *packaged, stdin=file)
    assert (to_stdout.stderr, to_file.stderr, to_file.stdout) == (b"", b"", b"")
    assert to_stdout.stdout == target.read_bytes()


def test_standard_input_and_output_go_with_globs_folders_and_any_names(
    scans: Path, packaged: list[str], tmp_path: Path
) -> None:
    (tmp_path / "stdin").mkdir()
    expected = process("clean", scans / "b.png", "-o", "-", *packaged).stdout
    assert process("clean", "scans/b*", "-o", "-", *packaged, cwd=tmp_path).stdout == expected
    for output, target in (("x.png", "x.png"), ("out", "out/stdin.png")):
        with (scans / "b.png").open("rb") as file:
            words = ("clean", "-", "-o", output, *packaged)
            assert process(*words, stdin=file, cwd=tmp_path).returncode == 0
        assert (tmp_path / target).read_bytes() == expected


def test_several_inputs_do_not_go_to_standard_output(
    scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["-", str(scans / "a.jpg")], [str(scans / "*"), "-o", "-"]):
        assert main(["clean", *words]) == 1
        assert "a single picture" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["empty"], "holds no pictures"),
        (["scans", "-o", "scans/b.png/out"], "cannot be written"),
        (["scans", "--weights", "nowhere"], "nowhere"),
        (["scans", "--weights", "scans"], "config.json"),
        (["scans", "--runtime", "onnx"], "onnx"),
        (["scans/b.png", "-o", "-", "--svg"], "--svg is for files"),
        (["scans", "--raw", "--window", "300"], "does not go with --window"),
        (["scans", "--raw", "--pen", "blue"], "does not go with --pen"),
        (["*.gif"], "no file matches"),
        ([""], "empty"),
        (["scans/b.png", "-o", ""], "empty"),
    ],
)
def test_options_that_cannot_work_are_one_sentence_and_write_nothing(
    arguments: list[str],
    message: str,
    scans: Path,
    weights: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(scans.parent)
    Path("empty").mkdir()
    before = files(scans.parent)
    assert main(["clean", *weights, *arguments]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("sigclean: error: ")
    assert message in errors[0]
    assert files(scans.parent) == before


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_a_wrong_batch_size_is_wrong_usage(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["clean", "a.png", f"--batch-size={size}"])
    assert caught.value.code == 2
    assert "whole number" in capsys.readouterr().err


def test_a_wrong_number_of_workers_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["clean", "a.png", "--workers=-1"])
    assert caught.value.code == 2
    assert "from 0 up" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are a POSIX thing")
def test_a_terminal_sees_progress(scans: Path, packaged: list[str], tmp_path: Path) -> None:
    import fcntl
    import termios

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "sigclean", "clean", str(scans), "-o", str(tmp_path / "out")]
    done = subprocess.run([*command, *packaged], stdout=subprocess.PIPE, stderr=theirs, check=False)
    os.close(theirs)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"2/2" in os.read(ours, 10_000)
    os.close(ours)


def test_help_imports_nothing_heavy() -> None:
    check = (
        "import sys; from sigclean.cli import build_parser; build_parser().format_help(); "
        "print({'torch', 'gradio', 'cv2', 'numpy', 'PIL'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert b"clean" in process("--help").stdout


@pytest.mark.parametrize("command", ["clean", "convert", "export", "publish", "publish-space"])
def test_the_help_explains_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    explained = capsys.readouterr().out.partition("examples:")[0]
    entries = re.split(r"\n  (?=\S)", explained)[1:]
    assert len(entries) > 3
    for entry in entries:
        _, _, explanation = re.sub(r"\n +", "  ", entry).partition("  ")
        assert len(explanation.split()) > 3, entry


def test_a_page_is_cleaned_in_windows(tmp_path: Path, eraser_weights: Path) -> None:
    page = draw_signature(np.random.default_rng(1), 900, 1200)
    page.save(tmp_path / "page.png")
    arguments = ["clean", str(tmp_path / "page.png"), "--weights", str(eraser_weights)]
    cleaner = SignatureCleaner.from_pretrained(eraser_weights)
    for window, name in ((400, "windows.png"), (None, "whole.png")):
        options = ["--window", str(window)] if window else []
        assert main([*arguments, "-o", str(tmp_path / name), *options]) == 0
        np.testing.assert_array_equal(
            Image.open(tmp_path / name), cleaner(page, window=window), err_msg=name
        )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--window", "wide", "a window is auto, none, or 256 pixels or more, not 'wide'"),
        ("--window", "255", "a window is auto, none, or 256 pixels or more, not '255'"),
        ("--ink", "green", "unknown ink 'green': choose black, blue or #rrggbb"),
        ("--ink", "", "unknown ink ''"),
        ("--pen", "ultramarine", "unknown pen 'ultramarine'"),
        ("--width", "7001", "expected a whole number from 1 to 7000, not '7001'"),
        ("--height", "0", "expected a whole number from 1 to 7000, not '0'"),
        ("--margin", "7001", "expected a whole number from 0 to 7000, not '7001'"),
        ("--dpi", "49", "expected a whole number from 50 to 10000, not '49'"),
        ("--dpi", "10001", "expected a whole number from 50 to 10000, not '10001'"),
    ],
)
def test_a_value_that_an_option_does_not_take_is_wrong_usage(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("clean", "extract"):
        if (command, option) != ("extract", "--window"):
            with pytest.raises(SystemExit) as caught:
                main([command, "a.png", option, value])
            assert caught.value.code == 2
            assert f"argument {option}: {said}" in capsys.readouterr().err
