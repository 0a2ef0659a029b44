"""Bulk cleaning that is killed, interrupted or runs out of disk; and with several processes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waiting import wait_until

from sigclean.bulk.manifest import Manifest
from sigclean.drawn import draw_signature
from sigclean.errors import SigcleanError
from sigclean.processes.ranks import Process

PROJECT = Path(__file__).parents[1]
COUNT = 24
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
SECONDS = 120  # limit for processes that clean in a few seconds on an idle machine


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of several sizes."""
    folder = tmp_path_factory.mktemp("scans")
    for number in range(COUNT):
        picture = draw_signature(np.random.default_rng(number), 100 + 10 * number, 60)
        picture.save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def expected(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that an undisturbed run writes."""
    out = tmp_path_factory.mktemp("expected")
    subprocess.run(command(scans, out), check=True)
    return results(out)


def command(scans: Path, out: Path, *options: str | Path, more: Sequence[Path] = ()) -> list[str]:
    """The command with the packaged model, which starts fast."""
    words = ("clean", scans, *more, "-o", out, "--runtime", "onnx", "--device", "cpu", *options)
    return [sys.executable, "-m", "sigclean", *map(str, words)]


def results(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder, including hidden ones."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def has_results(folder: Path, count: int) -> bool:
    return len(list(folder.glob("*.png"))) >= count


def statuses(manifest: Path) -> Counter[str]:
    """Count each status; check that every picture has one line."""
    entries = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert len({entry["source"] for entry in entries}) == len(entries)
    return Counter(entry["status"] for entry in entries)


def test_a_killed_run_is_continued_and_ends_with_the_same_bytes(
    scans: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out, manifest = tmp_path / "out", tmp_path / "out.jsonl"
    words = command(scans, out, "--manifest", manifest, "--skip-existing")
    for wanted in (3, 12):
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as running:
            wait_until(partial(has_results, out, wanted))
            running.kill()
        (out / f".sigclean.{os.uname().nodename.partition('.')[0]}.{running.pid}.1.tmp").touch()
        lines = manifest.read_text().splitlines()
        recorded = {Path(json.loads(line)["target"]).name for line in lines}
        assert {path.name for path in out.glob("*.png")} <= recorded
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    assert statuses(manifest) == {"cleaned": COUNT}
    assert results(out) == expected


def test_a_full_disk_is_one_sentence_and_results_stay(
    scans: Path, expected: dict[str, bytes], tmp_path: Path, small_disk: Path
) -> None:
    out, manifest = small_disk / "out", tmp_path / "out.jsonl"
    words = command(scans, out, "--manifest", manifest, "--skip-existing")
    ended = subprocess.run(words, capture_output=True, text=True)
    assert ended.returncode == 1
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(f"sigclean: error: {out}")
    assert sentence.endswith("cannot be written: No space left on device")
    done = results(out)
    assert 0 < len(done) < COUNT
    assert done.items() <= expected.items()
    subprocess.run(["mount", "-o", "remount,size=9m", str(small_disk)], check=True)
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    assert results(out) == expected
    assert statuses(manifest) == {"cleaned": COUNT}


def as_processes(count: int, words: list[str]) -> list[subprocess.Popen[str]]:
    """Start the processes as a launcher does."""
    return [
        subprocess.Popen(
            words, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "RANK": str(rank), "WORLD_SIZE": str(count),
                 "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(count)},
        )
        for rank in range(count)
    ]  # fmt: skip


def test_two_processes_of_torchrun_share_the_pictures_and_one_manifest(
    scans: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out, manifest = tmp_path / "out", tmp_path / "out.jsonl"
    words = command(scans, out, "--manifest", manifest)
    launch = [words[0], *TORCHRUN, *words[1:]]
    ended = subprocess.run(launch, capture_output=True, text=True, env=alone(), timeout=SECONDS)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert results(out) == expected
    assert statuses(manifest) == {"cleaned": COUNT}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.jsonl"]


def alone() -> dict[str, str]:
    """The environment without the variables of a launcher; a thread for each process."""
    ours = {name: value for name, value in os.environ.items() if "RANK" not in name}
    return {**ours, "OMP_NUM_THREADS": "1"}  # else torchrun says that it sets it


def test_a_process_whose_picture_fails_ends_last_and_with_1(
    scans: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "00.png").touch()  # the first: of rank 0
    for path in sorted(scans.iterdir())[1:6]:
        (mixed / path.name).write_bytes(path.read_bytes())
    out, manifest = tmp_path / "out", tmp_path / "out.jsonl"
    running = as_processes(2, command(mixed, out, "--manifest", manifest))
    said = [process.communicate(timeout=SECONDS)[1] for process in running]
    assert [process.returncode for process in running] == [1, 0]
    assert said[0].splitlines() == [
        f"sigclean: {mixed}/00.png is empty (0 bytes)",
        "sigclean: 1 of 3 pictures could not be cleaned",
    ]
    assert said[1] == ""
    assert statuses(manifest) == {"cleaned": 5, "failed": 1}


@pytest.mark.slow
def test_after_a_process_was_killed_a_rerun_merges_the_parts_and_cleans_the_rest(
    scans: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out, manifest = tmp_path / "out", tmp_path / "out.jsonl"
    os.mkfifo(tmp_path / "zz.png")  # the last: of rank 0, which hangs in it
    words = command(
        scans, out, "--manifest", manifest, "--skip-existing", more=[tmp_path / "zz.png"]
    )
    running = as_processes(2, words)
    assert running[1].wait(SECONDS) == 0
    wait_until(partial(has_results, out, COUNT))
    assert running[0].poll() is None
    running[0].kill()
    running[0].communicate()
    parts = [path for path in tmp_path.iterdir() if path.suffix == ".part"]
    assert not manifest.exists()
    assert len(parts) == 2
    (tmp_path / "zz.png").unlink()
    (tmp_path / "zz.png").write_bytes((scans / "00.png").read_bytes())
    for process in as_processes(3, words):  # of another number
        assert process.communicate(timeout=SECONDS) and process.returncode == 0
    assert statuses(manifest) == {"cleaned": COUNT + 1}
    assert results(out) == expected | {"zz.png": expected["00.png"]}
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".part", ".lock")]


def test_ctrl_c_is_one_line_for_all_processes(scans: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "zz.png")
    os.mkfifo(tmp_path / "zy.png")
    pipes = (tmp_path / "zy.png", tmp_path / "zz.png")
    running = as_processes(2, command(scans, tmp_path / "out", "--workers", "1", more=pipes))
    with pipes[0].open("wb"), pipes[1].open("wb"):  # wait until they are opened to be read
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.wait(SECONDS)
    said = sorted(process.communicate(timeout=SECONDS)[1] for process in running)
    assert [process.returncode for process in running] == [130, 130]
    assert said == ["", "sigclean: interrupted\n"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2, but RANK is not set"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK is 2, and must be less than WORLD_SIZE"),
        ({"WORLD_SIZE": "two", "RANK": "0"}, "WORLD_SIZE must be a number, not 'two'"),
    ],
)
def test_variables_that_contradict_each_other_are_one_sentence(
    variables: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from sigclean.cli import main

    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["clean", "a.png"]) == 1
    assert said in capsys.readouterr().err


def test_shares_are_disjoint_and_leave_nothing_out() -> None:
    items = list(range(17))
    for count in (1, 2, 5, 20):
        shares = [Process(rank, count).share(items) for rank in range(count)]
        assert sorted(item for share in shares for item in share) == items
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_last_process_merges_the_parts_and_drops_older_lines_of_the_same_pictures(
    tmp_path: Path,
) -> None:
    path = tmp_path / "out.jsonl"
    entry: dict[str, Any] = {"target": "t", "status": "failed"}
    before = [json.dumps({"source": name, **entry}) for name in ("a.png", "b.png", "old.png")]
    path.write_text("\n".join(before) + "\n")
    with Manifest(path, process=Process(0, 2)) as first:
        with Manifest(path, process=Process(1, 2)) as second:
            second.skipped("b.png", "t")  # an earlier run recorded it
            second.skipped("c.png", "t")
        assert path.read_text().splitlines() == before  # the first process still works
        first.failed("a.png", "t", ValueError("again"))
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [one["source"] for one in entries] == ["b.png", "old.png", "a.png", "c.png"]
    assert entries[2]["error"] == "again"


def test_a_disk_without_locks_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    Manifest(tmp_path / "alone.jsonl").__exit__(None, None, None)  # needs no lock
    with pytest.raises(SigcleanError, match=r"cannot be locked \(Function not implemented\)"):
        Manifest(tmp_path / "shared.jsonl", process=Process(0, 2))
