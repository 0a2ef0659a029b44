"""The pictures of a data set become an endless stream of batches that can be resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from runs import open_domains
from waiting import wait_until

from sigclean.errors import DataError, SigcleanError
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.domains import Domains
from sigclean.training.data.framing import Crop, Framing, to_range
from sigclean.training.data.stream import SignatureData, StepSampler, stream
from sigclean.training.options import TrainConfig

SIDE = 64
STRIP = 16  # rows of black above and below every picture
ALL = Framing(load_size=SIDE)


def cutting(width: int, height: int, flip: bool = False) -> Framing:
    return Framing(load_size=SIDE, crop=Crop(width, height, flip))


def read(root: Path) -> Domains:
    return open_domains(TrainConfig(dataroot=str(root), crop_size="0"), "train")


def write(path: Path, grey: int, side: int = SIDE) -> None:
    """A square whose content is one grey, a gradient in blue and red, and black strips."""
    picture = np.zeros((side, side, 3), np.uint8)
    picture[STRIP:-STRIP, :, 0] = np.arange(side) + 1
    picture[STRIP:-STRIP, :, 1] = grey
    picture[STRIP:-STRIP, :, 2] = np.arange(side - 2 * STRIP)[:, None] + 1
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Five pairs (greys 101 to 105 noisy, 201 to 205 clean), two real pictures (1, 2) in B."""
    for i in range(1, 6):
        write(tmp_path / "trainA" / f"p{i}.png", 200 + i)
        write(tmp_path / "trainB" / f"p{i}.png", 100 + i)
    for i in (1, 2):
        write(tmp_path / "trainB" / f"real-{i}.png", i)
    return tmp_path


def grey(picture: torch.Tensor) -> int:
    """The grey that `write` gave a picture."""
    return int(picture[1].max())


def test_pictures_of_one_name_are_pairs_and_the_others_of_b_stand_alone(root: Path) -> None:
    domains = read(root)
    pairs = [domains.pairs[i] for i in range(len(domains.pairs))]
    assert [(grey(noisy), grey(truth)) for noisy, truth in pairs] == [
        (100 + i, 200 + i) for i in range(1, 6)
    ]
    assert [grey(picture) for picture in domains.unpaired] == [1, 2]
    assert [grey(picture) for picture in domains.clean] == [201, 202, 203, 204, 205]
    assert (domains.size, domains.pictures) == (SIDE, 7)


def test_an_epoch_shows_each_pair_once_with_its_truth_in_an_order_of_its_own(root: Path) -> None:
    data = SignatureData(read(root), ALL, seed=1, paired_only=True)
    samples = [data[i] for i in range(50)]
    for sample in samples:
        assert grey(sample["truth"]) == grey(sample["real_B"]) + 100
        assert sample["paired"] == 1
    orders = [tuple(grey(s["real_B"]) for s in samples[i : i + 5]) for i in range(0, 50, 5)]
    assert all(set(order) == set(range(101, 106)) for order in orders)
    assert len(set(orders)) > 5


def test_a_sample_depends_on_seed_and_position_alone(root: Path) -> None:
    framing = cutting(24, 16, flip=True)
    first, again, other = (SignatureData(read(root), framing, seed=seed) for seed in (1, 1, 2))
    [first[i] for i in range(7)]  # what was read before does not matter
    for position in (0, 3, 1000):
        for name, tensor in first[position].items():
            assert torch.equal(tensor, again[position][name])
    assert any(not torch.equal(first[i]["real_B"], other[i]["real_B"]) for i in range(5))


def test_real_pictures_have_at_least_their_share_and_no_truth(root: Path) -> None:
    data = SignatureData(read(root), ALL, seed=3, unpaired_share=0.5)
    samples = [data[i] for i in range(300)]
    alone = [sample for sample in samples if grey(sample["real_B"]) < 100]
    assert len(alone) / 300 == pytest.approx(0.5, abs=0.1)
    assert all(sample["paired"] == 0 and not sample["truth"].any() for sample in alone)
    natural = SignatureData(read(root), ALL, seed=3, unpaired_share=0.0)
    share = np.mean([grey(natural[i]["real_B"]) < 100 for i in range(300)])
    assert share == pytest.approx(2 / 7, abs=0.1)


def test_domain_a_is_drawn_independently_of_b(root: Path) -> None:
    data = SignatureData(read(root), ALL, seed=4, unpaired_share=0)
    pairs = {(grey(data[i]["real_A"]) - 200, grey(data[i]["real_B"]) - 100) for i in range(400)}
    assert len({pair for pair in pairs if pair[1] > 0}) == 25


