"""The log of a run that is killed and resumed."""

from __future__ import annotations

from pathlib import Path

from sigclean.training.watching.journal import append, cut, read


def test_records_come_back_in_order(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append(log, {"step": 1, "G_A": 0.25})
    append(log, {"step": 2, "G_A": 0.5})
    assert read(log) == [{"step": 1, "G_A": 0.25}, {"step": 2, "G_A": 0.5}]


def test_a_log_that_is_not_there_has_no_records(tmp_path: Path) -> None:
    assert read(tmp_path / "log.jsonl") == []
    cut(tmp_path / "log.jsonl", 3)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_wrote_after_its_checkpoint_is_cut_off(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for step in range(1, 6):
        append(log, {"step": step})
    cut(log, 3)
    assert log.read_text() == '{"step": 1}\n{"step": 2}\n{"step": 3}\n'


def test_an_incomplete_last_line_is_cut_off_so_that_the_next_one_stands_alone(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"step": 1}\n{"step": 2, "G_A": 0.\xc3')
    cut(log, 9)
    append(log, {"step": 2})
    assert log.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_a_whole_line_without_its_end_is_kept_and_ended(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 1}\n{"step": 2}')
    cut(log, 9)
    append(log, {"step": 3})
    assert [record["step"] for record in read(log)] == [1, 2, 3]


def test_a_log_that_needs_no_cut_is_not_written(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append(log, {"step": 1})
    before = log.stat().st_ino
    cut(log, 1)
    assert log.stat().st_ino == before
