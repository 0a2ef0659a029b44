"""Training pictures come from folders, from clean pictures alone, or are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from runs import open_domains
from torch import Tensor

from sigclean.corpus.prepare import Recipe, prepare
from sigclean.drawn import draw_signature
from sigclean.errors import DataError, SigcleanError
from sigclean.letterbox import Letterbox
from sigclean.noise import find_material
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.sources import open_sides
from sigclean.training.data.stream import SignatureData, StepSampler, stream
from sigclean.training.options import TrainConfig

SMALL: dict[str, Any] = {"size": 64, "crop_size": "32", "noise": "seed,rules", "seed": 3}


def grey_file(path: Path, grey: int, width: int = 64, height: int = 64) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (grey, grey, grey)).save(path)


@pytest.fixture
def paired(tmp_path: Path) -> Path:
    """Pairs a, c (clean 201, 203; noisy 101, 103) of 64 pixels; b (2) is noisy without a truth."""
    for name, clean, noisy in (("a", 201, 101), ("b", 0, 2), ("c", 203, 103)):
        grey_file(tmp_path / "trainB" / f"{name}.png", noisy)
        if clean:
            grey_file(tmp_path / "trainA" / f"{name}.png", clean)
    return tmp_path


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve signatures, two of them in a folder of their own."""
    root = tmp_path_factory.mktemp("clean")
    (root / "more").mkdir()
    for i in range(12):
        folder = root / "more" if i > 9 else root
        draw_signature(np.random.default_rng(i), 120).save(folder / f"{i:02d}.png")
    return root


def grey(picture: Tensor) -> int:
    return int(picture.max())


def batch(config: TrainConfig, size: int, start: int = 0) -> dict[str, Tensor]:
    data = SignatureData.of(config, open_domains(config, "train"), paired_only=False)
    return next(stream(data, StepSampler(size, start), 0, BadFiles(0)))


# --- trainA, trainB -----------------------------------------------------------------------------


def test_in_order_a_and_b_have_the_same_index(paired: Path) -> None:
    grey_file(paired / "trainA" / "b.png", 202)
    grey_file(paired / "trainB" / "aa.png", 9)
    config = TrainConfig(dataroot=str(paired), crop_size="0", serial_batches=True)
    found = batch(config, 5)
    assert [grey(one) for one in found["real_A"]] == [201, 202, 203, 201, 202]
    assert [grey(one) for one in found["real_B"]] == [101, 9, 2, 103, 101]
    assert found["paired"].tolist() == [1, 0, 1, 1, 1]


def test_the_other_direction_swaps_the_domains(paired: Path) -> None:
    domains = open_domains(
        TrainConfig(dataroot=str(paired), crop_size="0", direction="BtoA"), "train"
    )
    assert {grey(one) for one in domains.clean} == {101, 2, 103}
    assert [(grey(noisy), grey(truth)) for noisy, truth in domains.pairs] == [
        (201, 101),
        (203, 103),
    ]


def test_names_in_sub_folders_are_of_those_folders(paired: Path) -> None:
    config = TrainConfig(dataroot=str(paired), crop_size="0")
    grey_file(paired / "trainA" / "sub" / "b.png", 1)
    assert len(open_domains(config, "train").pairs) == 2
    grey_file(paired / "trainB" / "sub" / "b.png", 2)
    assert len(open_domains(config, "train").pairs) == 3


def test_max_dataset_size_limits_the_pictures_of_each_domain(paired: Path) -> None:
    config = TrainConfig(dataroot=str(paired), crop_size="0", max_dataset_size=1)
    domains = open_domains(config, "train")
    assert (len(domains.clean), len(domains.pairs), len(domains.unpaired)) == (1, 1, 0)
    assert not domains.on_the_fly


def test_the_test_side_is_that_of_the_folders_or_there_is_none(paired: Path) -> None:
    config = TrainConfig(dataroot=str(paired), crop_size="0")
    assert open_domains(config, "test") is None
    for domain in "AB":
        (paired / f"test{domain}").mkdir()
    assert open_domains(config, "test") is None
    for domain, level in (("A", 99), ("B", 55)):
        grey_file(paired / f"test{domain}" / "t.png", level, 30, 60)
    test = open_domains(config, "test")
    assert test is not None
    assert [grey(one) for one in test.pairs[0]] == [55, 99]
    assert test.pairs[0][0].shape == (3, 64, 64), "the training pictures' square"


# --- sizes --------------------------------------------------------------------------------------


def test_the_square_is_the_data_sets_or_512(paired: Path, clean: Path) -> None:
    def size(**options: Any) -> int:
        return open_domains(TrainConfig(crop_size="0", **options), "train").size

    assert size(dataroot=str(paired)) == 64
    assert size(dataroot=str(paired), size=128) == 128
    assert size(dataroot=str(clean)) == 512
    grey_file(paired / "trainB" / "wide.png", 50, 64, 32)
    assert size(dataroot=str(paired)) == 512