def test_a_pair_is_cut_and_mirrored_alike(root: Path) -> None:
    data = SignatureData(read(root), cutting(24, 16, True), 5, paired_only=True)
    mirrored = set()
    for i in range(40):
        noisy, truth = data[i]["real_B"], data[i]["truth"]
        assert noisy.shape == truth.shape == (3, 16, 24)
        assert torch.equal(noisy[[0, 2]], truth[[0, 2]])  # the gradients: where it was cut
        mirrored.add(bool(noisy[0, 8, 0] > noisy[0, 8, -1]))
    assert mirrored == {True, False}


def test_cuts_lie_on_the_content_and_reach_all_of_it(root: Path) -> None:
    data = SignatureData(read(root), cutting(16, 16), 6, paired_only=True)
    rows, columns = set(), set()
    for i in range(300):
        cut = data[i]["real_B"]
        assert (cut[1] > 0).all(), "no row of the strips while the content fills the cut"
        rows |= set(cut[2].unique().tolist())
        columns |= set(cut[0].unique().tolist())
    assert rows == set(range(1, SIDE - 2 * STRIP + 1))
    assert columns == set(range(1, SIDE + 1))


def test_a_cut_taller_than_the_content_holds_all_of_it(root: Path) -> None:
    data = SignatureData(read(root), cutting(16, 48), 7, paired_only=True)
    for i in range(40):
        content = (data[i]["real_B"][1] > 0).all(dim=1)
        assert content.sum() == SIDE - 2 * STRIP


def test_crop_sizes_are_a_side_or_width_by_height(root: Path) -> None:
    assert Crop.parse("256") == Crop(256, 256)
    assert Crop.parse("512x256", flip=True) == Crop(512, 256, flip=True)
    assert Crop.parse("0").within(SIDE) == (SIDE, SIDE)
    for wrong in ("", "x", "big", "-1", "1x2x3", "0x256", "256x", "1.5", "²"):
        with pytest.raises(DataError, match="crop_size"):
            Crop.parse(wrong)
    with pytest.raises(DataError, match="does not fit"):
        Crop.parse("32x128").within(SIDE)


def positions(sampler: StepSampler, steps: int) -> list[list[int]]:
    return list(islice(iter(sampler), steps))


def test_two_processes_of_two_share_what_one_of_four_sees() -> None:
    alone = positions(StepSampler(4), 5)
    shares = [positions(StepSampler(2, 0, rank, 2), 5) for rank in (0, 1)]
    joined = [left + right for left, right in zip(*shares, strict=True)]
    assert joined == alone
    assert [position for step in alone for position in step] == list(range(20))


def test_a_stream_that_begins_later_continues() -> None:
    for rank in (0, 1):
        whole = positions(StepSampler(3, 0, rank, 2), 9)
        assert positions(StepSampler(3, 5, rank, 2), 4) == whole[5:]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_are_the_samples_of_their_positions(root: Path, workers: int) -> None:
    data = SignatureData(read(root), cutting(16, 16, True), 8)
    batches = stream(data, StepSampler(2, start=3), workers, BadFiles(0))
    for first in (6, 8, 10):
        batch = next(batches)
        for name, tensor in batch.items():
            expected = torch.stack([data[first][name], data[first + 1][name]])
            assert torch.equal(tensor, expected)


def test_streaming_does_not_touch_the_generator_that_resuming_restores(root: Path) -> None:
    before = torch.get_rng_state()
    next(stream(SignatureData(read(root), ALL, 8), StepSampler(1), 0, BadFiles(0)))
    assert torch.equal(torch.get_rng_state(), before)


# --- broken files -------------------------------------------------------------------------------


def break_pictures(root: Path, *numbers: int) -> None:
    for i in numbers:
        (root / "trainB" / f"p{i}.png").write_bytes(b"\x89PNG broken")


def first_batches(root: Path, workers: int, bad: BadFiles, start: int = 0) -> list[int]:
    """The greys of B in five batches of two, of pairs alone."""
    data = SignatureData(read(root), ALL, 9, paired_only=True)
    batches = islice(stream(data, StepSampler(2, start), workers, bad), 5)
    return [grey(picture) for batch in batches for picture in batch["real_B"]]


