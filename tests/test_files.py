"""Files and weights folders are whole or absent, also when their writer is killed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import textwrap
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from sigclean.files import atomic_write_text, remove_stale_drafts
from sigclean.model_files.weights_folder import copy_folder, read_folder

WRITER = """
    import itertools, sys
    from pathlib import Path
    from sigclean.model_files.weights_folder import copy_folder
    for number in itertools.count():
        copy_folder(Path(sys.argv[1]), Path(sys.argv[2]) / str(number))
"""


def test_a_writer_that_is_killed_leaves_whole_weights_folders(
    eraser_weights: Path, tmp_path: Path
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(eraser_weights), str(tmp_path)]
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "20").exists():
        assert time.monotonic() < deadline
        assert writer.poll() is None
    writer.kill()
    writer.wait()
    for folder in tmp_path.glob("[0-9]*"):
        read_folder(folder)


@pytest.mark.parametrize("name", ["G_B", "G [B]*"])
def test_drafts_of_killed_writers_are_removed_at_the_next_write(
    eraser_weights: Path, tmp_path: Path, name: str
) -> None:
    for draft in (f".{name}.123.draft", f".{name}.4567.draft", ".other.123.draft"):
        (tmp_path / draft).mkdir()
        (tmp_path / draft / "config.json").write_text("{")
    copy_folder(eraser_weights, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".other.123.draft", name])
    read_folder(tmp_path / name)


def tidy_as(user: int, folder: Path) -> None:
    os.setgid(user)
    os.setuid(user)
    remove_stale_drafts(folder)
    atomic_write_text(folder / "own.txt", "own")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs two users")
def test_drafts_of_another_user_in_a_sticky_folder_stay_and_are_no_error(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, nobody = Path(name), 65534
        folder.chmod(0o1777)
        theirs, own = (
            folder / f".sigclean.{platform.node().partition('.')[0]}.{number}.1.tmp"
            for number in (2**22 + 1, 2**22 + 2)  # of no process: numbers end at 2**22
        )
        theirs.touch()
        own.touch()
        os.chown(own, nobody, nobody)
        other = get_context("fork").Process(target=tidy_as, args=(nobody, folder))
        other.start()
        other.join(60)
        assert other.exitcode == 0
        assert sorted(folder.iterdir()) == sorted([theirs, folder / "own.txt"])


def test_other_files_of_a_weights_folder_stay(eraser_weights: Path, tmp_path: Path) -> None:
    (tmp_path / "G_B").mkdir()
    (tmp_path / "G_B" / "README.md").write_text("mine")
    copy_folder(eraser_weights, tmp_path / "G_B")
    assert (tmp_path / "G_B" / "README.md").read_text() == "mine"
    read_folder(tmp_path / "G_B")