def test_pictures_that_are_no_squares_are_letterboxed_to_the_load_size(tmp_path: Path) -> None:
    for domain in "AB":
        grey_file(tmp_path / f"train{domain}" / "a.png", 200, 100, 40)
    config = TrainConfig(dataroot=str(tmp_path), size=128, load_size=64, crop_size="0")
    found = batch(config, 1)
    expected, _ = Letterbox(64).fit(Image.new("RGB", (100, 40), (200, 200, 200)))
    for name in ("real_A", "real_B", "truth"):
        assert np.array_equal(found[name][0].permute(1, 2, 0), expected)
    assert open_domains(config, "train").pairs[0][0].shape == (3, 128, 128)


def test_cropping_alone_scales_nothing_and_pads_what_is_smaller(tmp_path: Path) -> None:
    gradient = np.zeros((40, 200, 3), np.uint8)
    gradient[:] = np.arange(1, 201)[None, :, None]
    for domain in "AB":
        (tmp_path / f"train{domain}").mkdir()
        Image.fromarray(gradient).save(tmp_path / f"train{domain}" / "a.png")
    config = TrainConfig(dataroot=str(tmp_path), preprocess="crop", crop_size="64", no_flip=True)
    picture = batch(config, 1)["real_B"][0]
    assert picture.shape == (3, 64, 64)
    assert not picture[:, :12].any()
    assert not picture[:, -12:].any()
    row = picture[0, 12].int()
    assert (row[1:] - row[:-1] == 1).all()


def test_a_picture_turned_by_its_camera_is_as_wide_as_it_is_shown(tmp_path: Path) -> None:
    for domain in "AB":
        (tmp_path / f"train{domain}").mkdir()
        picture = Image.new("RGB", (48, 32), "white")
        exif = picture.getexif()
        exif[0x0112] = 6
        picture.save(tmp_path / f"train{domain}" / "a.jpg", exif=exif)
    config = TrainConfig(dataroot=str(tmp_path), preprocess="none")
    assert list(open_domains(config, "train").shapes) == [(32, 48)]
    assert batch(config, 1)["real_B"].shape == (1, 3, 48, 32)


def test_pictures_as_they_are_must_be_of_one_size_in_a_batch(paired: Path) -> None:
    grey_file(paired / "trainA" / "z.png", 1, 96, 64)
    one = TrainConfig(dataroot=str(paired), preprocess="none")
    assert set(open_domains(one, "train").shapes) == {(64, 64), (96, 64)}
    with pytest.raises(DataError, match=r"a\.png is 64x64 and .*z\.png 96x64: a batch of 2"):
        open_domains(TrainConfig(dataroot=str(paired), preprocess="none", batch_size=2), "train")


# --- clean pictures alone -----------------------------------------------------------------------


def test_clean_pictures_are_placed_and_made_noisy_with_their_truth(clean: Path) -> None:
    config = TrainConfig(dataroot=str(clean), test_fraction=0, **{**SMALL, "noise": "seed"})
    found = batch(config, 8)
    assert found["paired"].tolist() == [1] * 8
    assert (found["truth"] >= found["real_B"]).float().mean() > 0.99, "noise only darkens here"
    assert (found["truth"] != found["real_B"]).flatten(1).any(1).all()


def test_noise_is_new_in_every_epoch_and_the_same_again_when_resumed(clean: Path) -> None:
    config = TrainConfig(
        dataroot=str(clean), test_fraction=0, serial_batches=True, no_flip=True,
        **{**SMALL, "crop_size": "0"},
    )  # fmt: skip
    first, second = batch(config, 12), batch(config, 12, start=1)
    assert not any(
        torch.equal(one, other)
        for one, other in zip(first["real_B"], second["real_B"], strict=True)
    )
    assert torch.equal(second["real_B"], batch(config, 12, start=1)["real_B"])


def test_the_test_side_is_held_out_and_equals_what_prepare_writes(
    clean: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"noise": ("seed", "rules"), "test_fraction": 0.4, "seed": 3}
    prepare(clean, tmp_path, Recipe(size=64, **options), material=find_material())
    written = sorted((tmp_path / "testB").iterdir())
    config = TrainConfig(dataroot=str(clean), test_fraction=0.4, **SMALL)
    test, train = open_domains(config, "test"), open_domains(config, "train")
    assert test is not None
    assert len(test.pairs) == len(written) > 0
    assert len(train.pairs) == 12 - len(written)
    for place, path in enumerate(written):
        for picture, domain in zip(test.pairs[place], ("testB", "testA"), strict=True):
            with Image.open(tmp_path / domain / path.name) as expected:
                assert np.array_equal(picture.permute(1, 2, 0), expected)


