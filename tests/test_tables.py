"""Data sets of the `datasets` library, local or of a Hub on loopback; streamed or not."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dataset_hub import DatasetHub
from PIL import Image
from runs import open_domains
from torch import Tensor

from sigclean.drawn import draw_signature
from sigclean.errors import DataError, SigcleanError
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.stream import SignatureData, StepSampler, stream
from sigclean.training.options import TrainConfig

SMALL: dict[str, Any] = {"size": 64, "crop_size": "32", "noise": "seed", "seed": 3}


def png(grey: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (96, 48), (grey, grey, grey)).save(file, "PNG")
    return file.getvalue()


def signature(number: int) -> bytes:
    file = io.BytesIO()
    draw_signature(np.random.default_rng(number), 100).save(file, "PNG")
    return file.getvalue()


def write_table(path: Path, columns: dict[str, list[bytes | None]]) -> Path:
    """A Parquet file whose columns hold pictures, as the library itself writes it."""
    from datasets import Dataset, Features, Image, disable_progress_bars

    disable_progress_bars()
    rows = {
        name: [content and {"bytes": content, "path": None} for content in column]
        for name, column in columns.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    table = Dataset.from_dict(rows, features=Features(dict.fromkeys(columns, Image())))
    table.to_parquet(str(path))
    return path


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the library's prepared files in a folder of the tests, and the library off the Hub."""
    import datasets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        yield


@pytest.fixture(scope="module")
def signatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen clean pictures in one column."""
    root = tmp_path_factory.mktemp("signatures")
    write_table(root / "train.parquet", {"image": [signature(i) for i in range(13)]})
    return root


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pairs: noisy 101 to 109, clean 201 to 209; two of a test split, 151 and 251."""
    root = tmp_path_factory.mktemp("pairs")
    for split, numbers in (("train", range(1, 10)), ("test", range(51, 53))):
        columns = {
            "scan": [png(100 + i) for i in numbers],
            "clean": [png(min(200 + i, 255)) for i in numbers],
        }
        write_table(root / f"{split}.parquet", columns)
    return root


def grey(picture: Tensor) -> int:
    return int(picture.max())


def batches(
    config: TrainConfig, count: int, size: int = 4, *, bad: BadFiles | None = None,
    start: int = 0, rank: int = 0, world: int = 1, workers: int = 0,
) -> list[dict[str, Tensor]]:  # fmt: skip
    data = SignatureData.of(config, open_domains(config, "train"), paired_only=False)
    sampler = StepSampler(size, start, rank, world)
    return list(islice(stream(data, sampler, workers, bad or BadFiles(0)), count))


def joined(found: list[dict[str, Tensor]]) -> Tensor:
    return torch.cat([torch.cat([one["real_A"], one["real_B"], one["truth"]], 1) for one in found])


# --- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("streaming", [False, True])
def test_two_columns_are_pairs(pairs: Path, streaming: bool) -> None:
    config = TrainConfig(dataset=str(pairs), streaming=streaming, **SMALL)
    epoch = batches(config, 3, 3)
    noisy = [grey(one) for batch in epoch for one in batch["real_B"]]
    truth = [grey(one) for batch in epoch for one in batch["truth"]]
    assert sorted(noisy) == list(range(101, 110))
    assert truth == [one + 100 for one in noisy]
    assert noisy != sorted(noisy), "shuffled"
    assert {grey(one) for batch in epoch for one in batch["real_A"]} <= set(range(201, 210))


@pytest.mark.parametrize("streaming", [False, True])
def test_a_test_split_is_the_test_side(pairs: Path, streaming: bool) -> None:
    config = TrainConfig(dataset=str(pairs), streaming=streaming, **SMALL)
    test = open_domains(config, "test")
    assert test is not None
    assert [[grey(one) for one in pair] for pair in test.pairs] == [[151, 251], [152, 252]]


@pytest.mark.parametrize("streaming", [False, True])
def test_one_column_is_clean_and_noise_is_made_on_the_fly(
    signatures: Path, streaming: bool
) -> None:
    config = TrainConfig(
        dataset=str(signatures), streaming=streaming, test_fraction=0, serial_batches=True, **SMALL
    )
    first, again = batches(config, 2, 13)
    assert first["paired"].tolist() == [1] * 13
    assert (first["truth"] != first["real_B"]).flatten(1).any(1).all()
    assert not any(map(torch.equal, first["real_B"], again["real_B"])), "new in every epoch"