def test_a_broken_picture_is_named_once_and_the_next_one_takes_its_place(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = first_batches(root, 0, BadFiles(0))
    break_pictures(root, 2)
    bad = BadFiles(1)
    assert first_batches(root, 0, bad) == [103 if one == 102 else one for one in sound]
    said = capsys.readouterr().err
    assert said == (f"skipped: {root / 'trainB' / 'p2.png'} is not a picture that can be read\n")
    assert len(bad.found) == 1


def test_resumed_and_with_workers_the_same_pictures_take_their_places(root: Path) -> None:
    break_pictures(root, 2, 3)
    whole = first_batches(root, 0, BadFiles(2))
    assert first_batches(root, 2, BadFiles(2)) == whole
    assert first_batches(root, 1, BadFiles(2), start=2)[:6] == whole[4:]


@pytest.mark.parametrize("workers", [0, 2])
def test_more_broken_pictures_than_allowed_end_the_run(root: Path, workers: int) -> None:
    break_pictures(root, 2, 3)
    with pytest.raises(SigcleanError, match="no more than 1 broken files") as caught:
        first_batches(root, workers, BadFiles(1))
    assert str(caught.value).startswith(str(root / "trainB" / "p"))
    assert "\n" not in str(caught.value)


def test_a_domain_of_broken_pictures_alone_ends_the_run(root: Path) -> None:
    break_pictures(root, 1, 2, 3, 4, 5)
    with pytest.raises(SigcleanError, match="none of 5 pictures can be read"):
        first_batches(root, 0, BadFiles(100))


def test_a_pair_of_two_sizes_is_broken(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root / "trainB" / "p3.png", 103, side=2 * SIDE)
    assert 103 not in first_batches(root, 0, BadFiles(1))
    assert "p3.png is 128x128, but its truth" in capsys.readouterr().err


def test_a_broken_picture_of_domain_a_is_replaced_too(root: Path) -> None:
    (root / "trainA" / "p1.png").write_bytes(b"")
    bad = BadFiles(2)
    data = SignatureData(read(root), ALL, 9)
    batch = next(stream(data, StepSampler(24), 0, bad))
    assert {grey(one) for one in batch["real_A"]} == {202, 203, 204, 205}
    assert bad.found == [f"{root / 'trainA' / 'p1.png'} is empty (0 bytes)"]


# --- processes that read ------------------------------------------------------------------------

READER = """
import sys
from sigclean.errors import SigcleanError
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.sources import open_sides
from sigclean.training.data.stream import *
from sigclean.training.options import TrainConfig
config = TrainConfig(dataroot=sys.argv[1], crop_size="0")
data = SignatureData.of(config, open_sides(config, test=False)[0], paired_only=True)
batches = stream(data, StepSampler(1), 2, BadFiles(0))
try:
    for batch in batches:
        print("batch", flush=True)
        sys.stdin.readline()
except SigcleanError as error:
    print(error, flush=True)
except RuntimeError as error:
    print(reader_ended(error) or repr(error), flush=True)
"""


@pytest.fixture
def reader(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that reads a batch for every line, with two workers; one is read."""
    process = subprocess.Popen(
        [sys.executable, "-c", READER, str(root)], stdin=subprocess.PIPE, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "batch\n"
    yield process
    process.kill()
    process.communicate()


def children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended just now
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def wait_until_gone(processes: list[int]) -> None:
    wait_until(lambda: not any(Path(f"/proc/{one}").exists() for one in processes))


def next_batch(reader: subprocess.Popen[str]) -> str:
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write("\n")
    reader.stdin.flush()
    return reader.stdout.readline()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_workers_end_when_their_parent_is_killed(reader: subprocess.Popen[str]) -> None:
    workers = children(reader.pid)
    assert len(workers) == 2
    reader.kill()
    reader.wait()
    wait_until_gone(workers)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_workers_leave_a_signal_to_their_parent(
    reader: subprocess.Popen[str], number: signal.Signals
) -> None:
    for worker in children(reader.pid):
        os.kill(worker, number)
    assert [next_batch(reader) for _ in range(20)] == ["batch\n"] * 20


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_workers_end_with_a_parent_that_ends_in_order(reader: subprocess.Popen[str]) -> None:
    workers = children(reader.pid)
    reader.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in reader.communicate(timeout=60)[1]
    wait_until_gone(workers)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_a_killed_worker_is_reported_in_one_sentence(reader: subprocess.Popen[str]) -> None:
    os.kill(children(reader.pid)[0], signal.SIGKILL)
    answers = (next_batch(reader) for _ in range(100))  # some batches were read ahead
    said = next(answer for answer in answers if answer != "batch\n")
    assert said, reader.communicate(timeout=60)[1]
    assert said.startswith("a process that reads pictures was killed, perhaps for want of memory: ")
    assert reader.communicate(timeout=60)[1] == ""


# --- pairs --------------------------------------------------------------------------------------


def test_pairs_are_needed_where_only_pairs_count(root: Path) -> None:
    for path in (root / "trainB").glob("p*"):
        path.unlink()
    domains = read(root)
    with pytest.raises(DataError, match="same name"):
        SignatureData(domains, ALL, 0, paired_only=True)
    assert {grey(SignatureData(domains, ALL, 0)[i]["real_B"]) for i in range(20)} == {1, 2}


def test_black_and_white_are_minus_one_and_one() -> None:
    extremes = to_range(torch.tensor([0, 255], dtype=torch.uint8))
    assert extremes.tolist() == [-1, 1]