def test_both_sides_are_opened_with_one_reading_of_every_file(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or read_bytes(path))
    config = TrainConfig(dataroot=str(clean), noisy=str(clean), test_fraction=0.4, **SMALL)
    train, test = open_sides(config, test=True)
    assert test is not None
    assert len(train.pairs) + len(test.pairs) == 12
    assert sorted(read) == sorted([*clean.rglob("*.png")] * 2), "as clean and as noisy pictures"


def test_real_noisy_pictures_join_b_without_a_truth(clean: Path, tmp_path: Path) -> None:
    for i in range(4):
        grey_file(tmp_path / f"{i}.png", 10 + i, 90, 30)
    config = TrainConfig(
        dataroot=str(clean), noisy=str(tmp_path), unpaired_share=0.5, test_fraction=0, **SMALL
    )
    found = batch(config, 60)
    alone = found["real_B"][found["paired"] == 0]
    assert len(alone) == pytest.approx(30, abs=12)
    assert {grey(one) for one in alone} == {10, 11, 12, 13}


def test_a_split_that_would_leave_nothing_to_train_on_holds_nothing_out(clean: Path) -> None:
    config = TrainConfig(dataroot=str(clean), test_fraction=0.999999, **SMALL)
    assert len(open_domains(config, "train").pairs) == 12
    assert open_domains(config, "test") is None


def test_a_picture_that_is_not_on_white_is_broken(clean: Path, tmp_path: Path) -> None:
    grey_file(tmp_path / "dark.png", 100)
    draw_signature(np.random.default_rng(0), 120).save(tmp_path / "good.png")
    config = TrainConfig(dataroot=str(tmp_path), test_fraction=0, **SMALL)
    bad = BadFiles(1)
    data = SignatureData.of(config, open_domains(config, "train"), paired_only=False)
    next(stream(data, StepSampler(6), 0, bad))
    assert bad.found == [f"{tmp_path / 'dark.png'} is not on white paper"]


# --- drawn --------------------------------------------------------------------------------------


def test_with_nothing_given_signatures_are_drawn(tmp_path: Path) -> None:
    config = TrainConfig(drawn=9, test_fraction=0, output_dir=str(tmp_path / "run"), **SMALL)
    domains = open_domains(config, "train")
    assert (domains.pictures, domains.on_the_fly) == (9, True)
    assert batch(config, 2)["real_B"].shape == (2, 3, 32, 32)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["paired", "clean", "drawn"])
def test_workers_processes_and_resuming_change_nothing(
    paired: Path, clean: Path, name: str
) -> None:
    root = {"paired": str(paired), "clean": str(clean), "drawn": ""}[name]
    config = TrainConfig(dataroot=root, drawn=6, **SMALL)
    data = SignatureData.of(config, open_domains(config, "train"), paired_only=False)

    def steps(count: int, batch: int, start: int, rank: int, world: int, workers: int) -> Tensor:
        batches = stream(data, StepSampler(batch, start, rank, world), workers, BadFiles(0))
        found = [next(batches) for _ in range(count)]
        return torch.stack([torch.cat([one["real_A"], one["real_B"]], 1) for one in found])

    whole = steps(4, 4, 0, 0, 1, 0)
    assert torch.equal(steps(2, 4, 2, 0, 1, 2), whole[2:])
    halves = [steps(4, 2, 0, rank, 2, rank) for rank in (0, 1)]
    assert torch.equal(torch.cat(halves, 1), whole)


# --- invalid options ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataroot": "nowhere"}, "nowhere does not exist"),
        ({"dataroot": "empty"}, "empty holds no pictures"),
        ({"dataroot": "half"}, "trainB does not exist"),
        ({"dataroot": "hollow"}, "trainB holds no pictures"),
        ({"noisy": "empty"}, "empty holds no pictures"),
        ({"direction": "BtoA"}, "--direction BtoA needs a --dataroot with trainA and trainB"),
        ({"preprocess": "none"}, "noise on the fly makes pages of every size"),
        ({"noise": "smoke"}, "unknown noise 'smoke'"),
        ({"fonts": "empty"}, "empty has no font"),
        ({"stamps": "nowhere"}, "nowhere does not exist"),
        ({"crop_size": "big"}, "--crop_size must be like"),
        ({"crop_size": "128", "load_size": 64}, "128x128 does not fit in pictures of 64x64"),
    ],
)
def test_invalid_options_are_reported_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    for folder in ("empty", "half/trainA", "hollow/trainA", "hollow/trainB"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("half", "hollow"):
        grey_file(tmp_path / folder / "trainA" / "a.png", 1)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SigcleanError, match=words) as caught:
        open_domains(TrainConfig(**{"drawn": 4, **changes}), "train")
    assert "\n" not in str(caught.value)