@pytest.mark.parametrize("streaming", [False, True])
def test_without_a_test_split_a_share_is_held_out(signatures: Path, streaming: bool) -> None:
    config = TrainConfig(
        dataset=str(signatures), streaming=streaming, test_fraction=0.4, serial_batches=True,
        no_flip=True, **{**SMALL, "crop_size": "0"},
    )  # fmt: skip
    test = open_domains(config, "test")
    assert test is not None
    held_out = len(test.pairs)
    assert 0 < held_out < 13
    again = open_domains(config, "test")
    assert again is not None
    assert all(map(torch.equal, test.pairs[0], again.pairs[0]))
    rows = open_domains(TrainConfig(dataset=str(signatures), test_fraction=0, **SMALL), "train")
    truths = [rows.pairs[i][1] for i in range(13)]
    shown = [truth for truth in truths if any(torch.equal(truth, pair[1]) for pair in test.pairs)]
    assert len(shown) == held_out


@pytest.mark.parametrize("columns", ["pairs", "signatures"])
def test_in_order_a_stream_is_the_table(pairs: Path, signatures: Path, columns: str) -> None:
    root = {"pairs": pairs, "signatures": signatures}[columns]
    config = {"dataset": str(root), "serial_batches": True, "test_fraction": 0.3, **SMALL}
    table = batches(TrainConfig(**config), 5)
    streamed = batches(TrainConfig(**config, streaming=True), 5)
    assert torch.equal(joined(streamed), joined(table))


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0, 0.3], ids=["length known", "length unknown"])
@pytest.mark.parametrize("streaming", [False, True])
def test_workers_processes_and_resuming_change_nothing(
    signatures: Path, streaming: bool, fraction: float
) -> None:
    config = TrainConfig(
        dataset=str(signatures), streaming=streaming, test_fraction=fraction, **SMALL
    )
    whole = batches(config, 9)  # nearly three epochs
    assert torch.equal(joined(batches(config, 2, start=7, workers=2)), joined(whole[7:]))
    halves = [batches(config, 9, 2, rank=rank, world=2, workers=rank) for rank in (0, 1)]
    shares = [joined([left, right]) for left, right in zip(*halves, strict=True)]
    assert torch.equal(torch.cat(shares), joined(whole))


def test_every_epoch_of_a_stream_has_an_order_of_its_own(pairs: Path) -> None:
    config = TrainConfig(dataset=str(pairs), streaming=True, **SMALL)
    orders = {tuple(grey(one) for one in b["real_B"]) for b in batches(config, 6, 9)}
    assert all(set(order) == set(range(101, 110)) for order in orders)
    assert len(orders) > 3


def test_max_dataset_size_limits_the_rows(pairs: Path) -> None:
    for streaming in (False, True):
        config = TrainConfig(dataset=str(pairs), streaming=streaming, max_dataset_size=2, **SMALL)
        assert {grey(one) for b in batches(config, 3) for one in b["real_B"]} == {101, 102}


def test_a_slice_of_a_split_can_be_named(pairs: Path) -> None:
    config = TrainConfig(dataset=str(pairs), dataset_split="train[2:4]", **SMALL)
    assert [grey(one) for one in open_domains(config, "train").clean] == [203, 204]


def test_a_stream_is_as_long_as_its_description_says_or_of_unknown_length(
    pairs: Path, tmp_path: Path
) -> None:
    def pictures(root: Path) -> int | None:
        return open_domains(
            TrainConfig(dataset=str(root), streaming=True, **SMALL), "train"
        ).pictures

    write_table(tmp_path / "data" / "train.parquet", {"image": [signature(i) for i in range(3)]})
    assert pictures(tmp_path) is None
    (tmp_path / "README.md").write_text(
        "---\ndataset_info:\n  features:\n  - name: image\n    dtype: image\n  splits:\n"
        "  - name: train\n    num_bytes: 1\n    num_examples: 30\n---\n"
    )
    assert pictures(tmp_path) == 27, "less the share that is held out"


# --- broken rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("streaming", [False, True])
def test_a_broken_row_is_named_and_the_next_one_takes_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], streaming: bool
) -> None:
    clean = [png(201), b"no picture", None, png(204)]
    write_table(
        tmp_path / "train.parquet",
        {"clean": clean, "noisy": [png(100 + i) for i in range(1, 5)]},
    )
    config = TrainConfig(
        dataset=str(tmp_path), streaming=streaming, serial_batches=True, test_fraction=0, **SMALL
    )
    bad = BadFiles(2)
    found = batches(config, 1, 8, bad=bad)
    assert [grey(one) for one in found[0]["truth"]] == [201, 204, 204, 204] * 2
    assert len(bad.found) == 2
    assert "(clean) is not a picture that can be read" in capsys.readouterr().err
    with pytest.raises(SigcleanError, match="no more than 1 broken files"):
        batches(config, 1, 8, bad=BadFiles(1))


