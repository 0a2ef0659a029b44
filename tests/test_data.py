"""What step N of training sees: the pictures of a data set, in a stream that can be resumed."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sigclean.errors import DataError
from sigclean.training.data import (
    Crop,
    Domains,
    SignatureData,
    StepSampler,
    read_square,
    stream,
    to_range,
)

SIDE = 64
STRIP = 16  # rows of black above and below every picture
ALL = Crop()


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
    """Which picture of `write` it is."""
    return int(picture[1].max())


def test_pictures_of_one_name_are_pairs_and_the_others_of_b_stand_alone(root: Path) -> None:
    domains = Domains.read(root, "train")
    assert [(noisy.name, truth.name) for noisy, truth in domains.pairs] == [
        (f"p{i}.png", f"p{i}.png") for i in range(1, 6)
    ]
    assert [path.name for path in domains.unpaired] == ["real-1.png", "real-2.png"]
    assert (len(domains.clean), domains.size) == (5, SIDE)


def test_an_epoch_shows_each_pair_once_with_its_truth_in_an_order_of_its_own(root: Path) -> None:
    data = SignatureData(Domains.read(root, "train"), ALL, seed=1, paired_only=True)
    samples = [data[i] for i in range(50)]
    for sample in samples:
        assert grey(sample["truth"]) == grey(sample["real_B"]) + 100
        assert sample["paired"] == 1
    orders = [tuple(grey(s["real_B"]) for s in samples[i : i + 5]) for i in range(0, 50, 5)]
    assert all(set(order) == set(range(101, 106)) for order in orders)
    assert len(set(orders)) > 5


def test_a_sample_depends_on_seed_and_position_alone(root: Path) -> None:
    crop = Crop(24, 16, flip=True)
    first, again, other = (
        SignatureData(Domains.read(root, "train"), crop, seed=seed) for seed in (1, 1, 2)
    )
    [first[i] for i in range(7)]  # what was read before does not matter
    for position in (0, 3, 1000):
        for name, tensor in first[position].items():
            assert torch.equal(tensor, again[position][name])
    assert any(not torch.equal(first[i]["real_B"], other[i]["real_B"]) for i in range(5))


def test_real_pictures_have_at_least_their_share_and_no_truth(root: Path) -> None:
    data = SignatureData(Domains.read(root, "train"), ALL, seed=3, unpaired_share=0.5)
    samples = [data[i] for i in range(300)]
    alone = [sample for sample in samples if grey(sample["real_B"]) < 100]
    assert len(alone) / 300 == pytest.approx(0.5, abs=0.1)
    assert all(sample["paired"] == 0 and not sample["truth"].any() for sample in alone)
    natural = SignatureData(Domains.read(root, "train"), ALL, seed=3, unpaired_share=0.0)
    share = np.mean([grey(natural[i]["real_B"]) < 100 for i in range(300)])
    assert share == pytest.approx(2 / 7, abs=0.1)


def test_domain_a_is_drawn_independently_of_b(root: Path) -> None:
    data = SignatureData(Domains.read(root, "train"), ALL, seed=4, unpaired_share=0)
    pairs = {(grey(data[i]["real_A"]) - 200, grey(data[i]["real_B"]) - 100) for i in range(400)}
    assert len({pair for pair in pairs if pair[1] > 0}) == 25


def test_a_pair_is_cut_and_mirrored_alike(root: Path) -> None:
    data = SignatureData(Domains.read(root, "train"), Crop(24, 16, True), 5, paired_only=True)
    mirrored = set()
    for i in range(40):
        noisy, truth = data[i]["real_B"], data[i]["truth"]
        assert noisy.shape == truth.shape == (3, 16, 24)
        assert torch.equal(noisy[[0, 2]], truth[[0, 2]])  # the gradients: where it was cut
        mirrored.add(bool(noisy[0, 8, 0] > noisy[0, 8, -1]))
    assert mirrored == {True, False}


def test_cuts_lie_on_the_content_and_reach_all_of_it(root: Path) -> None:
    data = SignatureData(Domains.read(root, "train"), Crop(16, 16), 6, paired_only=True)
    rows, columns = set(), set()
    for i in range(300):
        cut = data[i]["real_B"]
        assert (cut[1] > 0).all(), "no row of the strips while the content fills the cut"
        rows |= set(cut[2].unique().tolist())
        columns |= set(cut[0].unique().tolist())
    assert rows == set(range(1, SIDE - 2 * STRIP + 1))
    assert columns == set(range(1, SIDE + 1))


def test_a_cut_taller_than_the_content_holds_all_of_it(root: Path) -> None:
    data = SignatureData(Domains.read(root, "train"), Crop(16, 48), 7, paired_only=True)
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


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_the_samples_of_their_positions(root: Path, workers: int) -> None:
    data = SignatureData(Domains.read(root, "train"), Crop(16, 16, True), 8)
    batches = stream(data, StepSampler(2, start=3), workers)
    for first in (6, 8):
        batch = next(batches)
        for name, tensor in batch.items():
            expected = torch.stack([data[first][name], data[first + 1][name]])
            assert torch.equal(tensor, expected)


def test_streaming_does_not_touch_the_generator_that_resuming_restores(root: Path) -> None:
    before = torch.get_rng_state()
    next(stream(SignatureData(Domains.read(root, "train"), ALL, 8), StepSampler(1), 0))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("fault", ["cannot be read", "is 128x128"])
def test_a_picture_that_does_not_fit_is_one_sentence(root: Path, workers: int, fault: str) -> None:
    domains = Domains.read(root, "train")
    for i in range(1, 6):
        if fault == "cannot be read":
            (root / "trainB" / f"p{i}.png").write_bytes(b"\x89PNG broken")
        else:
            write(root / "trainB" / f"p{i}.png", 9, side=2 * SIDE)
    data = SignatureData(domains, ALL, 9, paired_only=True)
    with pytest.raises(DataError) as caught:
        next(stream(data, StepSampler(1), workers))
    message = str(caught.value)
    assert message.startswith(str(root / "trainB" / "p"))
    assert fault in message
    assert "\n" not in message


def test_a_missing_or_empty_domain_is_an_error(root: Path) -> None:
    with pytest.raises(DataError, match="testA does not exist"):
        Domains.read(root, "test")
    (root / "testA").mkdir()
    (root / "testB").mkdir()
    with pytest.raises(DataError, match="testA holds no pictures"):
        Domains.read(root, "test")


def test_a_picture_that_is_no_square_is_an_error(root: Path) -> None:
    Image.new("RGB", (64, 32)).save(root / "trainA" / "a.png")
    with pytest.raises(DataError, match=r"a\.png is 64x32"):
        Domains.read(root, "train")


def test_pairs_are_needed_where_only_pairs_count(root: Path) -> None:
    for path in (root / "trainB").glob("p*"):
        path.unlink()
    domains = Domains.read(root, "train")
    with pytest.raises(DataError, match="same name"):
        SignatureData(domains, ALL, 0, paired_only=True)
    assert {grey(SignatureData(domains, ALL, 0)[i]["real_B"]) for i in range(20)} == {1, 2}


def test_black_and_white_are_minus_one_and_one(root: Path) -> None:
    square = read_square(root / "trainA" / "p1.png", SIDE)
    assert (square.dtype, tuple(square.shape)) == (torch.uint8, (3, SIDE, SIDE))
    extremes = to_range(torch.tensor([0, 255], dtype=torch.uint8))
    assert extremes.tolist() == [-1, 1]
