"""Pictures in Parquet files, tar files and data sets: their results, and what is refused."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sigclean import SignatureCleaner
from sigclean.cli import main
from sigclean.drawn import draw_signature

ROWS = 40  # more than are read at once
NO_PICTURE = b"no picture"


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Drawn signatures of several sizes, as files."""
    return [encoded(draw_signature(np.random.default_rng(i), 90 + i, 40)) for i in range(ROWS)]


@pytest.fixture(scope="module")
def cleaner(eraser_weights: Path) -> SignatureCleaner:
    return SignatureCleaner.from_pretrained(eraser_weights, device="cpu")


@pytest.fixture
def clean(eraser_weights: Path) -> Callable[..., int]:
    model = ["--weights", str(eraser_weights), "--device", "cpu"]
    return lambda *words: main(["clean", *map(str, words), *model])


@pytest.fixture(scope="module", autouse=True)
def _offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    import datasets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        yield


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def parquet(path: Path, images: list[Any], **columns: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    others = columns or {"label": list(range(len(images)))}
    pq.write_table(pa.table({"id": range(len(images)), "image": images, **others}), path)
    return path


def structs(pictures: list[bytes]) -> list[dict[str, Any]]:
    return [{"bytes": content, "path": f"{i}.jpg"} for i, content in enumerate(pictures)]


def tar(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as file:
        for number, (name, content) in enumerate(members.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), number
            file.addfile(entry, io.BytesIO(content))
    return path


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as file:
        return {entry.name: file.extractfile(entry).read() for entry in file}  # type: ignore[union-attr]


def equal(png: bytes, expected: Image.Image) -> bool:
    with Image.open(io.BytesIO(png)) as result:
        return result.format == "PNG" and np.array_equal(result, expected)


def lines(path: Path) -> dict[str, dict[str, Any]]:
    """Read a manifest, by the names of pictures; check that each has one line."""
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    named = {entry["source"]: entry for entry in entries}
    assert len(named) == len(entries)
    return named


def test_a_parquet_file_keeps_its_rows_and_columns(
    tmp_path: Path, pictures: list[bytes], cleaner: SignatureCleaner, clean: Callable[..., int]
) -> None:
    before = pq.read_table(parquet(tmp_path / "a.parquet", structs(pictures)))
    assert clean(tmp_path / "a.parquet", "-o", tmp_path / "out") == 0
    after = pq.read_table(tmp_path / "out" / "a.parquet")
    assert after.schema == before.schema
    assert after.drop_columns("image").equals(before.drop_columns("image"))
    for row, (value, content) in enumerate(zip(after["image"].to_pylist(), pictures, strict=True)):
        assert value["path"] == f"{row}.png"
        assert equal(value["bytes"], cleaner(content))


def test_a_column_of_bytes_is_cleaned_too(
    tmp_path: Path, pictures: list[bytes], cleaner: SignatureCleaner, clean: Callable[..., int]
) -> None:
    source = parquet(tmp_path / "a.parquet", pictures[:3])
    assert clean(source, "-o", tmp_path / "b.parquet") == 0
    results = pq.read_table(tmp_path / "b.parquet")["image"].to_pylist()
    assert all(
        equal(png, cleaner(content)) for png, content in zip(results, pictures, strict=False)
    )


def test_a_picture_that_cannot_be_read_is_named_and_becomes_null(
    tmp_path: Path,
    pictures: list[bytes],
    clean: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = parquet(tmp_path / "a.parquet", [pictures[0], NO_PICTURE, None, pictures[1]])
    manifest = tmp_path / "out.jsonl"
    assert clean(source, "-o", tmp_path / "out", "--manifest", manifest) == 1
    results = pq.read_table(tmp_path / "out" / "a.parquet")["image"].to_pylist()
    assert [png is None for png in results] == [False, True, True, False]
    assert capsys.readouterr().err.splitlines() == [
        f"sigclean: {source}#1 is not a picture that can be read",
        "sigclean: 1 of 4 pictures and shards could not be cleaned",
    ]
    found = lines(manifest)
    statuses = {name.rpartition("#")[2]: entry["status"] for name, entry in found.items()}
    assert statuses == {"0": "cleaned", "1": "failed", "2": "skipped", "3": "cleaned"}
    assert found[f"{source}#3"]["target"] == f"{tmp_path}/out/a.parquet#3"


def test_a_row_that_holds_only_a_path_is_read_from_its_file(
    tmp_path: Path,
    pictures: list[bytes],
    clean: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "scan.png").write_bytes(pictures[0])
    rows = [{"bytes": None, "path": path} for path in ("scan.png", "lost.png")]
    source = parquet(tmp_path / "a.parquet", [*rows, *structs(pictures[:1])])
    assert clean(source, "-o", tmp_path / "out") == 1
    found, lost, whole = pq.read_table(tmp_path / "out" / "a.parquet")["image"].to_pylist()
    assert (found["path"], lost) == ("scan.png", None)
    assert found["bytes"] == whole["bytes"]
    said = f"sigclean: {source}#1 has no bytes, and its file {tmp_path}/lost.png does not exist\n"
    assert said in capsys.readouterr().err


def test_a_tar_file_keeps_its_keys_and_other_members(
    tmp_path: Path, pictures: list[bytes], cleaner: SignatureCleaner, clean: Callable[..., int]
) -> None:
    samples = {}
    for number, content in enumerate(pictures[:20]):
        samples[f"train/{number:04}.jpg"] = content
        samples[f"train/{number:04}.json"] = b"{}" * number
    source = tar(tmp_path / "a.tar", {"README": b"hello", **samples})
    assert clean(source, "-o", tmp_path / "out") == 0
    found = members(tmp_path / "out" / "a.tar")
    assert list(found) == [name.replace(".jpg", ".png") for name in ["README", *samples]]
    for name, content in found.items():
        if name.endswith(".png"):
            assert equal(content, cleaner(samples[name.replace(".png", ".jpg")]))
        else:
            assert content == {"README": b"hello", **samples}[name]
    with tarfile.open(tmp_path / "out" / "a.tar") as file:
        assert [entry.mtime for entry in file] == list(range(41))


def test_names_of_a_tar_file_keep_their_beginning(
    tmp_path: Path, pictures: list[bytes], clean: Callable[..., int]
) -> None:
    source = tar(tmp_path / "a.tar", {"./x/1.jpg": pictures[0], "./x/1.json": b"{}"})
    manifest, out = tmp_path / "out.jsonl", tmp_path / "out"
    assert clean(source, "-o", out, "--manifest", manifest) == 0
    assert list(members(out / "a.tar")) == ["./x/1.png", "./x/1.json"]
    assert lines(manifest)[f"{source}#./x/1.jpg"]["target"] == f"{out}/a.tar#./x/1.png"


def test_a_member_whose_name_holds_a_number_sign_has_one_line(
    tmp_path: Path, pictures: list[bytes], clean: Callable[..., int]
) -> None:
    source, manifest = tmp_path / "a.tar", tmp_path / "out.jsonl"
    words = (source, "-o", tmp_path / "out", "--manifest", manifest)
    for name in ("x/a#1.jpg", "x/a#2.jpg"):
        tar(source, {name: pictures[0]})
        assert clean(*words) == 0
        assert list(lines(manifest)) == [f"{source}#{name}"]
    assert clean(*words, "--skip-existing") == 0
    assert list(lines(manifest)) == [f"{source}#x/a#2.jpg"]


def test_one_extension_of_a_tar_file_is_cleaned_when_it_is_named(
    tmp_path: Path, pictures: list[bytes], clean: Callable[..., int]
) -> None:
    samples = {"1.scan.jpg": pictures[0], "1.truth.png": pictures[1]}
    source = tar(tmp_path / "a.tar", samples)
    assert clean(source, "-o", tmp_path / "out", "--column", "scan.jpg") == 0
    found = members(tmp_path / "out" / "a.tar")
    assert list(found) == ["1.scan.png", "1.truth.png"]
    assert found["1.truth.png"] == pictures[1]


def test_two_pictures_that_would_have_one_name_are_refused(
    tmp_path: Path,
    pictures: list[bytes],
    clean: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = tar(tmp_path / "a.tar", {"1.jpg": pictures[0], "1.png": pictures[1]})
    assert clean(source, "-o", tmp_path / "out") == 1
    assert "two members would become 1.png: say with --column" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_an_incomplete_shard_is_named_and_the_others_are_cleaned_once(
    tmp_path: Path,
    pictures: list[bytes],
    clean: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    shards = tmp_path / "in"
    samples = {f"{i}.png": content for i, content in enumerate(pictures)}
    whole = {
        "a.parquet": parquet(shards / "a.parquet", structs(pictures)),
        "c.tar": tar(shards / "c.tar", samples),
    }
    for name, cut in (("a.parquet", "b.parquet"), ("c.tar", "d.tar")):
        content = whole[name].read_bytes()
        (shards / cut).write_bytes(content[: len(content) // 2])
    manifest = tmp_path / "out.jsonl"
    assert clean(shards, "-o", tmp_path / "out", "--manifest", manifest) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.parquet", "c.tar"]
    said = capsys.readouterr().err
    assert f"sigclean: {shards}/b.parquet is cut off, broken, or not a Parquet file\n" in said
    assert f"sigclean: {shards}/d.tar is cut off: it does not end as tar files do\n" in said
    assert len(said.splitlines()) == 3
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    found = lines(manifest)
    assert len(found) == 2 * ROWS + 2
    (shards / "b.parquet").write_bytes(whole["a.parquet"].read_bytes())
    (shards / "d.tar").write_bytes(whole["c.tar"].read_bytes())
    again = clean(shards, "-o", tmp_path / "out", "--manifest", manifest, "--skip-existing")
    assert again == 0
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    assert len(lines(manifest)) == 4 * ROWS
    for one, other in (("a.parquet", "b.parquet"), ("c.tar", "d.tar")):
        assert (tmp_path / "out" / one).read_bytes() == (tmp_path / "out" / other).read_bytes()


def test_a_corrupt_tar_file_leaves_nothing_half_written(
    tmp_path: Path,
    pictures: list[bytes],
    clean: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    samples = {f"{i}.png": content for i, content in enumerate(pictures)}
    source = tar(tmp_path / "a.tar", samples)
    content = bytearray(source.read_bytes())
    with tarfile.open(source) as file:
        header = file.getmembers()[30].offset
    content[header : header + 512] = b"\xff" * 512
    source.write_bytes(content)
    assert clean(source, "-o", tmp_path / "out") == 1
    assert f"{source} is broken after {header} bytes" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"scan": [b"x"]}, [], "has the columns image, scan: say with --column which to clean"),
        ({"scan": [b"x"]}, ["--column", "id"], "no column of pictures id: its columns are id, im"),
    ],
)
def test_an_ambiguous_or_unknown_column_is_an_error(
    tmp_path: Path,
    columns: dict[str, list[Any]],
    options: list[str],
    said: str,
    clean: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = parquet(tmp_path / "a.parquet", [NO_PICTURE], **columns)
    assert clean(source, "-o", tmp_path / "out", *options) == 1
    assert said in capsys.readouterr().err


def test_the_result_of_a_data_set_is_read_by_the_library(
    tmp_path: Path, pictures: list[bytes], cleaner: SignatureCleaner, clean: Callable[..., int]
) -> None:
    from datasets import Dataset, Features, Image, Value, load_dataset

    kinds = Features({"scan": Image(), "writer": Value("string")})
    for part in range(2):
        rows = {"scan": structs(pictures[part::2]), "writer": ["me"] * (ROWS // 2)}
        Dataset.from_dict(rows, kinds).to_parquet(str(tmp_path / "set" / f"train-{part}.parquet"))
    assert clean("--dataset", tmp_path / "set", "-o", tmp_path / "out") == 0
    names = [f"train-{part:05}-of-00002.parquet" for part in range(2)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    result = load_dataset(str(tmp_path / "out"), split="train")
    assert result.features == kinds
    assert set(result["writer"]) == {"me"}
    expected = [*pictures[0::2], *pictures[1::2]]
    for row, content in zip(result, expected, strict=True):
        assert np.array_equal(row["scan"], cleaner(content))


def test_a_folder_of_pictures_with_metadata_is_a_data_set_too(
    tmp_path: Path, pictures: list[bytes], cleaner: SignatureCleaner, clean: Callable[..., int]
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(pictures[number])
    metadata = "".join(f"{number}.png,w{number}\n" for number in range(3))
    (folder / "metadata.csv").write_text(f"file_name,writer\n{metadata}")
    words = ("--dataset", folder, "--split", "train", "-o", tmp_path / "out")
    assert clean(*words) == 0
    table = pq.read_table(tmp_path / "out" / "train-00000-of-00001.parquet")
    assert table["writer"].to_pylist() == ["w0", "w1", "w2"]
    for value, content in zip(table["image"].to_pylist(), pictures, strict=False):
        assert equal(value["bytes"], cleaner(content))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dataset", "nowhere", "-o", "out"], "--dataset nowhere cannot be read"),
        (["--dataset", "nowhere"], "--dataset needs a folder for its results: -o OUT"),
        (["--dataset", "nowhere", "a.png", "-o", "out"], "takes the place of the inputs"),
        (["a.png", "--split", "train"], "--split is that of a --dataset"),
        ([], "there is no input"),
        (["a.tar.gz", "-o", "out"], "a.tar.gz is compressed"),
        (["a.tar", "-o", "out.png"], "results are .tar files: write to out.tar instead"),
        (["a.tar", "-o", "out", "--svg"], "--svg is for pictures that are files"),
    ],
)
def test_options_that_cannot_work_are_one_sentence(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clean: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert clean(*words) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("sigclean: error: ")
    assert said in sentence
    assert list(tmp_path.iterdir()) == []