# --- invalid options ----------------------------------------------------------------------------


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "/nowhere/at/all"}, "--dataset /nowhere/at/all: .*"),
        ({"dataset": "nobody/nothing"}, "--dataset nobody/nothing: .*(reach|exist)"),
        ({"dataset_split": "valid"}, "valid"),
        ({"dataset_config": "large"}, "large"),
        ({"clean_column": "paper"}, "--clean_column paper: .* but scan, clean"),
        ({"noisy_column": "paper"}, "--noisy_column paper: .* but scan, clean"),
        ({"clean_column": "scan", "noisy_column": "scan"}, "has the columns scan, clean: say"),
        ({"direction": "BtoA"}, "--direction BtoA needs a --dataroot"),
    ],
)
def test_invalid_options_are_reported_in_one_sentence(
    pairs: Path, changes: dict[str, Any], words: str, streaming: bool
) -> None:
    config = TrainConfig(**{"dataset": str(pairs), "streaming": streaming, **SMALL, **changes})
    with pytest.raises(DataError, match=words) as caught:
        open_domains(config, "train")
    assert "\n" not in str(caught.value)


def test_columns_that_are_no_pictures_are_named(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("name,age\nx,3\n")
    with pytest.raises(DataError, match="no column of pictures: its columns are name, age"):
        open_domains(TrainConfig(dataset=str(tmp_path), **SMALL), "train")


def test_two_of_three_columns_of_pictures_must_be_named(tmp_path: Path) -> None:
    write_table(tmp_path / "train.parquet", {name: [png(9)] for name in ("x", "y", "z")})
    with pytest.raises(DataError, match="has the columns x, y, z: say with --clean_column"):
        open_domains(TrainConfig(dataset=str(tmp_path), **SMALL), "train")
    named = TrainConfig(dataset=str(tmp_path), clean_column="z", noisy_column="x", **SMALL)
    assert open_domains(named, "train").pictures == 1


def test_streamed_pictures_without_a_crop_size_are_refused(pairs: Path) -> None:
    config = TrainConfig(dataset=str(pairs), streaming=True, preprocess="none")
    with pytest.raises(DataError, match="a stream may have pictures of every size"):
        open_domains(config, "train")


# --- a Hub --------------------------------------------------------------------------------------

CLIENT = """
import json, sys
from itertools import islice
from sigclean.errors import DataError
from sigclean.training.data.bad_files import BadFiles
from sigclean.training.data.sources import open_sides
from sigclean.training.data.stream import *
from sigclean.training.options import TrainConfig
config = TrainConfig(**json.loads(sys.argv[1]))
try:
    data = SignatureData.of(config, open_sides(config, test=False)[0], paired_only=False)
except DataError as error:
    print(error)
else:
    batches = islice(stream(data, StepSampler(4), 1, BadFiles(0)), 3)
    print([[int(one.sum()) for one in batch["real_B"]] for batch in batches])
"""


def client(hub: DatasetHub, home: Path, **options: Any) -> str:
    config = {"dataset": "me/signatures", "serial_batches": True, **SMALL, **options}
    result = subprocess.run(
        [sys.executable, "-c", CLIENT, json.dumps(config)], capture_output=True, text=True,
        env={**hub.environment(home), "OMP_NUM_THREADS": "1"}, timeout=120,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "pictures"])
def test_a_data_set_of_the_hub_is_loaded_or_streamed(
    signatures: Path, tmp_path: Path, kind: str
) -> None:
    files = {f"train/{i}.png": signature(i) for i in range(6)}
    if kind == "parquet":
        files = {"data/train-00000-of-00001.parquet": (signatures / "train.parquet").read_bytes()}
    with DatasetHub("me/signatures", files) as hub:
        loaded = client(hub, tmp_path / "loaded")
        assert loaded.startswith("[[")
        assert client(hub, tmp_path / "streamed", streaming=True) == loaded
        assert not list((tmp_path / "streamed").rglob("*.arrow")), "nothing is kept on disk"


@pytest.mark.slow
def test_a_private_data_set_needs_its_token(signatures: Path, tmp_path: Path) -> None:
    files = {"train.parquet": (signatures / "train.parquet").read_bytes()}
    with DatasetHub("me/signatures", files, token="hf_mine") as hub:
        refused = client(hub, tmp_path)
        assert refused.startswith("--dataset me/signatures: ")
        assert "doesn't exist on the Hub or cannot be accessed" in refused
        assert client(hub, tmp_path, hub_token="hf_mine", streaming=True).startswith("[[")
